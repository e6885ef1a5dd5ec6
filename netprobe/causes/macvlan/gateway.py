"""A gateway that a macvlan network names and nobody has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import NEIGH_FAILED, Cause
from netprobe.causes.macvlan.networks import flat_networks, next_hop, wire_of
from netprobe.causes.proof.known import lacks
from netprobe.causes.proof.obstacle import asked_times, unanswered
from netprobe.evidence.model import Place
from netprobe.forward.drivers import driver_of
from netprobe.model.point import point_name
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.address import covers, same
from netprobe.state.engine.compose import network_again
from netprobe.state.lookup import host_with, networks_of, route_lookup

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.model.neighbours import NeighbourExchange
    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Container, Network
    from netprobe.state.model import Host


class MacvlanWrongGateway(Cause):
    """The gateway that the macvlan network names is not there.

    What it is: the engine gives containers a default route by ``--gateway`` (or the subnet's first address); it makes no router.
    Why it happens: the option was left out, or the LAN's router has another address.
    Evidence: ARP for the gateway, answered by nobody, for a destination off the link; nobody of the inventory has the address.
    Remedy: make the network again with the gateway that is there.
    Source: moby#50929; Docker documentation, "Macvlan network driver".
    """

    code = "macvlan-wrong-gateway"
    reads = ("networks",)
    tells = "docker network inspect: the gateway, and who has that address on the segment"
    drop_reasons = NEIGH_FAILED
    symptoms = frozenset({Symptom.NO_PACKETS})

    def find(self, case: Case) -> Finding | None:
        """Fires when nobody answers for the gateway of the source's macvlan network, and a router of the inventory or an off-link target shows that there should be one."""
        probe, source = case.probe, case.source_container
        host = case.before(probe.source_at.host) if probe else None
        gateway = next_hop(case)
        if probe is None or source is None or host is None or case.hops:
            return None
        if not probe.dialled or same(gateway, probe.dialled):
            return None
        mine = self._network(host, source, gateway)
        asked = unanswered(case, gateway)
        if mine is None or asked is None or self._borne(case, gateway):
            return None
        if not self._left(case, asked, Place(host=host.name, container=source.name), host, mine):
            return None
        router = self._router(case, host, mine, probe.dialled)
        if router is None and (case.target is not None or lacks(case, "containers", "networks", everywhere=True)):
            return None  # another macvlan network, or perhaps one: isolated from it, whatever the gateway's address
        instead = f"; {router[0]} has {router[1]} there" if router else ""
        return Finding(
            code=self.code,
            summary=f"{source.name} sends to {probe.dialled} by {gateway}, the gateway of {mine.name}, and nobody has that address{instead}",
            where=Where(host=host.name, component=mine.name),
            evidence=(
                asked_times(asked),
                f"docker: {mine.name} is {', '.join(mine.subnets)} on {mine.parent}; no host and no container of the inventory has {gateway}",
            ),
            remedies=self._remedies(host, mine, router),
            confidence=Confidence.CERTAIN if router else Confidence.LIKELY,
        )

    @staticmethod
    def _network(host: Host, source: Container, gateway: str) -> Network | None:
        """The one network of the source's, on a wire by a MAC of its own, in which the gateway is."""
        mine = [
            net
            for _, net in networks_of(host, source)
            if driver_of(net).own_mac and any(covers(each, gateway) for each in net.subnets)
        ]
        return mine[0] if len(mine) == 1 else None

    @staticmethod
    def _remedies(host: Host, network: Network, router: tuple[str, str] | None) -> tuple[Remedy, ...]:
        if router is None:
            file = network_again(network, {}, "", "ROUTER")
            again = f"docker network create -d macvlan --gateway ROUTER … {network.name}{f'; {file}' if file else ''}"
            return (
                advise(host.name, f"make {network.name} again with the address of a router that is there: {again}"),
            )
        return host.engine.remedies.recreate(host.name, network, host.containers or (), gateway=router[1])

    @staticmethod
    def _borne(case: Case, address: str) -> bool:
        hosts = case.world.before
        return host_with(hosts, address) is not None or any(
            same(each, address)
            for host in hosts.values()
            for container in host.containers or ()
            if container.running
            for each in container.addresses
        )

    @staticmethod
    def _left(case: Case, asked: NeighbourExchange, inside: Place, host: Host, network: Network) -> bool:
        """Whether the requests were seen to leave by the parent."""
        parents = {point_name(host.name, network.parent), point_name(host.name, wire_of(host, network))}
        blind = any(point.dropped for point in case.points if point.place == inside)
        return not blind and any(frame.point in parents for frame in asked.requests)

    @staticmethod
    def _router(case: Case, host: Host, network: Network, dialled: str) -> tuple[str, str] | None:
        """(host, address) of a host of the inventory in this subnet that forwards and knows the way."""
        for name, other in case.world.before.items():
            if name == host.name or (other.sysctls or {}).get("net.ipv4.ip_forward") != "1":
                continue
            for link in other.own.links or ():
                for each in link.addresses:
                    if any(covers(subnet, each.address) for subnet in network.subnets) and route_lookup(
                        other.own, dialled
                    ):
                        return name, each.address
        return None

    def possible(self, case: Case) -> bool:
        """Only for a macvlan container that needs its gateway."""
        probe = case.probe
        if probe is None or not probe.dialled:
            return probe is None
        return (
            case.source_container is not None
            and bool(list(flat_networks(case)))
            and not same(next_hop(case), probe.dialled)
        )
