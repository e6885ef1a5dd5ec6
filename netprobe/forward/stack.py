"""The network stack of a namespace: rules, routes and settings, each as the walk's mode has it."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from netprobe.forward.conntrack import DST, Conntrack, translated, unfiltered
from netprobe.forward.guesses import routes
from netprobe.forward.model import SOLICITATION, Barrier, Flying, Obstacle, Stopped, UnknownHere, WalkStep
from netprobe.forward.netfilter import Filter, filter_of, pass_arp, pass_bridge, pass_hook, pass_netdev
from netprobe.forward.published import published_end
from netprobe.forward.routing import look_up
from netprobe.forward.settings import no_route_localnet
from netprobe.model.hop import Direction
from netprobe.state.packet import ARP_REQUEST
from netprobe.state.routes import LOCAL, MAIN
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from netprobe.evidence.model import Place
    from netprobe.forward.modes import Mode
    from netprobe.forward.trail import Trail
    from netprobe.state.fib_answer import RouteAnswer, RouteHop
    from netprobe.state.model import Host
    from netprobe.state.namespace import Namespace

_MAX_RULES = 8  # that stop a packet at one hook, one behind the other
_DECIDES_NAT = frozenset({"PREROUTING", "OUTPUT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What decides in the namespaces of the hosts. All but ``filter`` raise Stopped, and all UnknownHere, where the mode does."""

    hosts: Mapping[str, Host]
    mode: Mode
    trail: Trail
    conntrack: Conntrack = field(default_factory=Conntrack)

    def check(self, find: Callable[[], Obstacle | None]) -> None:
        """Meet what a setting puts in the way."""
        try:
            obstacle = find()
        except UnknownHere as why:
            self.mode.unknown(why)
            return
        if obstacle is not None:
            self.mode.meet(obstacle)

    def filter(self, host: Host, place: Place, address: str) -> Filter:
        """What filters a namespace's packets to an address."""
        try:
            found = filter_of(host, place, address)
        except UnknownHere as why:
            self.mode.unknown(why)
            return Filter(place=place, namespace=host.namespace(place.container), known=False)
        if not found.recorded:
            self.trail.unrecorded.append(place)
        return found

    def hook(
        self,
        by: Filter,
        hook: str,
        packet: Flying,
        *,
        in_if: str = "",
        out_if: str = "",
        again: Callable[[Flying], None] | None = None,
    ) -> Flying:
        """Pass a hook; where it translates destinations, that is a fork. ``again``: as :func:`~netprobe.forward.netfilter.pass_hook` has it."""
        passed = self._by_rules(by, hook, packet, in_if=in_if, out_if=out_if, again=again)
        if packet.asked is not None or packet.later:
            return passed[0] if passed else packet
        settled = packet.connection is not None and DST in packet.connection.decided
        packet = unfiltered(packet, hook, self.conntrack.known(by.place))
        if hook not in _DECIDES_NAT or packet.direction is Direction.REPLY or by.place.container or settled:
            return passed[0] if passed else packet
        return self.mode.choose(passed, lambda: self._translations(by.place, hook, packet), f"{by.place}: {hook}")

    def _by_rules(
        self,
        by: Filter,
        hook: str,
        packet: Flying,
        *,
        in_if: str,
        out_if: str,
        again: Callable[[Flying], None] | None = None,
    ) -> tuple[Flying, ...]:
        """The packet behind a hook as its rules have it; empty where they do not tell."""
        if not by.known or not self.mode.heeds_rules:
            return ()
        gone = self.mode.gone(by.place)
        known = self.conntrack.known(by.place)
        for _ in range(_MAX_RULES):
            try:
                passed, steps = pass_hook(
                    by, hook, packet, in_if=in_if, out_if=out_if, gone=gone, known=known, again=again
                )
            except Stopped as stopped:
                self.trail.decided += [stopped.step] if stopped.step is not None else []
                self.trail.steps += stopped.steps
                self.mode.meet(_met(stopped.obstacle, packet))
                if not self.mode.explores or stopped.obstacle.rule is None:
                    return (unfiltered(packet, hook, known),)
                gone |= {stopped.obstacle.rule} if stopped.obstacle.rule else set()
            except UnknownHere as why:
                self.mode.unknown(why)
                return ()
            else:
                self.trail.steps += steps
                return (passed,)
        return ()

    def _translations(self, place: Place, hook: str, packet: Flying) -> Iterator[Flying]:
        """What may become of a packet's destination in a host that publishes the port: DNAT, or not."""
        host = self.hosts[place.host]
        to = published_end(host, packet.dst, packet.dport, packet.proto, six=True)
        if to is not None:
            yield translated(packet, hook, to.address, to.port)
        yield packet

    def netdev(self, by: Filter, hook: str, device: str, packet: Flying) -> Flying:
        """Pass a device's ``ingress`` or ``egress``; return the packet with what their rules set."""
        try:
            return pass_netdev(by, hook, device, packet, self.mode.gone(by.place))
        except Stopped as stopped:
            self.mode.meet(_met(stopped.obstacle, packet))
        except UnknownHere as why:
            self.mode.unknown(why)
        return packet

    def arp(self, by: Filter, hook: str, packet: Flying, *, in_if: str = "", out_if: str = "") -> Flying:
        """Pass family arp's ``input`` or ``output``; return the message with what its rules set."""
        try:
            return pass_arp(by, hook, packet, in_if=in_if, out_if=out_if, gone=self.mode.gone(by.place))
        except Stopped as stopped:
            self.mode.meet(_met(stopped.obstacle, packet))
        except UnknownHere as why:
            self.mode.unknown(why)
        return packet

    def bridge(
        self, place: Place, hook: str, packet: Flying, *, in_if: str | None = "", out_if: str | None = ""
    ) -> Flying:
        """Pass a hook of a host's bridges (``prerouting`` …), by their ports: ``""`` for none, None for one that is not known."""
        host = self.hosts[place.host]
        nft = host.nft
        if nft is None or not nft.base(hook, "bridge"):
            if nft is None and host.asked("nft"):
                self.mode.unknown(UnknownHere(f"the nftables rules of {place} are not known"))
            return packet
        by = Filter(place=place, namespace=host.own, nft=nft)
        try:
            return pass_bridge(by, hook, packet, in_if=in_if, out_if=out_if, gone=self.mode.gone(place))
        except Stopped as stopped:
            self.mode.meet(_met(stopped.obstacle, packet))
        except UnknownHere as why:
            self.mode.unknown(why)
        return packet

    def route(
        self, place: Place, namespace: Namespace, packet: Flying, in_if: str = "", *, again: bool = False
    ) -> RouteHop:
        """The way out of a namespace (or into it), of a packet that came in by ``in_if`` or (``""``) is sent there; it must be up.

        ``again``: as :func:`~netprobe.forward.routing.look_up` has it.
        """
        host = self.hosts[place.host]
        answer = look_up(namespace, packet, in_if, again=again) if namespace.routes is not None else None
        known = answer.known if answer is not None else None
        if known is not None and (known.refused or not known.dev):
            self.trail.decided.append(_decision(place, packet, known, in_if))
            self.mode.meet(_refused(place, packet, known))
        decided = (known,) if known is not None and known.dev else ()
        why = UnknownHere(answer.why if answer else f"the routes of {place} are not known")
        way = self.mode.choose(
            decided, lambda: self._ways(host, place, packet, answer, decided), str(why.because(packet))
        )
        link = namespace.link(way.dev)
        if link is not None and not link.up and not way.local:
            self.mode.meet(link_down(place, packet, way.dev))
        if not namespace.asked("rule6" if ":" in packet.dst else "rule") and namespace.fib.has_tables(
            ":" in packet.dst
        ):
            self.trail.unruled.append(place)
        step = _decision(place, packet, way, in_if)
        self.trail.decided.append(step)
        if not (in_if and way.local):  # that it came to whom it was for goes without saying
            self.trail.steps.append(step)
        return way

    @staticmethod
    def _ways(
        host: Host, place: Place, packet: Flying, answer: RouteAnswer | None, decided: tuple[RouteHop, ...]
    ) -> Iterable[RouteHop]:
        """The ways that are possible where the state does not tell which."""
        if decided:
            return ()
        possible = [way for way in answer.ways if way.dev] if answer is not None else []
        return possible or routes(host, place, packet.dst)


def led_again(place: Place, host: Host, namespace: Namespace, packet: Flying) -> None:
    """What OUTPUT changed is looked up there and then: pass where it leads on.

    Raises:
        Stopped: nothing leads on.
        UnknownHere: whether something does is not known.
    """
    if namespace.routes is None:
        return
    answer = look_up(namespace, packet, again=True)
    if answer.known is None and any(way.refused for way in answer.ways):
        raise UnknownHere(f"{place}: {answer.why}")
    way = answer.ways[0]
    if way.refused or not way.dev:
        raise Stopped(_refused(place, packet, way), _decision(place, packet, way, ""))
    obstacle = no_route_localnet(place, host, packet, way) if answer.known is not None else None
    if obstacle is not None:
        raise Stopped(obstacle)


def _met(obstacle: Obstacle, packet: Flying) -> Obstacle:
    """The rule that stopped a packet: of ARP and neighbour discovery, an obstacle of the packet that waits for it."""
    if packet.asked is None:
        return obstacle
    arp = packet.arp is not None and packet.arp.operation == ARP_REQUEST
    return replace(obstacle, barrier=Barrier.DISCOVERY, asked=packet.asked, asks=arp or packet.icmp == SOLICITATION)


def _refused(place: Place, packet: Flying, known: RouteHop) -> Obstacle:
    """Nothing leads on."""
    what = str(known.route) if known.route is not None else f"routing rule {known.rule}" if known.rule else ""
    table = (
        f" in table {known.rule.table}" if known.rule and known.route is not None and known.rule.table != MAIN else ""
    )
    text = f"{what}{table} refuses {packet.dst}" if table or (what and not known.route) else f"no route to {packet.dst}"
    return Obstacle(
        barrier=Barrier.NO_ROUTE, place=place, label="routing", text=text, direction=packet.direction, refusal=known
    )  # fmt: skip


def link_down(place: Place, packet: Flying, device: str) -> Obstacle:
    """An interface that is down."""
    text = f"{device} is down"
    return Obstacle(barrier=Barrier.LINK_DOWN, place=place, label=device, text=text, direction=packet.direction)


def _decision(place: Place, packet: Flying, way: RouteHop, in_if: str) -> WalkStep:
    by = way.rule
    why = (
        f" (rule {by.priority}, table {by.table})"
        if by is not None and by.table not in {LOCAL, MAIN, "default"}
        else ""
    )
    via = f" via {way.via}" if way.via else ""
    what = f"{packet.dst} is local" if way.local else f"to {packet.dst} by {way.dev}{via}{why}"
    return WalkStep(
        place=place, stage="routing", what=what, direction=packet.direction, way=way, packet=packet, in_if=in_if
    )  # fmt: skip
