"""Whose a packet is, and which of both ends sent it, a packet at a time: as :mod:`netprobe.flowtable.keys`.

A key is six words of 64 bits: both halves of both addresses, the smaller end first; tunnel and ports; point, VLAN, kind and version. ICMP errors
have one key a point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.compiled import row as c
from netprobe.compiled.jit import compiled, inlined
from netprobe.decode.table import Kind
from netprobe.flowtable.index import MULTIPLIER, SHIFT, WORDS
from netprobe.flowtable.keys import FROM

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from netprobe.compiled.reads import Row

    Words = NDArray[np.uint64]
    KeyRows = NDArray[np.void]

TCP, UDP, SCTP, ICMP, ERROR = (int(each) for each in (Kind.TCP, Kind.UDP, Kind.SCTP, Kind.ICMP, Kind.ICMP_ERROR))
ONE_HI, ONE_LO, TWO_HI, TWO_LO, PORTS, META = range(WORDS)


@inlined
def is_taken(r: Row) -> bool:
    """Tell whether a packet belongs to a flow: TCP, UDP and SCTP with their ports, ICMP's echo."""
    kind, message = r[c.KIND], r[c.ICMP_TYPE]
    echo = kind == ICMP and message in (0, 8, 128, 129)
    return (echo or kind in (TCP, UDP, SCTP)) and r[c.SPORT] >= 0


@inlined
def is_larger(hi: int, lo: int, port: int, other_hi: int, other_lo: int, other_port: int) -> bool:
    """Tell whether an end is the larger one, by address and port."""
    one, other = np.uint64(hi), np.uint64(other_hi)
    if one != other:
        return bool(one > other)
    one, other = np.uint64(lo), np.uint64(other_lo)
    if one != other:
        return bool(one > other)
    return port > other_port


@inlined
def _answers_itself(r: Row) -> bool:
    """Tell whether it is the reply of an echo to oneself."""
    reply = r[c.KIND] == ICMP and r[c.ICMP_TYPE] in (0, 129)
    return reply and r[c.SRC_LO] == r[c.DST_LO] and r[c.SRC_HI] == r[c.DST_HI]


@compiled
def of_packet(r: Row, point: int, words: Words) -> int:
    """Write a packet's key. Returns its side: 0 where the smaller end sent it, 1 where the larger one did; of an echo to oneself 1 is the reply."""
    tunnel = (r[c.TUNNEL] + 1) << 32
    words[META] = np.uint64(point << 32 | (r[c.VLAN] - FROM) << 16 | r[c.KIND] << 8 | r[c.IP_VERSION])
    if is_larger(r[c.SRC_HI], r[c.SRC_LO], r[c.SPORT], r[c.DST_HI], r[c.DST_LO], r[c.DPORT]):
        words[ONE_HI], words[ONE_LO] = np.uint64(r[c.DST_HI]), np.uint64(r[c.DST_LO])
        words[TWO_HI], words[TWO_LO] = np.uint64(r[c.SRC_HI]), np.uint64(r[c.SRC_LO])
        words[PORTS] = np.uint64(tunnel | r[c.DPORT] << 16 | r[c.SPORT])
        return 1
    words[ONE_HI], words[ONE_LO] = np.uint64(r[c.SRC_HI]), np.uint64(r[c.SRC_LO])
    words[TWO_HI], words[TWO_LO] = np.uint64(r[c.DST_HI]), np.uint64(r[c.DST_LO])
    words[PORTS] = np.uint64(tunnel | r[c.SPORT] << 16 | r[c.DPORT])
    return 1 if _answers_itself(r) else 0


@inlined
def of_error(point: int, words: Words) -> None:
    """Write the key of a point's ICMP errors."""
    for place in range(META):
        words[place] = 0
    words[META] = np.uint64(point << 32 | -FROM << 16 | ERROR << 8)


@compiled
def mixed(words: Words, seed: int) -> np.uint64:
    """Return one number of 64 bits for a key; with seed 0 the same as :func:`netprobe.flowtable.index.mix`."""
    out = np.uint64(seed)
    for word in range(WORDS):
        out = (out ^ words[word]) * MULTIPLIER
        out ^= out >> SHIFT
    return out


@compiled
def write(x: Any, words: Words) -> None:
    """Write a key into a row of the flow table."""
    ports, meta = np.int64(words[PORTS]), np.int64(words[META])
    x["hi"][0], x["lo"][0], x["hi"][1], x["lo"][1] = words[ONE_HI], words[ONE_LO], words[TWO_HI], words[TWO_LO]
    x["port"][0], x["port"][1], x["tunnel"] = ports >> 16 & 0xFFFF, ports & 0xFFFF, (ports >> 32) - 1
    x["point"], x["vlan"] = meta >> 32, (meta >> 16 & 0xFFFF) + FROM
    x["kind"], x["version"] = meta >> 8 & 0xFF, meta & 0xFF
