"""The decoder: packets of many link types to one table of columns, a layer at a time for many packets at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.decode.carried import carried
from netprobe.decode.chunk import Bytes, Chunk, Layer
from netprobe.decode.discovery import discovery
from netprobe.decode.dns_header import dns_header
from netprobe.decode.ethertypes import ETH_ARP, ETH_IPV4, ETH_IPV6, ETHERNET
from netprobe.decode.icmp import ICMP, ICMPV6, SCTP, TCP, UDP, icmp
from netprobe.decode.link import ETHERNET_LINK, link
from netprobe.decode.net import arp, ipv4, ipv6
from netprobe.decode.table import ABSENT
from netprobe.decode.transport import sctp, tcp, udp
from netprobe.decode.tunnels import Inner, Inside, widened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from netprobe.decode.chunk import Ints
    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import CapturePoint
    from netprobe.evidence.packets import Packets

CHUNK_ROWS = 1 << 15
"""Rows decoded at a time: their temporary arrays stay in the processor's cache."""

_UNKNOWN_LINK = -1

COLUMNS: tuple[tuple[type[np.generic], int, tuple[str, ...]], ...] = (
    (np.uint8, 0, ("kind",)),
    (np.uint16, 0, ("anomaly",)),
    (np.int8, 0, ("ip_version",)),
    (np.int8, ABSENT, ("dns_qr",)),
    (np.bool_, 0, ("more_frag", "dont_frag")),
    (np.int16, ABSENT, ("ip_proto", "ttl", "tcp_flags", "icmp_type", "icmp_code", "inner_proto", "dns_rcode")),
    (np.int16, ABSENT, ("nd_flags",)),
    (np.int32, ABSENT, ("ethertype", "vlan", "vlan_inner", "ip_id", "ip_len", "sport", "dport", "window", "mss")),
    (np.int32, ABSENT, ("inner_sport", "inner_dport", "dns_id", "dns_answers", "arp_op")),
    (np.int32, ABSENT, ("tunnel",)),
    (np.int32, 0, ("frag_off",)),
    (
        np.int64,
        ABSENT,
        ("eth_src", "eth_dst", "seq", "ack", "tsval", "tsecr", "inner_seq", "arp_sha", "arp_tha", "nd_lla"),
    ),
    (np.int64, ABSENT, ("payload_off", "payload_cap", "payload_len")),
    (np.uint64, 0, ("src_hi", "src_lo", "dst_hi", "dst_lo")),
    (np.uint64, 0, ("inner_src_hi", "inner_src_lo", "inner_dst_hi", "inner_dst_lo", "nd_target_hi", "nd_target_lo")),
)
"""Type and absent value of every column of :class:`PacketTable`."""


def decode(packets: Packets, points: Sequence[CapturePoint], *, tunnels: bool = False) -> PacketTable:
    """Decode all packets. Never raises on any bytes: what is odd is named in the ``anomaly`` column.

    Args:
        packets: the buffer and its rows; nothing of it is copied.
        points: the capture points, for their link types.
        tunnels: packets inside of others get rows of their own, too: the table may have more rows than there are packets.
    """
    columns = _absent(len(packets))
    buffer = Bytes(packets.data)
    inner: list[Inner] = []
    links = linktypes(packets, points)
    for first in range(0, len(packets), CHUNK_ROWS):
        run = slice(first, min(first + CHUNK_ROWS, len(packets)))
        chunk = Chunk(buffer, {name: values[run] for name, values in columns.items()}, Inside(0) if tunnels else None)
        start, kept = packets.offset[run], packets.caplen[run]
        layer = Layer(np.arange(len(start)), start, start + kept, start + np.maximum(packets.origlen[run], kept))
        _decode_chunk(chunk, layer, links[run])
        inner += _inside(chunk, first)
    return widened(packets, columns, inner)


def _absent(count: int) -> dict[str, NDArray[Any]]:
    return {name: np.full(count, absent, dtype) for dtype, absent, names in COLUMNS for name in names}


def _inside(chunk: Chunk, first: int) -> Iterator[Inner]:
    """Decode the packets inside of a chunk's, and those inside of these."""
    owner = np.arange(first, first + len(chunk.columns["kind"]))
    while chunk.inside is not None and (found := chunk.inside.found()) is not None:
        owner = owner[found.layer.rows]
        count = len(owner)
        chunk = Chunk(chunk.bytes, _absent(count), Inside(chunk.inside.depth + 1))
        chunk.put("tunnel", np.arange(count), found.number)
        layer = Layer(np.arange(count), found.layer.at, found.layer.cap, found.layer.wire)
        framed = found.ethertype == ETHERNET
        if framed.any():
            _network(chunk, *link(chunk, layer.pick(framed), ETHERNET_LINK))
        if not framed.all():
            _network(chunk, *carried(chunk, layer.pick(~framed), found.ethertype[~framed]))
        yield Inner(owner, layer, chunk.columns)


def network_start(raw: bytes, linktype: int) -> int | None:
    """Where one packet's IP header begins, whatever carries it; None where it has none that is read."""
    chunk = Chunk(Bytes(raw), _absent(1))
    size = np.full(1, len(raw), np.int64)
    rows, ethertype = link(chunk, Layer(np.zeros(1, np.int64), np.zeros(1, np.int64), size, size), linktype)
    there = rows.at[(ethertype == ETH_IPV4) | (ethertype == ETH_IPV6)]
    return int(there[0]) if len(there) and int(there[0]) < len(raw) else None


def linktypes(packets: Packets, points: Sequence[CapturePoint]) -> NDArray[np.int32]:
    """Each packet's link type, -1 where its point is none of these."""
    types = {point.linktype for point in points}
    number = packets.point
    if len(types) == 1 and len(number) and number.min() >= 0 and number.max() < len(points):  # as nearly always
        return np.full(len(number), types.pop(), np.int32)
    known = np.array([*(point.linktype for point in points), _UNKNOWN_LINK], np.int32)
    inside = (number >= 0) & (number < len(points))
    return known[np.where(inside, number, len(points))]


def _decode_chunk(chunk: Chunk, layer: Layer, links: NDArray[np.int32]) -> None:
    for linktype in _distinct(links):
        which = links == linktype
        _network(chunk, *link(chunk, layer if which.all() else layer.pick(which), linktype))


def _network(chunk: Chunk, rows: Layer, ethertype: Ints) -> None:
    for number, decode_layer in ((ETH_ARP, arp), (ETH_IPV4, _ipv4), (ETH_IPV6, _ipv6)):
        there = rows.pick(ethertype == number)
        if len(there):
            decode_layer(chunk, there)


def _distinct(links: NDArray[np.int32]) -> list[int]:
    """The different ones (numpy.unique imports numpy.ma, which takes longer than a small file)."""
    ordered = np.sort(links)
    return [*ordered[:1].tolist(), *ordered[1:][ordered[1:] != ordered[:-1]].tolist()]


def _ipv4(chunk: Chunk, layer: Layer) -> None:
    layer, proto = ipv4(chunk, layer)
    _transport(chunk, layer, proto)
    messages = layer.pick(proto == ICMP)
    if len(messages):
        icmp(chunk, messages, 4)


def _ipv6(chunk: Chunk, layer: Layer) -> None:
    layer, proto = ipv6(chunk, layer)
    _transport(chunk, layer, proto)
    messages = layer.pick(proto == ICMPV6)
    if len(messages):
        icmp(chunk, messages, 6)
        discovery(chunk, messages)


def _transport(chunk: Chunk, layer: Layer, proto: Ints) -> None:
    segments, datagrams = layer.pick(proto == TCP), layer.pick(proto == UDP)
    if len(segments):
        tcp(chunk, segments)
    if len(datagrams):
        datagrams = udp(chunk, datagrams)
        dns_header(chunk, datagrams)
    associations = layer.pick(proto == SCTP)
    if len(associations):
        sctp(chunk, associations)
    if chunk.inside is not None:
        chunk.inside.look(chunk, layer, proto, datagrams)
