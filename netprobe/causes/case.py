"""The case: everything that causes may look at, packets and state side by side, with the questions that many of them ask."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from netprobe.causes.proof.frames import frame_numbers
from netprobe.decode.table import Kind
from netprobe.forward.question import predict_probe
from netprobe.journeys.neighbours import exchanges
from netprobe.model.hop import Direction
from netprobe.paths.story import Answerer, Symptom
from netprobe.paths.tcp import talk_of
from netprobe.state.address import is_any, is_loopback, same
from netprobe.state.counted import Counters
from netprobe.state.engine import ENGINES
from netprobe.state.iptables import find_dnat_to
from netprobe.state.iptables_fields import Field
from netprobe.state.lookup import published_by
from netprobe.state.nft import NftRuleset
from netprobe.state.sharing import asking, named
from netprobe.state.sockets import Socket, listening
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import CapturePoint, Place, Probe
    from netprobe.evidence.packets import Packets
    from netprobe.forward.model import Prediction
    from netprobe.journeys.model import Journey
    from netprobe.model.hop import Hop
    from netprobe.model.neighbours import NeighbourExchange
    from netprobe.model.rule import RuleRef
    from netprobe.paths.classify import Way
    from netprobe.paths.story import Intent, Observation
    from netprobe.paths.tcp import Talk
    from netprobe.state.engine.base import ContainerEngine
    from netprobe.state.engine.model import Container, Proxy, Published
    from netprobe.state.iptables import Rule, Ruleset
    from netprobe.state.model import Host, World
    from netprobe.state.nft import NftRule


@dataclass(frozen=True, kw_only=True)
class Case:
    """One run, joined and parsed.

    Attributes:
        probe: the question; None for captures from elsewhere.
        points, table, journey, hops, story, way, intent: the packets' side (journey None: nothing of it was seen); all times are on one clock.
        captured: the packets with the times that their own hosts' clocks gave them; None where nothing was captured.
        world: the state's side.
        last_seen, first_missing: names of capture points, None when there is none.
        prediction: what should have happened by the state before the probe; None where that could not be asked.
    """

    probe: Probe | None
    points: Sequence[CapturePoint]
    table: PacketTable
    journey: Journey | None
    hops: tuple[Hop, ...]
    story: Observation
    way: Way
    intent: Intent
    world: World
    captured: Packets | None = None
    last_seen: str | None = None
    first_missing: str | None = None
    prediction: Prediction | None = None

    @cached_property
    def prediction_after(self) -> Prediction | None:
        """What should have happened by the state after the probe (as before, where it was not asked again)."""
        return predict_probe(self.probe, self.world.after, still=Counters(self.world).still)

    def without(self, place: Place, rule: RuleRef) -> Prediction | None:
        """What should have happened by the state before the probe, had this rule not been there."""
        return predict_probe(
            self.probe, self.world.before, frozenset({(place, rule)}), still=Counters(self.world).still
        )

    @cached_property
    def talks(self) -> tuple[Talk | None, ...]:
        """What each connection of the journey says by its numbers; None for one that is not TCP."""
        legs = self.journey.legs if self.journey is not None else ()
        return tuple(talk_of(leg.flows, self.table) if leg.kind == Kind.TCP else None for leg in legs)

    @cached_property
    def neighbours(self) -> tuple[NeighbourExchange, ...]:
        """Every exchange of ARP and of neighbour discovery that was captured."""
        return exchanges(self.table, self.points)

    @property
    def is_v6(self) -> bool:
        """An IPv6 address was dialled: ip6tables' rules decide, not iptables'."""
        return self.probe is not None and ":" in (self.probe.dialled or "")

    @property
    def transport(self) -> str:
        """``tcp``, ``udp`` or ``icmp``."""
        return self.intent.proto.transport

    @property
    def dialled(self) -> tuple[str, int] | None:
        """The dialled address and port (TCP and UDP only)."""
        if self.probe is None or self.probe.dialled is None or self.probe.dialled_port is None:
            return None
        return self.probe.dialled, self.probe.dialled_port

    @cached_property
    def dialled_host(self) -> Host | None:
        """The host that has the dialled address (before the probe), None when it is nobody's of the inventory or unknown."""
        if self.probe is None or self.probe.dialled is None:
            return None
        if is_loopback(self.probe.dialled):
            return self.before(self.probe.source_at.host) if self.probe.source_at.container is None else None
        near = self.before(self.probe.source_at.host)
        hosts = [near, *self.world.before.values()] if near else list(self.world.before.values())
        return next((host for host in hosts if host.own.link_with(self.probe.dialled)), None)

    @cached_property
    def target_host(self) -> Host | None:
        """The target's host before the probe, None unknown."""
        return self.before(self.probe.target_at.host) if self.probe and self.probe.target_at else None

    @cached_property
    def target(self) -> Container | None:
        """The target container before the probe, None when the target is no container, or unknown."""
        if self.probe is None or self.probe.target_at is None or self.target_host is None:
            return None
        name = self.probe.target_at.container
        return self.target_host.container(name) if name else None

    @cached_property
    def target_after(self) -> Container | None:
        """The same container after the probe."""
        return self.later(self.target)

    @cached_property
    def named(self) -> Container | None:
        """The container that the target's name is: another than :attr:`target` where it shares that one's namespace."""
        return named(self.probe, self.world.before) if self.probe else None

    @cached_property
    def client(self) -> Container | None:
        """The container that the source's name is: another than :attr:`source_container` where it shares that one's namespace."""
        return asking(self.probe, self.world.before) if self.probe else None

    def engine_at(self, host: str) -> ContainerEngine:
        """The container engine of a host of the inventory (of one that is not known: the one that is most likely)."""
        known = self.before(host)
        return known.engine if known else ENGINES[0]

    def later(self, container: Container | None) -> Container | None:
        """A container of the target's host after the probe."""
        after = self.after(self.target_host.name) if self.target_host else None
        return after.container(container.name) if after and container else None

    @cached_property
    def source_container(self) -> Container | None:
        """The source container before the probe, None for a host."""
        if self.probe is None or self.probe.source_at.container is None:
            return None
        host = self.before(self.probe.source_at.host)
        return host.container(self.probe.source_at.container) if host else None

    @property
    def reply_lost(self) -> bool:
        """The target answered, and the answer was lost on its way back (or the source took no notice of it); an error from before it is no answer."""
        back = [hop for hop in self.hops if hop.direction is Direction.REPLY]
        seen = [hop for hop in back if hop.seen]
        if seen and self.story.reached is not True and all(hop.is_error for hop in seen):
            return False
        silent = self.story.symptom is Symptom.SILENCE
        return any(hop.seen is False for hop in back) or (silent and bool(seen))

    @property
    def may_be_container(self) -> bool:
        """False when the target is known to be a host's own namespace, or nobody of the inventory."""
        return self.probe is None or (self.probe.target_at is not None and self.probe.target_at.container is not None)

    def before(self, host: str) -> Host | None:
        """A host before the probe."""
        return self.world.before.get(host)

    def after(self, host: str) -> Host | None:
        """A host after the probe."""
        return self.world.after.get(host)

    @cached_property
    def publication(self) -> tuple[Host, Container, Published] | None:
        """Who publishes the dialled host address and port (a stopped container: would)."""
        if self.dialled is None or self.dialled_host is None:
            return None
        found = published_by(self.dialled_host, *self.dialled, self.transport)
        return (self.dialled_host, *found) if found else None

    def sockets(self, place: Place) -> tuple[tuple[Socket, ...], ...] | None:
        """The sockets of a namespace before and after the probe; None when either moment is unknown."""
        moments = []
        for hosts in (self.world.before, self.world.after):
            host = hosts.get(place.host)
            sockets = host.namespace(place.container).sockets if host else None
            if sockets is None:
                return None
            moments.append(sockets)
        return tuple(moments)

    def listeners(self, place: Place, address: str, port: int) -> tuple[Socket, ...] | None:
        """The sockets that take this address and port at both moments; None when that is not known."""
        moments = self.sockets(place)
        if moments is None:
            return None
        first, last = (set(listening(each, address, port, self.transport)) for each in moments)
        return tuple(first) if first and last else tuple(first & last)

    def never_listening(self, place: Place, address: str, port: int) -> bool:
        """True only when both moments are known and neither has such a socket."""
        moments = self.sockets(place)
        return moments is not None and not any(listening(each, address, port, self.transport) for each in moments)

    def dnat_rules(self, host: Host, published: Published, container: Container) -> tuple[Rule | NftRule, ...] | None:
        """The DNAT rules that this publication should have, of either iptables, or the engine's own of nftables.

        None when they are not known, or may be somebody's of nftables; and where the engine writes none: for IPv6 without ``ip6tables``
        (before Engine 27), and to a container without an IPv6 address (docker-proxy carries both).
        """
        if host.in_nftables:
            return self._nft_dnat_rules(host, published, container)
        if not self.rulesets(host):
            return None
        if not self.translated(host, container):
            return None
        if host.nft and any(host.nft.may_dnat_to(each, published.container_port) for each in container.addresses):
            return None
        rules: list[Rule | NftRule] = []
        for ruleset in self.rulesets(host):
            for address in container.addresses:
                for rule in find_dnat_to(ruleset, address, published.container_port, published.proto):
                    dport = rule.get(Field.DPORT)
                    if dport is None or dport.value == str(published.host_port):
                        rules.append(rule)
        return tuple(rules)

    def _nft_dnat_rules(self, host: Host, published: Published, container: Container) -> tuple[NftRule, ...] | None:
        """Those of the engine's own chain, and where nothing leads there any more none; None where another rule may send there instead."""
        nft = host.nft
        if nft is None or not self.translated(host, container):
            return None
        own = [each for address in container.addresses for each in host.engine.nft_dnat_rules(nft, address, published)]
        others = NftRuleset(chains=tuple(each for each in nft.chains if each.table != host.engine.nft_table))
        if any(others.may_dnat_to(each, published.container_port) for each in container.addresses):
            return None
        family = "ip6" if self.is_v6 else "ip"
        return tuple(each for each in own if each.family == family) if host.engine.nft_in_use(nft, family) else ()

    def translated(self, host: Host, container: Container) -> bool | None:
        """Whether the engine writes DNAT rules for the dialled address's version to this container; None where that is not known."""
        if not self.is_v6:
            return True
        if host.in_nftables:
            return any(":" in each for each in container.addresses)
        if host.ruleset6 is None:
            return None
        return host.engine.translates(host.ruleset6) and any(":" in each for each in container.addresses)

    def rulesets(self, host: Host) -> tuple[Ruleset, ...]:
        """The rulesets of a host for the dialled address's version: the backend in use (nothing without that), the legacy one where it has rules."""
        main, legacy = host.backends(six=self.is_v6)
        return () if main is None else tuple(filter(None, (main, legacy)))

    @staticmethod
    def proxies(host: Host, published: Published) -> tuple[Proxy, ...] | None:
        """The docker-proxy processes of this publication (each IP version has its own); None when processes are not known."""
        if host.proxies is None:
            return None
        return tuple(
            proxy
            for proxy in host.proxies
            if (proxy.proto, proxy.host_port, proxy.container_port)
            == (published.proto, published.host_port, published.container_port)
            and (":" in proxy.host_ip) == (":" in published.host_ip)
        )

    @cached_property
    def refused_by_host(self) -> bool:
        """The answer was a refusal, and it came from the host: nothing of the request was seen in the target container."""
        refused = self.story.symptom is Symptom.REFUSED and self.story.leg == 1
        beyond = any(
            hop.seen
            and hop.direction is Direction.REQUEST
            and _container_of(hop.point, self.points) not in (None, self._source_name)
            for hop in self.hops
        )
        return refused and not beyond and self.story.answerer is not Answerer.NOBODY

    @property
    def _source_name(self) -> str | None:
        return self.intent.source.container if self.intent.source else None

    @cached_property
    def frames(self) -> str:
        """The deciding frames as text: ``frame 4`` or ``frames 4, 5``."""
        return frame_numbers(self.story.frames, len(self.story.frames))

    @cached_property
    def sent(self) -> int:
        """How often the request was seen at the last point that saw it."""
        seen = [
            hop for hop in self.hops if hop.seen and hop.direction is Direction.REQUEST and hop.leg == self.story.leg
        ]
        return seen[-1].count if seen else 0


def _container_of(point: str, points: Sequence[CapturePoint]) -> str | None:
    return next((each.container for each in points if each.name == point), None)


def host_ip_covers(host_ip: str, dialled: str) -> bool:
    """Whether a publication on ``host_ip`` is meant for the dialled address."""
    return is_any(host_ip) or same(host_ip, dialled)
