"""ARP, IPv4 and IPv6, a packet at a time: as :mod:`netprobe.decode.net`, which says where each fact is from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.compiled import row as c
from netprobe.compiled.jit import compiled, inlined
from netprobe.compiled.reads import u8, u16, u32, u48, u64
from netprobe.decode.net import AUTHENTICATION, EXTENSIONS, FRAGMENT, HOP_BY_HOP, MAX_EXTENSIONS, ROUTING
from netprobe.decode.table import Anomaly, Kind

if TYPE_CHECKING:
    from netprobe.compiled.reads import Buffer, Row

    Upper = tuple[
        int, int, int, int
    ]  # protocol, or NONE; where its header begins, kept bytes end, the packet ends on the wire

NONE = -1
ARP_KIND, IP_OTHER = int(Kind.ARP), int(Kind.IP_OTHER)
TRUNCATED_NET = int(Anomaly.TRUNCATED_NET)
BAD_IP_VERSION = int(Anomaly.BAD_IP_VERSION)
BAD_IP_HEADER_LEN = int(Anomaly.BAD_IP_HEADER_LEN)
TOO_MANY_EXT_HEADERS = int(Anomaly.TOO_MANY_EXT_HEADERS)
BAD_ARP = int(Anomaly.BAD_ARP)


@compiled
def arp(b: Buffer, at: int, cap: int, r: Row) -> None:
    """Fill the columns of ARP."""
    if at + 8 > cap:
        r[c.ANOMALY] |= TRUNCATED_NET
        return
    hardware = u16(b, at)
    if u16(b, at + 2) != 0x0800 or u16(b, at + 4) != 0x0604 or hardware not in (1, 6):
        r[c.ANOMALY] |= BAD_ARP
        return
    r[c.ARP_OP] = u16(b, at + 6)
    if at + 28 > cap:
        r[c.ANOMALY] |= TRUNCATED_NET
        return
    r[c.KIND], r[c.IP_VERSION] = ARP_KIND, 4
    r[c.ARP_SHA], r[c.SRC_LO] = u48(b, at + 8), u32(b, at + 14)
    r[c.ARP_THA], r[c.DST_LO] = u48(b, at + 18), u32(b, at + 24)


@compiled
def ipv4(b: Buffer, at: int, cap: int, wire: int, r: Row) -> Upper:
    """Fill the IPv4 columns."""
    if at + 20 > cap:
        r[c.ANOMALY] |= TRUNCATED_NET
        return NONE, at, cap, wire
    first = u8(b, at)
    if first >> 4 != 4:
        r[c.ANOMALY] |= BAD_IP_VERSION
        return NONE, at, cap, wire
    header, total = (first & 0xF) * 4, u16(b, at + 2)
    if header < 20 or (total != 0 and total < header):
        r[c.ANOMALY] |= BAD_IP_HEADER_LEN
        return NONE, at, cap, wire
    whole = at + header <= cap
    if not whole:
        r[c.ANOMALY] |= TRUNCATED_NET
    if total == 0:
        total = max(wire - at, header)
    fragment = u16(b, at + 6)
    r[c.KIND], r[c.IP_VERSION] = IP_OTHER, 4
    r[c.SRC_LO] = u32(b, at + 12)
    r[c.DST_LO] = last_destination(b, at, header if whole else 20)
    r[c.IP_PROTO], r[c.TTL] = u8(b, at + 9), u8(b, at + 8)
    r[c.IP_ID], r[c.IP_LEN] = u16(b, at + 4), total
    r[c.FRAG_OFF] = (fragment & 0x1FFF) * 8
    r[c.MORE_FRAG] = (fragment >> 13) & 1
    r[c.DONT_FRAG] = (fragment >> 14) & 1
    proto = u8(b, at + 9) if whole and fragment & 0x1FFF == 0 else NONE
    return proto, at + header, min(cap, at + total), at + total


@compiled
def last_destination(b: Buffer, at: int, header: int) -> int:
    """Whom an IPv4 packet is for, the last address of a source route that is under way."""
    found = u32(b, at + 16)
    pos, end = at + 20, at + header
    while pos + 1 < end:
        kind, size = u8(b, pos), u8(b, pos + 1)
        if kind == 1:
            pos += 1
            continue
        if kind == 0 or size == 0:
            break
        if kind in (131, 137) and size >= 7 and pos + size <= end:
            if u8(b, pos + 2) <= size:
                found = u32(b, pos + size - 4)
            break
        pos += size
    return found


@compiled
def ipv6(b: Buffer, at: int, cap: int, wire: int, r: Row) -> Upper:
    """Fill the IPv6 columns."""
    if at + 40 > cap:
        r[c.ANOMALY] |= TRUNCATED_NET
        return NONE, at, cap, wire
    if u8(b, at) >> 4 != 6:
        r[c.ANOMALY] |= BAD_IP_VERSION
        return NONE, at, cap, wire
    length, follows, on_wire = u16(b, at + 4), u8(b, at + 6), wire - at
    total = length + 40
    if length == 0 and (follows == HOP_BY_HOP or on_wire > 40 + 0xFFFF):
        total = max(on_wire, 40)
    r[c.KIND], r[c.IP_VERSION] = IP_OTHER, 6
    r[c.SRC_HI], r[c.SRC_LO] = u64(b, at + 8), u64(b, at + 16)
    r[c.DST_HI], r[c.DST_LO] = u64(b, at + 24), u64(b, at + 32)
    r[c.TTL], r[c.IP_LEN] = u8(b, at + 7), total
    cap, wire = min(cap, at + total), at + total
    proto, upper, offset, more, last, wrong = extensions(b, at + 40, cap, follows)
    if last >= 0:
        r[c.DST_HI], r[c.DST_LO] = u64(b, last), u64(b, last + 8)
    r[c.FRAG_OFF], r[c.MORE_FRAG] = offset, more
    if wrong != 0:
        r[c.ANOMALY] |= wrong
        return NONE, upper, cap, wire
    r[c.IP_PROTO] = proto
    return (proto if offset == 0 else NONE), upper, cap, wire


@inlined
def _is_extension(proto: int) -> bool:
    return proto in EXTENSIONS


@compiled
def extensions(b: Buffer, at: int, cap: int, proto: int) -> tuple[int, int, int, int, int, int]:
    """Walk the extension headers of IPv6.

    Returns:
        The protocol that follows and where it begins; the fragment's offset, and whether more follow; where the last address of a route under
        way is (-1: nowhere); an anomaly, 0 for none.
    """
    offset, more, last = 0, 0, -1
    for _ in range(MAX_EXTENSIONS):
        if not _is_extension(proto) or offset != 0:
            return proto, at, offset, more, last, 0
        if at + 8 > cap:
            return proto, at, offset, more, last, TRUNCATED_NET
        size, kind = u8(b, at + 1), proto
        if kind == FRAGMENT:
            word = u16(b, at + 2)
            offset, more = word & 0xFFF8, word & 1
        elif kind == ROUTING:
            last = _last_of_route(b, at, cap)
        proto = u8(b, at)
        at += 8 if kind == FRAGMENT else (size + 2) * 4 if kind == AUTHENTICATION else (size + 1) * 8
    wrong = TOO_MANY_EXT_HEADERS if _is_extension(proto) and offset == 0 else 0
    return proto, at, offset, more, last, wrong


@inlined
def _last_of_route(b: Buffer, at: int, cap: int) -> int:
    units, kind = u8(b, at + 1), u8(b, at + 2)
    where = at + 8 if kind == 4 else at + 8 * units - 8
    good = kind in (0, 2, 4) and u8(b, at + 3) > 0 and units >= 2 and where + 16 <= cap
    return where if good else -1
