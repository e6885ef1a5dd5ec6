"""ICMP (RFC 792) and ICMPv6 (RFC 4443): echo, errors, and the packet that an error quotes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.chunk import Layer
from netprobe.decode.net import last_destination, walk_extensions
from netprobe.decode.table import Anomaly, Kind
from netprobe.decode.transport import payload

if TYPE_CHECKING:
    from netprobe.decode.chunk import Chunk, Ints

ICMP, TCP, UDP, ICMPV6, SCTP = 1, 6, 17, 58, 132

_ERRORS = {4: (3, 4, 5, 11, 12), 6: (1, 2, 3, 4)}
_ECHO = {4: (0, 8), 6: (128, 129)}


def icmp(chunk: Chunk, layer: Layer, version: int) -> None:
    """Fill the columns of ICMP of one IP version; errors get the quoted packet's columns as far as it was kept."""
    _first_bytes(chunk, layer)
    layer = chunk.need(layer, 4, Anomaly.TRUNCATED_TRANSPORT)
    kind = chunk.bytes.u8(layer.at)
    chunk.put("kind", layer.rows, np.where(np.isin(kind, _ERRORS[version]), Kind.ICMP_ERROR, Kind.ICMP))
    layer = chunk.need(layer, 8, Anomaly.TRUNCATED_TRANSPORT)
    data, rows, at = chunk.bytes, layer.rows, layer.at
    kind = data.u8(at)
    error = np.isin(kind, _ERRORS[version])
    payload(chunk, layer, np.full(len(layer), 8, np.int64))
    echo = np.isin(kind, _ECHO[version])
    identifier = data.u16(at[echo] + 4)
    chunk.put("sport", rows[echo], identifier)
    chunk.put("dport", rows[echo], identifier)
    chunk.put("seq", rows[echo], data.u16(at[echo] + 6))
    quoted = layer.pick(error)
    _quoted(chunk, Layer(quoted.rows, quoted.at + 8, quoted.cap, quoted.wire))


def _first_bytes(chunk: Chunk, layer: Layer) -> None:
    """Type and code, also where no more was kept, or more is in the next fragment."""
    for column, where in (("icmp_type", 0), ("icmp_code", 1)):
        kept = layer.pick(layer.at + where < layer.cap)
        chunk.put(column, kept.rows, chunk.bytes.u8(kept.at + where))


def _quoted(chunk: Chunk, layer: Layer) -> None:
    layer = layer.pick(layer.at + 20 <= layer.cap)
    version = chunk.bytes.u8(layer.at) >> 4
    _quoted_ipv4(chunk, layer.pick(version == 4))
    six = layer.pick(version == 6)
    _quoted_ipv6(chunk, six.pick(six.at + 40 <= six.cap))


def _quoted_ipv4(chunk: Chunk, layer: Layer) -> None:
    data, rows, at = chunk.bytes, layer.rows, layer.at
    proto = data.u8(at + 9)
    chunk.put("inner_proto", rows, proto)
    chunk.put("inner_src_lo", rows, data.u32(at + 12))
    header = (data.u8(at) & 0xF) * 4
    whole = np.where(at + header <= layer.cap, header, 20)
    chunk.put("inner_dst_lo", rows, last_destination(data, layer, whole))
    first = (header >= 20) & (data.u16(at + 6) & 0x1FFF == 0)
    _quoted_ports(chunk, Layer(rows, at + header, layer.cap, layer.wire).pick(first), proto[first])


def _quoted_ipv6(chunk: Chunk, layer: Layer) -> None:
    data, rows, at = chunk.bytes, layer.rows, layer.at
    chunk.put("inner_src_hi", rows, data.u64(at + 8))
    chunk.put("inner_src_lo", rows, data.u64(at + 16))
    chunk.put("inner_dst_hi", rows, data.u64(at + 24))
    chunk.put("inner_dst_lo", rows, data.u64(at + 32))
    walk = walk_extensions(data, Layer(rows, at + 40, layer.cap, layer.wire), data.u8(at + 6))
    routed = np.flatnonzero(walk.last >= 0)
    chunk.put("inner_dst_hi", rows[routed], data.u64(walk.last[routed]))
    chunk.put("inner_dst_lo", rows[routed], data.u64(walk.last[routed] + 8))
    good = ~(walk.truncated | walk.too_many)
    chunk.put("inner_proto", rows[good], walk.proto[good])
    first = good & (walk.frag_off == 0)
    _quoted_ports(chunk, Layer(rows, walk.at, layer.cap, layer.wire).pick(first), walk.proto[first])


def _quoted_ports(chunk: Chunk, layer: Layer, proto: Ints) -> None:
    """An error quotes at least 8 bytes of the transport header (RFC 792): ports, and TCP's sequence number. Captures may keep fewer."""
    data = chunk.bytes
    both = layer.pick(((proto == TCP) | (proto == UDP) | (proto == SCTP)) & (layer.at + 4 <= layer.cap))
    chunk.put("inner_sport", both.rows, data.u16(both.at))
    chunk.put("inner_dport", both.rows, data.u16(both.at + 2))
    kept = layer.at + 8 <= layer.cap
    layer, proto = layer.pick(kept), proto[kept]
    segment = layer.pick(proto == TCP)
    chunk.put("inner_seq", segment.rows, data.u32(segment.at + 4))
    kind = data.u8(layer.at)
    echo = ((proto == ICMP) & np.isin(kind, _ECHO[4])) | ((proto == ICMPV6) & np.isin(kind, _ECHO[6]))
    asked = layer.pick(echo)
    chunk.put("inner_sport", asked.rows, data.u16(asked.at + 4))
    chunk.put("inner_dport", asked.rows, data.u16(asked.at + 4))
