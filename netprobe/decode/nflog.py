"""Linux' netfilter log as a link layer (LINKTYPE_NFLOG, ``tcpdump -i nflog:5``): attributes, one of which holds the packet.

Lengths and types are in the byte order of the machine that captured. They tell it by themselves: no type is larger than 255, so that one
that is has its bytes swapped.

Source: tcpdump.org/linktypes/LINKTYPE_NFLOG.html; linux/netfilter/nfnetlink_log.h (types, and what they hold).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.chunk import Layer
from netprobe.decode.ethertypes import ETH_IPV4, ETH_IPV6, NOTHING
from netprobe.decode.table import Anomaly

if TYPE_CHECKING:
    from netprobe.decode.chunk import Chunk, Ints

_HEADER, _PAYLOAD = 1, 9  # NFULA_PACKET_HDR: the hardware protocol first; NFULA_PAYLOAD
_AF_INET, _AF_INET6 = 2, 10  # Linux'
_MOST_ATTRIBUTES = 32


def nflog(chunk: Chunk, layer: Layer) -> tuple[Layer, Ints]:
    """Find the packet in the attributes. Returns the rows that have one, at it, and its EtherType (of other families than IP: by the header)."""
    layer = chunk.need(layer, 4, Anomaly.TRUNCATED_LINK)
    data, count = chunk.bytes, len(layer)
    inside, end = np.full(count, NOTHING, np.int64), layer.wire.copy()
    protocol = np.full(count, NOTHING, np.int64)
    live, pos = np.arange(count), layer.at + 4
    for _ in range(_MOST_ATTRIBUTES):
        fits = pos + 4 <= layer.cap[live]
        live, pos = live[fits], pos[fits]
        if not len(live):
            break
        size, kind = _attribute(data.u16(pos), data.u16(pos + 2))
        head = (kind == _HEADER) & (size >= 8) & (pos + 6 <= layer.cap[live])
        protocol[live[head]] = data.u16(pos[head] + 4)
        packet = (kind == _PAYLOAD) & (size >= 4)
        inside[live[packet]], end[live[packet]] = pos[packet] + 4, (pos + size)[packet]
        on = (size >= 4) & ~packet
        live, pos = live[on], (pos + ((size + 3) & ~3))[on]
    chunk.mark(layer.rows[inside < 0], Anomaly.TRUNCATED_LINK)
    there = np.flatnonzero(inside >= 0)
    family = data.u8(layer.at[there])
    ethertype = np.where(family == _AF_INET, ETH_IPV4, np.where(family == _AF_INET6, ETH_IPV6, protocol[there]))
    end = np.minimum(end, layer.wire)[there]
    return Layer(layer.rows[there], inside[there], np.minimum(layer.cap[there], end), end), ethertype


def _attribute(size: Ints, kind: Ints) -> tuple[Ints, Ints]:
    """Length and type, whichever byte order they were read in."""
    swapped = kind > 0xFF
    return np.where(swapped, _swap(size), size), np.where(swapped, _swap(kind), kind)


def _swap(word: Ints) -> Ints:
    return ((word & 0xFF) << 8) | (word >> 8)
