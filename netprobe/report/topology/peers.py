"""Whoever a journey begins or ends with and is none of the hosts: by the addresses of its first and its last packet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from netprobe.model.point import PointName
from netprobe.state.address import ip
from netprobe.topology.model import Basis, Wire

if TYPE_CHECKING:
    from collections.abc import Collection

    from netprobe.topology.model import Topology
    from netprobe.topology.overlay import Overlay, Passed


class Peer(NamedTuple):
    """One: its address, the point that its packets come by, the number of the wire, and whether it is the one who asks."""

    address: str
    point: str
    wire: int
    asks: bool


def peers_of(topology: Topology, journey: Overlay) -> tuple[Peer, ...]:
    """Return the journey's ends that are outside, each with the wire that it is taken to be on."""
    if not journey.request:
        return ()
    ours, vague = _addresses(topology), {each.name for each in topology.hosts if not each.known and each.name}
    found: list[Peer] = []
    for passed, address, asks in _ends(journey):
        if ip(address) is not None and str(ip(address)) not in ours and _leads_out(passed, vague):
            found.append(Peer(address, passed.point, _wire(topology, passed.point, found), asks))
    return tuple(found) if len(found) < 2 or found[0].address != found[1].address else (found[0],)


def _ends(journey: Overlay) -> list[tuple[Passed, str, bool]]:
    first, last = journey.request[0], journey.request[-1]
    ends = [(first, first.src.address, True)] if first.src is not None else []
    if last.dst is not None and journey.missing is None:
        ends.append((last, last.dst.address, False))
    return ends


def _leads_out(passed: Passed, vague: Collection[str]) -> bool:
    """Whether it was seen in a host's own namespace, not at lo, and of a host whose addresses are known: else it may be one of its own."""
    name = PointName.parse(passed.point)
    return name.container is None and name.interface != "lo" and name.host not in vague


def _addresses(topology: Topology) -> frozenset[str]:
    found: set[str] = set()
    for host in topology.hosts:
        for namespace in (host.own, *host.namespaces):
            found |= {each.partition("/")[0] for i in namespace.interfaces for each in i.addresses}
        for container in host.containers or ():
            found |= {each.partition("/")[0] for a in container.attachments for each in a.addresses}
    return frozenset(str(value) for each in found if (value := ip(each)) is not None) | {"127.0.0.1", "::1"}


def _wire(topology: Topology, point: str, before: list[Peer]) -> int:
    known = [number for number, wire in enumerate(topology.wires) if point in wire.points]
    known += [each.wire for each in before if each.point == point]
    return (
        known[0]
        if known
        else len(topology.wires) + len({each.wire for each in before if each.wire >= len(topology.wires)})
    )


def joined_peers(topology: Topology, peers: tuple[Peer, ...]) -> Topology:
    """Return the topology with a wire for each outsider that is on none."""
    more = {each.wire: each.point for each in peers if each.wire >= len(topology.wires)}
    added = (Wire(name="", points=(point,), basis=Basis.SUBNET) for _, point in sorted(more.items()))
    return replace(topology, wires=(*topology.wires, *added)) if more else topology
