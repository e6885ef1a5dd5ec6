"""The application layer of a few packets, by tshark through pyshark.

tshark gets a temporary file of just these packets, a bounded time, and is ended and awaited in every case. Wireshark's
dissectors are large and read untrusted bytes: they see nothing unless ``--deep`` is given.
"""

from __future__ import annotations

import asyncio
import shutil
import struct
import tempfile
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from netprobe.report.deep import DeepFrame

TIME_LIMIT_S = 20.0
MOST_LINES = 16
MOST_CHARACTERS = 300
MISSING = "application layer: not decoded, tshark is not installed (package tshark)"
# What lies below the application; scapy has shown it already.
_BELOW = frozenset(
    {"eth", "sll", "null", "raw", "vlan", "arp", "ip", "ipv6", "icmp", "icmpv6", "tcp", "udp", "ipv6.hopopts"}
)


def application_layers(frames: Sequence[DeepFrame]) -> tuple[Mapping[DeepFrame, Sequence[str]], str]:
    """Return the lines that tshark has on each packet's application layer, and a note when it could not say."""
    program = shutil.which("tshark")
    if program is None:
        return {}, MISSING
    found: dict[DeepFrame, Sequence[str]] = {}
    try:
        for linktype, group in groupby(sorted(frames, key=lambda frame: frame.linktype), lambda frame: frame.linktype):
            found.update(_decoded(program, linktype, list(group)))
    except _faults() as fault:
        return found, f"application layer: tshark could not decode it ({type(fault).__name__}: {fault})"
    return found, ""


def _faults() -> tuple[type[BaseException], ...]:
    from pyshark.capture.capture import TSharkCrashException
    from pyshark.tshark.tshark import TSharkNotFoundException, TSharkVersionException

    # AttributeError: pyshark 0.6 leans on parts of asyncio that newer Pythons drop.
    return TSharkCrashException, TSharkNotFoundException, TSharkVersionException, OSError, TimeoutError, AttributeError


def _decoded(program: str, linktype: int, frames: Sequence[DeepFrame]) -> Iterator[tuple[DeepFrame, Sequence[str]]]:
    with tempfile.TemporaryDirectory(prefix="netprobe-") as folder:
        file = Path(folder) / "deep.pcap"
        file.write_bytes(pcap(linktype, frames))
        packets = _packets(program, file, len(frames))
    for frame, packet in zip(frames, packets, strict=False):
        if lines := list(_lines(packet)):
            yield frame, lines[:MOST_LINES]


def pcap(linktype: int, frames: Sequence[DeepFrame]) -> bytes:
    """Return a pcap file of these packets, with times in ns (pcap-savefile(5))."""
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, linktype)]
    for frame in frames:
        seconds, nanoseconds = divmod(frame.time_ns, 1_000_000_000)
        kept = len(frame.raw)
        parts += [struct.pack("<IIII", seconds & 0xFFFFFFFF, nanoseconds, kept, max(frame.origlen, kept)), frame.raw]
    return b"".join(parts)


def _packets(program: str, file: Path, count: int) -> list[Any]:
    """Return pyshark's packets of a file.

    Raises:
        TimeoutError: tshark took longer than :data:`TIME_LIMIT_S` seconds.
    """
    import pyshark

    # An event loop of our own: pyshark's would change the process's, and its child watcher.
    loop = asyncio.new_event_loop()
    # The path is given, so that a config.ini in the current folder cannot name another program.
    capture = pyshark.FileCapture(str(file), tshark_path=program, eventloop=loop, custom_parameters=["-n"])
    try:
        with capture:
            capture.load_packets(packet_count=count, timeout=TIME_LIMIT_S)
        if not capture.loaded:
            raise TimeoutError(f"no end after {TIME_LIMIT_S:.0f} s")
        if len(capture) != count:
            raise ChildProcessError(f"{len(capture)} of {count} packets came back")
        return [capture[number] for number in range(len(capture))]
    finally:
        # Ended and awaited by now, or crashed by itself; what is still listed, pyshark's destructor would await on a closed loop.
        capture._running_processes.clear()
        loop.close()


def _lines(packet: Any) -> Iterator[str]:
    for layer in packet.layers:
        if layer.layer_name in _BELOW:
            continue
        yield f"{layer.layer_name}:"
        fields = (layer.get_field(name) for name in layer.field_names)
        # _ws.expert and the like are Wireshark's own remarks, not fields of the protocol
        shown = (field.showname for field in fields if not str(field.name).startswith("_ws"))
        # … and frame numbers would be those of the temporary file
        kept = (str(text) for text in shown if text and " in frame: " not in str(text))
        yield from dict.fromkeys("  " + text[:MOST_CHARACTERS] for text in kept)
