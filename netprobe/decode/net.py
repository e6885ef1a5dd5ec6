"""Network layers: ARP (RFC 826), IPv4 (RFC 791), IPv6 and its extension headers (RFC 8200)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.chunk import Layer
from netprobe.decode.table import Anomaly, Kind
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.decode.chunk import Bytes, Chunk, Ints, Mask

HOP_BY_HOP = 0
ROUTING = 43
FRAGMENT = 44
AUTHENTICATION = 51
EXTENSIONS = (HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, 60, 135, 139, 140)
"""IPv6 extension headers with a length of their own (RFC 7045 §4); the encrypted one (50) ends what can be read."""

MAX_EXTENSIONS = 256  # more than a frame of 1500 bytes has room for

_MAC_HARDWARE = (1, 6)  # Ethernet, IEEE 802 (IANA, ARP parameters)

_SOURCE_ROUTES = (131, 137)  # loose, strict
_NO_OPERATION = 1
_MOST_OPTIONS = 40


def arp(chunk: Chunk, layer: Layer) -> None:
    """Fill the columns of ARP for IPv4 over MAC addresses; other hardware (ATM's is another format, RFC 2225) and protocols are BAD_ARP."""
    layer = chunk.need(layer, 8, Anomaly.TRUNCATED_NET)
    data = chunk.bytes
    ordinary = (data.u16(layer.at + 2) == 0x0800) & (data.u16(layer.at + 4) == 0x0604)  # lengths 6 and 4
    ordinary &= np.isin(data.u16(layer.at), _MAC_HARDWARE)
    layer = chunk.keep(layer, ordinary, Anomaly.BAD_ARP)
    chunk.put("arp_op", layer.rows, data.u16(layer.at + 6))
    layer = chunk.need(layer, 28, Anomaly.TRUNCATED_NET)
    rows, at = layer.rows, layer.at
    chunk.put("kind", rows, Kind.ARP)
    chunk.put("ip_version", rows, 4)
    chunk.put("arp_sha", rows, data.u48(at + 8))
    chunk.put("arp_tha", rows, data.u48(at + 18))
    chunk.put("src_lo", rows, data.u32(at + 14))
    chunk.put("dst_lo", rows, data.u32(at + 24))


def ipv4(chunk: Chunk, layer: Layer) -> tuple[Layer, Ints]:
    """Fill the IPv4 columns. Returns the rows that carry the beginning of an upper layer, at it, and its protocol."""
    layer = _ipv4_valid(chunk, layer)
    data, rows, at = chunk.bytes, layer.rows, layer.at
    header, total = _ipv4_header(data, layer)
    whole = at + header <= layer.cap
    chunk.mark(rows[~whole], Anomaly.TRUNCATED_NET)
    # the kernel leaves 0 in packets too long for the field (TSO; RFC 791 has no such value)
    total = np.where(total == 0, np.maximum(layer.wire - at, header), total)
    proto, fragment = data.u8(at + 9), data.u16(at + 6)
    offset = (fragment & 0x1FFF) * 8
    chunk.put("kind", rows, Kind.IP_OTHER)
    chunk.put("ip_version", rows, 4)
    chunk.put("src_lo", rows, data.u32(at + 12))
    chunk.put("dst_lo", rows, last_destination(data, layer, np.where(whole, header, 20)))
    chunk.put("ip_proto", rows, proto)
    chunk.put("ttl", rows, data.u8(at + 8))
    chunk.put("ip_id", rows, data.u16(at + 4))
    chunk.put("frag_off", rows, offset)
    chunk.put("more_frag", rows, fragment & 0x2000 != 0)
    chunk.put("dont_frag", rows, fragment & 0x4000 != 0)
    chunk.put("ip_len", rows, total)
    upper = Layer(rows, at + header, np.minimum(layer.cap, at + total), at + total)
    return _if_any(upper, proto, whole & (offset == 0))


def last_destination(data: Bytes, layer: Layer, header: Ints) -> Ints:
    """Whom IPv4 packets are for: the header's destination, or while a source route is under way the last address of that.

    On its way the header's is the next router's, another one on each link (RFC 791 section 3.1, loose and strict source routing): ends, checksum
    and socket know the last one alone, and so does Wireshark's ip.dst. Whole headers only, ``header`` bytes long.
    """
    found = data.u32(layer.at + 16)
    live = np.flatnonzero(header > 20)
    pos, end = layer.at[live] + 20, (layer.at + header)[live]
    for _ in range(_MOST_OPTIONS):
        on = pos + 1 < end
        live, pos, end = live[on], pos[on], end[on]
        if not len(live):
            break
        kind, size = data.u8(pos), data.u8(pos + 1)
        size = np.where(kind == _NO_OPERATION, 1, size)
        route = np.isin(kind, _SOURCE_ROUTES) & (size >= 7) & (pos + size <= end)
        under_way = np.flatnonzero(route)
        under_way = under_way[data.u8(pos[under_way] + 2) <= size[under_way]]
        found[live[under_way]] = data.u32((pos + size)[under_way] - 4)
        on = (kind != 0) & (size > 0) & ~route
        live, pos, end = live[on], (pos + size)[on], end[on]
    return found


def _ipv4_valid(chunk: Chunk, layer: Layer) -> Layer:
    layer = chunk.need(layer, 20, Anomaly.TRUNCATED_NET)
    layer = chunk.keep(layer, chunk.bytes.u8(layer.at) >> 4 == 4, Anomaly.BAD_IP_VERSION)
    header, total = _ipv4_header(chunk.bytes, layer)
    return chunk.keep(layer, (header >= 20) & ((total == 0) | (total >= header)), Anomaly.BAD_IP_HEADER_LEN)


def _ipv4_header(data: Bytes, layer: Layer) -> tuple[Ints, Ints]:
    """Header length and total length, as the header says."""
    return (data.u8(layer.at) & 0xF) * 4, data.u16(layer.at + 2)


def ipv6(chunk: Chunk, layer: Layer) -> tuple[Layer, Ints]:
    """Fill the IPv6 columns. Returns the rows that carry the beginning of an upper layer, at it, and its protocol."""
    layer = chunk.need(layer, 40, Anomaly.TRUNCATED_NET)
    layer = chunk.keep(layer, chunk.bytes.u8(layer.at) >> 4 == 6, Anomaly.BAD_IP_VERSION)
    data, rows, at = chunk.bytes, layer.rows, layer.at
    follows = data.u8(at + 6)
    total = _ipv6_length(data.u16(at + 4), follows, layer)
    chunk.put("kind", rows, Kind.IP_OTHER)
    chunk.put("ip_version", rows, 6)
    chunk.put("src_hi", rows, data.u64(at + 8))
    chunk.put("src_lo", rows, data.u64(at + 16))
    chunk.put("dst_hi", rows, data.u64(at + 24))
    chunk.put("dst_lo", rows, data.u64(at + 32))
    chunk.put("ttl", rows, data.u8(at + 7))
    chunk.put("ip_len", rows, total)
    body = Layer(rows, at + 40, np.minimum(layer.cap, at + total), at + total)
    walk = walk_extensions(data, body, follows)
    chunk.mark(rows[walk.truncated], Anomaly.TRUNCATED_NET)
    chunk.mark(rows[walk.too_many], Anomaly.TOO_MANY_EXT_HEADERS)
    good = ~(walk.truncated | walk.too_many)
    routed = np.flatnonzero(walk.last >= 0)
    chunk.put("dst_hi", rows[routed], data.u64(walk.last[routed]))
    chunk.put("dst_lo", rows[routed], data.u64(walk.last[routed] + 8))
    chunk.put("ip_proto", rows[good], walk.proto[good])
    chunk.put("frag_off", rows, walk.frag_off)
    chunk.put("more_frag", rows, walk.more_frag)
    return _if_any(Layer(rows, walk.at, body.cap, body.wire), walk.proto, good & (walk.frag_off == 0))


def _ipv6_length(payload: Ints, follows: Ints, layer: Layer) -> Ints:
    """The packet's length; 0 in the header means more than fits there (jumbograms, RFC 2675; the kernel's BIG TCP)."""
    wire = layer.wire - layer.at
    jumbo = (payload == 0) & ((follows == HOP_BY_HOP) | (wire > 40 + 0xFFFF))
    return np.where(jumbo, np.maximum(wire, 40), payload + 40)


@dataclass(frozen=True, slots=True)
class Extensions:
    """Where the walk over IPv6 extension headers ended, one value a row; ``last``: where the last address of a route under way is, -1 none."""

    proto: Ints
    at: Ints
    frag_off: Ints
    more_frag: Mask
    truncated: Mask
    too_many: Mask
    last: Ints


def walk_extensions(data: Bytes, layer: Layer, follows: Ints) -> Extensions:
    """Walk at most :data:`MAX_EXTENSIONS` extension headers; a later fragment's walk ends at its fragment header."""
    proto, at = follows.copy(), layer.at.copy()
    frag_off, more = np.zeros(len(layer), np.int64), np.zeros(len(layer), np.bool_)
    truncated = np.zeros(len(layer), np.bool_)
    last = np.full(len(layer), -1, np.int64)
    live = np.flatnonzero(np.isin(proto, EXTENSIONS))
    for _ in range(MAX_EXTENSIONS):
        short = at[live] + 8 > layer.cap[live]
        truncated[live[short]] = True
        live = live[~short]
        if not len(live):
            break
        here, kind = at[live], proto[live]
        fragment = live[kind == FRAGMENT]
        word = data.u16(at[fragment] + 2)
        frag_off[fragment], more[fragment] = word & 0xFFF8, word & 1 != 0
        size = data.u8(here + 1)
        routed = live[kind == ROUTING]
        last[routed] = _last_of_route(data, at[routed], layer.cap[routed])
        at[live] += np.where(kind == FRAGMENT, 8, np.where(kind == AUTHENTICATION, (size + 2) * 4, (size + 1) * 8))
        proto[live] = data.u8(here)
        live = live[np.isin(proto[live], EXTENSIONS) & (frag_off[live] == 0)]
    too_many = np.zeros(len(layer), np.bool_)
    too_many[live] = True
    return Extensions(proto, at, frag_off, more, truncated, too_many, last)


def _last_of_route(data: Bytes, at: Ints, cap: Ints) -> Ints:
    """Where routing headers name whom the packet is for at last; -1 where it is there already, or the header is of another type.

    Type 0 (RFC 5095 §1) and 2 (RFC 6275 §6.4) list addresses in the order of the way, segment routing (type 4, RFC 8754 §2) the last first.
    """
    units, kind = data.u8(at + 1), data.u8(at + 2)
    where = np.where(kind == 4, at + 8, at + 8 * units - 8)
    good = np.isin(kind, (0, 2, 4)) & (data.u8(at + 3) > 0) & (units >= 2) & (where + 16 <= cap)
    return np.where(good, where, -1)


def _if_any(layer: Layer, proto: Ints, good: Mask) -> tuple[Layer, Ints]:
    return (layer, proto) if good.all() else (layer.pick(good), proto[good])
