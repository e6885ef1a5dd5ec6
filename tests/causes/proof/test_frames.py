from __future__ import annotations

import pytest

from netprobe.causes.proof.frames import frame_numbers


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([], ""), ([4], "frame 4"), ([4, 5], "frames 4, 5"), ([1, 2, 3, 4, 5], "frames 1, 2, 3, 4")],
)
def test_the_first_few_are_named(numbers: list[int], text: str) -> None:
    assert frame_numbers(numbers) == text


def test_a_line_may_name_more() -> None:
    assert frame_numbers(range(1, 9), 6) == "frames 1, 2, 3, 4, 5, 6"
    assert frame_numbers([7, 8], 1) == "frame 7"
