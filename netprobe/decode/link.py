"""Link layers: Ethernet with VLAN tags, Linux cooked captures and netfilter log, PPP, loopback and raw IP.

Where a VLAN tag is: the kernel takes an outer tag of TPID 0x8100 or 0x88a8 out of the frame and hands it over beside it
(PACKET_AUXDATA, packet(7)); inner tags, and outer ones of 0x9100, stay in the bytes. libpcap puts the tag back in for Ethernet and SLL, not
for SLL2 (pcap-linux.c, set_vlan_offset): there it is unknown whether a frame had one. A file that a raw socket's reader wrote without asking
for the auxiliary data says "untagged" of every frame, and nothing in it tells otherwise.

A frame check sequence, and padding of short frames, stand behind what the network layer says is its own: nobody looks at them.

Source: tcpdump.org/linktypes.html; if_ether.h (TPIDs and EtherTypes); IEEE 802.1Q, 802.1ad, 802.3; RFC 1547 section 4.3.1 (Cisco's HDLC).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.carried import carried
from netprobe.decode.chunk import Layer
from netprobe.decode.ethertypes import (
    ETH_IPV4,
    ETH_IPV6,
    ETH_MPLS,
    ETH_PPPOE,
    LEAST_ETHERTYPE,
    LLC,
    MOST_LENGTH,
    NOTHING,
    PPP,
    TPIDS,
)
from netprobe.decode.nflog import nflog
from netprobe.decode.table import ABSENT, TAG_UNKNOWN, Anomaly

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.decode.chunk import Chunk, Ints

ETHERNET_LINK = 1  # EN10MB
_MOST_TAGS = 8
_COOKED_LLC = 4  # ETH_P_802_2
_NOT_BY_PROTOCOL = (
    770,
    803,
    824,
)  # ARPHRD_FRAD, _IEEE80211_RADIOTAP, _NETLINK: the protocol field says something else there

_CISCO_ADDRESSES = (0x0F, 0x8F)  # unicast, multicast

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
    return carried(chunk, *reader(chunk, layer))


def readable(linktype: int) -> bool:
    """Whether packets of this link type are read at all."""
    return linktype in _LINKS


def _none(layer: Layer) -> tuple[Layer, Ints]:
    return layer.pick(np.zeros(0, np.int64)), np.zeros(0, np.int64)


def _ethernet(chunk: Chunk, layer: Layer) -> tuple[Layer, Ints]:
    layer = chunk.need(layer, 14, Anomaly.TRUNCATED_LINK)
    chunk.put("eth_dst", layer.rows, chunk.bytes.u48(layer.at))
    chunk.put("eth_src", layer.rows, chunk.bytes.u48(layer.at + 6))
    layer, ethertype = _tags(chunk, layer, chunk.bytes.u16(layer.at + 12), 14)
    return _lengths(layer, ethertype)


def _lengths(layer: Layer, ethertype: Ints) -> tuple[Layer, Ints]:
    """IEEE 802.3 frames have a length where others have the EtherType: an LLC header follows, and behind so many bytes is padding."""
    short = np.flatnonzero((ethertype >= 0) & (ethertype <= MOST_LENGTH))
    if not len(short):
        return layer, ethertype
    wire = layer.wire.copy()
    wire[short] = np.minimum(wire[short], layer.at[short] + ethertype[short])
    ethertype[short] = LLC
    return Layer(layer.rows, layer.at, np.minimum(layer.cap, wire), wire), ethertype


def _sll(chunk: Chunk, layer: Layer) -> tuple[Layer, Ints]:
    layer = chunk.need(layer, 16, Anomaly.TRUNCATED_LINK)
    _cooked_source(chunk, layer, chunk.bytes.u16(layer.at + 4), 6)
    protocol = _cooked_protocol(chunk.bytes.u16(layer.at + 14), chunk.bytes.u16(layer.at + 2))
    return _tags(chunk, layer, protocol, 16)


def _sll2(chunk: Chunk, layer: Layer) -> tuple[Layer, Ints]:
    layer = chunk.need(layer, 20, Anomaly.TRUNCATED_LINK)
    _cooked_source(chunk, layer, chunk.bytes.u8(layer.at + 11), 12)
    chunk.put("vlan", layer.rows, TAG_UNKNOWN)
    protocol = _cooked_protocol(chunk.bytes.u16(layer.at), chunk.bytes.u16(layer.at + 8))
    return _tags(chunk, layer, protocol, 20)


def _cooked_protocol(protocol: Ints, hardware: Ints) -> Ints:
    """What follows a cooked header: an EtherType as a rule, but not for every kind of interface."""
    protocol = np.where(protocol == _COOKED_LLC, LLC, protocol)
    return np.where(np.isin(hardware, _NOT_BY_PROTOCOL), NOTHING, protocol)


def _cooked_source(chunk: Chunk, layer: Layer, length: Ints, where: int) -> None:
    mac = layer.pick(length == 6)
    chunk.put("eth_src", mac.rows, chunk.bytes.u48(mac.at + where))


def _tags(chunk: Chunk, layer: Layer, ethertype: Ints, header: int) -> tuple[Layer, Ints]:
    """Pass VLAN tags, of which the outer two have columns; libpcap puts a tag back in after a cooked header just as into an Ethernet one.

    A tag with VLAN id 0 has a priority alone (IEEE 802.1Q, "priority-tagged"): it puts the frame into no VLAN.
    """
    at = layer.at + header
    for column in ("vlan", "vlan_inner", *[""] * (_MOST_TAGS - 2)):
        tagged = np.flatnonzero(np.isin(ethertype, TPIDS))
        if not len(tagged):
            break
        short = tagged[at[tagged] + 4 > layer.cap[tagged]]
        chunk.mark(layer.rows[short], Anomaly.TRUNCATED_LINK)
        ethertype[short] = NOTHING
        tagged = tagged[ethertype[tagged] != NOTHING]
        if column:
            chunk.put(column, layer.rows[tagged], chunk.bytes.u16(at[tagged]) & 0x0FFF)
        ethertype[tagged] = chunk.bytes.u16(at[tagged] + 2)
        at[tagged] += 4
    chunk.mark(layer.rows[np.isin(ethertype, TPIDS)], Anomaly.TOO_MANY_TAGS)
    _without_priority_tags(chunk, layer.rows)
    known = np.flatnonzero(ethertype >= LEAST_ETHERTYPE)
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
    ethertype = np.where(family == _AF_INET, ETH_IPV4, np.where(np.isin(family, _AF_INET6), ETH_IPV6, NOTHING))
    return Layer(layer.rows, layer.at + 4, layer.cap, layer.wire), ethertype


def _raw(chunk: Chunk, layer: Layer) -> tuple[Layer, Ints]:
    layer = chunk.need(layer, 1, Anomaly.TRUNCATED_NET)
    version = chunk.bytes.u8(layer.at) >> 4
    ethertype = np.where(version == 4, ETH_IPV4, np.where(version == 6, ETH_IPV6, NOTHING))
    chunk.mark(layer.rows[ethertype == NOTHING], Anomaly.BAD_IP_VERSION)
    return layer, ethertype


def _at(ethertype: int, skip: int = 0) -> Callable[[Chunk, Layer], tuple[Layer, Ints]]:
    """Return a reader of what is always followed by the same."""

    def read(_: Chunk, layer: Layer) -> tuple[Layer, Ints]:
        layer = Layer(layer.rows, layer.at + skip, layer.cap, layer.wire)
        return layer, np.full(len(layer), ethertype, np.int64)

    return read


def _cisco_hdlc(chunk: Chunk, layer: Layer) -> tuple[Layer, Ints]:
    layer = chunk.need(layer, 4, Anomaly.TRUNCATED_LINK)
    return Layer(layer.rows, layer.at + 4, layer.cap, layer.wire), chunk.bytes.u16(layer.at + 2)


def _ppp_hdlc(chunk: Chunk, layer: Layer) -> tuple[Layer, Ints]:
    """PPP with address and control (or without: RFC 1661 section 6.6), or Cisco's framing by its own addresses."""
    layer = chunk.need(layer, 4, Anomaly.TRUNCATED_LINK)
    cisco = np.isin(chunk.bytes.u8(layer.at), _CISCO_ADDRESSES)
    ethertype = np.where(cisco, chunk.bytes.u16(layer.at + 2), PPP)
    return Layer(layer.rows, layer.at + np.where(cisco, 4, 0), layer.cap, layer.wire), ethertype


_LINKS: dict[int, Callable[[Chunk, Layer], tuple[Layer, Ints]]] = {
    0: _loopback,  # NULL
    ETHERNET_LINK: _ethernet,
    9: _ppp_hdlc,  # PPP, or what a Cisco serial line had in its place
    12: _raw,  # DLT_RAW as written on most systems
    14: _raw,  # DLT_RAW on OpenBSD
    50: _ppp_hdlc,  # PPP_HDLC
    51: _at(ETH_PPPOE),  # PPP_ETHER
    101: _raw,  # RAW
    104: _cisco_hdlc,  # C_HDLC
    108: _loopback,  # LOOP
    113: _sll,  # LINUX_SLL
    166: _at(PPP, 2),  # PPP_PPPD: direction and control
    204: _at(PPP, 1),  # PPP_WITH_DIR
    219: _at(ETH_MPLS[0]),  # MPLS
    228: _at(ETH_IPV4),  # IPV4
    229: _at(ETH_IPV6),  # IPV6
    239: nflog,  # NFLOG
    276: _sll2,  # LINUX_SLL2
}
