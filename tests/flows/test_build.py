"""Grouping packets into flows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netprobe.decode.decoder import decode
from netprobe.flows.build import build
from tests.craft import Sent, echo, evidence, handshake, tcp, udp, unreachable

if TYPE_CHECKING:
    from netprobe.flows.model import Flow


def flows(sent: list[Sent]) -> tuple[Flow, ...]:
    case = evidence(sent)
    return build(decode(case.packets, case.points))


def test_no_packets_no_flows() -> None:
    assert flows([]) == ()


def test_both_directions_are_one_flow_and_the_syn_sender_is_the_client() -> None:
    (flow,) = flows(handshake("eth0", "10.0.0.1:40000", "10.0.0.2:80", 0))
    assert (str(flow.client.unpack()), str(flow.server.unpack())) == ("10.0.0.1:40000", "10.0.0.2:80")
    assert (len(flow.forward), len(flow.reverse)) == (2, 1)
    assert (flow.isn, flow.reply_isn) == (1000, 6000)


def test_points_and_vlans_are_kept_apart() -> None:
    from scapy.layers.l2 import Dot1Q, Ether

    tagged = Ether() / Dot1Q(vlan=7) / tcp("10.0.0.1:40000", "10.0.0.2:80")
    sent = [
        ("eth1", 0.0, tcp("10.0.0.1:40000", "10.0.0.2:80")),
        ("eth1", 1.0, tagged),
        ("eth2", 2.0, tcp("10.0.0.1:40000", "10.0.0.2:80")),
    ]
    assert [(flow.point, flow.vlan) for flow in flows(sent)] == [(0, -1), (0, 7), (1, -1)]


def test_without_a_syn_the_syn_ack_tells_the_client() -> None:
    (flow,) = flows([("eth0", 0, tcp("10.0.0.2:80", "10.0.0.1:40000", "SA", 5, 6))])
    assert str(flow.client.unpack()) == "10.0.0.1:40000"
    assert flow.isn is None
    assert flow.reply_isn == 5


def test_in_mid_stream_the_initiator_is_a_guess() -> None:
    (flow,) = flows([("eth0", 0, tcp("10.0.0.2:80", "10.0.0.1:40000", "A", 5, 6, data=b"x"))])
    assert str(flow.client.unpack()) == "10.0.0.1:40000"


def test_a_reused_port_begins_a_new_flow_and_a_retransmission_does_not() -> None:
    one = handshake("eth0", "10.0.0.1:40000", "10.0.0.2:80", 0, seq=1)
    again = [("eth0", 1e6, tcp("10.0.0.1:40000", "10.0.0.2:80", "S", 1))]
    other = handshake("eth0", "10.0.0.1:40000", "10.0.0.2:80", 2e6, seq=99)
    found = flows([*one, *again, *other])
    assert [flow.isn for flow in found] == [1, 99]
    assert len(found[0].forward) == 3


def test_an_echo_to_oneself_has_both_directions() -> None:
    sent: list[Sent] = [
        ("lo", 0, echo("127.0.0.1", "127.0.0.1")),
        ("lo", 1, echo("127.0.0.1", "127.0.0.1", "echo-reply")),
    ]
    (flow,) = flows(sent)
    assert (len(flow.forward), len(flow.reverse)) == (1, 1)


def test_icmp_errors_belong_to_the_flow_that_they_quote_at_the_same_point() -> None:
    question = udp("10.0.0.1:5000", "10.0.0.2:53000")
    sent: list[Sent] = [
        ("eth0", 0, question),
        ("eth1", 1, question),
        ("eth0", 2, unreachable("10.0.0.2", "10.0.0.1", question)),
    ]
    first, second = flows(sent)
    assert len(first.errors) == 1
    assert second.errors == ()


def test_an_error_that_quotes_another_hop_of_a_source_route_belongs_to_its_flow() -> None:
    """Every router on the route writes the next one into the header; the twin's route ends at another server."""
    from scapy.layers.inet import ICMP, IP, UDP, IPOption_LSRR

    def datagram(hop: str, pointer: int, last: str) -> Any:
        route = IPOption_LSRR(pointer=pointer, routers=["10.8.8.8", last])
        return IP(src="10.0.0.1", dst=hop, options=[route]) / UDP(sport=40000, dport=53) / b"hello"

    def error(last: str) -> Any:
        return IP(src="10.8.8.8", dst="10.0.0.1") / ICMP(type=3, code=5) / datagram("10.8.8.8", 8, last)

    (flow,) = flows([("eth0", 0.0, datagram("10.7.7.7", 4, "10.0.0.2")), ("eth0", 9.0, error("10.0.0.2"))])
    assert flow.server.unpack().address == "10.0.0.2"
    assert flow.errors == (1,)
    (twin,) = flows([("eth0", 0.0, datagram("10.7.7.7", 4, "10.0.0.2")), ("eth0", 9.0, error("10.0.0.3"))])
    assert twin.errors == ()


def test_an_icmp_error_is_about_the_flow_that_had_the_5_tuple_then() -> None:
    one, other = (tcp("10.0.0.1:5000", "10.0.0.2:80", "S", seq) for seq in (1, 99))
    sent: list[Sent] = [
        ("eth0", 0, one),
        ("eth0", 1, unreachable("10.0.0.2", "10.0.0.1", one)),
        ("eth0", 2, other),
        ("eth0", 3, unreachable("10.0.0.2", "10.0.0.1", other)),
    ]
    assert [flow.errors for flow in flows(sent)] == [(1,), (3,)]


def test_an_icmp_error_about_a_datagram_is_not_about_the_segments_of_the_same_ends() -> None:
    datagram, segment = udp("10.0.0.1:5000", "10.0.0.2:80"), tcp("10.0.0.1:5000", "10.0.0.2:80")
    sent: list[Sent] = [
        ("eth0", 0, datagram),
        ("eth0", 1, segment),
        ("eth0", 2, unreachable("10.0.0.2", "10.0.0.1", datagram)),
    ]
    assert [flow.errors for flow in flows(sent)] == [(2,), ()]
