"""tshark's own flow table of a file: its conversations at each interface, and the echoes, which it has no table of.

One run a file. Its rows of one 5-tuple are added up: tshark begins a new one where ports are used again, and nothing is split here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from agreement.tshark import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PROTOCOLS = ("tcp", "udp", "sctp")
ECHOES = {"icmp": ("icmp.type", "icmp.ident", (0, 8)), "icmpv6": ("icmpv6.type", "icmpv6.echo.identifier", (128, 129))}
_FIELDS = (
    *("frame.interface_id", "frame.len", "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst"),
    *(name for kind, ident, _ in ECHOES.values() for name in (kind, ident)),
)
_ROW = re.compile(r"(\S+):(\d+)\s+<->\s+(\S+):(\d+)\s+(\d+) (\d+) (\S+)\s+(\d+) (\d+) (\S+)\s")
_UNITS = {"bytes": 1, "byte": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}


class Key(NamedTuple):
    """A flow at an interface, its ends in order: (address, port), of an echo the identifier."""

    interface: int
    protocol: str
    ends: tuple[tuple[str, int], tuple[str, int]]


@dataclass(slots=True)
class Told:
    """What is said of a flow; a pair has the packets of the first end, and of the second.

    Attributes:
        packets: of each end.
        bytes: of each end, at least: tshark cuts 12,345 bytes to 12 kB.
        unsure: by how many bytes it may be more.
    """

    packets: list[int]
    bytes: list[int]
    unsure: list[int]

    @classmethod
    def nothing(cls) -> Told:
        """No packets."""
        return cls([0, 0], [0, 0], [0, 0])

    def add(self, side: int, packets: int, size: int, unit: int = 1) -> None:
        """Count packets of one end."""
        self.packets[side] += packets
        self.bytes[side] += size
        self.unsure[side] += unit - 1


def key_of(interface: int, protocol: str, src: tuple[str, int], dst: tuple[str, int]) -> tuple[Key, int]:
    """Return the flow of a packet, and which of its ends sent it."""
    if src <= dst:
        return Key(interface, protocol, (src, dst)), 0
    return Key(interface, protocol, (dst, src)), 1


@dataclass(slots=True)
class Said:
    """What tshark says of a file.

    Attributes:
        flows: its conversations and echoes.
        frames: how many it read.
        tunnelled: addresses, in order, of packets that carry another or are carried.
    """

    flows: dict[Key, Told]
    frames: int
    tunnelled: set[tuple[str, str]]


def conversations(file: Path, interfaces: int) -> Said:
    """Return what tshark says of the file.

    Args:
        file: a capture.
        interfaces: how many it has; 0: it is of a format that has none.
    """
    found: defaultdict[Key, Told] = defaultdict(Told.nothing)
    said = Said(found, 0, set())
    filters = [f",frame.interface_id=={number}" for number in range(interfaces)] or [""]
    taps = [f"conv,{protocol}{each}" for each in filters for protocol in PROTOCOLS]
    fields = [word for name in _FIELDS for word in ("-e", name)]
    out = run(file, ["-T", "fields", *fields, *(word for tap in taps for word in ("-z", tap))])
    interface, protocol = 0, ""
    for line in out.splitlines():
        if line.endswith(" Conversations"):
            protocol = line.split()[0].lower()
        elif line.startswith("Filter:"):
            interface = int(line.rpartition("==")[2]) if "==" in line else 0
        elif row := _ROW.match(line):
            _conversation(found, interface, protocol, row.groups())
        elif line.count("\t") == len(_FIELDS) - 1:
            frame = dict(zip(_FIELDS, line.split("\t"), strict=True))
            said.frames += 1
            said.tunnelled |= _tunnelled(frame)
            _echo(found, frame)
    return said


def _tunnelled(said: dict[str, str]) -> set[tuple[str, str]]:
    """The addresses of all packets of a frame, where one carries the other. What an ICMP error quotes is not carried."""
    found = _networks(said)
    return set(found) if len(found) > 1 else set()


def _networks(said: dict[str, str]) -> list[tuple[str, str]]:
    """Source and destination of each network layer before the first ICMP, outermost first."""
    layers = said["frame.protocols"].split(":")
    end = next((at for at, layer in enumerate(layers) if layer in ECHOES), len(layers))
    ends = {
        name: iter(zip(said[f"{name}.src"].split(","), said[f"{name}.dst"].split(","), strict=True))
        for name in ("ip", "ipv6")
    }
    found = (next(ends[layer], None) for layer in layers[:end] if layer in ends)
    return [pair for pair in found if pair is not None]


def _conversation(found: defaultdict[Key, Told], interface: int, protocol: str, row: Sequence[str]) -> None:
    left, right = (row[0], int(row[1])), (row[2], int(row[3]))
    for src, dst, (packets, size, unit) in ((right, left, row[4:7]), (left, right, row[7:10])):
        key, side = key_of(interface, protocol, src, dst)
        scale = _UNITS[unit]
        found[key].add(side, int(packets), int(size) * scale, scale if int(packets) else 1)


def _echo(found: defaultdict[Key, Told], said: dict[str, str]) -> None:
    """Count the frame's outermost ICMP, where it is an echo: what an error quotes is none."""
    name = next((layer for layer in said["frame.protocols"].split(":") if layer in ECHOES), None)
    networks = _networks(said)
    if name is None or not networks:
        return
    kind, ident, echoes = ECHOES[name]
    kinds, idents = said[kind].split(","), said[ident].split(",")
    if not kinds[0] or int(kinds[0]) not in echoes or not idents[0]:
        return
    (src, dst), number = networks[-1], int(idents[0], 0)
    key, side = key_of(int(said["frame.interface_id"] or 0), "icmp", (src, number), (dst, number))
    found[key].add(side, 1, int(said["frame.len"]))


def in_words(key: Key) -> Iterator[str]:
    """Yield its parts, for people."""
    yield f"interface {key.interface}"
    yield key.protocol
    yield " <-> ".join(f"{address}:{port}" for address, port in key.ends)
