"""Evidence from files: netprobe's own pcapng, or pcap and pcapng from elsewhere.

What was read before a cut or a damage counts, and a :class:`~netprobe.evidence.model.Limit` says what is missing. Only when
nothing at all can be read is it an :class:`~netprobe.errors.EvidenceFault`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from netprobe.errors import EvidenceFault
from netprobe.evidence.blocks import PCAPNG_MAGIC
from netprobe.evidence.model import Evidence
from netprobe.evidence.naming import named, stem, unique
from netprobe.evidence.notes import read_notes
from netprobe.evidence.packed import LARGER, MAX_UNPACKED, packed_as, unpack
from netprobe.evidence.packets import Packets
from netprobe.evidence.pcap import pcap_order, read_pcap
from netprobe.evidence.pcapng import read_pcapng
from netprobe.evidence.recognise import HEAD, foreign_hint, refuse
from netprobe.evidence.remarks import ended, is_copy, kept_in_part
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netprobe.evidence.capture import Capture
    from netprobe.evidence.packed import Unpacked

_AGAIN = "record or copy it again"
_CUT_DOWN = "cut it down first: editcap -A START -B STOP, or tshark -Y FILTER -w NEW"
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
    points, said = named(capture.interfaces, stem(name, opened.packed) or "capture", explicit)
    limits = notes.limits + said
    if capture.stop and not is_copy(capture.interfaces, capture.missing, notes):
        limits.append(ended(subject, capture.stop, len(capture.rows.offset)))
    if not own:
        rows = capture.rows
        cut = np.bincount(rows.interface[rows.caplen < rows.origlen], minlength=len(points))
        limits += kept_in_part(points, cut, np.bincount(rows.interface, minlength=len(points)))
    return Evidence(
        probe=notes.probe,
        points=points,
        packets=_packets(opened.data, capture),
        before=tuple(notes.before.values()),
        after=tuple(notes.after.values()),
        limits=tuple(dict.fromkeys(limits)),
    )


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


def _joined(parts: Sequence[Evidence]) -> Evidence:
    """Plain captures, one after the other; each keeps its own frame numbers."""
    points, said = unique([point for part in parts for point in part.points])
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
