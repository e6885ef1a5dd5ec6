"""Files of one place, one after the other, beside points that a packet passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.craft import echo, replayed, served, tcp, udp

if TYPE_CHECKING:
    from tests.craft import Sent

CLIENT, WEB = "10.1.0.5:41000", "10.1.0.9:80"


def page() -> list[Sent]:
    return served("one", CLIENT, WEB, 0, asked=b"GET / HTTP/1.1\r\n\r\n", answered=b"HTTP/1.1 200 OK\r\n\r\n")


def datagrams() -> list[Sent]:
    pairs = [
        (udp(CLIENT, WEB, b"question %d" % n, ip_id=n), udp(WEB, CLIENT, b"answer %d" % n, ip_id=n)) for n in range(5)
    ]
    return [("one", 1000.0 * n, packet) for n, packet in enumerate(each for pair in pairs for each in pair)]


def pings() -> list[Sent]:
    return [
        ("one", 1e6 * n + back, echo(*ends, kind, seq=n))
        for n in range(4)
        for back, ends, kind in (
            (0, ("10.1.0.5", "10.1.0.9"), "echo-request"),
            (9, ("10.1.0.9", "10.1.0.5"), "echo-reply"),
        )
    ]


def in_two(sent: list[Sent], begins: int) -> list[Sent]:
    """A ring buffer's files: the second begins with this packet."""
    return [("two" if n >= begins else "one", at, packet) for n, (_, at, packet) in enumerate(sent)]


def passed(sent: list[Sent], begins: int) -> list[Sent]:
    """The same packets a moment later at a second point, which looked from this packet on."""
    return sent + [("two", at + 3, packet) for _, at, packet in sent[begins:]]


@pytest.mark.parametrize("begins", [2, 4, 6])
@pytest.mark.parametrize("sent", [page(), datagrams(), pings()], ids=["tcp", "udp", "icmp"])
def test_a_file_that_goes_on_where_another_ended_is_no_second_point(sent: list[Sent], begins: int) -> None:
    pieces, points = replayed(in_two(sent, begins)), replayed(passed(sent, 0))
    assert (pieces.verdict.value, pieces.path.value) == ("works", "none")
    assert "same frame" not in pieces.why
    assert (points.verdict.value, points.path.value) == ("works", "bridge")


def test_a_point_that_began_to_look_later_is_one() -> None:
    assert replayed(passed(page(), 3)).path.value == "bridge"


def test_a_syn_that_comes_again_in_the_next_file() -> None:
    again = ("one", 1.02e6, tcp(CLIENT, WEB, "S", 1000, ts=1027, ip_id=2))
    rest = [(point, at + 1.02e6, packet) for point, at, packet in page()[1:]]
    report = replayed(in_two([page()[0], again, *rest], 1))
    assert (report.verdict.value, report.path.value) == ("works", "none")
