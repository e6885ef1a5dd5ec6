"""Layer 2: a bridge without its address, a port without its bridge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.firewall.forward import ForwardDrop
from netprobe.causes.proof.obstacle import asked_times, frames_at, met, predicted, unanswered
from netprobe.causes.remedies.steps import restarted
from netprobe.causes.routing.routes import NoRoute
from netprobe.forward.model import Barrier
from netprobe.model.hop import Direction
from netprobe.model.point import point_name
from netprobe.model.remedy import run
from netprobe.model.report import Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.address import covers
from netprobe.state.lookup import container_interface, container_with, host_veth, network_for, networks_of

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Container, EndpointSettings, Network
    from netprobe.state.model import Host


class BridgeAddressLost(Cause):
    """A Docker bridge lost its address, or a container's veth its bridge; or one of them is down.

    What it is: the bridge's address is the containers' gateway: without it nobody answers their ARP, and the host has no route to them.
        A veth that is no port of the bridge leads nowhere. A bridge or veth that is down passes nothing (a bridge's routes go with it), and a container
        whose own interface lost its address answers for it no more.
    Why it happens: a network manager that thinks the interface its own (NetworkManager, systemd-networkd, connman), or a cleaning script.
    Evidence: ARP for the gateway (or the container) without an answer, or packets at the veth and never at the bridge; ``ip addr`` of the bridge, or the veth's
        ``master``, or the state of the link.
    Remedy: put it back, or set it up; restart the container that lost its address; keep the manager off Docker's interfaces (``unmanaged-devices=interface-name:docker0;interface-name:br-*;interface-name:veth*``).
    Source: moby#40170; NetworkManager.conf(5).
    """

    code = "bridge-address-lost"
    reads = ("addr",)
    tells = "ip addr show dev BRIDGE, and bridge link, on the host"
    symptoms = frozenset({Symptom.NO_PACKETS, Symptom.SILENCE, Symptom.UNREACHABLE})
    needs = ("containers", "networks", "addr", "ns/*/addr")
    instead_of = frozenset({NoRoute, ForwardDrop})

    def find(self, case: Case) -> Finding | None:
        """Fires when the gateway's address is on no interface and its ARP stays unanswered, or the veth has no master."""
        return self._outbound(case) or self._inbound(case) or self._no_port(case) or self._down(case)

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """A bridge, a veth or a container's interface that is down."""
        kinds = {Barrier.LINK_DOWN, Barrier.NO_NEIGHBOUR}
        return obstacle.barrier in kinds and _whose_link(case, obstacle) is not None

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """Up again."""
        found = _whose_link(case, obstacle)
        return _up(found, obstacle) if found is not None else super().undo(case, obstacle)

    def _down(self, case: Case) -> Finding | None:
        """A bridge, a container's veth, or its own interface is down, or that has lost its address."""
        obstacle = met(case, Barrier.LINK_DOWN, Barrier.NO_NEIGHBOUR)
        found = _whose_link(case, obstacle) if obstacle is not None else None
        if obstacle is None or found is None:
            return None
        host, container, network = found
        last = f"last seen at {case.last_seen}: {frames_at(case, case.last_seen)}" if case.last_seen else ""
        result = case.probe.result if case.probe else None
        told = f"nothing of it was sent: {result.detail or result.outcome.value}" if result else ""
        return Finding(
            code=self.code,
            summary=_is_down(obstacle, host, container, network),
            where=Where(host=host.name, component=obstacle.label),
            evidence=(last or told, f"ip addr: {obstacle.text}"),
            remedies=_up(found, obstacle),
        )

    def _outbound(self, case: Case) -> Finding | None:
        """A container asks for its gateway, and nobody has it."""
        obstacle = met(case, Barrier.NO_NEIGHBOUR)
        source, host = case.source_container, case.before(case.probe.source_at.host) if case.probe else None
        if obstacle is None or source is None or host is None or obstacle.direction is not Direction.REQUEST:
            return None
        for endpoint, network in networks_of(host, source):
            own = _own_address(endpoint, network, six=case.is_v6)
            gateway = own.partition("/")[0]
            asked = unanswered(case, gateway) if gateway else None
            if asked is not None and gateway in obstacle.text and _without_address(host, own, network):
                return self._finding(host, source, own, network, asked_times(asked))
        return None

    def _inbound(self, case: Case) -> Finding | None:
        """The host has no route to a container of its own."""
        obstacle = met(case, Barrier.NO_ROUTE)
        host = case.before(obstacle.place.host) if obstacle else None
        if obstacle is None or host is None or obstacle.place.container or obstacle.direction is not Direction.REQUEST:
            return None
        found = container_with(host, obstacle.text.rpartition(" ")[2])
        network = network_for(host, found[1]) if found else None
        own = _own_address(found[1], network, six=case.is_v6) if found and network else ""
        if found is None or network is None:
            return None
        if (
            (link := host.own.link(network.bridge)) is not None
            and not link.up
            and _is_still_down(case, host, link.name)
        ):
            return self._bridge_down(case, host, network, obstacle.text)
        if not _without_address(host, own, network):
            return None
        last = (
            f"last seen at {case.last_seen}: {frames_at(case, case.last_seen)}"
            if case.last_seen
            else "nothing was sent"
        )
        return self._finding(host, found[0], own, network, f"{last}; ip route of {host.name}: {obstacle.text}")

    def _bridge_down(self, case: Case, host: Host, network: Network, text: str) -> Finding:
        """With a bridge that is down the routes of its subnet are gone."""
        last = f"last seen at {case.last_seen}: {frames_at(case, case.last_seen)}; " if case.last_seen else ""
        return Finding(
            code=self.code,
            summary=f"{network.bridge}, the bridge of {network.name}, is down on {host.name}: {text}",
            where=Where(host=host.name, component=network.bridge),
            evidence=(f"{last}ip route of {host.name}: {text}", f"ip link: {network.bridge} is down"),
            remedies=(_set_up(host, network.bridge),),
        )

    def _finding(self, host: Host, container: Container, own: str, network: Network, seen: str) -> Finding:
        gateway, six = own.partition("/")[0], ":" in own
        add = ("ip", "-6", "addr", "add", own) if six else ("ip", "addr", "add", own)
        subnets = ", ".join(each for each in network.subnets if (":" in each) is six)
        return Finding(
            code=self.code,
            summary=f"{network.bridge} of {host.name} has lost its address {gateway}, which is the gateway of {container.name}",
            where=Where(host=host.name, component=network.bridge),
            evidence=(seen, f"ip addr: {network.bridge} has no address in {subnets}"),
            remedies=(
                run(
                    host.name,
                    *add,
                    "dev",
                    network.bridge,
                    *(("nodad",) if six else ()),
                    advice="the engine sets it when it starts; for good: have the network manager that took it leave the bridge alone",
                ),
            ),
        )

    def _no_port(self, case: Case) -> Finding | None:
        """The container's frames come to its veth, which belongs to no bridge."""
        source, host = case.source_container, case.before(case.probe.source_at.host) if case.probe else None
        after = case.after(host.name) if host else None
        if source is None or host is None or after is None:
            return None
        for endpoint, network in networks_of(host, source):
            veth = host_veth(host, source, endpoint)
            then = after.own.link(veth.name) if veth else None
            if veth is None or then is None or veth.master or then.master or not network.bridge:
                continue
            inner = point_name(host.name, container_interface(host, source, endpoint), source.name)
            seen = _before_the_bridge(
                case, (inner, point_name(host.name, veth.name)), point_name(host.name, network.bridge), endpoint
            )
            if seen:
                return Finding(
                    code=self.code,
                    summary=f"{source.name}'s {veth.name} on {host.name} is no port of {network.bridge} any more: what it sends comes to no bridge",
                    where=Where(host=host.name, component=veth.name),
                    evidence=(seen, f"ip link: {veth.name} has no master"),
                    remedies=(
                        run(
                            host.name,
                            "ip",
                            "link",
                            "set",
                            veth.name,
                            "master",
                            network.bridge,
                            advice="the engine does so when the container starts; for good: have the network manager that took it out leave veths alone",
                        ),
                    ),
                )
        return None

    def possible(self, case: Case) -> bool:
        """Only where the walk ends for want of a neighbour, a route or a link, or does not tell."""
        told = case.prediction
        ends = predicted(case, Barrier.NO_NEIGHBOUR, Barrier.NO_ROUTE, Barrier.LINK_DOWN) is not None
        return told is None or bool(told.unknown) or ends


def _is_still_down(case: Case, host: Host, name: str) -> bool:
    after = case.after(host.name)
    link = after.own.link(name) if after is not None else None
    return link is not None and not link.up


def _whose_link(case: Case, obstacle: Obstacle) -> tuple[Host, Container | None, Network] | None:
    """The host, the container and the network whose bridge, veth or inner interface an obstacle names; None for other links, and other obstacles."""
    host = case.before(obstacle.place.host)
    inside = obstacle.place.container
    lost = obstacle.barrier is Barrier.NO_NEIGHBOUR
    link = host.namespace(inside).link(obstacle.label) if host is not None else None
    if host is None or link is None or (link.up if not lost else inside is None):
        return None
    if inside is None and (of := next((each for each in host.networks or () if each.bridge == link.name), None)):
        return host, None, of
    for container in host.containers or ():
        for endpoint, network in networks_of(host, container):
            veth = host_veth(host, container, endpoint) if inside is None and network.bridge else None
            inner = host.owner_of(container.name) == inside and container_interface(host, container, endpoint)
            if network.bridge and obstacle.label in {veth.name if veth else "", inner}:
                return host, container, network
    return None


def _up(found: tuple[Host, Container | None, Network], obstacle: Obstacle) -> tuple[Remedy, ...]:
    """The bridge or veth up; a container's own interface comes back with its address and routes by the container's restart."""
    host, container, _ = found
    if obstacle.place.container is None:
        return (_set_up(host, obstacle.label),)
    return restarted(host, container) if container is not None else ()


def _is_down(obstacle: Obstacle, host: Host, container: Container | None, network: Network) -> str:
    """``docker0, the bridge of bridge, is down on server2``."""
    if obstacle.barrier is Barrier.NO_NEIGHBOUR:
        return f"{obstacle.text}: nobody answers for it on {network.bridge} of {host.name}"
    if container is None:
        return f"{obstacle.label}, the bridge of {network.name}, is down on {host.name}"
    if obstacle.place.container is None:
        return f"{obstacle.label}, {container.name}'s port of {network.bridge}, is down on {host.name}"
    return f"{container.name}'s own {obstacle.label} is down: nobody answers for its address on {network.bridge} of {host.name}"


def _set_up(host: Host, name: str) -> Remedy:
    lasting = (
        "this holds until something sets it down again; for good: have the network manager that did so leave it alone"
    )
    return run(host.name, "ip", "link", "set", name, "up", advice=lasting)


def _own_address(endpoint: EndpointSettings, network: Network, *, six: bool) -> str:
    """The bridge's own address by which it is the containers' gateway, with its prefix length; ``""`` where that is not told."""
    if not six:
        return f"{endpoint.gateway}/{endpoint.prefixlen}" if endpoint.gateway and endpoint.prefix else ""
    subnet = next((each for each in network.subnets if endpoint.gateway6 and covers(each, endpoint.gateway6)), "")
    return f"{endpoint.gateway6}/{subnet.rpartition('/')[2]}" if subnet else ""


def _without_address(host: Host, own: str, network: Network) -> bool:
    """Whether the network's bridge is there, and has no address in the subnet of the one that it should have."""
    link = host.own.link(network.bridge) if network.bridge else None
    return link is not None and bool(own) and not any(covers(own, each.address) for each in link.addresses)


def _before_the_bridge(case: Case, points: tuple[str, ...], bridge: str, endpoint: EndpointSettings) -> str:
    """What was seen at the container's end or its veth and nowhere at the bridge: the request, or ARP for the gateway; ``""`` where neither."""
    if any(hop.seen and hop.point == bridge for hop in case.hops):
        return ""
    for point in reversed(points):
        frames = frames_at(case, point, Direction.REQUEST)
        if frames:
            return f"the request at {point} and never at {bridge}: {frames}"
    gateway = endpoint.gateway6 if case.is_v6 else endpoint.gateway
    asked = unanswered(case, gateway) if gateway else None
    seen = {frame.point for frame in asked.requests} if asked is not None else set()
    return asked_times(asked) if asked is not None and seen and seen <= set(points) else ""
