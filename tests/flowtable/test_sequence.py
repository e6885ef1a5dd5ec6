"""Retransmissions, other orders, gaps: each beside the twin that is none."""

from __future__ import annotations

import pytest

from tests.flowtable.tcp import HANDSHAKE, Short, row

DATA = b"x" * 10
MANY = 1 << 31


def counts(*shorts: Short) -> tuple[list[int], list[int], list[int]]:
    """Retransmissions, segments in another order, gaps; of client and server."""
    found = row(*HANDSHAKE, *shorts)
    return tuple(found[name].tolist() for name in ("retransmits", "out_of_order", "gaps"))


@pytest.mark.parametrize(
    ("shorts", "retransmits", "out_of_order", "gaps"),
    [
        ([("PA", 1, 1, DATA), ("PA", 11, 1, DATA)], [0, 0], [0, 0], [0, 0]),
        ([("PA", 1, 1, DATA), ("PA", 1, 1, DATA)], [1, 0], [0, 0], [0, 0]),
        ([("PA", 1, 1, DATA), ("PA", 6, 1, DATA)], [0, 0], [0, 0], [0, 0]),  # it brings five new bytes
        ([("PA", 11, 1, DATA), ("PA", 1, 1, DATA)], [0, 0], [1, 0], [1, 0]),
        ([("PA", 11, 1, DATA, 10), ("PA", 1, 1, DATA, 12)], [0, 0], [1, 0], [1, 0]),
        ([("PA", 11, 1, DATA, 10), ("PA", 1, 1, DATA, 14)], [1, 0], [0, 0], [1, 0]),  # later than 3 ms: sent again
        ([("PA", 1, 1, b"x"), ("PA", 1, 1, b"x")], [0, 0], [0, 0], [0, 0]),  # a keep-alive
        ([("PA", 1, 1, b"xy"), ("A", 2, 1, b"x")], [0, 0], [0, 0], [0, 0]),
        ([("PA", 1, 1, b"xyz"), ("A", 2, 1, b"x")], [1, 0], [0, 0], [0, 0]),  # not the last byte
        ([("A", 1, 1), ("A", 1, 1), ("a", 1, 1)], [0, 0], [0, 0], [0, 0]),
        ([("sa", 0, 1)], [0, 1], [0, 0], [0, 0]),
        ([("FA", 1, 1), ("FA", 1, 1)], [1, 0], [0, 0], [0, 0]),
        ([("pa", 1, 1, DATA), ("pa", 1, 1, DATA), ("pa", 31, 1, DATA)], [0, 1], [0, 0], [0, 1]),
    ],
)
def test_segments(shorts: list[Short], retransmits: list[int], out_of_order: list[int], gaps: list[int]) -> None:
    assert counts(*shorts) == (retransmits, out_of_order, gaps)


def test_another_order_may_last_a_round_trip() -> None:
    """20 ms from SYN to ACK: what closes a gap 15 ms later was under way; in a capture without its SYN nobody knows."""
    shorts: list[Short] = [("PA", 11, 1, DATA, 100), ("PA", 1, 1, DATA, 115)]
    far = row(("S",), ("sa", 0, 1, b"", 10), ("A", 1, 1, b"", 21), *shorts)
    assert (far["out_of_order"][0], far["retransmits"][0]) == (1, 0)
    unseen = row(("A", 1, 1, b"", 21), *shorts)
    assert (unseen["out_of_order"][0], unseen["retransmits"][0]) == (0, 1)


def test_numbers_go_on_behind_2_to_the_32() -> None:
    start = (1 << 32) - 1000 - 5  # five bytes before 2^32
    found = row(("PA", start, 1, DATA), ("PA", start + 10, 1, DATA), ("PA", start, 1, DATA))
    assert (found["retransmits"].tolist(), found["gaps"].tolist()) == ([1, 0], [0, 0])
    assert found["next"][0] == 15


def test_more_than_2_to_the_31_bytes_are_no_step_back() -> None:
    """Six segments a third of the number space apart: each goes on, though the last ones have passed the first one's number."""
    step = MANY // 3 * 2 - 100
    found = row(*(("PA", 1 + step * number, 1, DATA) for number in range(6)))
    assert (found["gaps"][0], found["retransmits"][0]) == (5, 0)
