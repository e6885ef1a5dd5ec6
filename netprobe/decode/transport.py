"""Transport layers: TCP (RFC 9293) with its MSS and timestamps options (RFC 7323), UDP (RFC 768), ports of SCTP (RFC 9260)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import Anomaly, Kind

if TYPE_CHECKING:
    from netprobe.decode.chunk import Chunk, Ints, Layer

_NOP_NOP_TIMESTAMPS = 0x0101080A  # what RFC 7323 appendix A recommends, and nearly every segment carries


def tcp(chunk: Chunk, layer: Layer) -> None:
    """Fill the TCP columns. A data offset that cannot be leaves the payload absent, the fixed header stands."""
    layer = chunk.need(layer, 20, Anomaly.TRUNCATED_TRANSPORT)
    data, rows, at = chunk.bytes, layer.rows, layer.at
    chunk.put("kind", rows, Kind.TCP)
    ports(chunk, layer)
    chunk.put("seq", rows, data.u32(at + 4))
    chunk.put("ack", rows, data.u32(at + 8))
    chunk.put("tcp_flags", rows, data.u8(at + 13))
    chunk.put("window", rows, data.u16(at + 14))
    header = (data.u8(at + 12) >> 4) * 4
    good = (header >= 20) & (at + header <= layer.wire)
    layer, header = chunk.keep(layer, good, Anomaly.BAD_TCP_OFFSET), header[good]
    payload(chunk, layer, header)
    _tcp_options(chunk, layer, header)


def udp(chunk: Chunk, layer: Layer) -> Layer:
    """Fill the UDP columns. Returns the rows that have a UDP header, still at it."""
    layer = chunk.need(layer, 8, Anomaly.TRUNCATED_TRANSPORT)
    chunk.put("kind", layer.rows, Kind.UDP)
    ports(chunk, layer)
    length = chunk.bytes.u16(layer.at + 4)
    chunk.mark(layer.rows[(length > 0) & (length < 8)], Anomaly.BAD_UDP_LENGTH)
    rest = layer.wire - layer.at
    # 0 stands for more than fits (RFC 2675); a first fragment holds less than the header says
    length = np.where(length == 0, rest, np.clip(length, 8, rest))
    payload(chunk, layer, np.full(len(layer), 8, np.int64), end=layer.at + length)
    return layer


def sctp(chunk: Chunk, layer: Layer) -> None:
    """Fill the ports of SCTP (RFC 9260 section 3.1); its chunks are the payload."""
    layer = chunk.need(layer, 12, Anomaly.TRUNCATED_TRANSPORT)
    chunk.put("kind", layer.rows, Kind.SCTP)
    ports(chunk, layer)
    payload(chunk, layer, np.full(len(layer), 12, np.int64))


def ports(chunk: Chunk, layer: Layer) -> None:
    """Fill the port columns from the first four bytes."""
    chunk.put("sport", layer.rows, chunk.bytes.u16(layer.at))
    chunk.put("dport", layer.rows, chunk.bytes.u16(layer.at + 2))


def payload(chunk: Chunk, layer: Layer, header: Ints, end: Ints | None = None) -> None:
    """Fill the payload columns: what follows ``header`` bytes, up to ``end`` (the packet's end on the wire)."""
    start = layer.at + header
    length = np.maximum((layer.wire if end is None else end) - start, 0)
    start = np.minimum(start, layer.cap)  # a header cut by the snap length: nothing of the payload was kept
    chunk.put("payload_off", layer.rows, start)
    chunk.put("payload_cap", layer.rows, np.minimum(layer.cap - start, length))
    chunk.put("payload_len", layer.rows, length)


def _tcp_options(chunk: Chunk, layer: Layer, header: Ints) -> None:
    whole = layer.at + header <= layer.cap
    chunk.mark(layer.rows[~whole], Anomaly.TRUNCATED_TRANSPORT)
    some = np.flatnonzero((header > 20) & whole)
    layer, header = layer.pick(some), header[some]
    usual = np.flatnonzero(header == 32)
    usual = usual[chunk.bytes.u32(layer.at[usual] + 20) == _NOP_NOP_TIMESTAMPS]
    _timestamps(chunk, layer.rows[usual], layer.at[usual] + 22)
    rest = np.ones(len(layer), np.bool_)
    rest[usual] = False
    _walk_options(chunk, layer.rows[rest], layer.at[rest] + 20, (layer.at + header)[rest])


def _walk_options(chunk: Chunk, rows: Ints, pos: Ints, end: Ints) -> None:
    """Walk option by option, all rows in step; 40 bytes of options are at most 40 steps."""
    data = chunk.bytes
    for _ in range(40):
        if not len(rows):
            return
        kind = data.u8(pos)
        size = np.where(kind == 1, 1, data.u8(np.minimum(pos + 1, end - 1)))
        bad = (kind > 1) & ((pos + 2 > end) | (size < 2) | (pos + size > end))
        chunk.mark(rows[bad], Anomaly.BAD_TCP_OPTION)
        mss = (kind == 2) & (size == 4) & ~bad
        chunk.put("mss", rows[mss], data.u16(pos[mss] + 2))
        stamps = (kind == 8) & (size == 10) & ~bad
        _timestamps(chunk, rows[stamps], pos[stamps])
        on = (kind != 0) & ~bad & (pos + size < end)
        rows, pos, end = rows[on], (pos + size)[on], end[on]


def _timestamps(chunk: Chunk, rows: Ints, option: Ints) -> None:
    chunk.put("tsval", rows, chunk.bytes.u32(option + 2))
    chunk.put("tsecr", rows, chunk.bytes.u32(option + 6))
