"""A TCP connection's state by its numbers."""

from __future__ import annotations

import pytest

from netprobe.paths.tcp import Talk, TcpStage, of_one_flow, talk_of
from tests.anywhere.stories import ISN, SECOND, C, S, client, opened, reset_to_syn, server
from tests.craft import Sent, joined, tcp

GET = client(100, "PA", 0, 0, b"GET")


def talk(sent: list[Sent]) -> Talk:
    table, (found, *_) = joined(sent)
    return talk_of(found.flows, table)


@pytest.mark.parametrize(
    ("sent", "stage"),
    [
        (opened(), TcpStage.ESTABLISHED),
        (opened()[:1], TcpStage.ASKED),
        (opened()[:2], TcpStage.ANSWERED),
        ([opened()[0], reset_to_syn(5)], TcpStage.REFUSED),
        ([*opened()[:2], client(9, "R", 0)], TcpStage.ABANDONED),
        ([server(0, "R", 0)], TcpStage.PART),
        ([opened()[0], server(5, "SA", -1, 1)], TcpStage.ASKED),
        ([opened()[0], server(5, "SA", -1, -1)], TcpStage.ASKED),
        ([opened()[0], server(5, "SA", -1, 1), server(9, "SA", -1, 0)], TcpStage.ANSWERED),
        ([client(0, "S", -1, data=b"GET"), server(5, "SA", -1, 3)], TcpStage.ANSWERED),
        ([client(0, "S", -1, data=b"GET"), server(5, "SA", -1, 4)], TcpStage.ASKED),
        ([GET, server(200, "A", 0, 3)], TcpStage.ESTABLISHED),
    ],
)
def test_how_far_it_came(sent: list[Sent], stage: TcpStage) -> None:
    assert talk(sent).stage is stage


def test_numbers_are_relative_to_the_first_byte() -> None:
    found = talk([*opened(), GET, server(200, "PA", 0, 3, b"DATA"), client(300, "FA", 3, 4)])
    assert found.client.begin.tolist() == [-1, 0, 0, 3]
    assert found.client.end.tolist() == [0, 0, 3, 4]
    assert (found.client.sent, found.client.acked, found.server.sent, found.server.acked) == (4, 4, 4, 3)
    assert found.served


def test_a_stream_of_more_than_four_gibibytes() -> None:
    step = 1 << 30
    sent = [*opened(), *(client(SECOND * n, "PA", step * n, 0, b"x") for n in range(1, 6))]
    assert talk(sent).client.sent == 5 * step + 1


def test_a_reset_that_is_not_due_is_none() -> None:
    due = [*opened(), GET, server(200, "A", 0, 3)]
    assert len(talk([*due, server(300, "R", 0)]).resets(talk([*due, server(300, "R", 0)]).server)) == 1
    stray = talk([*due, server(300, "R", -5000)])
    assert len(stray.resets(stray.server)) == 0


def test_each_packet_once_of_several_points() -> None:
    both = [*opened(point="a"), *((p, at + 2, x) for p, at, x in opened(point="b"))]
    table, (found,) = joined(both)
    seen = talk_of(found.flows, table)
    assert (len(seen.client), len(of_one_flow(found.flows, seen.client.rows))) == (4, 2)


def test_a_middlebox_that_rewrites_numbers_is_accepted_by_either() -> None:
    """Behind it the SYN has another number (RFC 6528 section 5), and only there the answer was captured."""
    rewritten = [("b", 2, tcp(C, S, "S", ISN + 5000, ttl=63)), ("b", 9, tcp(S, C, "SA", 7, ISN + 5001))]
    assert talk([("a", 0, tcp(C, S, "S", ISN)), *rewritten]).stage is TcpStage.ANSWERED
    stale = [rewritten[0], ("b", 9, tcp(S, C, "SA", 7, ISN + 9001))]
    assert talk([("a", 0, tcp(C, S, "S", ISN)), *stale]).stage is TcpStage.ASKED
