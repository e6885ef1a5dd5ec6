"""Some hosts of a topology alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.errors import UsageFault, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection

    from netprobe.topology.model import Topology


def only_hosts(topology: Topology, names: Collection[str]) -> Topology:
    """Return the topology of the named hosts, whole if none is named.

    Raises:
        UsageFault: there is no host of a name.
    """
    if not names:
        return topology
    there = [each.name for each in topology.hosts]
    for name in names:
        if name not in there:
            raise UsageFault(
                f"there is no host {name!r}",
                did_you_mean(name, there) or f"there are: {', '.join(filter(None, there)) or 'none'}",
            )
    wires = tuple(each for each in topology.wires if any(point.partition("/")[0] in names for point in each.points))
    return replace(topology, hosts=tuple(each for each in topology.hosts if each.name in names), wires=wires)
