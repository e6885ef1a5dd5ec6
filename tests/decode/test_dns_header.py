"""The DNS columns: what is read of a header, and what is left where a short capture kept none."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import IP, UDP
from scapy.packet import Packet, Raw

from netprobe.decode.decoder import decode
from netprobe.journeys.select import is_dns
from netprobe.paths.questions import questions
from tests.craft import evidence, joined, told

ASKED = IP(src="172.17.0.2", dst="192.0.2.1") / UDP(sport=40000, dport=53) / DNS(id=7, qd=DNSQR(qname="a.test"))
TOLD = IP(src="192.0.2.1", dst="172.17.0.2") / UDP(sport=53, dport=40000) / DNS(id=7, qr=1, rcode=3)
EMBEDDED = IP(src="127.0.0.1", dst="127.0.0.11") / UDP(sport=40000, dport=41000) / DNS(id=8, qd=DNSQR(qname="a.test"))
MULTICAST = IP(src="10.0.0.1", dst="224.0.0.251") / UDP(sport=5353, dport=5353) / DNS(id=0, qd=DNSQR(qname="a.test"))
HEADERS = 14 + 20 + 8  # Ethernet, IP, UDP


@pytest.mark.parametrize(("kept", "ids"), [(HEADERS + 12, [7, 7, 8, 0]), (HEADERS + 11, [-1] * 4), (HEADERS, [-1] * 4)])
def test_a_header_that_was_not_kept_still_has_its_direction(kept: int, ids: list[int]) -> None:
    whole = evidence([("lo", 1, ASKED), ("lo", 2, TOLD), ("lo", 3, EMBEDDED), ("lo", 4, MULTICAST)])
    short = replace(whole.packets, caplen=np.minimum(whole.packets.caplen, kept))
    table = decode(short, whole.points)
    assert table.dns_id.tolist() == ids
    # Multicast DNS speaks from its port to its port: without the header nothing tells a query.
    assert table.dns_qr.tolist() == [0, 1, 0, 0 if kept >= HEADERS + 12 else -1]


def datagram(message: bytes, *, sport: int = 40000, dport: int = 53) -> tuple[str, int, Packet]:
    return "lo", 1, IP(src="172.17.0.2", dst="192.0.2.1") / UDP(sport=sport, dport=dport) / Raw(message)


def head(*, opcode: int = 0, asked: int = 1) -> bytes:
    return struct.pack(">6H", 7, opcode << 11, asked, 0, 0, 0)


@pytest.mark.parametrize("port", [53, 5353, 5355])
@pytest.mark.parametrize("answers", [False, True])
def test_dns_multicast_dns_and_llmnr_are_told_by_their_ports(port: int, answers: bool) -> None:
    message = bytes(DNS(id=7, qr=int(answers), qd=DNSQR(qname="a.test")))
    whole = evidence([datagram(message, **({"sport": port, "dport": 40000} if answers else {"dport": port}))])
    table = decode(whole.packets, whole.points)
    assert (table.dns_id[0], table.dns_qr[0], bool(table.is_dns(0))) == (7, int(answers), port != 5355)
    short = decode(replace(whole.packets, caplen=np.full(1, HEADERS)), whole.points)
    assert (short.dns_id[0], short.dns_qr[0], bool(short.is_dns(0))) == (-1, int(answers), port != 5355)


@pytest.mark.parametrize(
    ("message", "looks"),
    [
        (head() + b"\1a\0\0\1\0\1", True),
        (head(opcode=9) + b"\1a\0\0\1\0\1", False),  # no such operation: NOTIMP
        (head() + b"\xc0\x0c\0\1\0\1", False),  # a name that is a pointer to itself: FORMERR
        (bytes.fromhex("0100000038e5f6a1") + bytes(140), False),  # WireGuard's first message
        (head(opcode=5) + b"\1a\0\0\6\0\1", True),
    ],
)
def test_the_header_is_read_whatever_follows_but_not_everything_is_dns(message: bytes, looks: bool) -> None:
    whole = evidence([datagram(message)])
    table = decode(whole.packets, whole.points)
    assert table.dns_id[0] == int.from_bytes(message[:2], "big")
    assert (table.dns_qr[0], table.dns_answers[0]) == (0, int.from_bytes(message[6:8], "big"))
    assert bool(table.is_dns(0)) is looks
    assert table.is_dns().tolist() == [looks]


def test_a_tunnel_on_the_port_of_dns_is_no_exchange_of_dns() -> None:
    """WireGuard on port 53: two messages whose first bytes differ are not a query and an answer to another one."""
    there = IP(src="172.17.0.2", dst="192.0.2.1") / UDP(sport=40000, dport=53)
    back = IP(src="192.0.2.1", dst="172.17.0.2") / UDP(sport=53, dport=40000)
    tunnel = [
        ("a", 1, there / Raw(bytes.fromhex("0100000038e5f6a1") + bytes(140))),
        ("a", 2, back / Raw(bytes.fromhex("0200000091c8a3f6") + bytes(84))),
    ]
    for sent, dns in ((tunnel, False), ([("a", 1, ASKED), ("a", 2, TOLD)], True)):
        table, (found,) = joined(sent)
        assert is_dns(found, table) is dns
        assert bool(questions(found, table)) is dns


def test_a_resolver_may_ask_from_the_port_of_llmnr() -> None:
    message = bytes(DNS(id=7, qd=DNSQR(qname="a.test")))
    asked = evidence([datagram(message, sport=5355)])
    assert decode(asked.packets, asked.points).is_dns().tolist() == [True]


@pytest.mark.parametrize("port", [9999, 5355])
def test_who_answers_for_a_group_does_so_from_its_own_address(port: int) -> None:
    """LLMNR is asked and answered as any other datagrams to a group are (RFC 4795 section 2.4)."""
    asked = IP(src="10.0.0.1", dst="224.0.0.252") / UDP(sport=40000, dport=port) / DNS(id=7, qd=DNSQR(qname="a"))
    answer = IP(src="10.0.0.7", dst="10.0.0.1") / UDP(sport=port, dport=40000) / DNS(id=7, qr=1, qd=DNSQR(qname="a"))
    assert told([("eth0", 1, asked), ("eth0", 900, answer)])[:2] == ("works", "none")
