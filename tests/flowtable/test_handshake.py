"""Handshakes as columns: their times, their numbers, who began."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.craft import START_NS
from tests.flowtable.tcp import HANDSHAKE, Short, row

if TYPE_CHECKING:
    import numpy as np

MS = 1_000_000


def times(found: np.void) -> list[int]:
    """When SYN, SYN-ACK and ACK were seen, in ms; -1 not."""
    return [max((int(found[name]) - START_NS) // MS, -1) for name in ("syn_ns", "syn_ack_ns", "ack_ns")]


def at(ms: int, *short: object) -> Short:
    return (*short, *(0, 0, b"")[len(short) - 1 :], ms)


def test_the_last_syn_before_the_first_syn_ack_and_the_ack_behind_it() -> None:
    shorts = [
        at(0, "S"),
        at(20, "S"),
        at(30, "sa", 0, 1),
        at(35, "S"),
        at(36, "sa", 0, 1),
        at(40, "A", 1, 1),
        at(50, "A", 1, 1),
    ]
    assert times(row(*shorts)) == [20, 30, 40]


def test_what_is_no_ack_of_a_handshake() -> None:
    """A reset, the SYN again, and what the server says."""
    shorts = [at(0, "S"), at(10, "sa", 0, 1), at(11, "RA", 1, 1), at(12, "S"), at(13, "a", 1, 1)]
    assert times(row(*shorts)) == [0, 10, -1]


def test_parts_of_a_handshake() -> None:
    assert times(row(at(0, "S"))) == [0, -1, -1]
    assert times(row(at(0, "sa", 0, 1), at(5, "A", 1, 1))) == [-1, 0, 5]
    assert times(row(at(0, "PA", 1, 1, b"x"))) == [-1, -1, -1]


def test_the_number_that_the_client_took_up_of_two_that_a_server_offered() -> None:
    """Two SYN-ACKs that differ: a load balancer's two servers answered."""
    both: list[Short] = [("S",), ("sa", 0, 1), ("sa", 700, 1)]
    assert row(*both)["isn"].tolist() == [1000, 9000]
    assert row(*both, ("A", 1, 1))["isn"].tolist() == [1000, 9000]
    assert row(*both, ("A", 1, 701))["isn"].tolist() == [1000, 9700]


def test_who_is_the_client() -> None:
    assert (row(*HANDSHAKE)["port"].tolist(), row(*HANDSHAKE)["guessed"]) == ([40000, 80], 0)
    late = row(("sa", 0, 1), ("A", 1, 1), ("S",))
    assert (late["port"].tolist(), late["guessed"]) == ([40000, 80], 0)
    answered = row(("pa", 1, 1, b"x"))
    assert (answered["port"].tolist(), answered["guessed"]) == ([40000, 80], 1)
