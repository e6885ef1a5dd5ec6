"""Where one flow of the same ends ends and the next begins, each beside the twin that goes on."""

from __future__ import annotations

import pytest

from tests.craft import evidence, udp
from tests.flowtable.against import tracked
from tests.flowtable.tcp import HANDSHAKE, Short, segments

ENDED: list[Short] = [*HANDSHAKE, ("FA", 1, 1), ("fa", 1, 2), ("A", 2, 2)]
FAR = 1 << 28


@pytest.mark.parametrize(
    ("shorts", "flows"),
    [
        ([*HANDSHAKE, ("S", FAR)], 2),  # another number
        ([*HANDSHAKE, ("S",)], 1),  # the same one, late: its retransmission
        ([*ENDED, ("S", 0, 0, b"", 900)], 1),
        ([*ENDED, ("S", 0, 0, b"", 1900)], 2),  # the same one, a second behind the end
        ([*HANDSHAKE, ("S", 0, 0, b"", 1900)], 1),  # it has not ended
        ([*HANDSHAKE, ("S", 0, 0, b"", 129_100)], 2),  # no SYN is sent again so late
        ([("S",), ("s",), ("S",)], 1),  # simultaneous open
        ([("S",), ("a", 0, 1), ("s",)], 2),  # something stands between
        ([("S",), ("S", 1)], 2),
        ([("A", 1, 1), ("S",)], 1),  # in another order
        ([("A", FAR, 1), ("S",)], 2),  # the end of another connection
        ([("a", 1, 1), ("S",)], 1),
        ([("a", 1, FAR), ("S",)], 2),
        ([*HANDSHAKE, ("A", 1, 1, b"", 299_000)], 1),
        ([*HANDSHAKE, ("A", 1, 1, b"", 302_100)], 2),  # silent for 300 s
        ([*HANDSHAKE, ("A", 1, 1, b"", 299_000), ("A", 1, 1, b"", 590_000)], 1),
    ],
)
@pytest.mark.parametrize("cut", [False, True])
def test_connections_of_one_pair_of_ends(shorts: list[Short], flows: int, cut: bool) -> None:
    case = evidence(segments(shorts))
    cuts = range(1, len(case.packets)) if cut else ()
    assert len(tracked(case.packets, case.points, list(cuts))) == flows
    assert len(tracked(case.packets, case.points, list(cuts), merge=True)) == 1


@pytest.mark.parametrize(("after", "flows"), [(59e6, 1), (61e6, 2)])
def test_datagrams_are_silent_for_a_minute(after: float, flows: int) -> None:
    case = evidence([("eth0", at, udp("10.0.0.1:5000", "10.0.0.2:9", ip_id=int(at) % 9 + 1)) for at in (0, after)])
    assert len(tracked(case.packets, case.points)) == flows
