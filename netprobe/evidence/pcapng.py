"""Reading pcapng: every block type that carries packets, several sections, both byte orders, any time resolution.

Reading ends at the first block that is not what it says, as Wireshark's does, and keeps all that came before.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from netprobe.evidence import blocks as b
from netprobe.evidence.capture import Capture, Interface, Rows, join_rows
from netprobe.evidence.timestamps import to_ns
from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.evidence.blocks import ByteOrder, Section

NOTE_MAGIC = b"netprobe/"
_LAST_STATISTICS = 1 << 16  # of a section: a later one of an interface says more than those before it
_MOST_NOTES = 1 << 16  # of a section: more than are read of a file
_MOST_NAME = 1024


def read_pcapng(data: bytes) -> Capture:
    """Take a pcapng file apart. Never raises on any bytes."""
    walk = b.walk(data)
    interfaces: list[Interface] = []
    parts: list[Rows] = []
    notes: list[bytes] = []
    frames = 0
    for section in walk.sections:
        view, stop = _view(data, section, b.MAX_INTERFACES - len(interfaces))
        own = _interfaces(view)
        rows = _rows(view, own, base=len(interfaces), frames=frames)
        parts.append(rows)
        interfaces += _with_statistics(view, own)
        notes += _notes(view)
        frames += int(np.isin(view.kind, b.FRAME_KINDS).sum())
        if stop:
            return Capture(interfaces=tuple(interfaces), rows=join_rows(parts), notes=tuple(notes), stop=stop)
    return Capture(
        interfaces=tuple(interfaces), rows=join_rows(parts), notes=tuple(notes), stop=walk.stop, missing=walk.missing
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """A section's blocks as columns; ``word(k)`` of a row selection is the k-th 32-bit word of those blocks."""

    data: bytes
    order: ByteOrder
    words: NDArray[np.uint32]
    start: NDArray[np.int64]
    kind: NDArray[np.uint32]
    length: NDArray[np.int64]

    def word(self, rows: NDArray[np.intp], k: int) -> NDArray[np.int64]:
        values: NDArray[np.int64] = self.words[(self.start[rows] >> 2) + k].astype(np.int64)
        return values

    def until(self, row: int) -> _View:
        return replace(self, start=self.start[:row], kind=self.kind[:row], length=self.length[:row])


def _view(data: bytes, section: Section, most: int) -> tuple[_View, str]:
    """The section's blocks up to the first damaged one or the first interface beyond ``most``, and the phrase about that one."""
    words = b.words(data, section.order)
    at = section.starts >> 2
    view = _View(
        data=data,
        order=section.order,
        words=words,
        start=section.starts,
        kind=words[at],
        length=words[at + 1].astype(np.int64),
    )
    stop = ""
    for check in (_too_short, _bad_packet):  # the last reads fields whose presence the first has checked
        bad = check(view)
        if len(bad):
            row = int(bad[0])
            stop = b.damaged(int(view.start[row]), f"block type 0x{int(view.kind[row]):x}")
            view = view.until(row)
    beyond = np.flatnonzero(view.kind == b.IDB)[most:]
    if len(beyond):
        row = int(beyond[0])
        stop = f"of more than {b.MAX_INTERFACES} interfaces (byte {int(view.start[row])})"
        view = view.until(row)
    return view, stop


def _too_short(view: _View) -> NDArray[np.intp]:
    bad = np.zeros(len(view.kind), np.bool_)
    for kind, least in b.MIN_LENGTH.items():
        bad |= (view.kind == kind) & (view.length < least)
    return np.flatnonzero(bad)


def _bad_packet(view: _View) -> NDArray[np.intp]:
    """Packet blocks whose interface was not described before them, or whose data would not fit the block."""
    known = np.cumsum(view.kind == b.IDB)
    rows = np.flatnonzero((view.kind == b.EPB) | (view.kind == b.OPB))
    bad = (_interface_id(view, rows) >= known[rows]) | (view.word(rows, 5) > view.length[rows] - 32)
    simple = np.flatnonzero(view.kind == b.SPB)
    return np.sort(np.concatenate([rows[bad], simple[known[simple] == 0]]))


def _interface_id(view: _View, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    ids = view.word(rows, 2)
    high, low = ids >> 16, ids & 0xFFFF  # the obsolete block has 16 bits of interface, then 16 of drop count
    return np.where(view.kind[rows] == b.EPB, ids, low if view.order == "<" else high)


def _interfaces(view: _View) -> list[Interface]:
    return [_interface(view, int(row)) for row in np.flatnonzero(view.kind == b.IDB)]


def _interface(view: _View, row: int) -> Interface:
    start, order = int(view.start[row]), view.order
    end = start + int(view.length[row]) - 4
    linktype, _, snaplen = struct.unpack_from(order + "HHI", view.data, start + 8)
    found = dict(b.options(view.data, start + 16, end, order))
    rule = found.get(b.IF_FILTER, b"")
    resolution = found.get(b.IF_TSRESOL, b"")
    offset = found.get(b.IF_TSOFFSET, b"")
    return Interface(
        name=_text(found.get(b.IF_NAME, b""))[:_MOST_NAME],
        linktype=linktype,
        snaplen=snaplen,
        capture_filter=_text(rule[1:]) if rule[:1] == b"\0" else "",  # first byte 1 would be compiled BPF
        tsresol=resolution[0] if resolution else 6,
        tsoffset=struct.unpack(order + "q", offset)[0] if len(offset) == 8 else 0,
    )


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")


def _rows(view: _View, interfaces: list[Interface], *, base: int, frames: int) -> Rows:
    number = np.cumsum(np.isin(view.kind, b.FRAME_KINDS)) + frames
    rows = np.flatnonzero((view.kind == b.EPB) | (view.kind == b.OPB) | (view.kind == b.SPB))
    simple = view.kind[rows] == b.SPB
    interface = np.where(simple, 0, _interface_id(view, rows))
    caplen = np.where(simple, 0, view.word(rows, np.minimum(5, (view.length[rows] >> 2) - 1)))
    origlen = np.where(simple, view.word(rows, 2), view.word(rows, np.minimum(6, (view.length[rows] >> 2) - 1)))
    if simple.any():
        caplen = np.where(simple, _simple_caplen(view, rows, origlen, interfaces[0].snaplen), caplen)
    return Rows(
        offset=view.start[rows] + np.where(simple, 12, 28),
        caplen=caplen,
        origlen=origlen,
        time_ns=_times(view, rows, simple, interface, interfaces),
        interface=(interface + base).astype(np.int32),
        frame=number[rows].astype(np.int64),
    )


def _simple_caplen(view: _View, rows: NDArray[np.intp], origlen: NDArray[np.int64], snaplen: int) -> NDArray[np.int64]:
    """A Simple Packet Block does not say how much was kept: it follows from the first interface's snap length."""
    kept = np.minimum(origlen, view.length[rows] - 16)
    return np.minimum(kept, snaplen) if snaplen else kept


def _times(
    view: _View,
    rows: NDArray[np.intp],
    simple: NDArray[np.bool_],
    interface: NDArray[np.int64],
    interfaces: list[Interface],
) -> NDArray[np.int64]:
    out = np.zeros(len(rows), np.int64)  # a Simple Packet Block has no time
    resolution = np.array([item.tsresol for item in interfaces] or [6], np.int64)[interface]
    offset = np.array([item.tsoffset for item in interfaces] or [0], np.int64)[interface]
    for value in sorted({item.tsresol for item in interfaces} or {6}):
        at = np.flatnonzero((resolution == value) & ~simple)
        ticks = (view.word(rows[at], 3).astype(np.uint64) << np.uint64(32)) | view.word(rows[at], 4).astype(np.uint64)
        out[at] = to_ns(ticks, value, offset[at])
    return out


def _with_statistics(view: _View, interfaces: list[Interface]) -> list[Interface]:
    out = list(interfaces)
    for number, dropped in _drops_before_packets(view).items():
        out[number] = replace(out[number], dropped=dropped)
    for row in np.flatnonzero(view.kind == b.ISB)[-_LAST_STATISTICS:]:
        start = int(view.start[row])
        number = struct.unpack_from(view.order + "I", view.data, start + 8)[0]
        if number < len(out):
            out[number] = _counted(out[number], view, start, start + int(view.length[row]) - 4)
    return out


def _counted(interface: Interface, view: _View, start: int, end: int) -> Interface:
    found = {code: raw for code, raw in b.options(view.data, start + 20, end, view.order) if len(raw) == 8}
    number = {code: int(struct.unpack(view.order + "Q", raw)[0]) for code, raw in found.items()}
    drops = [number[code] for code in (b.ISB_IFDROP, b.ISB_OSDROP) if code in number]
    return replace(
        interface,
        received=number.get(b.ISB_IFRECV, interface.received),
        dropped=sum(drops) if drops else interface.dropped,
    )


def _drops_before_packets(view: _View) -> dict[int, int]:
    """Drop counts that travel with packets (epb_dropcount, the obsolete block's field), summed by interface."""
    out: dict[int, int] = {}
    old = np.flatnonzero(view.kind == b.OPB)
    ids = view.word(old, 2)
    drops = ids >> 16 if view.order == "<" else ids & 0xFFFF
    rows = np.flatnonzero(view.kind == b.EPB)
    padded = (view.word(rows, 5) + 3) & ~3
    rows = rows[view.length[rows] > 32 + padded]
    for number, count in zip(_interface_id(view, old).tolist(), drops.tolist(), strict=True):
        if count != 0xFFFF:
            out[number] = out.get(number, 0) + count
    for number, count in zip(_interface_id(view, rows).tolist(), _epb_drops(view, rows).tolist(), strict=True):
        if count >= 0:
            out[number] = out.get(number, 0) + count
    return out


def _epb_drops(view: _View, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """epb_dropcount of each row, -1 where there is none; an option further back than the eighth is not looked for."""
    out = np.full(len(rows), -1, np.int64)
    pos = (view.start[rows] + 28 + ((view.word(rows, 5) + 3) & ~3)) >> 2
    end = (view.start[rows] + view.length[rows] - 4) >> 2
    live = np.arange(len(rows))
    for _ in range(8):
        live = live[pos[live] < end[live]]
        head = view.words[pos[live]].astype(np.int64)
        high, low = head >> 16, head & 0xFFFF
        code, size = (low, high) if view.order == "<" else (high, low)
        fits = (code != b.OPT_END) & (pos[live] + 1 + ((size + 3) >> 2) <= end[live])
        live, code, size = live[fits], code[fits], size[fits]
        hit = live[(code == b.EPB_DROPCOUNT) & (size == 8)]
        first, second = view.words[pos[hit] + 1].astype(np.int64), view.words[pos[hit] + 2].astype(np.int64)
        out[hit] = second if view.order == ">" else first  # the low half: nobody drops 2^32 packets between two
        pos[live] += 1 + ((size + 3) >> 2)
    return out


def _notes(view: _View) -> list[bytes]:
    rows = np.flatnonzero((view.kind == b.CUSTOM) | (view.kind == b.CUSTOM_NO_COPY))
    out = []
    for row in rows[view.word(rows, 2) == b.PEN][:_MOST_NOTES]:
        start = int(view.start[row])
        body = bytes(view.data[start + 12 : start + int(view.length[row]) - 4])
        if body.startswith(NOTE_MAGIC):
            out.append(body)
    return out
