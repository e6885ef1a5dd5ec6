"""Packets inside of packets, one at a time: as :mod:`netprobe.decode.tunnels`, which says where each fact is from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.compiled import row as c
from netprobe.compiled.jit import compiled, inlined
from netprobe.compiled.reads import u8, u16, u32
from netprobe.decode.ethertypes import ETH_BRIDGED, ETH_IPV4, ETH_IPV6, ETHERNET, NOTHING
from netprobe.decode.table import Kind
from netprobe.decode.tunnels import (
    CARRIED,
    CHECKSUM,
    GENEVE_PORT,
    GRE,
    KEY,
    KIND_BIT,
    NETWORK,
    ODD,
    SEQUENCE,
    VXLAN_PORT,
    TunnelKind,
)

if TYPE_CHECKING:
    from netprobe.compiled.reads import Buffer, Row

    Carried = tuple[
        int, int, int, int, int
    ]  # EtherType or ETHERNET or NOTHING; where it begins, kept bytes end, it ends; its tunnel's number

UDP_KIND, IP_OTHER = int(Kind.UDP), int(Kind.IP_OTHER)
VXLAN_NUMBER, GENEVE_NUMBER = int(TunnelKind.VXLAN) << KIND_BIT, int(TunnelKind.GENEVE) << KIND_BIT
GRE_NUMBER, IP_NUMBER = int(TunnelKind.GRE) << KIND_BIT, int(TunnelKind.IP) << KIND_BIT


@compiled
def found(b: Buffer, r: Row) -> Carried:
    """Find the packet inside of a decoded one."""
    if r[c.KIND] == UDP_KIND and r[c.PAYLOAD_CAP] >= 8:
        at = r[c.PAYLOAD_OFF]
        if r[c.DPORT] == VXLAN_PORT:
            return _vxlan(b, at, at + r[c.PAYLOAD_CAP], at + r[c.PAYLOAD_LEN])
        if r[c.DPORT] == GENEVE_PORT:
            return _geneve(b, at, at + r[c.PAYLOAD_CAP], at + r[c.PAYLOAD_LEN])
    if r[c.KIND] == IP_OTHER and r[c.UPPER_AT] >= 0:
        at, cap, wire = r[c.UPPER_AT], r[c.UPPER_CAP], r[c.UPPER_WIRE]
        if r[c.IP_PROTO] == 4:
            return ETH_IPV4, at, cap, wire, IP_NUMBER
        if r[c.IP_PROTO] == 41:
            return ETH_IPV6, at, cap, wire, IP_NUMBER
        if r[c.IP_PROTO] == GRE:
            return _gre(b, at, cap, wire)
    return NOTHING, 0, 0, 0, 0


@inlined
def _by_type(ethertype: int) -> int:
    if ethertype == ETH_BRIDGED:
        return ETHERNET
    return ethertype if ethertype in CARRIED else NOTHING


@compiled
def _vxlan(b: Buffer, at: int, cap: int, wire: int) -> Carried:
    ethertype = ETHERNET if u8(b, at) & 0x08 != 0 else NOTHING
    return ethertype, at + 8, cap, wire, VXLAN_NUMBER | u32(b, at + 4) >> 8


@compiled
def _geneve(b: Buffer, at: int, cap: int, wire: int) -> Carried:
    first = u8(b, at)
    ethertype = _by_type(u16(b, at + 2)) if first >> 6 == 0 else NOTHING
    return ethertype, at + 8 + (first & 0x3F) * 4, cap, wire, GENEVE_NUMBER | u32(b, at + 4) >> 8


@compiled
def _gre(b: Buffer, at: int, cap: int, wire: int) -> Carried:
    if at + 4 > cap:
        return NOTHING, at, cap, wire, 0
    flags = u16(b, at)
    size = 8 if flags & CHECKSUM else 4
    network = 0
    if flags & KEY:
        if at + size + 4 <= cap:
            network = u32(b, at + size) & NETWORK
        size += 4
    if flags & SEQUENCE:
        size += 4
    ethertype = _by_type(u16(b, at + 2)) if flags & ODD == 0 else NOTHING
    return ethertype, at + size, cap, wire, GRE_NUMBER | network
