"""macvlan across the wire: frames that a card or switch does not pass, tags that do not match, gateways and addresses that are not unique or not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import NEIGH_FAILED, Cause
from netprobe.causes.macvlan.networks import flat_networks, free_address, may_be_flat, next_hop
from netprobe.causes.proof.frames import frame_numbers
from netprobe.causes.proof.known import lacks
from netprobe.causes.proof.obstacle import asked_times, met, predicted, silent_points, unanswered
from netprobe.causes.remedies import IN_NETWORK
from netprobe.causes.routing.routes import LOST
from netprobe.causes.service.endpoint import AppBoundLoopback, AppNotListening
from netprobe.evidence.model import Place, Resolution
from netprobe.forward.drivers import driver_of
from netprobe.forward.model import Barrier, PredictedOutcome
from netprobe.model.point import point_name
from netprobe.model.remedy import advise, run
from netprobe.model.report import Confidence, Finding, Where
from netprobe.paths.story import Answerer, Symptom
from netprobe.state.address import covers, same
from netprobe.state.lookup import host_with, networks_of, route_lookup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.model.remedy import Remedy
    from netprobe.model.report import NeighbourExchange, NeighbourFrame
    from netprobe.state.engine.model import Container, Network
    from netprobe.state.model import Host

_ENOUGH = 2  # answers that all got lost: one alone may be chance


def _at(exchange_frames: tuple[NeighbourFrame, ...], point: str) -> list[NeighbourFrame]:
    return [frame for frame in exchange_frames if frame.point == point]


def _numbers(frames: list[NeighbourFrame]) -> str:
    return frame_numbers(frame.frame for frame in frames)


class MacvlanMacFilter(Cause):
    """Something between the hosts passes broadcasts and drops frames to a container's own MAC.

    What it is: a macvlan container has a MAC of its own; a card that is not promiscuous, a hypervisor's switch (no forged transmits, no
        promiscuous mode) or an access point takes only the host's.
    Why it happens: virtual machines and Wi-Fi: they know one MAC for each guest or station.
    Evidence: the container's ARP request (a broadcast) arrives at the other host and is answered; the answer, to the container's MAC, leaves
        that host's parent and never comes in at the container's own.
    Remedy: promiscuous mode and forged transmits on that port; ipvlan (one MAC) where that cannot be had.
    Source: scottslowe/learning-tools#58; Docker documentation, "Macvlan network driver".
    """

    code = "macvlan-mac-filter"
    reads = ("networks", "addr")
    tells = "a capture on the parent interface while it is promiscuous; the hypervisor's port settings"
    beyond_state = True
    drop_reasons = NEIGH_FAILED
    symptoms = LOST

    def find(self, case: Case) -> Finding | None:
        """Fires when answers (two at least) to the container's MAC left the far parent and none came in at its own, nothing else standing in the way."""
        told, probe = case.prediction, case.probe
        if told is None or told.outcome is not PredictedOutcome.WORKS or probe is None or case.hops:
            return None
        networks = list(flat_networks(case))
        exchange = next((each for each in case.neighbours if each.asked == next_hop(case)), None)
        if exchange is None or len(networks) < _ENOUGH or networks[0][0] is networks[1][0]:
            return None
        (host, container, mine), (far, _, theirs) = networks[:2]
        near, beyond = point_name(host.name, _wire(host, mine)), point_name(far.name, _wire(far, theirs))
        left = _at(exchange.answers, beyond)
        if (
            len(left) < _ENOUGH
            or _at(exchange.answers, near)
            or not _at(exchange.requests, near)
            or near not in silent_points(case)
        ):
            return None
        mac = left[0].to_mac
        link = host.own.link(_wire(host, mine))
        promiscuous = "is promiscuous" if link is not None and link.promisc else "is not promiscuous"
        return Finding(
            code=self.code,
            summary=f"frames to {container.name}'s own MAC {mac} leave {beyond} and never come in at {near}, broadcasts pass: a card, hypervisor or switch filters by MAC",
            where=Where(host=host.name, component=near),
            evidence=(
                f"{exchange.protocol} answers of {exchange.asked} to {mac} at {beyond}: {_numbers(left)}; none at {near}",
                f"the requests, broadcasts, passed: {near} {_numbers(_at(exchange.requests, near))}, {beyond} {_numbers(_at(exchange.requests, beyond))}",
                f"ip link: {near} {promiscuous}",
            ),
            remedies=(
                *(
                    ()
                    if link is not None and link.promisc
                    else (run(host.name, "ip", "link", "set", _wire(host, mine), "promisc", "on", advice=IN_NETWORK),)
                ),
                advise(
                    host.name,
                    f"on the hypervisor: allow promiscuous mode and forged transmits on {host.name}'s port; on Wi-Fi use ipvlan",
                ),
            ),
            confidence=Confidence.LIKELY,
        )

    def possible(self, case: Case) -> bool:
        """Only between macvlan containers of two hosts, as far as networks are known."""
        return len({host.name for host, _, _ in flat_networks(case)}) > 1 or (
            lacks(case, "networks", "containers") and may_be_flat(case)
        )


def _wire(host: Host, network: Network) -> str:
    """The interface that is on the wire: a VLAN interface's parent."""
    link = host.own.link(network.parent)
    below = link.peer_name if link is not None and link.kind == "vlan" else network.parent.rpartition(".")[0]
    return below if below and host.own.link(below) is not None else network.parent


class MacvlanVlanMismatch(Cause):
    """The two ends of a macvlan network are in different VLANs.

    What it is: one host's network stands on ``P.X``, the other's on ``P.Y`` or on ``P`` itself: each takes only its own tag.
    Why it happens: the VLAN ids were typed on each host by hand.
    Evidence: the ARP request on the far host's parent with a tag that the target's network does not take; no answer.
    Remedy: give both networks the same parent.
    Source: moby/libnetwork#1286; IEEE 802.1Q; ip-link(8), "VLAN type support".
    """

    code = "macvlan-vlan-mismatch"
    reads = ("networks", "addr")
    tells = "a capture on both parent interfaces: the tags of the frames"
    barriers = frozenset({Barrier.OTHER_VLAN})
    drop_reasons = NEIGH_FAILED
    symptoms = LOST

    def find(self, case: Case) -> Finding | None:
        """Fires when the request was seen to arrive on the target's wire with the other tag, and was not answered."""
        obstacle = met(case, Barrier.OTHER_VLAN)
        networks = list(flat_networks(case))
        asked = unanswered(case, next_hop(case)) if obstacle else None
        if obstacle is None or asked is None or len(networks) < _ENOUGH:
            return None
        (host, _, mine), (far, target, theirs) = networks[0], networks[-1]
        there = point_name(far.name, _wire(far, theirs))
        arrived = _at(asked.requests, there)
        if not arrived or host is far:
            return None
        return Finding(
            code=self.code,
            summary=f"{mine.name} on {host.name} sends {_tag(arrived[0].vlan)}, {theirs.name} on {far.name} stands on {theirs.parent} and takes {_takes(theirs.parent)}",
            where=Where(host=far.name, component=theirs.name),
            evidence=(
                f"the {asked.protocol} request for {asked.asked} arrives at {there} {_tag(arrived[0].vlan)}: {_numbers(arrived)}, no answer",
                f"docker: {mine.name} is on {mine.parent} of {host.name}, {target.name}'s {theirs.name} on {theirs.parent} of {far.name}",
            ),
            remedies=self._remedies(far, theirs, _parent(far, theirs, mine.parent)),
        )

    @staticmethod
    def _remedies(far: Host, theirs: Network, parent: str) -> tuple[Remedy, ...]:
        """The far network again in the near one's VLAN, where another network of that host has not that interface."""
        taken = [each.name for each in far.networks or () if each.parent == parent and each.name != theirs.name]
        if taken:
            return (
                advise(
                    far.name,
                    f"{taken[0]} has {parent} on {far.name}, and only one network may: put the containers of {theirs.name} on it",
                ),
            )
        return far.engine.remedies.recreate(far.name, theirs, far.containers or (), parent=parent)

    def possible(self, case: Case) -> bool:
        """Only where the tags are known to differ."""
        return predicted(case, Barrier.OTHER_VLAN) is not None


def _parent(far: Host, theirs: Network, wanted: str) -> str:
    """The far host's interface in the VLAN of a near parent (``eth1.1``): its own wire, with that id."""
    number = wanted.rpartition(".")[2] if "." in wanted else ""
    wire = _wire(far, theirs)
    return f"{wire}.{number}" if number.isdecimal() else wire


def _tag(vlan: int | None) -> str:
    return "untagged" if vlan is None else f"with VLAN tag {vlan}"


def _takes(parent: str) -> str:
    number = parent.rpartition(".")[2] if "." in parent else ""
    return f"VLAN {number} only" if number.isdecimal() else "untagged frames only"


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
        if (
            probe is None
            or source is None
            or host is None
            or not probe.dialled
            or same(gateway, probe.dialled)
            or case.hops
        ):
            return None
        mine = [
            net
            for _, net in networks_of(host, source)
            if driver_of(net).own_mac and any(covers(each, gateway) for each in net.subnets)
        ]
        inside = Place(host=host.name, container=source.name)
        asked = unanswered(case, gateway)
        if (
            len(mine) != 1
            or asked is None
            or self._borne(case, gateway)
            or not self._left(case, asked, inside, host, mine[0])
        ):
            return None
        router = self._router(case, host, mine[0], probe.dialled)
        if router is None and (case.target is not None or lacks(case, "containers", "networks", everywhere=True)):
            return None  # another macvlan network, or perhaps one: isolated from it, whatever the gateway's address
        instead = f"; {router[0]} has {router[1]} there" if router else ""
        return Finding(
            code=self.code,
            summary=f"{source.name} sends to {probe.dialled} by {gateway}, the gateway of {mine[0].name}, and nobody has that address{instead}",
            where=Where(host=host.name, component=mine[0].name),
            evidence=(
                asked_times(asked),
                f"docker: {mine[0].name} is {', '.join(mine[0].subnets)} on {mine[0].parent}; no host and no container of the inventory has {gateway}",
            ),
            remedies=self._remedies(host, mine[0], router),
            confidence=Confidence.CERTAIN if router else Confidence.LIKELY,
        )

    @staticmethod
    def _remedies(host: Host, network: Network, router: tuple[str, str] | None) -> tuple[Remedy, ...]:
        if router is None:
            again = f"docker network create -d macvlan --gateway ROUTER … {network.name}"
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
        parents = {point_name(host.name, network.parent), point_name(host.name, _wire(host, network))}
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


class MacvlanDuplicateAddress(Cause):
    """Two containers have one address on the same wire.

    What it is: each host's engine hands out addresses by itself; who answers ARP first (or sits nearer) gets the traffic.
    Why it happens: overlapping pools on two hosts, or the same ``--ip`` twice.
    Evidence: two MACs that answer for one address, or two containers of the inventory that have it on networks of one wire.
    Remedy: parts of the subnet for each host by ``--ip-range``, reserved addresses by ``--aux-address``.
    Source: moby#22174; RFC 5227.
    """

    code = "macvlan-duplicate-address"
    reads = ("networks",)
    tells = "a capture of ARP on the parent interface: two MAC addresses answer"
    symptoms = frozenset(Symptom) - {Symptom.NO_PACKETS, Symptom.NO_ANSWER}
    explains = frozenset(
        {Symptom.OTHER_ENDPOINT, Symptom.REFUSED, Symptom.CLOSED, Symptom.NO_RESPONSE, Symptom.NO_HANDSHAKE}
    )
    note = True
    needs = ("containers", "networks")
    instead_of = frozenset({AppNotListening, AppBoundLoopback})

    def undecided(self, case: Case) -> bool:
        """Only where the one that has the address refused, on a wire that another host's containers may be on."""
        host = case.before(case.probe.source_at.host) if case.probe else None
        flat = host is None or host.networks is None or host.containers is None or bool(list(flat_networks(case)))
        return self._refused_itself(case) and flat and lacks(case, *self.needs, everywhere=True)

    def is_reason(self, case: Case) -> bool:
        """Where somebody else than the one that was named answered, or refused; of an address, whoever of the two refused is in the way."""
        probe = case.probe
        if probe is None or case.story.symptom is Symptom.OTHER_ENDPOINT:
            return True
        several = len(list(self._bearers(case, probe.dialled or ""))) >= _ENOUGH
        return several and (case.story.reached is False or self._refused_itself(case))

    @staticmethod
    def _refused_itself(case: Case) -> bool:
        """Whether an address was asked for, and the container that has it refused: the other one may be meant."""
        literal = case.probe is not None and case.probe.lookup.how is Resolution.LITERAL
        return literal and not case.story.good and case.story.answerer is Answerer.TARGET

    def find(self, case: Case) -> Finding | None:
        """Fires when two bear the dialled address, by the answers or by the engines' state."""
        probe = case.probe
        address = probe.dialled if probe else None
        if probe is None or not address or not list(flat_networks(case)):
            return None
        bearers = list(self._bearers(case, address))
        exchange = next((each for each in case.neighbours if each.asked == address and len(each.bearers) > 1), None)
        if len(bearers) < _ENOUGH and exchange is None:
            return None
        names = " and ".join(f"{container.name} on {host.name}" for host, container in bearers) or " and ".join(
            exchange.bearers if exchange else ()
        )
        evidence = [f"docker: {container.name} on {host.name} has {address}" for host, container in bearers]
        if exchange is not None:
            answered = f"{exchange.protocol}: {' and '.join(exchange.bearers)} both answer for {address}"
            evidence.insert(0, f"{answered}: {_numbers(list(exchange.answers))}")
        second = bearers[-1] if bearers else None
        return Finding(
            code=self.code,
            summary=f"{address} is there twice on one wire: {names}",
            where=Where(host=second[0].name if second else None, component=second[1].name if second else None),
            evidence=tuple(evidence),
            remedies=(
                *self._move(case, bearers),
                advise(
                    probe.source_at.host,
                    "for good: give each host's network its own part of the subnet: docker network create … --ip-range PART",
                ),
            ),
        )

    @staticmethod
    def _move(case: Case, bearers: list[tuple[Host, Container]]) -> tuple[Remedy, ...]:
        """The one that was not meant gets another address."""
        own = case.target.id if case.target is not None else None
        refused = MacvlanDuplicateAddress._refused_itself(case)
        others = [pair for pair in bearers if own is None or (pair[1].id == own) is refused]
        if len(bearers) < _ENOUGH or not others:
            return ()
        host, container = others[-1]
        for endpoint, network in networks_of(host, container):
            free = free_address(case, network)
            if driver_of(network).own_mac and free and endpoint.address == (case.probe.dialled if case.probe else ""):
                return (
                    host.engine.remedies.disconnect(host.name, network, container),
                    host.engine.remedies.connect(host.name, network, container, address=free),
                )
        return ()

    @staticmethod
    def _bearers(case: Case, address: str) -> Iterator[tuple[Host, Container]]:
        for host in case.world.before.values():
            for container in host.containers or ():
                flat = [net for _, net in networks_of(host, container) if driver_of(net).own_mac]
                near = any(covers(subnet, address) for net in flat for subnet in net.subnets)
                if container.running and near and any(same(each, address) for each in container.addresses):
                    yield host, container

    def possible(self, case: Case) -> bool:
        """Only where two are known to have it, or may."""
        return self.undecided(case) or bool(
            case.probe and case.probe.dialled and len(list(self._bearers(case, case.probe.dialled))) > 1
        )
