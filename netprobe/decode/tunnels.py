"""Packets inside of packets: VXLAN, GENEVE, GRE, and IP in IP, to a bounded depth. Asked for by what lists flows; elsewhere they stay inside.

A tunnel has a number, so that flows inside of two networks that use the same addresses stay two: how deep it is (2 bits above 27), what it is
(:class:`TunnelKind`, 3 bits above 24), and the network that its header names (VXLAN's and GENEVE's VNI, the lower 24 bits of GRE's key; 0: none).

Source: RFC 7348 (VXLAN), RFC 8926 (GENEVE), RFC 2784 and 2890 (GRE), RFC 2003 (IPv4 in IP), RFC 4213 (IPv6 in IPv4), RFC 2473 (in IPv6).
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from netprobe.decode.chunk import Layer
from netprobe.decode.ethertypes import ETH_BRIDGED, ETH_IPV4, ETH_IPV6, ETH_MPLS, ETHERNET
from netprobe.decode.table import PacketTable
from netprobe.evidence.packets import Packets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from netprobe.decode.chunk import Chunk, Ints, Mask

MOST_DEPTH = 4
VXLAN_PORT = 4789
GENEVE_PORT = 6081
IP_IN_IP = {4: ETH_IPV4, 41: ETH_IPV6}
GRE = 47
CARRIED = (ETH_IPV4, ETH_IPV6, *ETH_MPLS)
"""EtherTypes of GRE and GENEVE that are looked into, beside an Ethernet frame's."""

DEPTH_BIT, KIND_BIT, NETWORK = 27, 24, 0xFFFFFF
CHECKSUM, KEY, SEQUENCE, ODD = 0x8000, 0x2000, 0x1000, 0x4C07
"""Bits of GRE's first two bytes: what has four bytes more, and those that must not be set (routing, another version)."""


class TunnelKind(IntEnum):
    """What carries packets."""

    VXLAN = 1
    GENEVE = 2
    GRE = 3
    IP = 4


def tunnel_name(number: int) -> str:
    """Return what people call a tunnel, each in another way: ``vxlan 42``, ``ip``, ``gre 5 (2 deep)`` inside of another; ``""`` for none."""
    if number < 0:
        return ""
    kind, network, depth = TunnelKind(number >> KIND_BIT & 7), number & NETWORK, number >> DEPTH_BIT
    name = f"{kind.name.lower()} {network}" if network else kind.name.lower()
    return f"{name} ({depth + 1} deep)" if depth else name


class Carried(NamedTuple):
    """Packets inside: where each is (``layer.rows``: the row of what carries it), its EtherType or ETHERNET, and its tunnel's number."""

    layer: Layer
    ethertype: Ints
    number: Ints


class Inner(NamedTuple):
    """Packets of one depth, decoded: the packet that each is in, where it is, and its columns."""

    owner: Ints
    layer: Layer
    columns: Mapping[str, NDArray[Any]]


class Inside:
    """Gathers the packets inside of a chunk's rows, which are so deep inside themselves."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self._found: list[Carried] = []

    def look(self, chunk: Chunk, layer: Layer, proto: Ints, datagrams: Layer) -> None:
        """Look into packets of one IP version, which stand at their upper layer, and into those of them that are whole UDP datagrams."""
        if self.depth == MOST_DEPTH:
            return
        for number, ethertype in IP_IN_IP.items():
            there = layer.pick(proto == number)
            self._add(TunnelKind.IP, there, np.full(len(there), ethertype, np.int64), np.zeros(len(there), np.int64))
        self._gre(chunk, layer.pick(proto == GRE))
        port = chunk.columns["dport"][datagrams.rows]
        for kind, number in ((self._vxlan, VXLAN_PORT), (self._geneve, GENEVE_PORT)):
            here = datagrams.rows[port == number]
            if len(here):
                kind(chunk, _payloads(chunk, here))

    def found(self) -> Carried | None:
        """All that was found, in the order of rows; None for nothing."""
        if not self._found:
            return None
        layers = [each.layer for each in self._found]
        rows = np.concatenate([each.rows for each in layers])
        order = np.argsort(rows, kind="stable")
        at, cap, wire = (
            np.concatenate([getattr(each, name) for each in layers])[order] for name in ("at", "cap", "wire")
        )
        ethertype, number = (np.concatenate(each)[order] for each in list(zip(*self._found, strict=True))[1:])
        return Carried(Layer(rows[order], at, cap, wire), ethertype, number)

    def _add(self, kind: TunnelKind, layer: Layer, ethertype: Ints, network: Ints) -> None:
        """Keep those of which there is a byte."""
        some = layer.at < layer.cap
        if some.any():
            number = (self.depth << DEPTH_BIT) | (int(kind) << KIND_BIT) | network[some]
            self._found.append(Carried(layer.pick(some), ethertype[some], number))

    def _gre(self, chunk: Chunk, layer: Layer) -> None:
        layer = _kept(layer, 4)
        if not len(layer):
            return
        flags = chunk.bytes.u16(layer.at)
        layer, flags = layer.pick(flags & ODD == 0), flags[flags & ODD == 0]
        checksum, keyed = (flags & CHECKSUM != 0) * 4, (flags & KEY != 0) * 4
        size = 4 + checksum + keyed + (flags & SEQUENCE != 0) * 4
        whole = layer.at + size <= layer.cap
        layer, checksum, keyed, size = layer.pick(whole), checksum[whole], keyed[whole], size[whole]
        network = np.zeros(len(layer), np.int64)
        named = keyed > 0
        network[named] = chunk.bytes.u32((layer.at + 4 + checksum)[named]) & NETWORK
        self._by_type(TunnelKind.GRE, _behind(layer, size), chunk.bytes.u16(layer.at + 2), network)

    def _vxlan(self, chunk: Chunk, layer: Layer) -> None:
        layer = _kept(layer, 8)
        layer = layer.pick(chunk.bytes.u8(layer.at) & 0x08 != 0)  # the flag that says that there is a VNI
        network = chunk.bytes.u32(layer.at + 4) >> 8
        self._add(TunnelKind.VXLAN, _behind(layer, 8), np.full(len(layer), ETHERNET, np.int64), network)

    def _geneve(self, chunk: Chunk, layer: Layer) -> None:
        layer = _kept(layer, 8)
        first = chunk.bytes.u8(layer.at)
        size = 8 + (first & 0x3F) * 4
        good = (first >> 6 == 0) & (layer.at + size <= layer.cap)  # version 0
        layer, size = layer.pick(good), size[good]
        network = chunk.bytes.u32(layer.at + 4) >> 8
        self._by_type(TunnelKind.GENEVE, _behind(layer, size), chunk.bytes.u16(layer.at + 2), network)

    def _by_type(self, kind: TunnelKind, layer: Layer, ethertype: Ints, network: Ints) -> None:
        ethertype = np.where(ethertype == ETH_BRIDGED, ETHERNET, ethertype)
        read = np.isin(ethertype, (ETHERNET, *CARRIED))
        self._add(kind, layer.pick(read), ethertype[read], network[read])


def _payloads(chunk: Chunk, rows: Ints) -> Layer:
    at, kept, length = (chunk.columns[f"payload_{name}"][rows] for name in ("off", "cap", "len"))
    return Layer(rows, at, at + kept, at + length)


def _kept(layer: Layer, count: int) -> Layer:
    enough: Mask = layer.at + count <= layer.cap
    return layer.pick(enough)


def _behind(layer: Layer, size: Ints | int) -> Layer:
    return Layer(layer.rows, layer.at + size, layer.cap, layer.wire)


def widened(packets: Packets, columns: Mapping[str, NDArray[Any]], inner: Sequence[Inner]) -> PacketTable:
    """The packet table, with a row for each packet inside of another behind that one.

    Args:
        packets: the packets as they were captured.
        columns: theirs.
        inner: the packets inside, less deep ones first.
    """
    if not inner:
        return PacketTable(packets=packets, **columns)
    owner = np.concatenate([np.arange(len(packets)), *(each.owner for each in inner)])
    order = np.argsort(owner, kind="stable")
    owner = owner[order]

    def joined(own: NDArray[Any], parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate([own, *parts])[order]

    layers = [each.layer for each in inner]
    rows = Packets(
        data=packets.data,
        offset=joined(packets.offset, [each.at for each in layers]),
        caplen=joined(packets.caplen, [each.cap - each.at for each in layers]),
        origlen=joined(packets.origlen, [each.wire - each.at for each in layers]),
        time_ns=packets.time_ns[owner],
        point=packets.point[owner],
        frame=packets.frame[owner],
    )
    wide = {name: joined(values, [each.columns[name] for each in inner]) for name, values in columns.items()}
    return PacketTable(packets=rows, **wide)
