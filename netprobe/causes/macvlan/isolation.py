"""macvlan: containers that stand on the wire themselves, and what the wire does not do for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.causes.base import NEIGH_FAILED, Cause
from netprobe.causes.macvlan.networks import may_be_flat
from netprobe.causes.proof.frames import frame_numbers
from netprobe.causes.proof.known import lacks
from netprobe.decode.address import parse
from netprobe.decode.table import Kind
from netprobe.evidence.model import Place
from netprobe.forward.drivers import driver_of
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.address import covers
from netprobe.state.lookup import container_with, host_with, network_for, networks_of, route_lookup
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe.causes.case import Case
    from netprobe.state.engine.model import Container, Network
    from netprobe.state.model import Host

_REQUEST = 1  # RFC 826: ares_op$REQUEST


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """Two macvlan networks, and the gateway by which the one would reach the other."""

    host: Host
    source: Container
    mine: Network
    gateway: str
    far: Host
    target: Container
    theirs: Network


class MacvlanIsolatedL3(Cause):
    """The target is on another macvlan network, and no router joins the two.

    What it is: a macvlan network is a segment of the wire; Docker gives its containers a default gateway, but makes none.
    Why it happens: ``--gateway`` only names an address: a router with a leg in each network has to be there.
    Evidence: the source's ARP requests for its gateway, seen to leave by the parent, answered by nobody; nothing of the
        connection itself; both networks, which share no subnet; no host and no container of the inventory has that address.
    Remedy: a router with a leg in each network, or one network for both.
    Source: Docker documentation, "Macvlan network driver"; RFC 826.
    """

    code = "macvlan-isolated-l3"
    reads = ("networks",)
    tells = "docker network inspect: the subnets and parents of both networks"
    drop_reasons = NEIGH_FAILED
    symptoms = frozenset({Symptom.NO_PACKETS})

    def find(self, case: Case) -> Finding | None:
        """Fires when nothing was sent for want of a gateway between two macvlan networks that share no subnet."""
        pair = _pair(case)
        if pair is None or not case.intent.probed or _somebody_has(case, pair.gateway):
            return None
        source = Place(host=pair.host.name, container=pair.source.name)
        asked = _asked(case, pair.source, pair.gateway)
        inside, parent, beyond = _where(case, asked, source, pair)
        if not inside or not parent or _bears(case, pair.gateway) or _blind(case, source):
            return None
        times = "once" if len(inside) == 1 else f"{len(inside)} times"
        return Finding(
            code=self.code,
            summary=f"{pair.source.name} ({pair.mine.name}) reaches {pair.target.name} ({pair.theirs.name}) only by a gateway, and nobody answers ARP for {pair.gateway}",
            where=Where(host=pair.host.name, component=pair.mine.name),
            evidence=(
                f"ARP: who has {pair.gateway}? asked {times}, seen at {_points(case, [*inside, *parent, *beyond])}, no answer: {frame_numbers(case.table.packets.frame[[*inside, *parent, *beyond]], 6)}",
                f"docker: {_described(pair.mine)}; {_described(pair.theirs)}",
                f"no host and no container of the inventory has {pair.gateway}",
            ),
            remedies=(
                advise(
                    pair.far.name,
                    f"let a router have a leg in each: {pair.gateway} in {pair.mine.name}, the gateway's address in {pair.theirs.name}",
                ),
                advise(
                    pair.far.name,
                    f"or give both one network: docker network connect {pair.mine.name} {pair.target.name}",
                ),
            ),
            confidence=Confidence.CERTAIN if beyond else Confidence.LIKELY,
        )

    def possible(self, case: Case) -> bool:
        """Only from one macvlan network to another, as far as is known."""
        told = not lacks(case, "containers", "networks", "ns/*/route") or not may_be_flat(case)
        return case.probe is not None and (_pair(case) is not None or not told)


def _pair(case: Case) -> _Pair | None:
    """The two networks, when source and target are macvlan containers and the source's route needs a gateway."""
    probe, source, target = case.probe, case.source_container, case.target
    if probe is None or probe.dialled is None or source is None or target is None or not target.running:
        return None
    host, far = case.before(probe.source_at.host), case.target_host
    found = container_with(far, probe.dialled) if far else None
    theirs = network_for(far, found[1]) if far and found and found[0].name == target.name else None
    hop = route_lookup(host.namespace(source.name), probe.dialled) if host else None
    if host is None or far is None or theirs is None or not driver_of(theirs).own_mac or hop is None:
        return None
    if not hop.via or ":" in hop.via:
        return None
    mine = next((net for _, net in networks_of(host, source) if _holds(net, hop.via)), None)
    if mine is None or not driver_of(mine).own_mac or _holds(mine, probe.dialled):
        return None
    return _Pair(host=host, source=source, mine=mine, gateway=hop.via, far=far, target=target, theirs=theirs)


def _holds(network: Network, address: str) -> bool:
    return any(covers(subnet, address) for subnet in network.subnets)


def _somebody_has(case: Case, address: str) -> bool:
    """Whether the inventory knows a bearer of the gateway's address: then its silence has another cause."""
    hosts = case.world.before
    return host_with(hosts, address) is not None or any(container_with(host, address) for host in hosts.values())


def _asked(case: Case, source: Container, address: str) -> list[int]:
    """Rows of this container's ARP requests for an address."""
    table = case.table
    mine = np.isin(table.src_lo, [_low(each) for each in source.addresses if ":" not in each])
    rows = (table.kind == Kind.ARP) & (table.arp_op == _REQUEST) & mine & (table.dst_lo == _low(address))
    return [int(row) for row in np.flatnonzero(rows)]


def _bears(case: Case, address: str) -> bool:
    """Whether somebody sent ARP as the bearer of an address: a reply, or a request or announcement of its own."""
    table = case.table
    return bool(np.any((table.kind == Kind.ARP) & (table.src_lo == _low(address))))


def _low(address: str) -> np.uint64:
    return np.uint64(parse(address)[2])


def _where(case: Case, rows: Iterable[int], source: Place, pair: _Pair) -> tuple[list[int], list[int], list[int]]:
    """The rows seen in the source's namespace, at its network's parent, and at another host."""
    inside, parent, beyond = [], [], []
    for row in rows:
        point = case.points[int(case.table.packets.point[row])]
        if point.place == source:
            inside.append(row)
        elif point.place == Place(host=source.host) and point.interface == pair.mine.parent:
            parent.append(row)
        elif point.host != source.host:
            beyond.append(row)
    return inside, parent, beyond


def _blind(case: Case, source: Place) -> bool:
    """Whether the source's own sniffer lost packets: an answer may have been among them."""
    return any(point.dropped for point in case.points if point.place == source)


def _points(case: Case, rows: list[int]) -> str:
    """The points of these rows, with the tag that was on the wire."""
    found = {}
    for row in rows:
        tag = int(case.table.vlan[row])
        found[case.points[int(case.table.packets.point[row])].name] = "" if tag < 0 else f" (VLAN tag {tag})"
    return ", ".join(f"{name}{tag}" for name, tag in found.items())


def _described(network: Network) -> str:
    return f"{network.name} is {', '.join(network.subnets)} on {network.parent or 'no parent'}"
