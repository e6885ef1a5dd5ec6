"""Link layers: Ethernet with VLAN tags, Linux cooked captures, loopback and raw IP.

Where a VLAN tag is: the kernel takes an outer tag of TPID 0x8100 or 0x88a8 out of the frame and hands it over beside it
(PACKET_AUXDATA, packet(7)); inner tags, and outer ones of 0x9100, stay in the bytes. libpcap puts the tag back in for Ethernet and SLL, not
for SLL2 (pcap-linux.c, set_vlan_offset): there it is unknown whether a frame had one. A file that a raw socket's reader wrote without asking
for the auxiliary data says "untagged" of every frame, and nothing in it tells otherwise.

Source: tcpdump.org/linktypes.html; if_ether.h (TPIDs and EtherTypes); IEEE 802.1Q, 802.1ad.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.chunk import Layer
from netprobe.decode.table import ABSENT, TAG_UNKNOWN, Anomaly

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.decode.chunk import Chunk, Ints

ETH_IPV4 = 0x0800
ETH_ARP = 0x0806
ETH_IPV6 = 0x86DD
TPIDS = (0x8100, 0x88A8, 0x9100)
_NOTHING = -1  # an EtherType that stands for "stop here"
_LEAST_ETHERTYPE = 0x0600  # below it, the field is an IEEE 802.3 length

_AF_INET = 2
_AF_INET6 = (10, 24, 28, 30)  # Linux, NetBSD and OpenBSD, FreeBSD, Darwin


def link(chunk: Chunk, layer: Layer, linktype: int) -> tuple[Layer, Ints]:
    """Pass the link header of rows that share one link type.

    Returns:
        The rows that have a network layer, standing at it, and its EtherType.
    """
    reader = _LINKS.get(linktype)
    if reader is None:
        chunk.mark(layer.rows, Anomaly.UNKNOWN_LINKTYPE)
        return _none(layer)
    return reader(chunk, layer)


def _none(layer: Layer) -> tuple[Layer, Ints]:
    return layer.pick(np.zeros(0, np.int64)), np.zeros(0, np.int64)


def _ethernet(chunk: Chunk, layer: Layer) -> tuple[Layer, Ints]:
    layer = chunk.need(layer, 14, Anomaly.TRUNCATED_LINK)
    chunk.put("eth_dst", layer.rows, chunk.bytes.u48(layer.at))
    chunk.put("eth_src", layer.rows, chunk.bytes.u48(layer.at + 6))
    return _tags(chunk, layer, chunk.bytes.u16(layer.at + 12), 14)


def _sll(chunk: Chunk, layer: Layer) -> tuple[Layer, Ints]:
    layer = chunk.need(layer, 16, Anomaly.TRUNCATED_LINK)
    _cooked_source(chunk, layer, chunk.bytes.u16(layer.at + 4), 6)
    return _tags(chunk, layer, chunk.bytes.u16(layer.at + 14), 16)


def _sll2(chunk: Chunk, layer: Layer) -> tuple[Layer, Ints]:
    layer = chunk.need(layer, 20, Anomaly.TRUNCATED_LINK)
    _cooked_source(chunk, layer, chunk.bytes.u8(layer.at + 11), 12)
    chunk.put("vlan", layer.rows, TAG_UNKNOWN)
    return _tags(chunk, layer, chunk.bytes.u16(layer.at), 20)


def _cooked_source(chunk: Chunk, layer: Layer, length: Ints, where: int) -> None:
    mac = layer.pick(length == 6)
    chunk.put("eth_src", mac.rows, chunk.bytes.u48(mac.at + where))


def _tags(chunk: Chunk, layer: Layer, ethertype: Ints, header: int) -> tuple[Layer, Ints]:
    """Pass up to two VLAN tags; libpcap puts a tag back in after a cooked header just as into an Ethernet one.

    A tag with VLAN id 0 has a priority alone (IEEE 802.1Q, "priority-tagged"): it puts the frame into no VLAN.
    """
    at = layer.at + header
    for column in ("vlan", "vlan_inner"):
        tagged = np.flatnonzero(np.isin(ethertype, TPIDS))
        if not len(tagged):
            break
        short = tagged[at[tagged] + 4 > layer.cap[tagged]]
        chunk.mark(layer.rows[short], Anomaly.TRUNCATED_LINK)
        ethertype[short] = _NOTHING
        tagged = tagged[ethertype[tagged] != _NOTHING]
        chunk.put(column, layer.rows[tagged], chunk.bytes.u16(at[tagged]) & 0x0FFF)
        ethertype[tagged] = chunk.bytes.u16(at[tagged] + 2)
        at[tagged] += 4
    chunk.mark(layer.rows[np.isin(ethertype, TPIDS)], Anomaly.TOO_MANY_TAGS)
    _without_priority_tags(chunk, layer.rows)
    known = np.flatnonzero(ethertype >= _LEAST_ETHERTYPE)
    chunk.put("ethertype", layer.rows[known], ethertype[known])
    return Layer(layer.rows, at, layer.cap, layer.wire), ethertype


def _without_priority_tags(chunk: Chunk, rows: Ints) -> None:
    outer, inner = chunk.columns["vlan"], chunk.columns["vlan_inner"]
    inner[rows[inner[rows] == 0]] = ABSENT
    priority = rows[outer[rows] == 0]
    outer[priority], inner[priority] = inner[priority], ABSENT


def _loopback(chunk: Chunk, layer: Layer) -> tuple[Layer, Ints]:
    """BSD loopback: the address family, in the byte order of the machine that captured (NULL) or the network's (LOOP)."""
    layer = chunk.need(layer, 4, Anomaly.TRUNCATED_LINK)
    family = chunk.bytes.u32(layer.at)
    family = np.where(family > 0xFFFF, family >> 24, family)
    ethertype = np.where(family == _AF_INET, ETH_IPV4, np.where(np.isin(family, _AF_INET6), ETH_IPV6, _NOTHING))
    return Layer(layer.rows, layer.at + 4, layer.cap, layer.wire), ethertype


def _raw(chunk: Chunk, layer: Layer) -> tuple[Layer, Ints]:
    layer = chunk.need(layer, 1, Anomaly.TRUNCATED_NET)
    version = chunk.bytes.u8(layer.at) >> 4
    ethertype = np.where(version == 4, ETH_IPV4, np.where(version == 6, ETH_IPV6, _NOTHING))
    chunk.mark(layer.rows[ethertype == _NOTHING], Anomaly.BAD_IP_VERSION)
    return layer, ethertype


def _raw_ipv4(_: Chunk, layer: Layer) -> tuple[Layer, Ints]:
    return layer, np.full(len(layer), ETH_IPV4, np.int64)


def _raw_ipv6(_: Chunk, layer: Layer) -> tuple[Layer, Ints]:
    return layer, np.full(len(layer), ETH_IPV6, np.int64)


_LINKS: dict[int, Callable[[Chunk, Layer], tuple[Layer, Ints]]] = {
    0: _loopback,  # NULL
    1: _ethernet,  # EN10MB
    12: _raw,  # DLT_RAW as written on most systems
    14: _raw,  # DLT_RAW on OpenBSD
    101: _raw,  # RAW
    108: _loopback,  # LOOP
    113: _sll,  # LINUX_SLL
    228: _raw_ipv4,  # IPV4
    229: _raw_ipv6,  # IPV6
    276: _sll2,  # LINUX_SLL2
}
