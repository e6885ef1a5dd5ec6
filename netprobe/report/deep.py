"""``--deep``: the few packets that the report rests on, dissected field by field with scapy.

Shown are the packets of the hops where something begins or changes, the first packets with payload at the furthest point,
and the name lookup. Nothing of it reaches the verdict or the JSON.
"""

from __future__ import annotations

import logging
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe import scapy_layers
from netprobe.decode.decoder import decode, network_start
from netprobe.flows.build import destination, source
from netprobe.model.hop import Direction
from netprobe.report.document import Block, Document, Entries, Entry, Paragraph, Span, Style, line
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import Evidence
    from netprobe.model.endpoint import Endpoint
    from netprobe.model.hop import Hop, HopPacket
    from netprobe.model.report import Report

MOST_PAYLOADS = 8
MOST_LOOKUPS = 6
MOST_LAYERS = 12
MOST_CHARACTERS = 200
_LOOKED_UP = frozenset({"embedded-dns", "upstream-dns", "failed"})
# What scapy's fields can raise when they print bytes that no honest sender made.
_ODD_FIELD = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError, struct.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepFrame:
    """One packet to dissect.

    Attributes:
        point: the capture point that saw it.
        frame: the number Wireshark shows.
        linktype: pcap link type.
        time_ns: Unix time in ns.
        origlen: bytes on the wire.
        raw: the kept bytes.
    """

    point: str
    frame: int
    linktype: int
    time_ns: int
    origlen: int
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DissectedLayer:
    """One protocol layer of a packet: its name, and its fields in wire order."""

    name: str
    fields: tuple[tuple[str, str], ...]


def chosen(evidence: Evidence, report: Report) -> tuple[DeepFrame, ...]:
    """Return the packets to dissect, in the order in which they are shown."""
    table = decode(evidence.packets, evidence.points)
    rows = [*_hop_rows(evidence, report.hops), *_payload_rows(evidence, table, report.hops)]
    if str(report.resolution) in _LOOKED_UP:
        lookups = np.flatnonzero(table.is_dns() & (table.dns_id >= 0)).tolist()
        rows = [*lookups[:MOST_LOOKUPS], *rows]
    return tuple(_frame(evidence, row) for row in dict.fromkeys(rows))


def dissect(frame: DeepFrame) -> tuple[DissectedLayer, ...]:
    """Return the packet's layers as scapy reads them; bytes that it cannot read come last, as one raw layer."""
    packet = _packet(frame)
    layers: list[DissectedLayer] = []
    while len(layers) < MOST_LAYERS and packet.fields_desc:
        layers.append(DissectedLayer(name=str(packet.name), fields=tuple(_fields(packet))))
        packet = packet.payload
    return tuple(layers)


def lay_out(frames: Sequence[DeepFrame], application: Mapping[DeepFrame, Sequence[str]], note: str) -> Document:
    """Return the section to print.

    Args:
        frames: the packets.
        application: what tshark made of the application layer of some.
        note: one line on why there is none of that, or "".
    """
    sections: list[tuple[Block, ...]] = [(Paragraph(content=line("the packets in depth")),)]
    for frame in frames:
        head = line(Span(f"frame {frame.frame}", Style.STRONG), f" at {frame.point}, {frame.origlen} bytes")
        layers = [
            Entry(label=layer.name, lines=(line(" ".join(f"{name}={value}" for name, value in layer.fields)),))
            for layer in dissect(frame)
        ]
        if frame in application:
            layers.append(Entry(label="tshark", lines=tuple(line(text) for text in application[frame])))
        sections.append((Paragraph(content=head, indent=2), Entries(entries=tuple(layers), indent=4)))
    if note:
        sections.append((Paragraph(content=line(note)),))
    return Document(sections=tuple(sections))


def _hop_rows(evidence: Evidence, hops: Sequence[Hop]) -> Iterator[int]:
    """Yield the rows of the hops where a packet begins its way or was changed."""
    row_of = _rows_by_place(evidence)
    begun = set()
    for hop in hops:
        if hop.packet is None or not hop.seen:
            continue
        if hop.changes or (hop.direction, hop.leg) not in begun:
            begun.add((hop.direction, hop.leg))
            if (hop.point, hop.packet.frame) in row_of:
                yield row_of[hop.point, hop.packet.frame]


def _rows_by_place(evidence: Evidence) -> dict[tuple[str, int], int]:
    packets = evidence.packets
    names = [point.name for point in evidence.points]
    pairs = zip(packets.point.tolist(), packets.frame.tolist(), strict=True)
    return {(names[point], frame): row for row, (point, frame) in enumerate(pairs)}


def _payload_rows(evidence: Evidence, table: PacketTable, hops: Sequence[Hop]) -> Iterator[int]:
    """Yield the first rows with payload, either way, of the connection as the furthest point saw it."""
    seen = [hop for hop in hops if hop.seen and hop.direction is Direction.REQUEST and hop.packet is not None]
    if not seen or seen[-1].packet is None:
        return
    ends = _ends(seen[-1].packet)
    number = next((index for index, point in enumerate(evidence.points) if point.name == seen[-1].point), -1)
    found = 0
    for row in ((evidence.packets.point == number) & (table.payload_len > 0)).nonzero()[0].tolist():
        if {source(table, row).unpack(), destination(table, row).unpack()} == ends:
            yield row
            found += 1
        if found == MOST_PAYLOADS:
            return


def _ends(packet: HopPacket) -> set[Endpoint]:
    return {packet.src, packet.dst}


def _frame(evidence: Evidence, row: int) -> DeepFrame:
    packets = evidence.packets
    point = evidence.points[int(packets.point[row])]
    return DeepFrame(
        point=point.name,
        frame=int(packets.frame[row]),
        linktype=point.linktype,
        time_ns=int(packets.time_ns[row]),
        origlen=int(packets.origlen[row]),
        raw=packets.raw(row),
    )


def _packet(frame: DeepFrame) -> Any:
    """Return scapy's packet; the link type says where it begins (LINKTYPE_ values of pcap-linktype(7))."""
    logging.getLogger("scapy").setLevel(logging.ERROR)
    scapy_layers.load()
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import CookedLinux, CookedLinuxV2, Ether, Loopback
    from scapy.packet import Raw

    start = network_start(frame.raw, frame.linktype)
    network = Raw if start is None else {4: IP, 6: IPv6}.get(frame.raw[start] >> 4, Raw)
    first = {0: Loopback, 1: Ether, 108: Loopback, 113: CookedLinux, 276: CookedLinuxV2}.get(frame.linktype, Raw)
    try:
        # Upper layers that cannot be read become raw bytes by themselves; the first one raises.
        packet = (network if start == 0 else first)(frame.raw)
        if start and not (
            packet.haslayer(IP) or packet.haslayer(IPv6)
        ):  # in something that scapy's layers here do not pass
            packet = first(frame.raw[:start]) / network(frame.raw[start:])
    except _ODD_FIELD:
        return Raw(frame.raw)
    return packet


def _fields(packet: Any) -> Iterator[tuple[str, str]]:
    for field in packet.fields_desc:
        try:
            value = packet.getfieldval(field.name)
            # scapy names ports after /etc/services, which says nothing of who uses them here
            text = str(value) if field.name in ("sport", "dport") else str(field.i2repr(packet, value))
        except _ODD_FIELD:
            text = "?"
        if text not in ("", "None", "[]"):
            yield str(field.name), text[:MOST_CHARACTERS] + ("…" if len(text) > MOST_CHARACTERS else "")
