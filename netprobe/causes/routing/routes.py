"""No way, the wrong way, or the wrong neighbour: what a namespace's routes and neighbour table make of a destination."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.causes.base import NETFILTER_DROP, Cause
from netprobe.causes.proof.obstacle import frames_at, met, predicted, whose
from netprobe.causes.proof.publishing import is_alone
from netprobe.causes.proof.routed import own_table
from netprobe.causes.proof.translations import translations
from netprobe.causes.remedies.steps import in_place, inside
from netprobe.evidence.model import Outcome, Place, Resolution
from netprobe.forward.model import Barrier
from netprobe.model.endpoint import Endpoint
from netprobe.model.hop import Direction
from netprobe.model.point import PointName
from netprobe.model.remedy import advise, run, shell_line
from netprobe.model.report import Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.address import covers
from netprobe.state.engine.compose import in_file, recreated
from netprobe.state.fib_answer import NO_ROUTE
from netprobe.state.lookup import networks_of
from netprobe.state.routes import MAIN, UNICAST

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Probe
    from netprobe.forward.model import Obstacle
    from netprobe.model.hop import Hop
    from netprobe.model.remedy import Argv, Remedy
    from netprobe.state.engine.model import Container, Network
    from netprobe.state.model import Host
    from netprobe.state.routes import Route, RoutingRule

_AFTER_LOCAL = 2  # the first priority before which there is one behind the rule for local addresses
LOST = frozenset({Symptom.NO_PACKETS, Symptom.SILENCE, Symptom.UNREACHABLE})


def refusing(case: Case, place: Place, address: str | None) -> str:
    """The route that refuses an address in a namespace, as ``ip route`` shows it; ``""`` where there is none at all."""
    host = case.before(place.host)
    routes = host.namespace(place.container).routes if host else None
    kinds = ("unreachable", "blackhole", "prohibit", "throw")
    found = [each for each in routes or () if each.kind in kinds and address and covers(each.dst, address)]
    usual = [each for each in found if each.table == MAIN]
    nearest = max(usual, key=lambda each: int(each.dst.rpartition("/")[2]), default=None)
    return f"{nearest.kind} {nearest.dst}" if nearest else ""


def refused_by_rule(obstacle: Obstacle) -> str:
    """The routing rule that refuses a packet, or the route of the table that it asks; ``""`` where main alone decides."""
    way = obstacle.refusal
    if way is None or way.rule is None or way.refused == NO_ROUTE:
        return ""
    if way.route is None:
        return f"routing rule {way.rule}"
    return f"{way.route} in table {way.rule.table} (routing rule {way.rule})" if own_table(way.rule) else ""


def _is_ban(rule: RoutingRule, route: Route | None) -> bool:
    """Whether it refuses some destinations, or some ports, alone: a tunnel would take all that a sender sends."""
    some = rule.dst not in {"", "all"} or bool(rule.proto) or rule.sport is not None or rule.dport is not None
    return some or (route is not None and int(route.dst.rpartition("/")[2] or 32) > 1)


def kill_switch(case: Case, obstacle: Obstacle) -> str:
    """What refuses a packet so that it leaves by no other way than a tunnel that is down: a routing rule, a table's route, a default one beside a tunnel.

    ``""`` where it is none: a route of main for some addresses, or no route at all.
    """
    way = obstacle.refusal
    rule, route = (way.rule, way.route) if way is not None else (None, None)
    by_rule = refused_by_rule(obstacle)
    if rule is None or way is None or way.refused == NO_ROUTE:
        return ""
    if by_rule:
        return "" if _is_ban(rule, route) else by_rule
    if route is None:
        return ""
    host = case.before(obstacle.place.host)
    links = host.namespace(obstacle.place.container).links if host is not None else None
    tunnels = [link.name for link in links or () if not link.arp and not link.loopback]
    return f"{route}, beside {', '.join(tunnels)}" if tunnels and route.dst.endswith("/0") else ""


def translated(case: Case, place: Place) -> str:
    """The destination as a host's routes see it: the container's address, where the host publishes what is dialled."""
    probe = case.probe
    if probe is None:
        return ""
    published = case.publication is not None and place == Place(host=case.publication[0].name)
    sent_there = published and place != probe.source_at and probe.target_address
    return (probe.target_address if sent_there else None) or probe.dialled or ""


def _network_for(container: Container) -> str:
    again = recreated(container, "on a bridge network", "no network_mode: none")
    return f"{again}: with --network none nothing but lo is in it, and it can join no other"


def _container(case: Case, place: Place) -> Container | None:
    host = case.before(place.host)
    return host.container(place.container) if host and place.container else None


def way_out(case: Case, host: Host, source: Container) -> Remedy:
    """Another network for a container that has no way out: the default bridge, or for IPv6 one that has it."""
    wide = [each for each in host.networks or () if each.bridge and not each.internal]
    fitting = [each for each in wide if any((":" in subnet) == case.is_v6 for subnet in each.subnets)]
    first = sorted(fitting, key=lambda each: not each.default_bridge)
    if first:
        return host.engine.remedies.connect(host.name, first[0], source)
    six = " --ipv6" if case.is_v6 else ""
    file = in_file(
        source, f"networks: the NAME of one that is not internal{' (enable_ipv6: true)' if case.is_v6 else ''}"
    )
    kept = f"; to keep it, {file}" if file else ""
    return advise(
        host.name,
        f"give {source.name} a network that leads out: docker network create{six} NAME, then docker network connect NAME {source.name}{kept}",
    )


class InternalNetwork(Cause):
    """The source is on an internal network only, which has no way out by design.

    What it is: ``docker network create --internal`` makes a network whose containers reach each other and nobody else.
    Why it happens: the option was meant, or copied; the container needs another network for the outside.
    Evidence: up to Engine 24 the request comes to the bridge and the isolation rule drops it (the default route is there); from 25 on
        the container has no default route and sends nothing. The network's ``Internal`` is true.
    Remedy: connect the container to another network as well.
    Source: moby#46603; Docker documentation, "docker network create --internal".
    """

    code = "internal-network"
    reads = ("networks", "ns/*/route")
    tells = "docker network inspect: Internal"
    drop_reasons = NETFILTER_DROP
    symptoms = LOST
    barriers = frozenset({Barrier.RULE, Barrier.NO_ROUTE})

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """The isolation rule of the source's internal network, or its missing default route."""
        return super().explains_obstacle(case, obstacle) and self._internal(case, obstacle) is not None

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """Another network as well."""
        found = self._internal(case, obstacle)
        return (way_out(case, *found[:2]),) if found is not None else super().undo(case, obstacle)

    def _internal(self, case: Case, obstacle: Obstacle) -> tuple[Host, Container, Network] | None:
        """The source's host, the source, and its internal network at whose bounds the request ends."""
        source, host = case.source_container, case.before(case.probe.source_at.host) if case.probe else None
        if source is None or host is None or obstacle.direction is not Direction.REQUEST:
            return None
        network = self._network(host, source, obstacle)
        return (host, source, network) if network is not None else None

    def find(self, case: Case) -> Finding | None:
        """Fires when the walk and the packets end at the isolation rule of the source's internal network, or at its missing default route."""
        obstacle = met(case, *self.barriers)
        found = self._internal(case, obstacle) if obstacle is not None else None
        if obstacle is None or found is None:
            return None
        host, source, network = found
        by_rule = obstacle.barrier is Barrier.RULE
        stopped = f"{obstacle.label} drops what leaves it" if by_rule else "it has no default route"
        return Finding(
            code=self.code,
            summary=f"{source.name} is on {network.name} only, an internal network without a way out: {stopped}",
            where=Where(host=host.name, component=network.name, rule=obstacle.text if by_rule else None),
            evidence=(
                f"docker: {network.name} ({', '.join(network.subnets)}) is Internal",
                f"last seen at {case.last_seen}: {frames_at(case, case.last_seen)}"
                if case.last_seen
                else "nothing was sent",
            ),
            remedies=(way_out(case, host, source),),
        )

    @staticmethod
    def _network(host: Host, source: Container, obstacle: Obstacle) -> Network | None:
        networks = [network for _, network in networks_of(host, source)]
        if obstacle.barrier is Barrier.NO_ROUTE:
            here = obstacle.place == Place(host=host.name, container=source.name)
            return networks[0] if here and networks and all(each.internal for each in networks) else None
        if obstacle.rule is None or not host.engine.keeps_internal(obstacle.rule.chain):
            return None
        words = obstacle.text.split()
        return next((each for each in networks if each.internal and each.bridge in words), None)

    def possible(self, case: Case) -> bool:
        """Only for a container of an internal network."""
        source = case.source_container
        host = case.before(case.probe.source_at.host) if case.probe else None
        if source is None or host is None or host.networks is None:
            return case.probe is None or case.probe.source_at.container is not None
        return any(network.internal for _, network in networks_of(host, source))


def _refused_address(case: Case, obstacle: Obstacle) -> str:
    """The destination of what is refused, as the namespace's routes see it."""
    told = case.prediction
    last = told.decided[-1] if told is not None and told.decided else None
    routed = last is not None and last.packet is not None and last.place == obstacle.place
    return last.packet.dst if routed and last and last.packet else translated(case, obstacle.place)


def _sent_there(case: Case, obstacle: Obstacle, address: str) -> str:
    """By whose rule what was dialled is for that address; ``""`` where none is another's than the engine's."""
    told = case.prediction
    if told is None or obstacle.direction is not Direction.REQUEST:
        return ""
    found = [each for each in translations(told) if each.of_destination and each.place == obstacle.place]
    to = Endpoint.parse(found[-1].to) if found else None
    if to is None or to.address != address or case.engine_at(obstacle.place.host).owns(found[-1].ref):
        return ""
    return f"{found[-1].ref} ({found[-1].ref.shown})"


_OFF = "start it without net.ipv6.conf.all.disable_ipv6=1 and in a network with IPv6 (docker network create --ipv6), or dial an IPv4 address"


def _ipv6_off(case: Case, place: Place) -> bool:
    """Whether no interface of a container has any IPv6 address, not even a link-local one."""
    host = case.before(place.host) if place.container is not None else None
    links = host.namespace(place.container).links if host is not None else None
    return links is not None and not any(
        ":" in a.address for link in links if not link.loopback for a in link.addresses
    )


def _tunnel(case: Case, obstacle: Obstacle) -> Remedy:
    """What a kill switch asks for: its tunnel; for an answer, which the tunnel would take elsewhere, an exception for whom it is for."""
    excepted = _excepted(case, obstacle) if obstacle.direction is Direction.REPLY else None
    if excepted is not None:
        return excepted
    text = "bring up the tunnel that should carry this; the kill switch stays: without it this would leave by another way, unprotected"
    return advise(obstacle.place.host, text)


def _banned(case: Case, obstacle: Obstacle) -> Remedy:
    """What a rule asks for that refuses some destinations or ports: who made it knows whether it is a ban or a tunnel's kill switch. Nothing is undone."""
    said = "it refuses this on purpose: a ban stays, or is narrowed where it is made; for a tunnel's kill switch bring up the tunnel"
    past = _excepted(case, obstacle, wide=True)
    one = f"; to have this one leave all the same: {shell_line(past.commands[0])}" if past is not None else ""
    return advise(obstacle.place.host, f"{said}{one}")


def _excepted(case: Case, obstacle: Obstacle, *, wide: bool = False) -> Remedy | None:
    """A rule before the one that refuses, for one address; None where main has no route for that, or (but for ``wide``) no more than a default one."""
    rule = obstacle.refusal.rule if obstacle.refusal is not None else None
    host, dst = case.before(obstacle.place.host), _refused_address(case, obstacle)
    nearest = host.namespace(obstacle.place.container).fib.nearest(MAIN, dst) if host is not None else ()
    way = next((each for each in nearest if each.kind == UNICAST and (wide or not each.dst.endswith("/0"))), None)
    if rule is None or rule.priority < _AFTER_LOCAL or way is None:
        return None
    ip: Argv = ("ip", "-6") if ":" in dst else ("ip",)
    one = f"{dst}/{128 if ':' in dst else 32}"
    command = (*ip, "rule", "add", "to", one, "lookup", MAIN, "pref", str(rule.priority - 1))
    step = in_place(case, obstacle.place, command)
    opens = f"the kill switch stays for all else: this lets what is for {dst} leave by {way.dev}, past the tunnel"
    return replace(step, advice=f"{opens}; {step.advice}")


class NoRoute(Cause):
    """A namespace on the way has no route to the destination.

    What it is: the kernel refuses to send: ENETUNREACH at the source, ICMP network unreachable (or silence) from a router.
    Why it happens: no default route, a deleted one, or an ``unreachable``, ``blackhole`` or ``prohibit`` route. By a routing rule, or in a VPN's
        table, such a route is a kill switch: what should go by the tunnel leaves by no other way while the tunnel is down.
    Evidence: the namespace's routes and routing rules; nothing was sent (or nothing seen behind that host).
    Remedy: add the route. A kill switch stays: bring the tunnel up.
    Source: ip-route(8); ip-rule(8); net/ipv4/fib_semantics.c (fib_props).
    """

    code = "no-route"
    reads = ("route", "rule", "ns/*/route")
    tells = "ip route get to the dialled address, at the source"
    barriers = frozenset({Barrier.NO_ROUTE})
    symptoms = LOST

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """On the way there: an answer without a route is another defect, unless a kill switch refuses it."""
        there = obstacle.direction is Direction.REQUEST or bool(kill_switch(case, obstacle))
        return there and super().explains_obstacle(case, obstacle)

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """A kill switch is left as it is."""
        address = _refused_address(case, obstacle)
        if kill_switch(case, obstacle):
            return (_tunnel(case, obstacle),)
        return (
            (self._way(case, obstacle, address, "", ""),) if refused_by_rule(obstacle) else super().undo(case, obstacle)
        )

    def find(self, case: Case) -> Finding | None:
        """Fires when the walk ends at a routing decision without a way, and nothing was seen behind it."""
        obstacle = met(case, Barrier.NO_ROUTE)
        probe = case.probe
        if probe is not None and obstacle is None:
            return self._without_network(case, probe)
        if obstacle is None or probe is None:
            return None
        switch = kill_switch(case, obstacle)
        if obstacle.direction is not Direction.REQUEST and not switch:
            return None
        at_source = obstacle.place == case.intent.source and obstacle.direction is Direction.REQUEST
        if obstacle.place.container is not None and not self._known(case, obstacle.place):
            return None
        if at_source and probe.result.outcome not in {Outcome.UNREACHABLE, Outcome.DENIED}:
            return None
        address = _refused_address(case, obstacle)
        refused = refusing(case, obstacle.place, address)
        route = f"{refused} refuses it" if refused else "no route covers it, and there is no default route"
        banned = "" if switch else refused_by_rule(obstacle)
        sent = _sent_there(case, obstacle, address)
        if switch:
            route = f"{switch} refuses it: a kill switch"
        elif banned:
            route = f"{banned} refuses it"
        elif case.is_v6 and _ipv6_off(case, obstacle.place):
            route = "none of its interfaces has an IPv6 address: IPv6 is off there"
        told = probe.result.detail or probe.result.outcome.value
        seen = (
            f"the prober got {told}, and nothing was sent"
            if at_source
            else f"last seen at {case.last_seen}: {frames_at(case, case.last_seen)}"
        )
        return Finding(
            code=self.code,
            summary=f"{whose(obstacle.place)} has no route to {address}{f', to which {sent} sends it' if sent else ''}: {route}",
            where=Where(host=obstacle.place.host, component="routing", rule=switch or banned or refused or None),
            evidence=(f"{'ip -6' if case.is_v6 else 'ip'} route of {whose(obstacle.place)}: {route}", seen),
            remedies=(self._way(case, obstacle, address, refused, sent),),
        )

    def _way(self, case: Case, obstacle: Obstacle, address: str, refused: str, sent: str) -> Remedy:
        """What a kill switch, a rule that refuses, or a missing route asks for."""
        place = obstacle.place
        if kill_switch(case, obstacle):
            return _tunnel(case, obstacle)
        if refused_by_rule(obstacle):
            return _banned(case, obstacle)
        if sent:
            text = f"{sent} sends it to {address}, to which {whose(place)} has no route: correct the rule where it is made, or have {address} routed"
            return advise(place.host, text)
        return self._remedy(case, place, address, refused)

    def _without_network(self, case: Case, probe: Probe) -> Finding | None:
        """A container on the network none looks a name up: nothing leads out of it, to a name server neither."""
        source, host = case.source_container, case.before(probe.source_at.host)
        unnamed = probe.lookup.how is Resolution.FAILED and case.story.symptom is Symptom.NO_PACKETS
        if source is None or host is None or not unnamed or not is_alone(host, source):
            return None
        return Finding(
            code=self.code,
            summary=f"{source.name} is on the network none: it has nothing but lo, and reaches nobody, a name server neither",
            where=Where(host=host.name, component=source.name),
            evidence=(*probe.lookup.steps, "no packet was seen at any point"),
            remedies=(advise(host.name, _network_for(source)),),
        )

    @staticmethod
    def _known(case: Case, place: Place) -> bool:
        """Whether enough is known of a container to tell a missing route from an internal network or a namespace left behind."""
        host = case.before(place.host)
        container = _container(case, place)
        return (
            host is not None
            and container is not None
            and host.networks is not None
            and host.namespace(place.container).links is not None
        )

    def _remedy(self, case: Case, place: Place, address: str, refused: str) -> Remedy:
        ip: Argv = ("ip", "-6") if case.is_v6 else ("ip",)
        if refused:
            return in_place(case, place, (*ip, "route", "del", *refused.split()))
        container, host = _container(case, place), case.before(place.host)
        if container is not None and host is not None and is_alone(host, container):
            return advise(place.host, _network_for(container))
        if case.is_v6 and _ipv6_off(case, place):
            return advise(place.host, f"{whose(place)}: {_OFF}")
        ends = container.networks.values() if container else ()
        gateways = list(filter(None, (each.gateway6 if case.is_v6 else each.gateway for each in ends)))
        if gateways:
            return in_place(case, place, (*ip, "route", "add", "default", "via", gateways[0]))
        connected = self._connected(case, place, address)
        if connected:
            return in_place(case, place, (*ip, "route", "add", *connected))
        return advise(place.host, f"add a route on {whose(place)}: {' '.join(ip)} route add {address} via ROUTER")

    @staticmethod
    def _connected(case: Case, place: Place, address: str) -> Argv:
        """The route that the kernel makes with a bridge's address, where an engine's network has the destination; ``()`` for others."""
        host = case.before(place.host) if place.container is None else None
        for network in host.networks or () if host and not case.is_v6 else ():
            link = host.own.link(network.bridge) if host and network.bridge else None
            subnet = next((each for each in network.subnets if covers(each, address)), "")
            own = (
                next((each.address for each in link.addresses if subnet and covers(subnet, each.address)), "")
                if link
                else ""
            )
            if subnet and own and link is not None and link.up:
                return (subnet, "dev", network.bridge, "src", own)
        return ()

    def possible(self, case: Case) -> bool:
        """Only where the prediction does not tell the whole way, or ends for want of a route."""
        told = case.prediction
        return told is None or bool(told.unknown) or predicted(case, Barrier.NO_ROUTE) is not None


class StaleArp(Cause):
    """The neighbour table names another MAC than the target has: frames go to nobody.

    What it is: the sender does not ask; it uses what it once learnt, or was told (``nud permanent``).
    Why it happens: the container was recreated with a new MAC, an address moved, or a static entry was left behind; or a second machine has the same address
        and answered first.
    Evidence: the frames' destination MAC, the neighbour entry, the MAC that the target's interface really has.
    Remedy: delete the entry.
    Source: moby#36069; ip-neighbour(8).
    """

    code = "stale-arp"
    reads = ("neigh",)
    tells = "ip neigh on the host, beside the container's MAC address"
    barriers = frozenset({Barrier.WRONG_NEIGHBOUR})
    drop_reasons = frozenset({"OTHERHOST"})
    symptoms = LOST | {Symptom.REFUSED}

    def find(self, case: Case) -> Finding | None:
        """Fires when frames with the entry's MAC were seen to arrive, and the target's interface has another."""
        obstacle = met(case, Barrier.WRONG_NEIGHBOUR) or _taken_by_another(case)
        if obstacle is None:
            return None
        address, _, mac, *_ = obstacle.text.split()
        wrong = _frames_to(case, obstacle.direction, mac.rstrip(","))
        host = case.before(obstacle.place.host)
        entries = host.namespace(obstacle.place.container).neighbours or () if host else ()
        entry = next((each for each in entries if each.address == address), None)
        if not wrong or entry is None:
            return None
        last = wrong[-1]
        whom, advice = _whose_mac(case, address, entry.mac)
        answered = case.story.symptom is Symptom.REFUSED
        return Finding(
            code=self.code,
            summary=f"{whose(obstacle.place)} sends {address}'s frames to {entry.mac}, {whom}",
            where=Where(
                host=obstacle.place.host,
                component=f"neighbour {address}",
                rule=f"{address} dev {entry.dev} lladdr {entry.mac} {entry.state}",
            ),
            evidence=(
                f"frames to {entry.mac} at {last.point}: {frames_at(case, last.point)}",
                f"ip neigh: {obstacle.text}",
                *((f"{case.story.detail} came back: {case.frames}",) if answered else ()),
            ),
            remedies=(
                *((advise(obstacle.place.host, advice),) if advice else ()),
                run(
                    obstacle.place.host,
                    *inside(case, obstacle.place, (*_ip(address), "neigh", "del", address, "dev", entry.dev)),
                    advice="a permanent entry comes back with whatever sets it",
                ),
            ),
        )

    def possible(self, case: Case) -> bool:
        """Only where some entry is known to be wrong, or the prediction does not tell."""
        told = case.prediction
        return told is None or bool(told.unknown) or predicted(case, Barrier.WRONG_NEIGHBOUR) is not None


def _frames_to(case: Case, direction: Direction, mac: str) -> list[Hop]:
    return [hop for hop in case.hops if hop.packet and hop.direction is direction and hop.packet.dst_mac == mac]


def _taken_by_another(case: Case) -> Obstacle | None:
    """The walk ends at a wrong neighbour entry, and the frames went to that MAC and came in at no other host: somebody else there has it."""
    told, then = predicted(case, Barrier.WRONG_NEIGHBOUR), case.prediction_after
    obstacle = told.obstacles[0] if told is not None else None
    if obstacle is None or then is None or not then.obstacles or obstacle.direction is not Direction.REQUEST:
        return None
    last, mac = then.obstacles[0], obstacle.text.split()[2].rstrip(",")
    here = [hop for hop in case.hops if hop.seen and hop.direction is Direction.REQUEST]
    away = any(PointName.parse(hop.point).host != obstacle.place.host for hop in here)
    same = (last.barrier, last.label, last.text) == (obstacle.barrier, obstacle.label, obstacle.text)
    return obstacle if same and not away and not case.story.good and _frames_to(case, Direction.REQUEST, mac) else None


def _whose_mac(case: Case, address: str, mac: str) -> tuple[str, str]:
    """Who takes frames for that MAC, and what to do where that is another machine with the same address (``""``: nothing)."""
    answers = any(
        hop.seen and hop.packet and hop.direction is Direction.REPLY and hop.packet.src_mac == mac for hop in case.hops
    )
    told = any(each.asked == address and mac in each.bearers for each in case.neighbours)
    if not answers and not told:
        return "which nobody there has: its neighbour entry is wrong", ""
    find = f"two machines there have {address}: give the one with {mac} another address (the switch, or arping -I DEVICE {address}, tells which that is), then:"
    return f"and somebody else there has both: two machines have {address}", find


def _ip(address: str) -> tuple[str, ...]:
    return ("ip", "-6") if ":" in address else ("ip",)
