"""A connection that shows a container engine: what may be a defect of one is said only where there is one (:mod:`netprobe.verdict.marks`)."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import numpy as np

from netprobe.state.engine import ENGINES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.flowtable.blocks import TableRows
    from netprobe.selection.whole import WholeCapture
    from netprobe.state.engine.base import ContainerEngine

_PREFIX_SHIFT = 32  # of a link address's 48 bits
_FOUR = 4


def marked(whole: WholeCapture) -> NDArray[np.int64]:
    """The first connection that shows each engine by a link address or an address."""
    rows = whole.rows
    found = [np.flatnonzero(_shows(engine, rows))[:1] for engine in ENGINES]
    return whole.joined.connection[np.concatenate(found)]


def _shows(engine: ContainerEngine, rows: TableRows) -> NDArray[np.bool_]:
    link = (rows["head_from"] >> _PREFIX_SHIFT == engine.mac_prefix) | (
        rows["head_to"] >> _PREFIX_SHIFT == engine.mac_prefix
    )
    network = ipaddress.IPv4Network(engine.default_network)
    mask, base = np.uint64(int(network.netmask)), np.uint64(int(network.network_address))
    server = np.uint64(int(ipaddress.IPv4Address(engine.embedded_dns)))
    inside = ((rows["lo"] & mask) == base) | (rows["lo"] == server)
    return np.asarray(link.any(axis=1) | ((rows["version"] == _FOUR) & inside.any(axis=1)), np.bool_)
