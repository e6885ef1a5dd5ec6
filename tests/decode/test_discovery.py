"""Neighbour discovery's columns, held against scapy's own fields; what no host would take has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from scapy.layers.inet6 import (
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
    IPv6ExtHdrHopByHop,
)
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from netprobe.decode.address import mac, text
from netprobe.decode.table import Anomaly, Kind

if TYPE_CHECKING:
    from netprobe.decode.table import PacketTable
    from tests.decode.conftest import Decoded

MAC, TARGET = "02:42:ac:15:00:0c", "fd00::12"


def solicitation(source: str = "fd00::11", **fields: Any) -> Any:
    return IPv6(src=source, dst="ff02::1:ff00:12", hlim=255) / ICMPv6ND_NS(**{"tgt": TARGET, **fields})


def advertisement(**fields: Any) -> Any:
    return IPv6(src=TARGET, dst="fd00::11", hlim=255) / ICMPv6ND_NA(**{"tgt": TARGET, "R": 0, "S": 1, "O": 1, **fields})


def columns(table: PacketTable) -> tuple[int, str, str]:
    target = text(6, int(table.nd_target_hi[0]), int(table.nd_target_lo[0]))
    return int(table.nd_flags[0]), target, mac(int(table.nd_lla[0]))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (solicitation() / ICMPv6NDOptSrcLLAddr(lladdr=MAC), (0, TARGET, MAC)),
        (solicitation("::"), (0, TARGET, "")),
        (solicitation() / ICMPv6NDOptDstLLAddr(lladdr=MAC), (0, TARGET, "")),  # the target's option says nothing here
        (advertisement() / ICMPv6NDOptDstLLAddr(lladdr=MAC), (0x60, TARGET, MAC)),
        (advertisement(R=1, S=0) / ICMPv6NDOptDstLLAddr(lladdr=MAC), (0xA0, TARGET, MAC)),
        (advertisement() / Raw(b"\x0e\x01\0\0\0\0\0\0") / ICMPv6NDOptDstLLAddr(lladdr=MAC), (0x60, TARGET, MAC)),
    ],
)
def test_who_is_asked_for_and_which_link_address_is_told(
    decoded: Decoded, message: Any, expected: tuple[int, str, str]
) -> None:
    table = decoded([bytes(Ether() / message)])
    assert (Kind(table.kind[0]), columns(table), table.anomaly[0]) == (Kind.ICMP, expected, 0)


def test_behind_an_extension_header(decoded: Decoded) -> None:
    message = IPv6(src=TARGET, dst="ff02::1", hlim=255) / IPv6ExtHdrHopByHop() / ICMPv6ND_NA(tgt=TARGET, R=0, S=0, O=1)
    assert columns(decoded([bytes(Ether() / message)])) == (0x20, TARGET, "")


@pytest.mark.parametrize(
    ("message", "anomaly"),
    [
        (IPv6(hlim=64) / ICMPv6ND_NS(tgt=TARGET), Anomaly.BAD_ND),  # a router passed it on
        (solicitation(code=1), Anomaly.BAD_ND),
        (solicitation(tgt="ff02::1"), Anomaly.BAD_ND),
        (Raw(bytes(solicitation())[:60]), Anomaly.TRUNCATED_NET | Anomaly.TRUNCATED_TRANSPORT),
        (IPv6(hlim=255) / ICMPv6ND_RA(), Anomaly.NONE),
    ],
)
def test_what_no_host_takes_is_no_discovery(decoded: Decoded, message: Any, anomaly: Anomaly) -> None:
    frame = bytes(Ether(type=0x86DD) / message)
    table = decoded([frame])
    assert table.nd_flags[0] == -1
    assert Anomaly(int(table.anomaly[0])) & anomaly or anomaly is Anomaly.NONE


def test_an_option_without_a_length_spoils_it_and_ends_the_walk(decoded: Decoded) -> None:
    table = decoded([bytes(Ether() / solicitation() / Raw(b"\x01\0" + b"\x02" * 6) / ICMPv6NDOptSrcLLAddr(lladdr=MAC))])
    assert (columns(table)[2], Anomaly(int(table.anomaly[0]))) == ("", Anomaly.BAD_ND)


def test_a_message_cut_anywhere_is_decoded_without_a_crash(decoded: Decoded) -> None:
    whole = bytes(Ether() / solicitation() / ICMPv6NDOptSrcLLAddr(lladdr=MAC))
    for length in range(len(whole) + 1):
        table = decoded([whole[:length]], origlen=len(whole))
        assert bool(table.nd_flags[0] >= 0) is (length >= 14 + 40 + 24)
