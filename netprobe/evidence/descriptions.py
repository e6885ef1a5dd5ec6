"""What a pcapng section says beside its packets: interfaces, what was counted at them, and netprobe's own notes."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from netprobe.evidence import blocks as b
from netprobe.evidence.capture import Interface
from netprobe.evidence.section import interface_id

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.evidence.section import View

NOTE_MAGIC = b"netprobe/"
_LAST_STATISTICS = 1 << 16  # of a part: a later one of an interface says more than those before it
_MOST_NOTES = 1 << 16  # of a part: more than are read of a file
_MOST_NAME = 1024


def described(view: View) -> list[Interface]:
    """The interfaces that the blocks describe."""
    return [_interface(view, int(row)) for row in np.flatnonzero(view.kind == b.IDB)]


def _interface(view: View, row: int) -> Interface:
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


class Counts:
    """What was counted at a section's interfaces, summed up over its parts."""

    def __init__(self) -> None:
        self._with_packets: dict[int, int] = {}
        self._stated: set[int] = set()  # interfaces whose drops an interface statistics block has said

    def add(self, view: View, interfaces: list[Interface], base: int) -> None:
        """Write what the blocks count into ``interfaces``, of which the section's own begin at ``base``."""
        for number, count in _drops_before_packets(view).items():
            total = self._with_packets[number] = self._with_packets.get(number, 0) + count
            if number not in self._stated:
                interfaces[base + number] = replace(interfaces[base + number], dropped=total)
        for row in np.flatnonzero(view.kind == b.ISB)[-_LAST_STATISTICS:]:
            (number,) = struct.unpack_from(view.order + "I", view.data, int(view.start[row]) + 8)
            if base + number < len(interfaces):
                interfaces[base + number] = self._counted(interfaces[base + number], number, view, int(row))

    def _counted(self, interface: Interface, number: int, view: View, row: int) -> Interface:
        start = int(view.start[row])
        options = b.options(view.data, start + 20, start + int(view.length[row]) - 4, view.order)
        counts = {code: int(struct.unpack(view.order + "Q", raw)[0]) for code, raw in options if len(raw) == 8}
        drops = [counts[code] for code in (b.ISB_IFDROP, b.ISB_OSDROP) if code in counts]
        if drops:
            self._stated.add(number)
        return replace(
            interface,
            received=counts.get(b.ISB_IFRECV, interface.received),
            dropped=sum(drops) if drops else interface.dropped,
        )


def _drops_before_packets(view: View) -> dict[int, int]:
    """Drop counts that travel with packets (epb_dropcount, the obsolete block's field), summed by interface."""
    old = np.flatnonzero(view.kind == b.OPB)
    ids = view.word(old, 2)
    drops = ids >> 16 if view.order == "<" else ids & 0xFFFF
    rows = np.flatnonzero(view.kind == b.EPB)
    padded = (view.word(rows, 5) + 3) & ~3
    rows = rows[view.length[rows] > 32 + padded]
    number = np.concatenate([interface_id(view, old), interface_id(view, rows)])
    count = np.concatenate([np.where(drops == 0xFFFF, -1, drops), _epb_drops(view, rows)])
    said = count >= 0
    numbers, where = np.unique(number[said], return_inverse=True)
    sums = np.zeros(len(numbers), np.int64)
    np.add.at(sums, where, count[said])
    return dict(zip(numbers.tolist(), sums.tolist(), strict=True))


def _epb_drops(view: View, rows: NDArray[np.intp]) -> NDArray[np.int64]:
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


def notes_of(view: View) -> list[bytes]:
    """The bodies of netprobe's own custom blocks."""
    rows = np.flatnonzero((view.kind == b.CUSTOM) | (view.kind == b.CUSTOM_NO_COPY))
    out = []
    for row in rows[view.word(rows, 2) == b.PEN][:_MOST_NOTES]:
        start = int(view.start[row])
        body = bytes(view.data[start + 12 : start + int(view.length[row]) - 4])
        if body.startswith(NOTE_MAGIC):
            out.append(body)
    return out
