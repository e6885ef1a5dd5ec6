"""Several interfaces: the way back is by another one than the way in, of a host (rp_filter) or of a container (its default route)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import NO_SOCKET, Cause
from netprobe.causes.proof.obstacle import asked_times, frames_at, met, predicted, unanswered
from netprobe.causes.remedies.steps import in_place, setting
from netprobe.evidence.model import Place
from netprobe.forward.drivers import driver_of
from netprobe.forward.model import Barrier
from netprobe.model.hop import Direction
from netprobe.model.point import PointName, point_name
from netprobe.model.remedy import advise, shell_line
from netprobe.model.report import Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.engine.compose import in_file
from netprobe.state.engine.remedies import aliases_of, named
from netprobe.state.lookup import container_interface, has_address, networks_of, route_lookup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.model.hop import Hop
    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Container, EndpointSettings, Network, Published
    from netprobe.state.model import Host
    from netprobe.state.routes import Route

_DEFAULT = "0.0.0.0/0"


class RpFilterMultihomed(Cause):
    """The request came in by one NIC, the way back leads out of another, and ``rp_filter=1`` drops it.

    What it is: strict reverse path filtering: what does not come in by the interface that leads back to its source is dropped without a word,
        after PREROUTING and before every filter chain.
    Why it happens: two NICs in one network, a VPN or a static route that takes the client's addresses, and a distribution that sets ``rp_filter=1``.
    Evidence: the request at the interface and nowhere behind it; the setting; the route to its source.
    Remedy: loose mode (2) on that interface, or a routing rule by source address, so that the answer leaves where the request came in.
    Source: moby#17212; Documentation/networking/ip-sysctl.rst (rp_filter: the larger of ``all`` and the interface's); RFC 3704 §2; net/ipv4/arp.c
        (arp_process: the sender of an ARP request is judged as that of a packet).
    """

    code = "rp-filter-multihomed"
    reads = ("sysctl", "route", "rule")
    tells = "nstat TcpExtIPReversePathFilter on the host; sysctl net.ipv4.conf.all.rp_filter"
    drop_reasons = frozenset({"IP_RPFILTER"})
    symptoms = frozenset({Symptom.SILENCE, Symptom.NO_PACKETS, Symptom.UNREACHABLE})
    barriers = frozenset({Barrier.REVERSE_PATH})

    def find(self, case: Case) -> Finding | None:
        """Fires when walk and packets end at the reverse path filter of a host; or the ARP request did, and nothing was sent."""
        obstacle = met(case, Barrier.REVERSE_PATH)
        if obstacle is None:
            return self._of_arp(case)
        place, device = obstacle.place, obstacle.device
        host, who, point = place.host, place.container or place.host, point_name(place.host, device, place.container)
        frames = frames_at(case, point, obstacle.direction)
        if not frames:
            return None
        return Finding(
            code=self.code,
            summary=f"{who} drops what comes in by {device}: {obstacle.text}, and rp_filter is strict",
            where=Where(host=host, component="rp_filter", rule=obstacle.label),
            evidence=(
                f"seen at {point} and nowhere behind it: {frames}",
                f"ip route of {who}: {obstacle.text}",
                f"sysctl: the larger of net.ipv4.conf.all.rp_filter and net.ipv4.conf.{device}.rp_filter is 1",
            ),
            remedies=(setting(case, obstacle.place, obstacle.undo),),
        )

    def _of_arp(self, case: Case) -> Finding | None:
        """The request for the link address is judged by the same filter: its sender's address must be one that leads back by that interface."""
        told, then = predicted(case, Barrier.REVERSE_PATH), case.prediction_after
        obstacle = told.obstacles[0] if told is not None else None
        if obstacle is None or obstacle.direction is not Direction.REQUEST or case.story.symptom is Symptom.SILENCE:
            return None
        if then is None or not then.obstacles:
            return None
        last = then.obstacles[0]
        host, device = obstacle.place.host, obstacle.device
        point = point_name(host, device)
        sender = obstacle.text.partition(" ")[0]
        asked = [each for each in case.neighbours if each.asker == sender and not each.answers]
        asked = [each for each in asked if any(frame.point == point for frame in each.requests)]
        own = case.before(host)
        if (last.barrier, last.text) != (obstacle.barrier, obstacle.text) or not asked or own is None:
            return None
        if not has_address(own.own, asked[0].asked):
            return None
        return Finding(
            code=self.code,
            summary=f"{host} does not answer the ARP request that comes in by {device}: {obstacle.text}, and rp_filter is strict",
            where=Where(host=host, component="rp_filter", rule=obstacle.label),
            evidence=(
                asked_times(asked[0]),
                f"ip route of {host}: {obstacle.text}; {asked[0].asked} is {host}'s own",
                f"sysctl: the larger of net.ipv4.conf.all.rp_filter and net.ipv4.conf.{device}.rp_filter is 1",
            ),
            remedies=(setting(case, obstacle.place, obstacle.undo),),
        )

    def possible(self, case: Case) -> bool:
        """Only where the walk ends there, or does not tell."""
        told = case.prediction
        return told is None or bool(told.unknown) or predicted(case, Barrier.REVERSE_PATH) is not None


class GatewayEndpointElsewhere(Cause):
    """A published port died when its container was connected to another network, which took its default route.

    What it is: one of a container's networks gives the default route. The engine publishes ports on that one alone; a macvlan, ipvlan or internal
        network publishes none. Where the DNAT rule is there, the answer still leaves by that other network, with an address that nobody there dialled.
    Why it happens: ``docker network connect``; the engine takes the network whose name sorts first, unless told otherwise (28: ``gw-priority``).
    Evidence: PortBindings has the port and Ports has not, or the request arrives by one interface; the default route by another network's.
    Remedy: take the container out of that network, or give the bridge network the higher ``gw-priority`` (Engine 28 and later).
    Source: moby#49829; Docker documentation, "docker network connect --gw-priority"; seen in the lab (Engine 20.10).
    """

    code = "gateway-endpoint-elsewhere"
    reads = ("ns/*/route", "networks")
    tells = "ip route in the container: the default route"
    drop_reasons = NO_SOCKET
    symptoms = frozenset({Symptom.REFUSED, Symptom.SILENCE})

    def find(self, case: Case) -> Finding | None:
        """Fires when the container's default route is another network's, and its port is not published, or its answer goes there."""
        if case.dialled_host is None or case.dialled is None:
            return None
        return self._unpublished(case, case.dialled_host) or self._answers(case, case.dialled_host)

    def _unpublished(self, case: Case, host: Host) -> Finding | None:
        """The host refused it: the engine took the publication back."""
        target, after = case.target, case.target_after
        if not case.refused_by_host or target is None or after is None or host is not case.target_host:
            return None
        wanted = self._wanted(case, target)
        way = _default(host, target)
        if wanted is None or way is None or target.published or after.published or not after.running:
            return None
        route, network = way
        bridges = [net for _, net in networks_of(host, target) if driver_of(net).publishes and not net.internal]
        if not bridges or (not driver_of(network).flat and not network.internal):
            return None
        return self._finding(
            host,
            target,
            wanted,
            (route, network),
            f"{host.name} no longer publishes it",
            (
                f"{case.story.detail} from {host.name}, nothing behind it: {case.frames}",
                f"docker: {target.name} asks for {wanted} (PortBindings), and publishes nothing (Ports)",
            ),
            (
                host.engine.remedies.disconnect(host.name, network, target),
                _keep_both(host, network, target),
            ),
        )

    @staticmethod
    def _wanted(case: Case, target: Container) -> Published | None:
        port = case.dialled[1] if case.dialled else None
        found = (each for each in target.requested if (each.host_port, each.proto) == (port, case.transport))
        return next(found, None) if target.running else None

    def _answers(self, case: Case, host: Host) -> Finding | None:
        """It arrived by one interface, and the answer leaves by another network's default route."""
        if case.publication is None or case.publication[0] is not host or case.story.symptom is not Symptom.SILENCE:
            return None
        _, target, published = case.publication
        arrived = _arrived(case, host, target)
        way = _default(host, target)
        if arrived is None or arrived.packet is None or way is None:
            return None
        route, network = way
        client = arrived.packet.src.address
        back = route_lookup(host.namespace(target.name), client)
        if back is None or back.route != route or arrived.point == point_name(host.name, route.dev, target.name):
            return None
        gone = _gone(case, point_name(host.name, route.dev, target.name), route)
        if not gone:
            return None
        return self._finding(
            host,
            target,
            published,
            way,
            "its answer leaves there",
            (f"the request at {arrived.point}: {frames_at(case, arrived.point, Direction.REQUEST)}", gone),
            (*_route_back(case, host, target, arrived), _keep_both(host, network, target)),
        )

    def _finding(
        self,
        host: Host,
        target: Container,
        published: Published,
        way: tuple[Route, Network],
        what: str,
        evidence: tuple[str, ...],
        remedies: tuple[Remedy, ...],
    ) -> Finding:
        route, network = way
        return Finding(
            code=self.code,
            summary=f"{target.name}'s default route is that of network {network.name}, not of the one that publishes its port {published.host_port}: {what}",
            where=Where(host=host.name, component=target.name, rule=f"default via {route.via} dev {route.dev}"),
            evidence=(
                *evidence,
                f"ip route of {target.name}: default via {route.via} dev {route.dev}, which is network {network.name} ({network.driver})",
            ),
            remedies=remedies,
        )

    def possible(self, case: Case) -> bool:
        """Only for a container in several networks."""
        if case.target is not None:
            return len(case.target.networks) > 1
        return case.may_be_container and case.target_host is None


def _default(host: Host, target: Container) -> tuple[Route, Network] | None:
    """The container's one default route, and the network whose interface it leaves by; None unless it is in several networks."""
    routes = [each for each in host.namespace(target.name).routes or () if each.dst == _DEFAULT and each.via]
    if len(routes) != 1 or len(target.networks) < 2:
        return None
    by = [network for device, network in _devices(host, target) if device == routes[0].dev]
    return (routes[0], by[0]) if len(by) == 1 else None


def _devices(host: Host, target: Container) -> Iterator[tuple[str, Network]]:
    endpoint: EndpointSettings
    for endpoint, network in networks_of(host, target):
        yield container_interface(host, target, endpoint), network


def _keep_both(host: Host, network: Network, target: Container) -> Remedy:
    connect = shell_line(
        (
            host.engine.remedies.program,
            *("network", "connect", "--gw-priority", "-1"),
            *(word for alias in aliases_of(target, network.name) for word in ("--alias", alias)),
            *named(network.name, target.name),
        )
    )
    file = in_file(target, "networks: gw_priority: 1 under the one that it publishes by")
    return advise(host.name, f"to keep both for good (Engine 28 and later): {connect}{f'; {file}' if file else ''}")


def _route_back(case: Case, host: Host, target: Container, arrived: Hop) -> tuple[Remedy, ...]:
    """The default route by the interface that the request came in by."""
    for endpoint, _ in networks_of(host, target):
        device = container_interface(host, target, endpoint)
        if PointName.parse(arrived.point).interface == device and endpoint.gateway:
            place = Place(host=host.name, container=target.name)
            route = ("ip", "route", "replace", "default", "via", endpoint.gateway, "dev", device)
            return (in_place(case, place, route),)
    return ()


def _arrived(case: Case, host: Host, target: Container) -> Hop | None:
    """The request in the container's namespace."""
    inside = {each.name for each in case.points if (each.host, each.container) == (host.name, target.name)}
    seen = [hop for hop in case.hops if hop.packet and hop.direction is Direction.REQUEST and hop.point in inside]
    return seen[-1] if seen else None


def _gone(case: Case, point: str, route: Route) -> str:
    """What shows that the answer took that route: the answer itself, or ARP for the router without an answer; ``""`` where nothing does."""
    frames = frames_at(case, point, Direction.REPLY)
    if frames:
        return f"the answer at {point}: {frames}"
    asked = unanswered(case, route.via, at=point)
    return asked_times(asked) if asked is not None else ""
