from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netprobe.causes.catalogue import CAUSES
from netprobe.causes.explanation import HEADINGS, words_of

if TYPE_CHECKING:
    from netprobe.causes.base import Cause


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.code)
def test_every_section_has_words(cause: Cause) -> None:
    words = words_of(cause)
    assert words.summary.endswith(".")
    assert [heading for heading, _ in words.sections] == list(HEADINGS)
    assert all(text for _, text in words.sections)
    assert not any("``" in text for _, text in words.sections)
