"""The network stack of a namespace: rules, routes and settings, each as the walk's mode has it."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from netprobe.forward.conntrack import DST, Conntrack, translated, unfiltered
from netprobe.forward.guesses import routes
from netprobe.forward.model import Barrier, Flying, Obstacle, Stopped, UnknownHere, WalkStep
from netprobe.forward.netfilter import Filter, filter_of, pass_hook, pass_netdev
from netprobe.forward.published import published_end
from netprobe.model.report import Direction
from netprobe.state.lookup import route_lookup
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from netprobe.evidence.model import Place
    from netprobe.forward.modes import Mode
    from netprobe.forward.trail import Trail
    from netprobe.state.fib import RouteHop
    from netprobe.state.model import Host, Namespace

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

    def hook(self, by: Filter, hook: str, packet: Flying, *, in_if: str = "", out_if: str = "") -> Flying:
        """Pass a hook; where it translates destinations, that is a fork."""
        passed = self._by_rules(by, hook, packet, in_if=in_if, out_if=out_if)
        settled = packet.connection is not None and DST in packet.connection.decided
        packet = unfiltered(packet, hook, self.conntrack.known(by.place))
        if hook not in _DECIDES_NAT or packet.direction is Direction.REPLY or by.place.container or settled:
            return passed[0] if passed else packet
        return self.mode.choose(passed, lambda: self._translations(by.place, hook, packet), f"{by.place}: {hook}")

    def _by_rules(self, by: Filter, hook: str, packet: Flying, *, in_if: str, out_if: str) -> tuple[Flying, ...]:
        """The packet behind a hook as its rules have it; empty where they do not tell."""
        if not by.known or not self.mode.heeds_rules:
            return ()
        gone = self.mode.gone(by.place)
        known = self.conntrack.known(by.place)
        for _ in range(_MAX_RULES):
            try:
                passed, steps = pass_hook(by, hook, packet, in_if=in_if, out_if=out_if, gone=gone, known=known)
            except Stopped as stopped:
                self.mode.meet(stopped.obstacle)
                if not self.mode.explores:
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

    def netdev(self, by: Filter, hook: str, device: str, packet: Flying) -> None:
        """Pass a device's ``ingress`` or ``egress``."""
        try:
            pass_netdev(by, hook, device, packet, self.mode.gone(by.place))
        except Stopped as stopped:
            self.mode.meet(stopped.obstacle)
        except UnknownHere as why:
            self.mode.unknown(why)

    def route(self, place: Place, namespace: Namespace, dst: str, src: str, direction: Direction) -> RouteHop:
        """The way out of a namespace, which must be up."""
        known = namespace.routes is not None
        found = route_lookup(namespace, dst, src=src) if known else None
        if known and (found is None or not found.dev):
            text = f"no route to {dst}"
            self.mode.meet(
                Obstacle(barrier=Barrier.NO_ROUTE, place=place, label="routing", text=text, direction=direction)
            )
        host = self.hosts[place.host]
        decided = (found,) if found is not None and found.dev else ()
        why = f"the routes of {place} are not known"
        way = self.mode.choose(decided, lambda: () if decided else routes(host, place, dst), why)
        link = namespace.link(way.dev)
        if link is not None and not link.up:
            text = f"{way.dev} is down"
            self.mode.meet(
                Obstacle(barrier=Barrier.LINK_DOWN, place=place, label=way.dev, text=text, direction=direction)
            )
        what = f"{dst} is local" if way.local else f"to {dst} by {way.dev}{f' via {way.via}' if way.via else ''}"
        self.trail.steps.append(WalkStep(place=place, stage="routing", what=what, direction=direction))
        return way
