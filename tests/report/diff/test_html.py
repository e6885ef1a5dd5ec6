"""A comparison as a page, in a real browser."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netprobe.diff.model import Difference, FactKind
from netprobe.report.diff.html import page
from tests.diff.test_compare import compared
from tests.report.html.browser import PHONE, Browser
from tests.report.html.test_page import HOSTILE

if TYPE_CHECKING:
    from pathlib import Path

    from netprobe.diff.model import Comparison

NAMES = ("good.pcapng", "bad.pcapng")


def hostile(text: str) -> Comparison:
    """A comparison in which everything that others choose is that text."""
    found = compared("demo", "docker-user-drop")
    assert found.parting is not None
    decides = tuple(
        replace(each, difference=replace(each.difference, subject=text, good=text, bad=text)) for each in found.decides
    )
    other = Difference(place=decides[0].difference.place, kind=FactKind.NAMES, subject=text, good=text, bad=text)
    return replace(
        found,
        good=replace(found.good, target=text, source=text),
        parting=replace(found.parting, common=text, good=text, bad=text),
        points=tuple(replace(each, point=text, good_packet=text) for each in found.points),
        decides=decides, also=decides, unrelated=(other,), unknown=(text,), asked=(text,),
    )  # fmt: skip


@pytest.fixture(
    scope="module", params=[("demo", "container-stopped"), ("masquerade", "masquerade-missing"), ("demo", "demo")]
)
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("diff") / "page.html"
    made.write_text(page(compared(*request.param), NAMES))
    return made


def test_the_answer_the_parting_and_the_line_that_decides_stand_in_this_order() -> None:
    text = page(compared("demo", "docker-user-drop"), NAMES)
    order = [
        "they differ",
        "Where they part",
        "What decides",
        "-A DOCKER-USER -s 192.168.3.0/24 -j DROP",
        "point by point",
    ]
    assert [text.index(each) for each in order] == sorted(text.index(each) for each in order)
    assert len(text.encode()) < 100_000


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (PHONE, "dark")])
def test_everybody_can_read_it(browser: Browser, file: Path, width: int, scheme: str) -> None:
    browser.open(file, width=width, scheme=scheme)
    browser.run("for (const each of document.querySelectorAll('details')) each.open = true")
    assert browser.faults() == []
    assert browser.complaints() == []
    assert browser.overflow() <= 0


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_others_chose_is_text_and_nothing_else(browser: Browser, tmp_path: Path, text: str) -> None:
    made = tmp_path / "page.html"
    made.write_text(page(hostile(text), (text, text)))
    browser.open(made, width=PHONE)
    assert browser.run("return document.title") != "ran"
    assert browser.run("return document.querySelectorAll('img, script, style').length") == 2
    assert browser.complaints() == []
    assert browser.requests() == [made.as_uri()]
    assert browser.overflow() <= 0
    assert not set(str(browser.run("return document.body.innerText"))) & set("\u202e\u2066\x1b\x9b")
