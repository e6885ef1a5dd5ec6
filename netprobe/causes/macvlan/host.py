"""macvlan inside one host: the parent, its own host, and the mode of the driver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import NEIGH_FAILED, Cause
from netprobe.causes.macvlan.networks import flat_networks, free_address, may_be_flat, next_hop
from netprobe.causes.macvlan.vlan import MacvlanVlanMismatch
from netprobe.causes.proof.known import lacks
from netprobe.causes.proof.obstacle import asked_times, met, predicted, unanswered
from netprobe.causes.remedies.steps import IN_NETWORK
from netprobe.causes.routing.routes import LOST
from netprobe.evidence.model import Outcome
from netprobe.forward.drivers import driver_of
from netprobe.forward.model import Barrier
from netprobe.model.point import PointName
from netprobe.model.remedy import Remedy, advise, run
from netprobe.model.report import Finding, Where
from netprobe.state.address import covers, same
from netprobe.state.engine.compose import network_again
from netprobe.state.lookup import container_with, network_for, networks_of

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.forward.model import Obstacle
    from netprobe.state.engine.model import Container, Network
    from netprobe.state.model import Host

_FAILED = frozenset({Outcome.UNREACHABLE, Outcome.TIMEOUT})


class MacvlanHostIsolation(Cause):
    """A host and the macvlan containers on its own interface do not reach each other.

    What it is: what the host sends out of the parent goes to the wire, never up to the parent's macvlan children, and back likewise.
    Why it happens: by the driver's design; other hosts on the LAN reach the container all the same.
    Evidence: ARP asked at the parent (or in the container), answered by nobody; the address is a child's of that parent (or the host's).
    Remedy: a macvlan interface of the host's own (a shim) in bridge mode, and a route to the container by it.
    Source: moby/libnetwork#1915; drivers/net/macvlan.c (macvlan_handle_frame, macvlan_queue_xmit).
    """

    code = "macvlan-host-isolation"
    reads = ("networks",)
    tells = "ip -d link on the host: the parent of the container's macvlan interface"
    barriers = frozenset({Barrier.OWN_PARENT})
    drop_reasons = NEIGH_FAILED
    symptoms = LOST

    def find(self, case: Case) -> Finding | None:
        """Fires when the walk ends between a parent and its own child, and ARP for the other was not answered."""
        obstacle = met(case, Barrier.OWN_PARENT)
        asked = unanswered(case, next_hop(case)) if obstacle else None
        child = self._child(case, obstacle) if obstacle else None
        if obstacle is None or asked is None or child is None:
            return None
        host, container, network = child
        address = next((each for each in container.addresses if any(covers(net, each) for net in network.subnets)), "")
        return Finding(
            code=self.code,
            summary=f"{container.name} is a macvlan container on {host.name}'s own {network.parent}: the two do not reach each other, the rest of the LAN does",
            where=Where(host=host.name, component=network.parent),
            evidence=(
                asked_times(asked),
                f"docker: {network.name} is macvlan on {network.parent} of {host.name}, and {container.name} has {address} there",
            ),
            remedies=(_shim(case, host, network, address),),
        )

    @staticmethod
    def _child(case: Case, obstacle: Obstacle) -> tuple[Host, Container, Network] | None:
        host = case.before(obstacle.place.host)
        here = container_with(host, next_hop(case)) if host else None
        network = network_for(host, here[1]) if host and here else None
        if host and here and network and network.parent == obstacle.label:
            return host, here[0], network
        found = (
            (host, container, network)
            for host, container, network in flat_networks(case)
            if network.parent == obstacle.label
        )
        return next((each for each in found if each[0].name == obstacle.place.host), None)

    def possible(self, case: Case) -> bool:
        """Only between a host and a container of its own, where the walk ends at the parent or does not tell."""
        places = (case.intent.source, case.intent.target)
        if None not in places and len({place.host for place in places if place}) > 1:
            return False
        untold = case.prediction is None or bool(case.prediction.unknown)
        one_side = any(place is not None and place.container is None for place in places)
        return predicted(case, Barrier.OWN_PARENT) is not None or (untold and one_side and None not in places)


def _shim(case: Case, host: Host, network: Network, address: str) -> Remedy:
    """An interface of the host's own among the parent's children, by which it reaches the container."""
    own, name = free_address(case, network), "shim"
    if not own or not address or ":" in address:
        return advise(
            host.name,
            f"give {host.name} a macvlan interface in bridge mode on {network.parent}, with an address and a route to {address} by it",
        )
    while host.own.link(name) is not None:
        name += "0"
    return Remedy(
        host=host.name,
        commands=(
            ("ip", "link", "add", name, "link", network.parent, "type", "macvlan", "mode", "bridge"),
            ("ip", "addr", "add", f"{own}/32", "dev", name),
            ("ip", "link", "set", name, "up"),
            ("ip", "route", "add", f"{address}/32", "dev", name),
        ),
        advice=f"{own} is an address that nothing known has: keep it out of the pool (--aux-address); {IN_NETWORK}",
    )


class MacvlanParentDown(Cause):
    """The parent interface of a macvlan network is down, or has no carrier.

    What it is: with the parent down its containers' interfaces lose their carrier: nothing leaves, nothing comes in.
    Why it happens: a link set down, a cable, a switch port, a VLAN interface that nobody brought up after a reboot.
    Evidence: the interface's state; no sniffer can open it. On the source's own host nothing is sent at all; on the target's, ARP
        leaves the source's parent and nobody answers.
    Remedy: bring it up.
    Source: moby#49593; drivers/net/macvlan.c (macvlan_device_event).
    """

    code = "macvlan-parent-down"
    reads = ("addr", "networks")
    tells = "ip link on both hosts: the state of the parent interface"
    drop_reasons = NEIGH_FAILED
    symptoms = LOST
    needs = ("addr",)
    instead_of = frozenset({MacvlanVlanMismatch})
    barriers = frozenset({Barrier.LINK_DOWN})

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """An interface on which a macvlan network stands."""
        return super().explains_obstacle(case, obstacle) and self._child(case, obstacle) is not None

    def find(self, case: Case) -> Finding | None:
        """Fires when the walk ends at a parent that is down, and nothing of the connection was seen behind it."""
        obstacle = met(case, Barrier.LINK_DOWN)
        child = self._child(case, obstacle) if obstacle else None
        probe = case.probe
        if obstacle is None or child is None or probe is None or probe.result.outcome not in _FAILED:
            return None
        host, container, network = child
        own = probe.source_at.host == host.name
        asked = unanswered(case, next_hop(case))
        if not own and asked is None:
            return None
        link = host.own.link(obstacle.label)
        state = "no carrier" if link is not None and link.up else "down"
        return Finding(
            code=self.code,
            summary=f"{obstacle.label} of {host.name}, on which {container.name}'s network {network.name} stands, is {state}",
            where=Where(host=host.name, component=obstacle.label),
            evidence=(
                f"ip link: {obstacle.label} of {host.name} is {state}",
                asked_times(asked)
                if asked is not None
                else f"nothing of it was sent: {probe.result.detail or probe.result.outcome.value}",
            ),
            remedies=(
                run(host.name, "ip", "link", "set", obstacle.label, "up", advice=IN_NETWORK)
                if state == "down"
                else advise(
                    host.name,
                    f"{obstacle.label} is up and has no carrier: look at the cable, the switch port, the hypervisor's card",
                ),
            ),
        )

    @staticmethod
    def _child(case: Case, obstacle: Obstacle) -> tuple[Host, Container, Network] | None:
        """The network that stands on this interface, directly or by a VLAN interface of it."""
        for host, container, network in flat_networks(case):
            on_it = network.parent == obstacle.label or network.parent.rpartition(".")[0] == obstacle.label
            if host.name == obstacle.place.host and on_it:
                return host, container, network
        return None

    def possible(self, case: Case) -> bool:
        """Only where such a parent is known to be down, or networks or interfaces are not known."""
        return predicted(case, Barrier.LINK_DOWN) is not None or (lacks(case, "networks", "addr") and may_be_flat(case))


class MacvlanNoParent(Cause):
    """The macvlan network was made without a parent: it leads nowhere.

    What it is: without ``-o parent=`` (and with ``--internal``) the engine makes a dummy interface: containers of that network on one
        host reach each other, and nobody else.
    Why it happens: the option was forgotten; ``docker network inspect`` shows no parent.
    Evidence: ARP in the container, answered by nobody, and seen at no interface of the host; the network has no parent.
    Remedy: make the network again with its parent.
    Source: moby/libnetwork#1298; moby libnetwork/drivers/macvlan/macvlan_network.go (getDummyName).
    """

    code = "macvlan-no-parent"
    reads = ("networks",)
    tells = "docker network inspect: the parent of the network"
    drop_reasons = NEIGH_FAILED
    symptoms = LOST

    def find(self, case: Case) -> Finding | None:
        """Fires when the source's macvlan network has no parent, and ARP for somebody elsewhere went unanswered."""
        probe, source = case.probe, case.source_container
        host = case.before(probe.source_at.host) if probe else None
        if probe is None or source is None or host is None or probe.target_at is None or case.hops:
            return None
        networks = [net for _, net in networks_of(host, source) if driver_of(net).own_mac]
        bare = [net for net in networks if not net.parent and any(covers(each, next_hop(case)) for each in net.subnets)]
        asked = unanswered(case, next_hop(case))
        neighbours = (
            bool(bare) and case.target_host is host and case.target is not None and bare[0].name in case.target.networks
        )
        if len(bare) != 1 or asked is None or neighbours:
            return None
        inside = (host.name, source.name)
        if not all(PointName.parse(frame.point)[:2] == inside for frame in asked.requests):
            return None
        return Finding(
            code=self.code,
            summary=f"{source.name}'s macvlan network {bare[0].name} has no parent interface: nothing of it leaves {host.name}",
            where=Where(host=host.name, component=bare[0].name),
            evidence=(
                asked_times(asked),
                f"docker: {bare[0].name} ({', '.join(bare[0].subnets)}) was made without -o parent=; no interface of {host.name} saw the requests",
            ),
            remedies=self._remedies(case, host, bare[0]),
        )

    @staticmethod
    def _remedies(case: Case, host: Host, network: Network) -> tuple[Remedy, ...]:
        """The network again, on the interface that the target's network has on its own host, if that is here and free."""
        theirs = [each for at, _, each in flat_networks(case) if at is not host and each.parent]
        taken = {each.parent for each in host.networks or ()}
        parent = theirs[0].parent if theirs else ""
        if parent and parent not in taken and host.own.link(parent) is not None:
            return host.engine.remedies.recreate(host.name, network, host.containers or (), parent=parent)
        file = network_again(network, {"parent": "INTERFACE"}, "", "")
        how = f"docker network create -d {network.driver} -o parent=INTERFACE …{f'; {file}' if file else ''}"
        return (advise(host.name, f"make {network.name} again on the interface that leads to the others: {how}"),)

    def possible(self, case: Case) -> bool:
        """Only for a macvlan network without parent."""
        return any(driver_of(network).own_mac and not network.parent for _, _, network in flat_networks(case))


class MacvlanModeIsolation(Cause):
    """Two containers of one parent are kept apart by the macvlan mode.

    What it is: in mode ``private`` a parent's containers never reach each other; in ``vepa`` only by a switch that sends frames back.
    Why it happens: ``-o macvlan_mode=`` was set for isolation, or copied.
    Evidence: ARP in the source, answered by nobody; both networks on one parent; the mode.
    Remedy: make the network again in mode ``bridge``.
    Source: jpetazzo/pipework#239; drivers/net/macvlan.c (macvlan_queue_xmit); ip-link(8).
    """

    code = "macvlan-mode-isolation"
    reads = ("networks",)
    tells = "docker network inspect: macvlan_mode of the network"
    barriers = frozenset({Barrier.MODE})
    drop_reasons = NEIGH_FAILED
    symptoms = LOST

    def find(self, case: Case) -> Finding | None:
        """Fires when the walk ends at the mode, and ARP for the target was not answered."""
        obstacle = met(case, Barrier.MODE)
        asked = unanswered(case, next_hop(case)) if obstacle else None
        networks = list(flat_networks(case))
        if obstacle is None or asked is None or not networks or case.target is None or not case.target.running:
            return None
        host, container, network = networks[0]
        if any(same(address, asked.asked) for address in container.addresses):
            return None
        mode = obstacle.text.rpartition("=")[2]
        return Finding(
            code=self.code,
            summary=f"{container.name} and {case.target.name} share {obstacle.label} of {host.name} in macvlan mode {mode}, which keeps them apart",
            where=Where(host=host.name, component=network.name, rule=obstacle.text),
            evidence=(asked_times(asked), f"docker: {network.name} is macvlan on {network.parent}, {obstacle.text}"),
            remedies=host.engine.remedies.recreate(host.name, network, host.containers or (), macvlan_mode="bridge"),
        )

    def possible(self, case: Case) -> bool:
        """Only where the mode is known to part them."""
        return predicted(case, Barrier.MODE) is not None
