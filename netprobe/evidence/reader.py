"""Evidence from files: netprobe's own pcapng, or pcap and pcapng from elsewhere.

What was read before a cut or a damage counts, and a :class:`~netprobe.evidence.model.Limit` says what is missing. Only when
nothing at all can be read is it an :class:`~netprobe.errors.EvidenceFault`.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np

from netprobe.errors import EvidenceFault
from netprobe.evidence.blocks import PCAPNG_MAGIC, STATISTICS_BYTES
from netprobe.evidence.model import CapturePoint, Evidence, Limit, LimitKind
from netprobe.evidence.notes import read_notes
from netprobe.evidence.packed import LARGER, MAX_UNPACKED, packed_as, unpack
from netprobe.evidence.packets import Packets
from netprobe.evidence.pcap import pcap_order, read_pcap
from netprobe.evidence.pcapng import read_pcapng
from netprobe.evidence.recognise import HEAD, foreign_hint, refuse
from netprobe.model.point import PointName
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netprobe.evidence.capture import Capture, Interface
    from netprobe.evidence.notes import Notes
    from netprobe.evidence.packed import Unpacked

_AGAIN = "record or copy it again"
_CUT_DOWN = "cut it down first: editcap -A START -B STOP, or tshark -Y FILTER -w NEW"
_ENDINGS = frozenset({".gz", ".zst", ".zstd", ".xz", ".bz2"})
_OWN_HEAD = 1 << 20


def read(data: bytes, *, name: str = "") -> Evidence:
    """One file as evidence.

    Args:
        data: the whole file, compressed or not.
        name: its name: in messages, and its stem names the point where the file names none.

    Raises:
        EvidenceFault: not a capture, or nothing in it can be read.
    """
    return _evidence(_open(data, name), name, explicit=None)


def read_many(files: Sequence[tuple[str, bytes]], points: Mapping[str, str] | None = None) -> Evidence:
    """Plain capture files, given together, as one evidence.

    Args:
        files: name and bytes of each.
        points: file name -> point name, where the user gave one; ``HOST/INTERFACE`` names the host too.

    Raises:
        EvidenceFault: there is none, one of them cannot be read, is evidence of netprobe's own, which stands alone, or is
            there twice: one capture under two names would look like two points that saw the same frames.
    """
    if not files:
        raise EvidenceFault("no file was given", "name a pcapng or pcap file")
    wanted = points or {}
    parts: list[Evidence] = []
    seen: dict[bytes, str] = {}
    for name, data in files:
        opened = _open(data, name)
        if opened.capture.notes and len(files) > 1:
            raise EvidenceFault(
                f"{name} is evidence of one netprobe run and cannot be joined with other files", "replay it alone"
            )
        parts.append(_evidence(opened, name, explicit=wanted.get(name)))
        if len(parts[-1].packets) and seen.setdefault(opened.data, name) != name:
            raise EvidenceFault(f"{seen[opened.data]} and {name} are one and the same capture", "name it once")
    return parts[0] if len(parts) == 1 else _joined(parts)


def is_netprobe(data: bytes) -> bool:
    """True when the file carries netprobe's own blocks. Reads the file's head only; never raises on any bytes."""
    # before its first own block netprobe writes one interface block a point: far less than this
    head = unpack(data, most=_OWN_HEAD).data if packed_as(data) else data[:_OWN_HEAD]
    return head[:4] == PCAPNG_MAGIC and bool(read_pcapng(head[:_OWN_HEAD]).notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A file taken apart: its bytes as they are unpacked, and how it was packed."""

    data: bytes
    capture: Capture
    packed: str = ""


def _open(data: bytes, name: str) -> _Opened:
    label = name or "the file"
    kind = packed_as(data)
    if not kind:
        return _Opened(data=data, capture=_taken_apart(data, label))
    whole = _unpacked(data, label)
    if (
        whole.stop
        and len(whole.data) < HEAD
        and not whole.data.startswith(PCAPNG_MAGIC)
        and pcap_order(whole.data) is None
    ):
        raise EvidenceFault(f"{label} is {kind} data {whole.stop}, and nothing in it can be read", _AGAIN)
    capture = _taken_apart(whole.data, f"{label}, unpacked from {kind},")
    if whole.stop:
        capture = replace(capture, stop=f"{kind} data {whole.stop}")
    return _Opened(data=whole.data, capture=capture, packed=kind)


def _unpacked(data: bytes, label: str) -> Unpacked:
    """A compressed file's contents; of what is no capture, no more than the head is unpacked."""
    head = unpack(data, most=HEAD)
    if not head.stop or head.stop == LARGER:
        refuse(head.data, f"{label}, unpacked from {head.kind},")
    try:
        whole = unpack(data, most=MAX_UNPACKED)
    except MemoryError as error:
        raise EvidenceFault(f"{label} unpacks to more than the memory that is left", _CUT_DOWN) from error
    if whole.stop == LARGER:
        raise EvidenceFault(f"{label} unpacks to more than {MAX_UNPACKED >> 20} MiB", _CUT_DOWN)
    return whole


def _taken_apart(data: bytes, label: str) -> Capture:
    order = pcap_order(data)
    if order is None:
        refuse(data[:HEAD], label)
    if packed_as(data):  # packed twice
        what, hint = foreign_hint(data[:HEAD])
        raise EvidenceFault(f"{label} is {what}", hint)
    capture = read_pcapng(data) if order is None else read_pcap(data, order)
    if not (capture.interfaces or capture.notes) and capture.stop:
        raise EvidenceFault(f"{label} is {capture.stop}, and nothing in it can be read", _AGAIN)
    return capture


def _evidence(opened: _Opened, name: str, explicit: str | None) -> Evidence:
    capture = opened.capture
    subject = name or "the file"
    own = bool(capture.notes)
    notes = read_notes(capture.notes, subject)
    points, said = _named(capture.interfaces, _stem(name, opened.packed) or "capture", explicit)
    limits = notes.limits + said
    if capture.stop and not _is_copy(capture, notes):
        why = f"{capture.stop}: {_count(len(capture.rows.offset), 'packet')} before that, nothing after it"
        limits.append(Limit(kind=LimitKind.FILE, subject=subject, why=why))
    if not own:
        limits += _kept_in_part(capture, points)
    return Evidence(
        probe=notes.probe,
        points=points,
        packets=_packets(opened.data, capture),
        before=tuple(notes.before.values()),
        after=tuple(notes.after.values()),
        limits=tuple(dict.fromkeys(limits)),
    )


def _is_copy(capture: Capture, notes: Notes) -> bool:
    """Whether all that is missing of netprobe's own file are interface statistics: Wireshark's programs leave them out when they copy one."""
    silent = sum(each.received is None and each.dropped is None for each in capture.interfaces)
    complete = bool(notes.after) and notes.after.keys() >= notes.before.keys()
    return complete and 0 < capture.missing <= silent * STATISTICS_BYTES


def _stem(name: str, packed: str) -> str:
    """A file's name without its folder and ending; ``eth0`` of ``eth0.pcap.gz``."""
    path = PurePath(name)
    return PurePath(path.stem).stem if packed and path.suffix in _ENDINGS else path.stem


def _packets(data: bytes, capture: Capture) -> Packets:
    rows = capture.rows
    return Packets(
        data=data,
        offset=rows.offset,
        caplen=rows.caplen,
        origlen=rows.origlen,
        time_ns=rows.time_ns,
        point=rows.interface,
        frame=rows.frame,
    )


def _named(
    interfaces: Sequence[Interface], stem: str, explicit: str | None
) -> tuple[tuple[CapturePoint, ...], list[Limit]]:
    """The points of a file, each with a name of its own."""
    points = []
    for item in interfaces:
        given = "" if item.name == "-" else item.name  # what tools write for a pipe
        host, container, interface = PointName.parse(explicit or given or stem)
        points.append(
            CapturePoint(
                name=explicit or given or stem,
                host=host,
                container=container,
                interface=interface,
                linktype=item.linktype,
                capture_filter=item.capture_filter,
                snaplen=item.snaplen,
                received=item.received,
                dropped=item.dropped,
            )
        )
    return _unique(points)


def _unique(points: Sequence[CapturePoint]) -> tuple[tuple[CapturePoint, ...], list[Limit]]:
    taken = {point.name for point in points}
    shared: dict[str, list[str]] = {}
    out = []
    for point in points:
        names = shared.setdefault(point.name, [])
        name = point.name
        if names:
            name = next(f"{name}#{k}" for k in count(len(names) + 1) if f"{name}#{k}" not in taken)
            taken.add(name)
        names.append(name)
        out.append(_renamed(point, name))
    return tuple(out), [_clash(names) for names in shared.values() if len(names) > 1]


def _clash(names: Sequence[str]) -> Limit:
    others = ", ".join(names[1:5]) + (", …" if len(names) > 5 else "")
    why = f"{len(names)} interfaces have this name; the others are called {others} (give names with --point NAME=FILE)"
    return Limit(kind=LimitKind.POINT, subject=names[0], why=why)


def _renamed(point: CapturePoint, name: str) -> CapturePoint:
    """The same place under another name; its interface's name follows."""
    if name == point.name:
        return point
    return replace(point, name=name, interface=point.interface + name[len(point.name) :])


def _kept_in_part(capture: Capture, points: Sequence[CapturePoint]) -> list[Limit]:
    """A limit a point whose packets were cut by the snap length."""
    rows = capture.rows
    size = len(points)
    cut = np.bincount(rows.interface[rows.caplen < rows.origlen], minlength=size)
    every = np.bincount(rows.interface, minlength=size)
    return [
        Limit(
            kind=LimitKind.POINT,
            subject=point.name,
            why=f"{_count(int(cut[number]), 'packet')} of {int(every[number])} kept in part only (snap length {point.snaplen})",
        )
        for number, point in enumerate(points)
        if cut[number]
    ]


def _joined(parts: Sequence[Evidence]) -> Evidence:
    """Plain captures, one after the other; each keeps its own frame numbers."""
    points, said = _unique([point for part in parts for point in part.points])
    limits = [limit for part in parts for limit in part.limits] + said
    return Evidence(points=points, packets=_stacked(parts), limits=tuple(dict.fromkeys(limits)))


def _stacked(parts: Sequence[Evidence]) -> Packets:
    before = np.cumsum([0] + [len(part.packets.data) for part in parts])
    first = np.cumsum([0] + [len(part.points) for part in parts])
    packets = [part.packets for part in parts]
    none = Packets.none()
    return Packets(
        data=b"".join(item.data for item in packets),
        offset=np.concatenate([none.offset, *(item.offset + before[k] for k, item in enumerate(packets))]),
        caplen=np.concatenate([none.caplen, *(item.caplen for item in packets)]),
        origlen=np.concatenate([none.origlen, *(item.origlen for item in packets)]),
        time_ns=np.concatenate([none.time_ns, *(item.time_ns for item in packets)]),
        point=np.concatenate([none.point, *(item.point + np.int32(first[k]) for k, item in enumerate(packets))]).astype(
            np.int32
        ),
        frame=np.concatenate([none.frame, *(item.frame for item in packets)]),
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
