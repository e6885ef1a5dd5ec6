"""What may stand between a link header and the network layer: LLC with SNAP, PPPoE with PPP, MPLS labels.

Each is passed for all rows at once; what carries no IP (bridge protocols, PPP's own, a pseudowire) ends there.

Source: IEEE 802.2, RFC 1042 (SNAP), RFC 2516 (PPPoE), RFC 1661 and 1662 (PPP), RFC 1547 section 4.3.1 (Cisco's HDLC), RFC 3032 (MPLS),
RFC 4928 (the first nibble behind the labels tells IPv4 and IPv6 from a pseudowire's control word).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.chunk import Layer
from netprobe.decode.ethertypes import ETH_ARP, ETH_IPV4, ETH_IPV6, ETH_MPLS, ETH_PPPOE, LLC, NOTHING, PPP
from netprobe.decode.table import Anomaly

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.decode.chunk import Chunk, Ints, Mask

_SNAP = 0xAAAA03  # DSAP, SSAP and control (unnumbered information)
_IP_SAP = 0x060603  # RFC 948
_OUIS = (0x000000, 0x0000F8)  # an EtherType follows (RFC 1042; IEEE 802.1H)
_PPP = {0x0021: ETH_IPV4, 0x0057: ETH_IPV6, 0x0281: ETH_MPLS[0], 0x0283: ETH_MPLS[1]}
OAM_ALERT = 14  # no packet follows this label (RFC 3429)
MOST_LABELS = 375  # as many as a frame of 1500 bytes has room for


def carried(chunk: Chunk, layer: Layer, ethertype: Ints) -> tuple[Layer, Ints]:
    """Pass what carries a network layer inside of something else. Returns the same rows, each where its network layer is, and its EtherType."""
    ordinary = (ethertype == ETH_IPV4) | (ethertype == ETH_IPV6) | (ethertype == ETH_ARP)
    if ordinary.all():
        return layer, ethertype
    at, cap, wire, ethertype = layer.at.copy(), layer.cap.copy(), layer.wire.copy(), ethertype.copy()
    for kinds, reader in _CARRIERS:
        here = np.flatnonzero(np.isin(ethertype, kinds))
        if len(here):
            inner, found = reader(chunk, Layer(layer.rows[here], at[here], cap[here], wire[here]))
            at[here], cap[here], wire[here], ethertype[here] = inner.at, inner.cap, inner.wire, found
    return Layer(layer.rows, at, cap, wire), ethertype


def _whole(chunk: Chunk, layer: Layer, count: int) -> Mask:
    """Which rows keep so many more bytes; those that had them on the wire are marked."""
    kept: Mask = layer.at + count <= layer.cap
    chunk.mark(layer.rows[~kept & (layer.at + count <= layer.wire)], Anomaly.TRUNCATED_LINK)
    return kept


def _moved(layer: Layer, by: Ints) -> Layer:
    return Layer(layer.rows, layer.at + by, layer.cap, layer.wire)


def _llc(chunk: Chunk, layer: Layer) -> tuple[Layer, Ints]:
    found, by = np.full(len(layer), NOTHING, np.int64), np.zeros(len(layer), np.int64)
    kept = np.flatnonzero(_whole(chunk, layer, 4))
    head = chunk.bytes.u32(layer.at[kept]) >> 8
    found[kept[head == _IP_SAP]], by[kept[head == _IP_SAP]] = ETH_IPV4, 3
    snap = kept[head == _SNAP]
    snap = snap[_whole(chunk, layer.pick(snap), 8)]
    snap = snap[np.isin(chunk.bytes.u32(layer.at[snap] + 2) & 0xFFFFFF, _OUIS)]
    found[snap], by[snap] = chunk.bytes.u16(layer.at[snap] + 6), 8
    return _moved(layer, by), found


def _pppoe(chunk: Chunk, layer: Layer) -> tuple[Layer, Ints]:
    """A session packet: version and type 1, code 0, and the length of what it carries."""
    found, wire = np.full(len(layer), NOTHING, np.int64), layer.wire.copy()
    kept = np.flatnonzero(_whole(chunk, layer, 6))
    session = kept[chunk.bytes.u16(layer.at[kept]) == 0x1100]
    wire[session] = np.minimum(wire[session], layer.at[session] + 6 + chunk.bytes.u16(layer.at[session] + 4))
    found[session] = PPP
    inner = Layer(layer.rows, layer.at + 6, np.minimum(layer.cap, wire), wire)
    return inner, found


def _ppp(chunk: Chunk, layer: Layer) -> tuple[Layer, Ints]:
    """The protocol, of one byte where it was compressed (then it is odd), after address and control where those were not left out."""
    by, found = np.zeros(len(layer), np.int64), np.full(len(layer), NOTHING, np.int64)
    kept = np.flatnonzero(_whole(chunk, layer, 2))
    framed = kept[chunk.bytes.u16(layer.at[kept]) == 0xFF03]
    by[framed] = 2
    kept = np.flatnonzero(_whole(chunk, _moved(layer, by), 2))
    number = chunk.bytes.u16((layer.at + by)[kept])
    short = (number >> 8) & 1 == 1
    number = np.where(short, number >> 8, number)
    by[kept] += np.where(short, 1, 2)
    for protocol, ethertype in _PPP.items():
        found[kept[number == protocol]] = ethertype
    return _moved(layer, by), found


def _mpls(chunk: Chunk, layer: Layer) -> tuple[Layer, Ints]:
    """Pass the labels; nothing says what follows but its own first nibble."""
    at, found = layer.at.copy(), np.full(len(layer), NOTHING, np.int64)
    live = np.arange(len(layer))
    bottom = np.zeros(len(layer), np.bool_)
    for _ in range(MOST_LABELS):
        live = live[_whole(chunk, Layer(layer.rows[live], at[live], layer.cap[live], layer.wire[live]), 4)]
        label = chunk.bytes.u32(at[live])
        last = label & 0x100 != 0
        at[live] += 4
        bottom[live[last & (label >> 12 != OAM_ALERT)]] = True
        live = live[~last]
        if not len(live):
            break
    inner = Layer(layer.rows, at, layer.cap, layer.wire)
    there = np.flatnonzero(bottom)
    there = there[_whole(chunk, inner.pick(there), 1)]
    first = chunk.bytes.u8(at[there])
    found[there[(first >> 4 == 4) & (first & 0xF >= 5)]] = ETH_IPV4
    found[there[first >> 4 == 6]] = ETH_IPV6
    return inner, found


_CARRIERS: tuple[tuple[tuple[int, ...], Callable[[Chunk, Layer], tuple[Layer, Ints]]], ...] = (
    ((LLC,), _llc),
    ((ETH_PPPOE,), _pppoe),
    ((PPP,), _ppp),
    (ETH_MPLS, _mpls),
)
"""In the order in which one may stand inside of another."""
