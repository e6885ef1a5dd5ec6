"""ICMP errors, kept aside: as :func:`netprobe.flowtable.errors.read`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.compiled import row as c
from netprobe.compiled.jit import compiled, inlined
from netprobe.compiled.key import ICMP, SCTP, TCP, UDP, is_larger

if TYPE_CHECKING:
    from typing import Any

    from netprobe.compiled.reads import Row


@inlined
def _kind(r: Row) -> int:
    """The kind of flow that the quoted packet is of, by its IP protocol; 0 for others."""
    proto = r[c.INNER_PROTO]
    if proto == 6:
        return TCP
    if proto == 17:
        return UDP
    if proto == 132:
        return SCTP
    return ICMP if proto in (1, 58) else 0


@compiled
def keep(e: Any, point: int, r: Row, time: int) -> bool:
    """Write an error's row. Returns whether there is one: whether it quotes a packet of a flow."""
    kind = _kind(r)
    if kind == 0 or r[c.INNER_SPORT] < 0 or r[c.INNER_DPORT] < 0:
        return False
    e["point"], e["kind"], e["version"] = point, kind, r[c.IP_VERSION]
    e["type"], e["code"], e["ns"], e["count"] = r[c.ICMP_TYPE], r[c.ICMP_CODE], time, 1
    hi, lo, port = (
        (r[c.INNER_SRC_HI], r[c.INNER_DST_HI]),
        (r[c.INNER_SRC_LO], r[c.INNER_DST_LO]),
        (r[c.INNER_SPORT], r[c.INNER_DPORT]),
    )
    first = 1 if is_larger(hi[0], lo[0], port[0], hi[1], lo[1], port[1]) else 0
    for end in range(2):
        which = end ^ first
        e["hi"][end], e["lo"][end], e["port"][end] = np.uint64(hi[which]), np.uint64(lo[which]), port[which]
    return True
