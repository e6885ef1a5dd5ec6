"""The tour's page, without a lab: over recorded runs in place of the tour's own; in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import netprobe_lab
from netprobe.commands.language import in_language
from netprobe.interface import replay_each
from netprobe_lab.tour.carry import Stop
from netprobe_lab.tour.model import LookAt, Seen, TourQuestion
from netprobe_lab.tour.page import page
from netprobe_lab.tour.rulings import judge
from netprobe_lab.tour.show import ending, step_document
from netprobe_lab.tour.tutorial import TUTORIAL, claims, steps
from tests.report.html.browser import DESK, PHONE, Browser, missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.model.details import Details
    from netprobe.model.report import Report

CAPTURES = Path(__file__).parents[2] / "captures"
RUNS = ("truth-http-loopback-normal", "macvlan-vlan-ping", "macvlan-isolated-ping", "docker-user-drop")
HOSTILE = "<script>alert(1)</script>\n\x1b[31m\u202eevil"


@pytest.fixture(scope="module")
def seen() -> Seen:
    """Four runs by turns as the answers to all questions: each is real, and none is the question's."""
    known: list[tuple[Report, Details]] = []
    for name in RUNS:
        replay_each(CAPTURES / f"{name}.pcapng", detail=lambda *each: known.append(each))
    found = Seen()
    for step in steps():
        for action in step.actions:
            if isinstance(action, TourQuestion):
                report, details = known[len(found.reports) % len(known)]
                found.reports[action.name], found.details[action.name] = report, details
            elif isinstance(action, LookAt):
                found.outputs[action.name] = HOSTILE
    return found


def pages(seen: Seen) -> str:
    done = [Stop(part=part if step is part.steps[0] else None, step=step) for part in TUTORIAL for step in part.steps]
    return page(done, {claim.name: judge(claim, seen) for claim in claims()}, seen, "20.10.24")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if absent := missing():
        pytest.skip(f"no browser: {absent} is not installed (make setup-browser)")
    opened = Browser(tmp_path_factory.mktemp("chromium"))
    yield opened
    opened.close()


def test_what_commands_print_is_text(seen: Seen) -> None:
    text = pages(seen)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_every_question_and_claim_is_there_and_links_lead_somewhere(seen: Seen) -> None:
    text = pages(seen)
    anchors = set(re.findall(r'id="([^"]+)"', text))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= anchors
    assert {f"q-{name}" for name in seen.reports} <= anchors
    assert len(re.findall(r'id="([^"]+)"', text)) == len(anchors)
    assert text.count('class="claim ') == len(list(claims()))


def test_in_chinese_nothing_fixed_stays_english(seen: Seen) -> None:
    with in_language("zh", Path(netprobe_lab.__file__).parent):
        text = pages(seen)
        shown = "".join(
            str(step_document(Stop(part=None, step=step), [judge(each, seen) for each in step.claims], seen))
            for step in steps()
        ) + str(ending([judge(each, seen) for each in claims()], seen))
    assert '<html lang="zh-CN">' in text
    for written in (text, shown):
        for claim in claims():
            assert claim.text not in written
            assert not any(
                part.about in written for part in claim.parts if not part.about[:1].isdigit() and " " in part.about
            )
        for step in steps():
            assert step.title not in written
        for words in ("All claims", "does not hold", "holds partly", "because", "from → to", "never arrived"):
            assert words not in written


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_fits_a_phone_and_has_no_fault(seen: Seen, browser: Browser, tmp_path: Path, language: str) -> None:
    file = tmp_path / "tour.html"
    with in_language(language, Path(netprobe_lab.__file__).parent):
        file.write_text(pages(seen))
    browser.open(file, width=PHONE)
    assert browser.overflow() == 0
    browser.open(file, width=DESK)
    assert browser.overflow() == 0
    if language == "zh":  # axe takes its time over a page of fifty ladders, and the language changes nothing but words
        assert browser.faults() == []
    assert browser.complaints() == []
    assert browser.requests() in ([], [file.as_uri()])
