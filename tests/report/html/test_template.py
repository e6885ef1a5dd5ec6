from __future__ import annotations

import base64
import hashlib
import re

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from netprobe.report.html.template import environment, policy, rendered, shown


def test_what_a_template_prints_is_escaped_and_can_be_seen() -> None:
    template = environment().from_string('<p title="{{ text }}">{{ text }}</p>')
    text = template.render(text="\"><img onerror='x'>\u202e\x1b")
    assert (
        text
        == '<p title="&#34;&gt;&lt;img onerror=&#39;x&#39;&gt;\\u202e\\x1b">&#34;&gt;&lt;img onerror=&#39;x&#39;&gt;\\u202e\\x1b</p>'
    )


def test_our_own_markup_stays_as_it_is() -> None:
    own = Markup("<b>\u200b</b>")
    assert shown(own) is own
    assert shown(7) == 7


def test_a_name_that_nobody_gave_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        rendered("report.html.j2", {"title": "none"})


def test_the_policy_allows_the_pages_own_style_and_script_by_their_hashes_and_nothing_else() -> None:
    text = rendered("report.html.j2", {"title": "none", "reports": []})
    said = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert said is not None
    allowed = dict(part.strip().split(" ", 1) for part in said[1].replace("&#39;", "'").split(";"))
    assert allowed.pop("default-src") == allowed.pop("base-uri") == allowed.pop("form-action") == "'none'"
    for name, tag in (("style-src", "style"), ("script-src", "script")):
        found = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}'" for each in found}
        assert {allowed.pop(name)} == hashes
    assert allowed == {}
    assert policy("a", "b") != policy("a", "c")


def test_no_template_has_a_style_or_a_script_of_its_own() -> None:
    for name in environment().list_templates(extensions=["j2"]):
        loader = environment().loader
        assert loader is not None
        source = loader.get_source(environment(), name)[0]
        assert not re.search(r"\sstyle=|\son\w+=|javascript:|\|\s*safe\b|autoescape", source), name
