from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.causes.catalogue import CAUSES
from netprobe.causes.explanation import HEADINGS, explanation_of

if TYPE_CHECKING:
    from netprobe.causes.base import Cause


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.code)
def test_every_section_has_words(cause: Cause) -> None:
    words = explanation_of(cause)
    assert words.summary.endswith(".")
    assert [heading for heading, _ in words.sections] == list(HEADINGS)
    assert all(text for _, text in words.sections)
    assert not any("``" in text for _, text in words.sections)


#: What a person can open: an issue, an RFC, a file of the kernel, of Docker's or RootlessKit's source, a page of Docker's documentation, a manual page.
OPENS = re.compile(
    r"\bmoby#\d+|\b[\w.-]+/[\w.-]+#\d+|\bRFC \d+|\bIEEE 802\.\d"
    r"|\b(?:net|drivers|include)/[\w/.-]+\.[ch]\b|\bDocumentation/[\w/.-]+\.rst\b"
    r"|\bmoby (?:libnetwork|daemon|cmd)/[\w/-]+\.go\b"
    r'|Docker documentation, "[^"]+"|\b[\w.-]+\([1-8]\)'
)
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.code)
def test_its_source_can_be_opened(cause: Cause) -> None:
    source = dict(explanation_of(cause).sections)["Source"]
    assert OPENS.search(source), source


@pytest.mark.parametrize("source", ["known", "seen in the lab", "kubernetes#1", "a page of our own", "experiment (12)"])
def test_what_cannot_be_opened_is_no_source(source: str) -> None:
    assert not OPENS.search(source)


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.code)
def test_no_page_is_cited_that_is_not_here(cause: Cause) -> None:
    cited = re.findall(r"(?<![\w/])[A-Z][A-Z0-9]+\.md\b|\.\./[\w/.]+", type(cause).__doc__ or "")
    assert [page for page in cited if not (ROOT / page).is_file()] == []
