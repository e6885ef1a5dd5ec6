"""Link layers, a packet at a time: as :mod:`netprobe.decode.link` and :mod:`netprobe.decode.nflog`, which say where each fact is from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.compiled import row as c
from netprobe.compiled.jit import compiled, inlined
from netprobe.compiled.reads import u8, u16, u32, u48
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
from netprobe.decode.table import ABSENT, TAG_UNKNOWN, Anomaly

if TYPE_CHECKING:
    from netprobe.compiled.reads import Buffer, Row

    Place = tuple[int, int, int, int]  # EtherType, where it begins, where the kept bytes end, where it ends on the wire

TRUNCATED_LINK = int(Anomaly.TRUNCATED_LINK)
TRUNCATED_NET = int(Anomaly.TRUNCATED_NET)
BAD_IP_VERSION = int(Anomaly.BAD_IP_VERSION)
TOO_MANY_TAGS = int(Anomaly.TOO_MANY_TAGS)
UNKNOWN_LINKTYPE = int(Anomaly.UNKNOWN_LINKTYPE)
MPLS = ETH_MPLS[0]
MOST_TAGS = 8
MOST_ATTRIBUTES = 32


@compiled
def link(b: Buffer, at: int, cap: int, wire: int, linktype: int, r: Row) -> Place:
    """Pass the link header. The EtherType is NOTHING where no network layer follows."""
    if linktype == 1:
        return _ethernet(b, at, cap, wire, r)
    if linktype == 113:
        return _sll(b, at, cap, wire, r)
    if linktype == 276:
        return _sll2(b, at, cap, wire, r)
    if linktype in (12, 14, 101):
        return _raw(b, at, cap, wire, r)
    if linktype in (0, 108):
        return _loopback(b, at, cap, wire, r)
    if linktype in (9, 50):
        return _ppp_hdlc(b, at, cap, wire, r)
    return _rare_link(b, at, cap, wire, linktype, r)


@compiled
def _rare_link(b: Buffer, at: int, cap: int, wire: int, linktype: int, r: Row) -> Place:
    if linktype == 239:
        return _nflog(b, at, cap, wire, r)
    if linktype == 104:
        return _cisco_hdlc(b, at, cap, wire, r)
    if linktype == 166:
        return PPP, at + 2, cap, wire
    if linktype == 204:
        return PPP, at + 1, cap, wire
    ethertype = NOTHING
    if linktype == 51:
        ethertype = ETH_PPPOE
    elif linktype == 219:
        ethertype = MPLS
    elif linktype == 228:
        ethertype = ETH_IPV4
    elif linktype == 229:
        ethertype = ETH_IPV6
    else:
        r[c.ANOMALY] |= UNKNOWN_LINKTYPE
    return ethertype, at, cap, wire


@inlined
def _cut(at: int, cap: int, wire: int, r: Row) -> Place:
    r[c.ANOMALY] |= TRUNCATED_LINK
    return NOTHING, at, cap, wire


@compiled
def _ethernet(b: Buffer, at: int, cap: int, wire: int, r: Row) -> Place:
    if at + 14 > cap:
        return _cut(at, cap, wire, r)
    r[c.ETH_DST], r[c.ETH_SRC] = u48(b, at), u48(b, at + 6)
    ethertype, at = _tags(b, u16(b, at + 12), at + 14, cap, r)
    if 0 <= ethertype <= MOST_LENGTH:
        wire = min(wire, at + ethertype)
        return LLC, at, min(cap, wire), wire
    return ethertype, at, cap, wire


@compiled
def _tags(b: Buffer, ethertype: int, at: int, cap: int, r: Row) -> tuple[int, int]:
    tags = 0
    while tags < MOST_TAGS and ethertype in TPIDS:
        if at + 4 > cap:
            r[c.ANOMALY] |= TRUNCATED_LINK
            ethertype = NOTHING
            break
        if tags < 2:
            r[c.VLAN if tags == 0 else c.VLAN_INNER] = u16(b, at) & 0x0FFF
        ethertype = u16(b, at + 2)
        at += 4
        tags += 1
    if ethertype in TPIDS:
        r[c.ANOMALY] |= TOO_MANY_TAGS
    if r[c.VLAN_INNER] == 0:
        r[c.VLAN_INNER] = ABSENT
    if r[c.VLAN] == 0:
        r[c.VLAN], r[c.VLAN_INNER] = r[c.VLAN_INNER], ABSENT
    if ethertype >= LEAST_ETHERTYPE:
        r[c.ETHERTYPE] = ethertype
    return ethertype, at


@inlined
def _cooked(protocol: int, hardware: int) -> int:
    if hardware in (770, 803, 824):
        return NOTHING
    return LLC if protocol == 4 else protocol


@compiled
def _sll(b: Buffer, at: int, cap: int, wire: int, r: Row) -> Place:
    if at + 16 > cap:
        return _cut(at, cap, wire, r)
    if u16(b, at + 4) == 6:
        r[c.ETH_SRC] = u48(b, at + 6)
    ethertype, at = _tags(b, _cooked(u16(b, at + 14), u16(b, at + 2)), at + 16, cap, r)
    return ethertype, at, cap, wire


@compiled
def _sll2(b: Buffer, at: int, cap: int, wire: int, r: Row) -> Place:
    if at + 20 > cap:
        return _cut(at, cap, wire, r)
    if u8(b, at + 11) == 6:
        r[c.ETH_SRC] = u48(b, at + 12)
    r[c.VLAN] = TAG_UNKNOWN
    ethertype, at = _tags(b, _cooked(u16(b, at), u16(b, at + 8)), at + 20, cap, r)
    return ethertype, at, cap, wire


@compiled
def _loopback(b: Buffer, at: int, cap: int, wire: int, r: Row) -> Place:
    if at + 4 > cap:
        return _cut(at, cap, wire, r)
    family = u32(b, at)
    if family > 0xFFFF:
        family >>= 24
    ethertype = NOTHING
    if family == 2:
        ethertype = ETH_IPV4
    elif family in (10, 24, 28, 30):
        ethertype = ETH_IPV6
    return ethertype, at + 4, cap, wire


@compiled
def _raw(b: Buffer, at: int, cap: int, wire: int, r: Row) -> Place:
    if at + 1 > cap:
        r[c.ANOMALY] |= TRUNCATED_NET
        return NOTHING, at, cap, wire
    version = u8(b, at) >> 4
    if version == 4:
        return ETH_IPV4, at, cap, wire
    if version == 6:
        return ETH_IPV6, at, cap, wire
    r[c.ANOMALY] |= BAD_IP_VERSION
    return NOTHING, at, cap, wire


@compiled
def _cisco_hdlc(b: Buffer, at: int, cap: int, wire: int, r: Row) -> Place:
    if at + 4 > cap:
        return _cut(at, cap, wire, r)
    return u16(b, at + 2), at + 4, cap, wire


@compiled
def _ppp_hdlc(b: Buffer, at: int, cap: int, wire: int, r: Row) -> Place:
    if at + 4 > cap:
        return _cut(at, cap, wire, r)
    if u8(b, at) == 0x0F or u8(b, at) == 0x8F:
        return u16(b, at + 2), at + 4, cap, wire
    return PPP, at, cap, wire


@compiled
def _nflog(b: Buffer, at: int, cap: int, wire: int, r: Row) -> Place:
    if at + 4 > cap:
        return _cut(at, cap, wire, r)
    family, pos, protocol = u8(b, at), at + 4, NOTHING
    for _ in range(MOST_ATTRIBUTES):
        if pos + 4 > cap:
            break
        size, kind = u16(b, pos), u16(b, pos + 2)
        if kind > 0xFF:
            size, kind = ((size & 0xFF) << 8) | (size >> 8), ((kind & 0xFF) << 8) | (kind >> 8)
        if kind == 1 and size >= 8 and pos + 6 <= cap:
            protocol = u16(b, pos + 4)
        if size < 4:
            break
        if kind == 9:
            end = min(pos + size, wire)
            ethertype = ETH_IPV4 if family == 2 else ETH_IPV6 if family == 10 else protocol
            return ethertype, pos + 4, min(cap, end), end
        pos += (size + 3) & ~3
    return _cut(at, cap, wire, r)
