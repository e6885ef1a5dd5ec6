"""Packets taken apart: their layers, and their bytes as Wireshark and hexdump(1) print them, each byte by its layer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.model.details import PacketLayer, ShownPacket

_ROW = 16
_COLOURS = 6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of bytes: where it begins, and its pieces: (the layer's colour, bytes in hex, the same as letters)."""

    offset: str
    pieces: tuple[tuple[int, str, str], ...]
    blank: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One packet to print. ``cut``: how many of its bytes are not shown."""

    frame: int
    point: str
    words: str
    time: str
    size: int
    layers: tuple[tuple[int, PacketLayer], ...]
    lines: tuple[Line, ...]
    cut: int


def packets(shown: tuple[ShownPacket, ...]) -> tuple[Packet, ...]:
    """Return them in their order."""
    return tuple(_packet(each) for each in shown)


def _packet(shown: ShownPacket) -> Packet:
    colours = [number % _COLOURS for number in range(len(shown.layers))]
    return Packet(
        frame=shown.frame,
        point=shown.point,
        words=shown.words,
        time=time(shown.time_ns),
        size=shown.size,
        layers=tuple(zip(colours, shown.layers, strict=True)),
        lines=_lines(shown),
        cut=max(shown.size - len(shown.raw), 0),
    )


def time(ns: int) -> str:
    """``2026-01-31 12:00:00.000001 UTC``; a time that no calendar has is given in seconds."""
    try:
        return f"{_EPOCH + timedelta(microseconds=ns // 1000):%Y-%m-%d %H:%M:%S.%f} UTC"
    except (OverflowError, ValueError):
        return f"{ns / 1e9:.6f} s"


def _lines(shown: ShownPacket) -> tuple[Line, ...]:
    owner = [0] * len(shown.raw)
    for number, layer in enumerate(shown.layers):
        for at in range(max(layer.start, 0), min(layer.end, len(owner))):
            owner[at] = number % _COLOURS
    return tuple(_line(shown.raw, owner, start) for start in range(0, len(shown.raw), _ROW))


def _line(raw: bytes, owner: list[int], start: int) -> Line:
    places = range(start, min(start + _ROW, len(raw)))
    pieces = []
    for colour, group in groupby(places, key=owner.__getitem__):
        part = raw[(at := list(group))[0] : at[-1] + 1]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        pieces.append((colour, part.hex(" "), letters))
    return Line(offset=f"{start:04x}", pieces=tuple(pieces), blank="   " * (_ROW - len(places)))
