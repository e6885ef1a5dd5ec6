"""Packets that a capture holds twice, each beside the twin that was sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netprobe.flowtable.repeats import WINDOW
from tests.flowtable.against import tracked
from tests.flowtable.frames import POINTS, datagram, ip4, ip6, packets, segment

if TYPE_CHECKING:
    import numpy as np

    from tests.flowtable.frames import Frame

MS = 1_000_000
PORTS = (1000, 80)


def row(*frames: tuple[int, bytes]) -> np.void:
    """The only flow of frames at one point; time in ns."""
    (only,) = tracked(packets([(0, time, made) for time, made in frames]), POINTS)
    return only  # type: ignore[no-any-return]


def push(seq: int, ident: int = 0, ttl: int = 64) -> bytes:
    return ip4(1, 2, 6, segment(PORTS, 24, seq, 5, b"data"), ident=ident, ttl=ttl)


@pytest.mark.parametrize(
    ("second", "after", "copies"),
    [
        (push(1, ident=7), 4 * MS, 1),  # the same identification
        (push(1, ident=7), 6 * MS, 0),
        (push(1, ident=8), 0, 0),  # another one: sent again
        (push(1, ident=7, ttl=63), 150 * MS, 1),  # seen behind a router
        (push(1, ident=7, ttl=63), 250 * MS, 0),
        (push(5, ident=7), 0, 0),
    ],
)
def test_one_packet_twice(second: bytes, after: int, copies: int) -> None:
    found = row((0, push(1, ident=7)), (after, second))
    assert (found["copies"][0], found["packets"][0]) == (copies, 2 - copies)
    assert found["retransmits"][0] == (0 if copies or second == push(5, ident=7) else 1)


def test_without_an_identification_most_packets_have_to_be_there_twice() -> None:
    """Both directions of lo hold each packet twice; a sender that repeats one of several at once does not."""
    lo = [
        (n * MS + twice, ip6(1, 1, 6, segment(PORTS, 24, n * 4, 5, b"data"))) for n in range(5) for twice in (0, 1000)
    ]
    assert row(*lo)["copies"].tolist() == [5, 0]
    repeated = [(n * MS, ip6(1, 1, 6, segment(PORTS, 24, n * 4, 5, b"data"))) for n in range(5)]
    found = row(*repeated, (4 * MS + 1000, repeated[-1][1]))
    assert (found["copies"][0], found["retransmits"][0]) == (0, 1)


@pytest.mark.parametrize(("times", "packets_", "copies"), [(2, 1, 1), (4, 1, 3), (5, 5, 0), (9, 9, 0)])
def test_more_than_four_equal_datagrams_in_a_row_are_a_sender_that_repeats_itself(
    times: int, packets_: int, copies: int
) -> None:
    equal = ip4(1, 2, 17, datagram((9, 9), b"hello"), ident=7)
    found = row(*((n * 1000, equal) for n in range(times)))
    assert (found["packets"][0], found["copies"][0]) == (packets_, copies)
    assert found["bytes"][0] == packets_ * len(equal)
    assert found["payload"][0] == packets_ * 5


@pytest.mark.parametrize(("between", "copies"), [(WINDOW - 1, 1), (WINDOW, 0)])
def test_packets_of_any_kind_stand_between(between: int, copies: int) -> None:
    """Frames that no flow takes count, too: places in the capture tell, so that a part of it can be tracked alone."""
    other: Frame = (0, 10, ip4(1, 2, 99, b"no flow's"))
    whole = packets([(0, 0, push(1, ident=7)), *[other] * between, (0, 20, push(1, ident=7))])
    assert tracked(whole, POINTS)["copies"].tolist() == [[copies, 0]]
