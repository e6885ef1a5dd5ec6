"""ICMP, ICMPv6 and neighbour discovery, a packet at a time: as :mod:`netprobe.decode.icmp` and :mod:`netprobe.decode.discovery`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.compiled import row as c
from netprobe.compiled.jit import compiled, inlined
from netprobe.compiled.net import extensions, last_destination
from netprobe.compiled.reads import u8, u16, u32, u48, u64
from netprobe.compiled.transport import TRUNCATED_TRANSPORT, payload
from netprobe.decode.discovery import ADVERTISEMENT, SOLICITATION
from netprobe.decode.icmp import ICMP, ICMPV6, SCTP, TCP, UDP
from netprobe.decode.table import Anomaly, Kind

if TYPE_CHECKING:
    from netprobe.compiled.reads import Buffer, Row

ICMP_KIND, ERROR_KIND = int(Kind.ICMP), int(Kind.ICMP_ERROR)
BAD_ND = int(Anomaly.BAD_ND)
MOST_OPTIONS = 8


@inlined
def _is_error(kind: int, version: int) -> bool:
    if version == 4:
        return kind in (3, 4, 5, 11, 12)
    return 1 <= kind <= 4


@inlined
def _is_echo(kind: int, version: int) -> bool:
    return kind in (0, 8) if version == 4 else kind in (128, 129)


@compiled
def icmp(b: Buffer, at: int, cap: int, wire: int, version: int, r: Row) -> None:
    """Fill the columns of ICMP of one IP version."""
    if at < cap:
        r[c.ICMP_TYPE] = u8(b, at)
    if at + 1 < cap:
        r[c.ICMP_CODE] = u8(b, at + 1)
    if at + 4 > cap:
        r[c.ANOMALY] |= TRUNCATED_TRANSPORT
        return
    kind = u8(b, at)
    r[c.KIND] = ERROR_KIND if _is_error(kind, version) else ICMP_KIND
    if at + 8 > cap:
        r[c.ANOMALY] |= TRUNCATED_TRANSPORT
        return
    payload(at + 8, cap, wire, r)
    if _is_echo(kind, version):
        r[c.SPORT] = r[c.DPORT] = u16(b, at + 4)
        r[c.SEQ] = u16(b, at + 6)
    elif _is_error(kind, version):
        _quoted(b, at + 8, cap, r)
    elif version == 6 and kind in (SOLICITATION, ADVERTISEMENT):
        _discovery(b, at, cap, wire, kind, r)


@compiled
def _quoted(b: Buffer, at: int, cap: int, r: Row) -> None:
    if at + 20 > cap:
        return
    version = u8(b, at) >> 4
    if version == 4:
        _quoted_ipv4(b, at, cap, r)
    elif version == 6 and at + 40 <= cap:
        _quoted_ipv6(b, at, cap, r)


@compiled
def _quoted_ipv4(b: Buffer, at: int, cap: int, r: Row) -> None:
    r[c.INNER_PROTO], r[c.INNER_SRC_LO] = u8(b, at + 9), u32(b, at + 12)
    header = (u8(b, at) & 0xF) * 4
    r[c.INNER_DST_LO] = last_destination(b, at, header if at + header <= cap else 20)
    if header >= 20 and u16(b, at + 6) & 0x1FFF == 0:
        _quoted_ports(b, at + header, cap, r[c.INNER_PROTO], r)


@compiled
def _quoted_ipv6(b: Buffer, at: int, cap: int, r: Row) -> None:
    r[c.INNER_SRC_HI], r[c.INNER_SRC_LO] = u64(b, at + 8), u64(b, at + 16)
    r[c.INNER_DST_HI], r[c.INNER_DST_LO] = u64(b, at + 24), u64(b, at + 32)
    proto, upper, offset, _, last, wrong = extensions(b, at + 40, cap, u8(b, at + 6))
    if last >= 0:
        r[c.INNER_DST_HI], r[c.INNER_DST_LO] = u64(b, last), u64(b, last + 8)
    if wrong != 0:
        return
    r[c.INNER_PROTO] = proto
    if offset == 0:
        _quoted_ports(b, upper, cap, proto, r)


@compiled
def _quoted_ports(b: Buffer, at: int, cap: int, proto: int, r: Row) -> None:
    if proto in (TCP, UDP, SCTP) and at + 4 <= cap:
        r[c.INNER_SPORT], r[c.INNER_DPORT] = u16(b, at), u16(b, at + 2)
    if at + 8 > cap:
        return
    if proto == TCP:
        r[c.INNER_SEQ] = u32(b, at + 4)
    kind = u8(b, at)
    if (proto == ICMP and _is_echo(kind, 4)) or (proto == ICMPV6 and _is_echo(kind, 6)):
        r[c.INNER_SPORT] = r[c.INNER_DPORT] = u16(b, at + 4)


@compiled
def _discovery(b: Buffer, at: int, cap: int, wire: int, kind: int, r: Row) -> None:
    if at + 24 > cap:
        r[c.ANOMALY] |= TRUNCATED_TRANSPORT
        return
    if u8(b, at + 1) != 0 or u8(b, at + 8) == 0xFF or r[c.TTL] != 255:
        r[c.ANOMALY] |= BAD_ND
        return
    r[c.ND_FLAGS] = (u8(b, at + 4) & 0xE0) if kind == ADVERTISEMENT else 0
    r[c.ND_TARGET_HI], r[c.ND_TARGET_LO] = u64(b, at + 8), u64(b, at + 16)
    payload(wire, cap, wire, r)
    pos = at + 24
    for _ in range(MOST_OPTIONS):
        if pos + 8 > cap:
            return
        size = u8(b, pos + 1) * 8
        if u8(b, pos) == kind - SOLICITATION + 1 and size == 8:
            r[c.ND_LLA] = u48(b, pos + 2)
        if size == 0:
            r[c.ANOMALY] |= BAD_ND
            return
        pos += size
