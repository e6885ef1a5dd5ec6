from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.report.escape import visible, width


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain -j DROP", "plain -j DROP"),
        ("→ µs · 网络 é", "→ µs · 网络 é"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f"),
        ("\x9b31m", "\\x9b31m"),  # C1 CSI
        ("a\u202eb", "a\\u202eb"),  # right-to-left override
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("a\u00a0b\u2028", "a\\xa0b\\u2028"),
        ("\U000e0041", "\\U000e0041"),  # tag character
        ("x\ufe0f\U000e0100", "x\\ufe0f\\U000e0100"),  # variation selectors
        ("\u3164", "\\u3164"),  # Hangul filler: a letter that shows nothing
        ("\udcff", "\\udcff"),
    ],
)
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(st.characters(codec=None)))
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert visible(shown) == shown
    shown.encode()


def test_width_counts_cells() -> None:
    assert width("abc") == 3
    assert width("网络") == 4
    assert width("e\u0301") == 1
