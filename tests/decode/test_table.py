"""Every anomaly fires on what it is named for, and its near miss is silent; lengths that headers do not say plainly."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from netprobe.decode.table import Anomaly, Kind

if TYPE_CHECKING:
    from tests.decode.conftest import Decoded

ETH = bytes.fromhex("020000000002 020000000001")
IPV4 = b"\x08\x00"
IPV6 = b"\x86\xdd"
A, B = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])


def ip(proto: int, body: bytes, *, first: int = 0x45, length: int | None = None, fragment: int = 0) -> bytes:
    total = 20 + len(body) if length is None else length
    return struct.pack(">BBHHHBBH", first, 0, total, 1, fragment, 64, proto, 0) + A + B + body


def ip6(follows: int, body: bytes, *, length: int | None = None, hops: int = 64) -> bytes:
    return (
        struct.pack(">IHBB", 6 << 28, len(body) if length is None else length, follows, hops)
        + bytes(15)
        + b"\1"
        + bytes(15)
        + b"\2"
        + body
    )


def tcp(options: bytes = b"", body: bytes = b"", *, offset: int | None = None) -> bytes:
    words = 5 + len(options) // 4 if offset is None else offset
    return struct.pack(">HHIIBBHHH", 1, 2, 3, 4, words << 4, 2, 5, 0, 0) + options + body


def udp(body: bytes, *, length: int | None = None, dport: int = 9) -> bytes:
    return struct.pack(">HHHH", 7, dport, 8 + len(body) if length is None else length, 0) + body


DNS_HEAD = struct.pack(">HHHHHH", 0xABCD, 0x0100, 1, 0, 0, 0) + b"\4demo\0\0\1\0\1"
ARP = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + bytes(20)
TAG = b"\x81\x00\x00\x05"
HOP = bytes([0, 0]) + bytes(6)

NS = b"\x87" + bytes(7) + b"\xfd" + bytes(15)
CASES: list[tuple[Anomaly, bytes, bytes]] = [
    (Anomaly.TRUNCATED_LINK, ETH + b"\x08", ETH + b"\x08\x01"),
    (Anomaly.TRUNCATED_LINK, ETH + TAG[:3], ETH + TAG + b"\x08\x01"),
    (Anomaly.TRUNCATED_NET, ETH + IPV4 + ip(99, b"")[:19], ETH + IPV4 + ip(99, b"")),
    (Anomaly.TRUNCATED_NET, ETH + IPV4 + ip(99, b"", first=0x46, length=24), ETH + IPV4 + ip(99, bytes(4), first=0x46)),
    (Anomaly.TRUNCATED_NET, ETH + IPV6 + ip6(59, b"")[:39], ETH + IPV6 + ip6(59, b"")),
    (Anomaly.TRUNCATED_NET, ETH + IPV6 + ip6(0, b"\x3b"), ETH + IPV6 + ip6(0, b"\x3b" + HOP[1:])),
    (Anomaly.TRUNCATED_NET, ETH + b"\x08\x06" + ARP[:27], ETH + b"\x08\x06" + ARP),
    (Anomaly.TRUNCATED_TRANSPORT, ETH + IPV4 + ip(6, tcp()[:19]), ETH + IPV4 + ip(6, tcp())),
    (Anomaly.TRUNCATED_TRANSPORT, ETH + IPV4 + ip(6, tcp(bytes(8)), length=48)[:44], ETH + IPV4 + ip(6, tcp(bytes(8)))),
    (Anomaly.TRUNCATED_TRANSPORT, ETH + IPV4 + ip(17, udp(b"")[:7]), ETH + IPV4 + ip(17, udp(b""))),
    (Anomaly.TRUNCATED_TRANSPORT, ETH + IPV4 + ip(1, b"\x08" + bytes(6)), ETH + IPV4 + ip(1, b"\x08" + bytes(7))),
    (Anomaly.BAD_IP_VERSION, ETH + IPV4 + ip(6, tcp(), first=0x55), ETH + IPV4 + ip(6, tcp())),
    (Anomaly.BAD_IP_VERSION, ETH + IPV6 + b"\x45" + ip6(59, b"")[1:], ETH + IPV6 + ip6(59, b"")),
    (Anomaly.BAD_IP_HEADER_LEN, ETH + IPV4 + ip(6, tcp(), first=0x44), ETH + IPV4 + ip(6, tcp())),
    (Anomaly.BAD_IP_HEADER_LEN, ETH + IPV4 + ip(6, tcp(), length=19), ETH + IPV4 + ip(99, b"", length=20)),
    (Anomaly.BAD_TCP_OFFSET, ETH + IPV4 + ip(6, tcp(offset=4)), ETH + IPV4 + ip(6, tcp(offset=5))),
    (Anomaly.BAD_TCP_OFFSET, ETH + IPV4 + ip(6, tcp(offset=6)), ETH + IPV4 + ip(6, tcp(bytes(4)))),
    (
        Anomaly.BAD_TCP_OPTION,
        ETH + IPV4 + ip(6, tcp(b"\x02\x00\x01\x01")),
        ETH + IPV4 + ip(6, tcp(b"\x02\x04\x05\xb4")),
    ),
    (
        Anomaly.BAD_TCP_OPTION,
        ETH + IPV4 + ip(6, tcp(b"\x01\x01\x01\x02")),
        ETH + IPV4 + ip(6, tcp(b"\x01\x01\x01\x00")),
    ),
    (
        Anomaly.BAD_TCP_OPTION,
        ETH + IPV4 + ip(6, tcp(b"\x01\x02\x04\x05")),
        ETH + IPV4 + ip(6, tcp(b"\x00\x02\x04\x05")),
    ),
    (Anomaly.TOO_MANY_TAGS, ETH + TAG * 9 + b"\x08\x01", ETH + TAG * 8 + b"\x08\x01"),
    (
        Anomaly.TOO_MANY_EXT_HEADERS,
        ETH + IPV6 + ip6(0, HOP * 256 + b"\x3b" + HOP[1:]),
        ETH + IPV6 + ip6(0, HOP * 255 + b"\x3b" + HOP[1:]),
    ),
    (Anomaly.BAD_DNS, ETH + IPV4 + ip(17, udp(b"hello", dport=53)), ETH + IPV4 + ip(17, udp(DNS_HEAD, dport=53))),
    (Anomaly.BAD_DNS, ETH + IPV4 + ip(17, udp(b"\xff" * 20, dport=53)), ETH + IPV4 + ip(17, udp(b"\xff" * 20))),
    (Anomaly.BAD_ARP, ETH + b"\x08\x06" + b"\0\1\x08\0\x08\4" + ARP[6:], ETH + b"\x08\x06" + ARP),
    (Anomaly.BAD_ND, ETH + IPV6 + ip6(58, NS, hops=254), ETH + IPV6 + ip6(58, NS, hops=255)),
    (Anomaly.BAD_UDP_LENGTH, ETH + IPV4 + ip(17, udp(b"x", length=7)), ETH + IPV4 + ip(17, udp(b"x", length=0))),
]


@pytest.mark.parametrize(("anomaly", "odd", "near"), CASES, ids=[f"{n}-{case[0].name}" for n, case in enumerate(CASES)])
def test_anomaly(decoded: Decoded, anomaly: Anomaly, odd: bytes, near: bytes) -> None:
    assert decoded([odd, near], origlen=200).anomaly.tolist() == [anomaly, 0]


def test_unknown_link_type(decoded: Decoded) -> None:
    assert decoded([b"x"], linktype=147).anomaly.tolist() == [Anomaly.UNKNOWN_LINKTYPE]
    assert decoded([b"\xff"], linktype=101).anomaly.tolist() == [Anomaly.BAD_IP_VERSION]


def test_every_anomaly_has_a_case() -> None:
    assert {case[0] for case in CASES} | {Anomaly.UNKNOWN_LINKTYPE} == set(Anomaly)


def test_padding_is_no_payload(decoded: Decoded) -> None:
    table = decoded(
        [
            ETH + IPV4 + ip(6, tcp()) + bytes(6),
            ETH + IPV4 + ip(17, udp(b"ab")) + bytes(6),
            ETH + IPV6 + ip6(17, udp(b"ab")) + b"pad",
        ]
    )
    assert [table.payload(n) for n in range(3)] == [b"", b"ab", b"ab"]
    assert table.payload_len.tolist() == [0, 2, 2]


def test_a_total_length_of_zero_means_what_was_on_the_wire(decoded: Decoded) -> None:
    table = decoded(
        [ETH + IPV4 + ip(6, tcp(body=b"x" * 50), length=0), ETH + IPV6 + ip6(6, tcp(body=b"x" * 50), length=0)],
        origlen=70_000,
    )
    assert table.ip_len.tolist() == [70_000 - 14, 70_000 - 14]
    assert table.payload_len.tolist() == [70_000 - 14 - 40, 70_000 - 14 - 60]
    assert table.payload_cap.tolist() == [50, 50]


def test_an_ipv6_packet_without_payload(decoded: Decoded) -> None:
    table = decoded([ETH + IPV6 + ip6(59, b"", length=0) + bytes(6)])
    assert (table.ip_len[0], table.ip_proto[0], table.kind[0]) == (40, 59, Kind.IP_OTHER)


def test_a_later_fragment_has_no_ports(decoded: Decoded) -> None:
    table = decoded(
        [ETH + IPV4 + ip(17, udp(b"ab"), fragment=0x2001), ETH + IPV4 + ip(17, udp(b"ab"), fragment=0x2000)]
    )
    assert table.kind.tolist() == [Kind.IP_OTHER, Kind.UDP]
    assert table.sport.tolist() == [-1, 7]
    assert table.frag_off.tolist() == [8, 0]
    assert table.more_frag.all()


def test_a_udp_length_shorter_than_the_packet_counts(decoded: Decoded) -> None:
    table = decoded([ETH + IPV4 + ip(17, udp(b"abcdef", length=10)), ETH + IPV4 + ip(17, udp(b"abcdef", length=999))])
    assert [table.payload(0), table.payload(1)] == [b"ab", b"abcdef"]


@pytest.mark.parametrize("length", [1, 7])
def test_a_udp_length_that_cannot_be_leaves_no_payload(decoded: Decoded, length: int) -> None:
    table = decoded([ETH + IPV4 + ip(17, udp(DNS_HEAD, dport=53, length=length))])
    assert (table.kind[0], table.dport[0], table.payload(0), table.payload_len[0]) == (Kind.UDP, 53, b"", 0)
    assert (table.dns_id[0], bool(table.is_dns(0))) == (-1, False)


@pytest.mark.parametrize(("kept", "told"), [(1, (128, -1)), (2, (128, 7)), (0, (-1, -1))])
def test_the_first_bytes_of_an_icmp_message_tell_type_and_code(
    decoded: Decoded, kept: int, told: tuple[int, int]
) -> None:
    fragment = b"\x3a\0\0\1" + bytes(4)
    table = decoded([ETH + IPV6 + ip6(44, fragment + b"\x80\x07\0\0"[:kept])])
    assert (table.icmp_type[0], table.icmp_code[0]) == told
    assert table.kind[0] == Kind.IP_OTHER  # no whole header: no echo


def test_dns_of_dockers_embedded_server_on_its_high_port(decoded: Decoded) -> None:
    query = bytearray(ip(17, udp(DNS_HEAD, dport=39_000)))
    query[16:20] = bytes([127, 0, 0, 11])
    table = decoded([ETH + IPV4 + bytes(query), ETH + IPV4 + ip(17, udp(DNS_HEAD, dport=39_000))])
    assert table.dns_id.tolist() == [0xABCD, -1]
    assert table.dns_qr.tolist() == [0, -1]


def test_an_error_that_quotes_too_little_stays_without_ports(decoded: Decoded) -> None:
    quoted = ip(6, tcp())
    error = struct.pack(">BBHHH", 3, 3, 0, 0, 0)
    table = decoded([ETH + IPV4 + ip(1, error + quoted[:size]) for size in (0, 19, 20, 23, 24, 27, 28)])
    assert set(table.kind.tolist()) == {Kind.ICMP_ERROR}
    assert table.inner_proto.tolist() == [-1, -1, 6, 6, 6, 6, 6]
    assert table.inner_sport.tolist() == [-1, -1, -1, -1, 1, 1, 1]
    assert table.inner_seq.tolist() == [-1, -1, -1, -1, -1, -1, 3]


def test_ieee_802_3_frames_have_no_ethertype(decoded: Decoded) -> None:
    table = decoded([ETH + b"\x00\x26\x42\x42\x03" + bytes(35)])
    assert (table.kind[0], table.ethertype[0], table.anomaly[0]) == (Kind.OTHER, -1, 0)
