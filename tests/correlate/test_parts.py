"""A flow table in parts: every connection in one of them, with its rows, and with what it is linked with."""

from __future__ import annotations

import numpy as np
import pytest

from netprobe.correlate.joined import Joined
from netprobe.correlate.parts import parts


def joined(lengths: list[int], inner: dict[int, int], stray: dict[int, int]) -> Joined:
    """Connections of these many rows, rows in an order of their own."""
    begin = np.append(0, np.cumsum(lengths)).astype(np.int64)
    order = np.random.default_rng(1).permutation(begin[-1]).astype(np.int64)
    connection = np.empty(len(order), np.int64)
    connection[order] = np.repeat(np.arange(len(lengths)), lengths)
    to = [np.full(len(lengths), -1, np.int64) for _ in range(3)]
    for one, other in inner.items():
        to[0][one], to[1][other] = other, one
    for one, other in stray.items():
        to[2][one] = other
    return Joined(
        connection=connection,
        turned=connection % 2 == 0,
        shift_ns=connection * 10,
        order=order,
        begin=begin,
        role=np.zeros(len(lengths), np.uint8),
        inner_of=to[0],
        outer_of=to[1],
        stray_of=to[2],
        unclear=np.arange(len(lengths)) % 3 == 0,
        may_go_on=np.arange(len(lengths)) % 2 == 0,
    )


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_each_connection_is_in_one_part_with_its_rows_in_their_order(size: int) -> None:
    whole = joined([1, 4, 2, 1, 1, 3, 2, 2], {0: 5, 1: 2}, {6: 4, 7: 4})
    seen: list[int] = []
    for part in parts(whole, size):
        seen += part.connections.tolist()
        for place, number in enumerate(part.connections.tolist()):
            mine = part.rows[part.joined.order[part.joined.begin[place] : part.joined.begin[place + 1]]]
            assert mine.tolist() == whole.order[whole.begin[number] : whole.begin[number + 1]].tolist()
            assert part.joined.shift_ns[part.joined.begin[place]] == number * 10
        assert part.joined.turned.tolist() == whole.turned[part.rows].tolist()
        assert part.joined.connection.tolist() == [
            part.connections.tolist().index(number) for number in whole.connection[part.rows].tolist()
        ]
    assert sorted(seen) == list(range(8))


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_what_is_linked_is_in_one_part(size: int) -> None:
    whole = joined([1, 4, 2, 1, 1, 3, 2, 2], {0: 5, 1: 2}, {6: 4, 7: 4, 5: 3})
    links: dict[str, dict[int, int]] = {name: {} for name in ("inner_of", "outer_of", "stray_of")}
    for part in parts(whole, size):
        numbers = part.connections.tolist()
        for name, found in links.items():
            for one, other in zip(numbers, getattr(part.joined, name).tolist(), strict=True):
                if other >= 0:
                    found[one] = numbers[other]
    assert links == {"inner_of": {0: 5, 1: 2}, "outer_of": {5: 0, 2: 1}, "stray_of": {6: 4, 7: 4, 5: 3}}


def test_parts_are_of_the_size_that_is_asked_for() -> None:
    whole = joined([1] * 1000, {}, {})
    assert [len(part.rows) for part in parts(whole, 300)] == [299, 300, 300, 101]


def test_nothing_has_no_parts() -> None:
    assert list(parts(joined([], {}, {}))) == []
