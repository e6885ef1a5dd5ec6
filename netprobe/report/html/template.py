"""The frame of every page: its templates, its style and script, and a policy by which a browser loads and runs nothing else."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from netprobe import __version__
from netprobe.report.escape import visible
from netprobe.report.language import _, language
from netprobe.report.topology.style import style as picture_style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_STYLE, _SCRIPT, _OURS = "page.css", "page.js", "netprobe.report.html"
_TAGS = {"zh": "zh-CN"}  # what a browser chooses fonts by (BCP 47)


def rendered(template: str, values: Mapping[str, object], more: Sequence[str] = (), package: str = _OURS) -> str:
    """Return a page, its fixed texts in the language that is spoken.

    Args:
        template: its name; it extends ``base.html.j2``.
        values: what it prints. Texts are untrusted; :class:`~markupsafe.Markup` is printed as it is.
        more: styles and scripts that this page has beside those of all pages, by their names.
        package: whose ``templates/`` has it; those of this package are found as well.
    """
    # the pictures' own style is the page's: within a picture the policy would not allow it
    style = Markup("").join([_asset(_STYLE), Markup(picture_style()), *_of_kind(more, ".css")])  # noqa: S704 - our own text
    script = Markup("").join([_asset(_SCRIPT), *_of_kind(more, ".js")])
    frame = {"style": style, "script": script, "policy": policy(style, script), "version": __version__}
    tag = _TAGS.get(language(), language())
    return environment(package).get_template(template).render({**values, **frame, "lang": tag})


@cache
def environment(package: str = _OURS) -> Environment:
    """Return how templates are read: whatever they print is escaped, and a name that nobody gave is an error."""
    ours = PackageLoader(_OURS)
    made = Environment(
        loader=ours if package == _OURS else ChoiceLoader([PackageLoader(package), ours]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals["_"] = _
    return made


def shown(value: object) -> object:
    """Return a text with nothing in it that cannot be seen, and that reorders nothing; markup of our own as it is."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def policy(*assets: str) -> str:
    """Return the page's Content-Security-Policy (CSP 3): of styles and scripts these very texts, and else nothing at all."""
    style, script = (_hash(each) for each in assets)
    return f"default-src 'none'; style-src '{style}'; script-src '{script}'; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _of_kind(names: Sequence[str], ending: str) -> list[Markup]:
    return [_asset(name) for name in names if name.endswith(ending)]


@cache
def _asset(name: str) -> Markup:
    """One of our own files, whose text is markup as it stands."""
    loader = environment().loader
    assert loader is not None  # noqa: S101 - it was given one
    return Markup(loader.get_source(environment(), name)[0])  # noqa: S704 - package data
