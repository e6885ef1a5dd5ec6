"""LLC, PPPoE, PPP and MPLS, a packet at a time: as :mod:`netprobe.decode.carried`, which says where each fact is from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.compiled import row as c
from netprobe.compiled.jit import compiled, inlined
from netprobe.compiled.link import MPLS, TRUNCATED_LINK
from netprobe.compiled.reads import u8, u16, u32
from netprobe.decode.carried import MOST_LABELS, OAM_ALERT
from netprobe.decode.ethertypes import ETH_IPV4, ETH_IPV6, ETH_PPPOE, LLC, NOTHING, PPP

if TYPE_CHECKING:
    from netprobe.compiled.link import Place
    from netprobe.compiled.reads import Buffer, Row


@compiled
def carried(b: Buffer, ethertype: int, at: int, cap: int, wire: int, r: Row) -> Place:
    """Pass what carries a network layer inside of something else."""
    if ethertype == LLC:
        ethertype, at = _llc(b, at, cap, wire, r)
    if ethertype == ETH_PPPOE:
        ethertype, at, cap, wire = _pppoe(b, at, cap, wire, r)
    if ethertype == PPP:
        ethertype, at = _ppp(b, at, cap, wire, r)
    if ethertype == MPLS or ethertype == MPLS + 1:
        ethertype, at = _mpls(b, at, cap, wire, r)
    return ethertype, at, cap, wire


@inlined
def _whole(at: int, count: int, cap: int, wire: int, r: Row) -> bool:
    kept = at + count <= cap
    if not kept and at + count <= wire:
        r[c.ANOMALY] |= TRUNCATED_LINK
    return kept


@compiled
def _llc(b: Buffer, at: int, cap: int, wire: int, r: Row) -> tuple[int, int]:
    if not _whole(at, 4, cap, wire, r):
        return NOTHING, at
    head = u32(b, at) >> 8
    if head == 0x060603:
        return ETH_IPV4, at + 3
    if head != 0xAAAA03 or not _whole(at, 8, cap, wire, r):
        return NOTHING, at
    oui = u32(b, at + 2) & 0xFFFFFF
    if oui in (0, 0xF8):
        return u16(b, at + 6), at + 8
    return NOTHING, at


@compiled
def _pppoe(b: Buffer, at: int, cap: int, wire: int, r: Row) -> Place:
    if not _whole(at, 6, cap, wire, r) or u16(b, at) != 0x1100:
        return NOTHING, at, cap, wire
    wire = min(wire, at + 6 + u16(b, at + 4))
    return PPP, at + 6, min(cap, wire), wire


@compiled
def _ppp(b: Buffer, at: int, cap: int, wire: int, r: Row) -> tuple[int, int]:
    if not _whole(at, 2, cap, wire, r):
        return NOTHING, at
    if u16(b, at) == 0xFF03:
        at += 2
        if not _whole(at, 2, cap, wire, r):
            return NOTHING, at
    number = u16(b, at)
    if (number >> 8) & 1:
        number >>= 8
        at += 1
    else:
        at += 2
    if number == 0x0021:
        return ETH_IPV4, at
    if number == 0x0057:
        return ETH_IPV6, at
    if number in (0x0281, 0x0283):
        return MPLS, at
    return NOTHING, at


@compiled
def _mpls(b: Buffer, at: int, cap: int, wire: int, r: Row) -> tuple[int, int]:
    for _ in range(MOST_LABELS):
        if not _whole(at, 4, cap, wire, r):
            return NOTHING, at
        label = u32(b, at)
        at += 4
        if label & 0x100 != 0:
            if label >> 12 == OAM_ALERT or not _whole(at, 1, cap, wire, r):
                return NOTHING, at
            first = u8(b, at)
            if first >> 4 == 4 and first & 0xF >= 5:
                return ETH_IPV4, at
            return (ETH_IPV6 if first >> 4 == 6 else NOTHING), at
    return NOTHING, at
