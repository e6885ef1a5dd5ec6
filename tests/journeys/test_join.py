"""Joining flows that carry the same packets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from netprobe.decode.decoder import decode
from netprobe.flows.build import build
from netprobe.journeys.join import connections
from tests.craft import Sent, echo, evidence, handshake, joined, tcp, udp

CLIENT, HOST, INSIDE = "192.168.3.201:41000", "192.168.3.202:80", "172.17.0.2:80"


def test_dnat_keeps_the_isn() -> None:
    _, found = joined([*handshake("E", CLIENT, HOST, 0), *handshake("B", CLIENT, INSIDE, 1, ttl=63)])
    assert len(found) == 1
    assert [str(flow.server.unpack()) for flow in found[0].flows] == [HOST, INSIDE]


def test_dnat_and_source_nat_at_once_keep_the_isn_too() -> None:
    _, found = joined(
        [*handshake("B1", "172.18.0.2:41000", HOST, 0), *handshake("B2", "172.17.0.1:41000", INSIDE, 1, ttl=63)]
    )
    assert len(found) == 1


def test_two_connections_with_one_isn_and_other_timestamps_stay_apart() -> None:
    _, found = joined(
        [*handshake("E", CLIENT, HOST, 0, ts=7), *handshake("B", "172.17.0.1:5", INSIDE, 1, ts=99, seq=1000)[:1]]
    )
    assert len(found) == 2


def test_mid_stream_packets_join_by_sequence_numbers() -> None:
    sent: list[Sent] = [
        ("E", 0, tcp(CLIENT, HOST, "PA", 500, 900, data=b"GET /")),
        ("B", 1, tcp(CLIENT, INSIDE, "PA", 500, 900, data=b"GET /", ttl=63)),
    ]
    assert len(joined(sent)[1]) == 1


def test_udp_dnat_and_masquerade_on_the_way() -> None:
    sent: list[Sent] = [
        ("C", 0, udp("172.18.0.2:5000", HOST)),
        ("E", 1, udp("192.168.3.201:5000", HOST, ttl=63)),
        ("B", 2, udp("192.168.3.201:5000", INSIDE, ttl=62)),
    ]
    _, found = joined(sent)
    assert len(found) == 1
    assert [flow.point for flow in found[0].flows] == [0, 1, 2]


def test_udp_with_a_fresh_ttl_is_another_datagram() -> None:
    sent: list[Sent] = [("E", 0, udp(CLIENT, HOST)), ("B", 50, udp("172.17.0.1:6000", INSIDE))]
    assert len(joined(sent)[1]) == 2


def test_equal_payload_to_one_server_is_no_identity() -> None:
    sent: list[Sent] = [("E", number, udp(f"10.0.0.{number}:5000", HOST, b"ping")) for number in range(1, 30)]
    assert len(joined(sent)[1]) == 29


def test_an_echo_whose_source_was_rewritten() -> None:
    sent: list[Sent] = [
        ("B", 0, echo("172.17.0.2", "203.0.113.10")),
        ("E", 1, echo("192.168.3.201", "203.0.113.10", ident=9, ttl=63)),
    ]
    assert len(joined(sent)[1]) == 1


def test_an_answer_of_another_address_at_another_point_belongs_to_what_it_answers() -> None:
    """A container answers by its macvlan interface: no point there saw the request, and the client no such address."""
    asked: list[Sent] = [("c", 0, tcp("192.168.3.201:41000", "192.168.3.202:8080", "S", 1000))]
    answer = tcp("172.18.0.2:80", "192.168.3.201:41000", "SA", 6000, 1001)
    assert len(joined([*asked, ("m", 5, answer), ("c", 6, answer)])[1]) == 1
    stranger = tcp("172.18.0.2:80", "192.168.3.201:41000", "SA", 6000, 7001)
    assert len(joined([*asked, ("m", 5, stranger)])[1]) == 2


def test_a_port_scan_is_many_connections() -> None:
    sent: list[Sent] = [("E", float(port), tcp(CLIENT, f"192.168.3.202:{port}", seq=7)) for port in range(1, 20)]
    assert len(joined(sent)[1]) == 19


def test_one_point_that_sees_both_sides_of_a_router() -> None:
    """``tcpdump -i any`` on a Docker host: the frame before and after DNAT, at one capture point."""
    _, found = joined([*handshake("any", CLIENT, HOST, 0), *handshake("any", CLIENT, INSIDE, 1, ttl=63)])
    assert len(found) == 1


def cut(sent: list[Sent], name: str, kept: int) -> int:
    """How many connections are left when one point's capture kept so many bytes a packet (``-s``)."""
    case = evidence(sent)
    at = case.packets.point == [each.name for each in case.points].index(name)
    caplen = np.where(at, np.minimum(case.packets.caplen, kept), case.packets.caplen)
    table = decode(replace(case.packets, caplen=caplen), case.points)
    return len(connections(build(table), table))


@pytest.mark.parametrize("kept", [42, 48, 54, 96])
def test_another_snap_length_at_one_point_changes_nothing(kept: int) -> None:
    assert cut([("E", 0, echo("10.0.0.1", "10.0.0.2")), ("F", 1, echo("10.0.0.1", "10.0.0.2"))], "F", kept) == 1
    assert (
        cut([("B", 0, echo("172.17.0.2", "10.0.0.2")), ("E", 1, echo("10.0.0.1", "10.0.0.2", ttl=63))], "E", kept) == 1
    )
    assert cut([("E", 0, udp(CLIENT, HOST)), ("B", 1, udp(CLIENT, INSIDE, ttl=63))], "B", kept) == 1


def test_what_is_cut_down_to_nothing_joins_no_strangers() -> None:
    pings: list[Sent] = [("E", number, echo("10.0.0.1", "10.0.0.2", ident=number)) for number in (1, 2)]
    assert cut([*pings, ("F", 3, echo("10.0.0.1", "10.0.0.2", ident=2))], "F", 42) == 2
    other: list[Sent] = [("E", 0, udp("10.0.0.1:5", HOST)), ("B", 1, udp("10.0.0.9:6", INSIDE, ttl=63))]
    assert cut(other, "B", 42) == 2


def constant_handshake(point: str, at_us: float, client: str, server: str, ttl: int) -> list[Sent]:
    """A SYN and its answer, every number of them the same in all connections."""
    return [
        (point, at_us, tcp(client, server, "S", 1000, ttl=ttl, ts=77, ip_id=7)),
        (point, at_us + 200, tcp(server, client, "SA", 5000, 1001, ttl=127 - ttl, ts=77, ip_id=7)),
    ]


def test_no_number_that_all_have_joins_anything() -> None:
    """A load generator whose connections begin with one number, timestamp and IP id, through DNAT and MASQUERADE with another port, at 2 points."""
    rng = np.random.default_rng(3)
    sent: list[Sent] = []
    whose: dict[tuple[str, str], int] = {}
    for number, at in enumerate(rng.uniform(0, 120e6, 120).tolist()):
        client, inside, port = f"10.1.{number}.5", f"172.17.0.{2 + number % 90}", 32768 + int(rng.integers(20_000))
        if number % 2:
            ways = [(f"{client}:{port}", "192.168.3.202:8080"), (f"{client}:{port}", f"{inside}:80")]
            points = ("eth0", "br0")
        else:
            ways = [(f"{inside}:{port}", "192.0.2.7:443"), (f"192.168.3.202:{1024 + number}", "192.0.2.7:443")]
            points = ("br0", "eth0")
        for step, (point, (one, other)) in enumerate(zip(points, ways, strict=True)):
            sent += constant_handshake(point, at + 30 * step, one, other, 64 - step)
            whose[one, other] = number
    _, found = joined(sent)
    owners = [{whose[str(flow.client.unpack()), str(flow.server.unpack())] for flow in each.flows} for each in found]
    assert {len(each) for each in owners} == {1}, "no join is wrong"
    whole = sum(len(each.flows) == 2 for each in found)
    assert whole >= 0.9 * 60, "DNAT keeps the client's end"


def test_a_clock_that_stands_still_is_none() -> None:
    """Two connections of one 5-tuple, ten minutes apart, each seen at one point: a real clock would not be the same then."""
    times = [0.0, *(6e6 * n for n in range(1, 12))]
    others = [("eth0", at, tcp(f"10.9.{n}.9:4000", "10.0.0.2:81", "S", 50 + n, ts=77)) for n, at in enumerate(times)]
    twice = [("eth0", 5.0, tcp(CLIENT, HOST, "S", 9, ts=77)), ("br0", 600e6, tcp(CLIENT, HOST, "S", 9, ts=77))]
    assert [len(each.flows) for each in joined([*others, *twice])[1]] == [1] * 14
    assert sorted(len(each.flows) for each in joined(twice)[1]) == [2]
