"""Neighbour discovery (RFC 4861): who asks for whose link address in IPv6, and who answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.decode.table import Anomaly
from netprobe.decode.transport import payload

if TYPE_CHECKING:
    from netprobe.decode.chunk import Chunk, Ints, Layer, Mask

SOLICITATION, ADVERTISEMENT = 135, 136

_TARGET, _OPTIONS = 8, 24  # where they begin in the message
_HOP_LIMIT = 255  # what no router has passed on
_MOST_OPTIONS = 8
_MULTICAST = 0xFF


def discovery(chunk: Chunk, layer: Layer) -> None:
    """Fill the columns of solicitations and advertisements, as far as a host would take them (section 7.1)."""
    layer = layer.pick(layer.at + 8 <= layer.cap)
    kind = chunk.bytes.u8(layer.at)
    which = (kind == SOLICITATION) | (kind == ADVERTISEMENT)
    if not which.any():
        return
    layer = chunk.need(layer.pick(which), _OPTIONS, Anomaly.TRUNCATED_TRANSPORT)
    layer = chunk.keep(layer, _valid(chunk, layer), Anomaly.BAD_ND)
    data, rows, at = chunk.bytes, layer.rows, layer.at
    kind = data.u8(at)
    chunk.put("nd_flags", rows, (data.u8(at + 4) & 0xE0) * (kind == ADVERTISEMENT))
    chunk.put("nd_target_hi", rows, data.u64(at + _TARGET))
    chunk.put("nd_target_lo", rows, data.u64(at + _TARGET + 8))
    payload(chunk, layer, layer.wire - at)  # all of it is header
    _options(chunk, layer, kind)


def _valid(chunk: Chunk, layer: Layer) -> Mask:
    data, at = chunk.bytes, layer.at
    good: Mask = (data.u8(at + 1) == 0) & (data.u8(at + _TARGET) != _MULTICAST)
    good &= chunk.columns["ttl"][layer.rows] == _HOP_LIMIT
    return good


def _options(chunk: Chunk, layer: Layer, kind: Ints) -> None:
    """Walk option by option, all rows in step; a length of 0 spoils the message."""
    data, rows, pos, end = chunk.bytes, layer.rows, layer.at + _OPTIONS, layer.cap
    for _ in range(_MOST_OPTIONS):
        on = pos + 8 <= end
        rows, pos, end, kind = _pick(on, rows, pos, end, kind)
        if not len(rows):
            return
        size = data.u8(pos + 1) * 8
        named = (data.u8(pos) == kind - SOLICITATION + 1) & (
            size == 8
        )  # 1 in 135: the source's; 2 in 136: the target's
        chunk.put("nd_lla", rows[named], data.u48(pos[named] + 2))
        chunk.mark(rows[size == 0], Anomaly.BAD_ND)
        rows, pos, end, kind = _pick(size > 0, rows, pos + size, end, kind)


def _pick(which: Mask, *columns: Ints) -> tuple[Ints, ...]:
    return tuple(each[which] for each in columns)
