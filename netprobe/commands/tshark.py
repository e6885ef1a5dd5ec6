"""The application layer of a few packets, by tshark through pyshark.

tshark gets a temporary file of just these packets, a bounded time, and is ended and awaited in every case. Wireshark's
dissectors are large and read untrusted bytes: they see nothing unless ``--deep`` is given.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import tempfile
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netprobe.interrupts import Held

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from netprobe.report.deep import DeepFrame

TIME_LIMIT_S = 20.0
MOST_LINES = 16
MOST_CHARACTERS = 300
MISSING = "application layer: not decoded, tshark is not installed (package tshark)"
_NOTHING = subprocess.DEVNULL
_PACKET = re.compile(rb"<packet>.*?</packet>", re.DOTALL)  # tshark writes no attributes; text in it has its < escaped
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
    except (
        OSError,
        ValueError,
        LookupError,
        AttributeError,
    ) as fault:  # the last three: packets that pyshark cannot take
        return found, f"application layer: tshark could not decode it ({type(fault).__name__}: {fault})"
    return found, ""


def _decoded(program: str, linktype: int, frames: Sequence[DeepFrame]) -> Iterator[tuple[DeepFrame, Sequence[str]]]:
    with Held(lambda: tempfile.TemporaryDirectory(prefix="netprobe-"), lambda made: made.cleanup()) as folder:
        file = Path(folder.name) / "deep.pcap"
        file.write_bytes(pcap(linktype, frames))
        packets = _packets(program, file, len(frames))
    for frame, packet in zip(frames, packets, strict=True):
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

    Only pyshark's parser is used: its captures run tshark with parts of asyncio that newer Pythons deprecate and drop.

    Raises:
        TimeoutError: tshark took longer than :data:`TIME_LIMIT_S` seconds; it is ended and awaited.
        ChildProcessError: tshark failed, or not all packets came back.
    """
    from pyshark.tshark.output_parser.tshark_xml import packet_from_xml_packet

    argv = [program, "-n", "-r", str(file), "-T", "pdml"]
    try:
        done = ran(argv, TIME_LIMIT_S)
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"no end after {TIME_LIMIT_S:g} s") from None
    if done.returncode != 0:
        last = (done.stderr.decode(errors="replace").splitlines() or ["it said nothing"])[-1]
        raise ChildProcessError(f"exit code {done.returncode}: {last}")
    packets = [packet_from_xml_packet(packet) for packet in _PACKET.findall(done.stdout)]
    if len(packets) != count:
        raise ChildProcessError(f"{len(packets)} of {count} packets came back")
    return packets


def ran(argv: Sequence[str], seconds: float | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end, as :func:`subprocess.run` does; a Ctrl-C at any moment leaves it behind neither.

    Raises:
        subprocess.TimeoutExpired: it took longer than ``seconds``; it is ended and awaited.
    """
    with Held(
        lambda: subprocess.Popen(argv, stdin=_NOTHING, stdout=subprocess.PIPE, stderr=subprocess.PIPE), end
    ) as process:
        out, err = process.communicate(timeout=seconds)
        return subprocess.CompletedProcess(argv, process.returncode, out, err)


def end(process: subprocess.Popen[bytes]) -> None:
    """Have a program end that may still run, and wait for it."""
    with process:
        process.kill()


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
