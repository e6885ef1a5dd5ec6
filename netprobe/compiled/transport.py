"""TCP, UDP and SCTP, a packet at a time: as :mod:`netprobe.decode.transport` and :mod:`netprobe.decode.dns_header`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.compiled import row as c
from netprobe.compiled.jit import compiled, inlined
from netprobe.compiled.reads import u8, u16, u32
from netprobe.decode.dns_header import EMBEDDED_SERVER, OPCODES, PORTS
from netprobe.decode.table import Anomaly, Kind

if TYPE_CHECKING:
    from netprobe.compiled.reads import Buffer, Row

TCP_KIND, UDP_KIND, SCTP_KIND = int(Kind.TCP), int(Kind.UDP), int(Kind.SCTP)
TRUNCATED_TRANSPORT = int(Anomaly.TRUNCATED_TRANSPORT)
BAD_TCP_OFFSET = int(Anomaly.BAD_TCP_OFFSET)
BAD_TCP_OPTION = int(Anomaly.BAD_TCP_OPTION)
BAD_UDP_LENGTH = int(Anomaly.BAD_UDP_LENGTH)
BAD_DNS = int(Anomaly.BAD_DNS)
TIMESTAMPS = 0x0101080A  # two NOPs and the option: what nearly every segment carries


@compiled
def tcp(b: Buffer, at: int, cap: int, wire: int, r: Row) -> None:
    """Fill the TCP columns."""
    if at + 20 > cap:
        r[c.ANOMALY] |= TRUNCATED_TRANSPORT
        return
    r[c.KIND] = TCP_KIND
    r[c.SPORT], r[c.DPORT] = u16(b, at), u16(b, at + 2)
    r[c.SEQ], r[c.ACK] = u32(b, at + 4), u32(b, at + 8)
    r[c.TCP_FLAGS], r[c.WINDOW] = u8(b, at + 13), u16(b, at + 14)
    header = (u8(b, at + 12) >> 4) * 4
    if header < 20 or at + header > wire:
        r[c.ANOMALY] |= BAD_TCP_OFFSET
        return
    payload(at + header, cap, wire, r)
    if at + header > cap:
        r[c.ANOMALY] |= TRUNCATED_TRANSPORT
    elif header == 32 and u32(b, at + 20) == TIMESTAMPS:
        r[c.TSVAL], r[c.TSECR] = u32(b, at + 24), u32(b, at + 28)
    elif header > 20:
        _options(b, at + 20, at + header, r)


@compiled
def _options(b: Buffer, pos: int, end: int, r: Row) -> None:
    while pos < end:
        kind = u8(b, pos)
        if kind == 0:
            return
        if kind == 1:
            pos += 1
            continue
        size = u8(b, pos + 1) if pos + 1 < end else 0
        if size < 2 or pos + size > end:
            r[c.ANOMALY] |= BAD_TCP_OPTION
            return
        if kind == 2 and size == 4:
            r[c.MSS] = u16(b, pos + 2)
        elif kind == 8 and size == 10:
            r[c.TSVAL], r[c.TSECR] = u32(b, pos + 2), u32(b, pos + 6)
        pos += size


@inlined
def payload(start: int, cap: int, end: int, r: Row) -> None:
    """Fill the payload columns: from ``start`` to ``end``."""
    length = max(end - start, 0)
    start = min(start, cap)
    r[c.PAYLOAD_OFF], r[c.PAYLOAD_LEN] = start, length
    r[c.PAYLOAD_CAP] = min(cap - start, length)


@compiled
def sctp(b: Buffer, at: int, cap: int, wire: int, r: Row) -> None:
    """Fill the ports of SCTP."""
    if at + 12 > cap:
        r[c.ANOMALY] |= TRUNCATED_TRANSPORT
        return
    r[c.KIND] = SCTP_KIND
    r[c.SPORT], r[c.DPORT] = u16(b, at), u16(b, at + 2)
    payload(at + 12, cap, wire, r)


@compiled
def udp(b: Buffer, at: int, cap: int, wire: int, r: Row) -> None:
    """Fill the UDP columns, and DNS' where it is that."""
    if at + 8 > cap:
        r[c.ANOMALY] |= TRUNCATED_TRANSPORT
        return
    r[c.KIND] = UDP_KIND
    r[c.SPORT], r[c.DPORT] = u16(b, at), u16(b, at + 2)
    length, rest = u16(b, at + 4), wire - at
    if 0 < length < 8:
        r[c.ANOMALY] |= BAD_UDP_LENGTH
    payload(at + 8, cap, at + (rest if length == 0 else min(max(length, 8), rest)), r)
    _dns(b, at + 8, r)


@inlined
def _is_dns_port(port: int) -> bool:
    return port in PORTS


@compiled
def _dns(b: Buffer, at: int, r: Row) -> None:
    four = r[c.IP_VERSION] == 4
    ours = _is_dns_port(r[c.SPORT]) or (four and r[c.SRC_LO] == EMBEDDED_SERVER)
    theirs = _is_dns_port(r[c.DPORT]) or (four and r[c.DST_LO] == EMBEDDED_SERVER)
    if not (ours or theirs):
        return
    kept = r[c.PAYLOAD_CAP]
    if r[c.PAYLOAD_LEN] < 12:
        r[c.ANOMALY] |= BAD_DNS
    if kept < 12:
        if r[c.PAYLOAD_LEN] >= 12 and ours != theirs:
            r[c.DNS_QR] = 1 if ours else 0
        return
    flags, asked = u16(b, at + 2), u16(b, at + 4)
    code = flags >> 11 & 0xF
    good = code in OPCODES
    if asked > 64 or (asked > 0 and kept > 12 and u8(b, at + 12) > 63):
        good = False
    if not good:
        r[c.ANOMALY] |= BAD_DNS
    r[c.DNS_ID], r[c.DNS_QR], r[c.DNS_RCODE] = u16(b, at), flags >> 15, flags & 0xF
    r[c.DNS_ANSWERS] = u16(b, at + 6)
