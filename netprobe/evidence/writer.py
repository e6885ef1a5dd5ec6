r"""Writing evidence as one pcapng file, the same bytes for the same evidence. Nothing of the machine is written.

Order: section header, an interface block a point, the probe, the limits, state before, packets in time order, interface
statistics, state after. What the packets are judged by stands before them, so that a file cut short still knows it; the
section header says the section's length, so that a cut is seen wherever it falls.

netprobe's own values are custom blocks (type 0x00000BAD, PEN 32473) whose data is ``netprobe/1 KIND ENCODING\n`` and a
body: KIND ``probe`` | ``limits`` | ``state-before`` | ``state-after`` (one a host), ENCODING ``json`` | ``json+zlib``.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from netprobe import __version__
from netprobe.evidence import blocks as b
from netprobe.evidence.jsonfield import dump
from netprobe.evidence.probejson import probe_to
from netprobe.evidence.statejson import limits_to, state_to
from netprobe.evidence.walker import SHB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.evidence.model import CapturePoint, Evidence
    from netprobe.evidence.packets import Packets

_PAD = (b"", b"\0\0\0", b"\0\0", b"\0")


def write(evidence: Evidence) -> bytes:
    """The evidence as a pcapng file.

    Packets are written in time order; reading the file gives rows in that order, with the frame numbers that Wireshark
    shows. So a live run that is to give the report of its file is to be read back from these bytes.
    """
    body = b"".join(_blocks(evidence))
    header = struct.pack("<IHHq", b.BYTE_ORDER_MAGIC, 1, 0, len(body)) + _option(
        b.OPT_USERAPPL, f"netprobe {__version__}".encode()
    )
    return _block(SHB, header + _END) + body


def _blocks(evidence: Evidence) -> Iterator[bytes]:
    for point in evidence.points:
        yield _interface(point)
    if evidence.probe is not None:
        yield _note("probe", probe_to(evidence.probe), compress=False)
    # always there: by it the file is known as netprobe's, also without a probe
    yield _note("limits", limits_to(evidence), compress=False)
    before = {state.host: state for state in reversed(evidence.before)}
    for state in evidence.before:
        yield _note("state-before", state_to(state), compress=True)
    yield from _packets(evidence.packets)
    end = int(evidence.packets.time_ns.max()) if len(evidence.packets) else 0
    for number, point in enumerate(evidence.points):
        yield _statistics(number, point, end)
    for state in evidence.after:
        yield _note("state-after", state_to(state, before=before.get(state.host)), compress=True)


def _note(kind: str, value: object, *, compress: bool) -> bytes:
    text = dump(value)
    head = f"netprobe/1 {kind} {'json+zlib' if compress else 'json'}\n".encode()
    return _block(b.CUSTOM, struct.pack("<I", b.PEN) + head + (zlib.compress(text, 9) if compress else text))


def _interface(point: CapturePoint) -> bytes:
    parts = [
        struct.pack("<HHI", point.linktype, 0, point.snaplen),
        _option(b.IF_NAME, point.name.encode("utf-8", "replace")),
    ]
    parts.append(_option(b.IF_TSRESOL, b"\x09"))
    if point.capture_filter:
        parts.append(_option(b.IF_FILTER, b"\0" + point.capture_filter.encode("utf-8", "replace")))
    return _block(b.IDB, b"".join(parts) + _END)


def _statistics(number: int, point: CapturePoint, time_ns: int) -> bytes:
    counts = [(b.ISB_IFRECV, point.received), (b.ISB_IFDROP, point.dropped)]
    known = [_option(code, struct.pack("<Q", count)) for code, count in counts if count is not None]
    if not known:
        return b""
    return _block(b.ISB, struct.pack("<I", number) + _ticks(time_ns) + b"".join(known) + _END)


def _packets(packets: Packets) -> Iterator[bytes]:
    if not len(packets):
        return
    import numpy as np  # here, as a prediction has no packets

    head, tail = struct.Struct("<7I").pack, struct.Struct("<I").pack
    order = np.argsort(packets.time_ns, kind="stable")
    columns = (packets.point, np.maximum(packets.time_ns, 0), packets.offset, packets.caplen, packets.origlen)
    data = packets.data
    for point, time_ns, offset, caplen, origlen in zip(*(column[order].tolist() for column in columns), strict=True):
        total = 32 + caplen + (-caplen & 3)
        yield head(b.EPB, total, point, time_ns >> 32, time_ns & 0xFFFFFFFF, caplen, origlen & 0xFFFFFFFF)
        yield data[offset : offset + caplen]
        yield _PAD[caplen & 3] + tail(total)


def _ticks(time_ns: int) -> bytes:
    return struct.pack("<II", max(time_ns, 0) >> 32, max(time_ns, 0) & 0xFFFFFFFF)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", 12 + len(body) + (-len(body) & 3))
    return struct.pack("<I", kind) + length + body + _PAD[len(body) & 3] + length


def _option(code: int, value: bytes) -> bytes:
    value = value[:0xFFFF]
    return struct.pack("<HH", code, len(value)) + value + _PAD[len(value) & 3]


_END = _option(b.OPT_END, b"")
