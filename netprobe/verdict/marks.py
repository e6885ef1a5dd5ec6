"""Whether captures from elsewhere show a container engine at all: where none is to be seen, its defects are no explanation."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

import numpy as np

from netprobe.state.engine import ENGINES

if TYPE_CHECKING:
    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import Evidence
    from netprobe.state.engine.base import ContainerEngine

_PREFIX_SHIFT = 32  # of a link address's 48 bits


def shows_engine(evidence: Evidence, table: PacketTable) -> bool:
    """Tell whether a run, its state, a point's name, a link address or an address is that of a container engine."""
    if evidence.probe is not None or evidence.before or any(point.container for point in evidence.points):
        return True
    names = [point.interface for point in evidence.points]
    return any(_shows(engine, names, table) for engine in ENGINES)


def _shows(engine: ContainerEngine, names: list[str], table: PacketTable) -> bool:
    if any(re.fullmatch(engine.interfaces, name) for name in names):
        return True
    given = (table.eth_src >> _PREFIX_SHIFT == engine.mac_prefix) | (
        table.eth_dst >> _PREFIX_SHIFT == engine.mac_prefix
    )
    if given.any():
        return True
    network = ipaddress.IPv4Network(engine.default_network)
    mask, base = np.uint64(int(network.netmask)), np.uint64(int(network.network_address))
    server = np.uint64(int(ipaddress.IPv4Address(engine.embedded_dns)))
    four = table.ip_version == 4
    inside = ((table.src_lo & mask) == base) | ((table.dst_lo & mask) == base)
    return bool((four & (inside | (table.src_lo == server) | (table.dst_lo == server))).any())
