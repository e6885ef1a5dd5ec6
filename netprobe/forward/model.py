"""What prediction yields: the hops in the form of an observed journey, each step of the walk, and what stands in the way."""

from __future__ import annotations

from dataclasses import field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Self, TypeAlias

from netprobe.model.hop import Direction
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe.evidence.model import Place
    from netprobe.forward.conntrack import Connection
    from netprobe.model.endpoint import Endpoint
    from netprobe.model.hop import Hop
    from netprobe.model.remedy import Argv
    from netprobe.model.rule import Hook, RuleRef
    from netprobe.state.fib_answer import RouteHop
    from netprobe.state.packet import ArpMessage
    from netprobe.state.sockets import Socket


Unsure: TypeAlias = "tuple[RuleRef, str]"
"""A rule that may or may not have changed a packet, and what decides."""

_MOST_NAMED = 3


SOLICITATION, ADVERTISEMENT = (135, 0), (136, 0)
"""ICMPv6 type and code of the messages of neighbour discovery (RFC 4861 sections 4.3 and 4.4)."""
_MESSAGES = {
    True: ("neighbour solicitation for", "neighbour advertisement of"),
    False: ("ARP request for", "ARP reply of"),
}


class PredictedOutcome(StrEnum):
    """How the walk ends."""

    WORKS = "works"
    STOPPED = "stopped"  # an obstacle on the way there
    REPLY_LOST = "reply-lost"  # it arrives, and an obstacle stops the answer
    UNKNOWN = "unknown"  # from some step on the state does not tell


class Barrier(StrEnum):
    """What kind of obstacle it is."""

    RULE = "rule"  # an iptables or nftables rule or policy drops or rejects it
    DISCOVERY = "neighbour-discovery"  # a rule drops what asks for the next hop's link address, or what answers (ARP, IPv6's neighbour discovery)
    NO_ROUTE = "no-route"
    FORWARDING_OFF = "forwarding-off"
    REVERSE_PATH = "reverse-path"  # rp_filter: the way back to its source leads out of another interface
    NO_NEIGHBOUR = "no-neighbour"  # nobody on the link has the next hop's address
    NOT_PROXIED = "not-proxied"  # the next hop's address is behind another host, which does not answer for it (IPv6)
    IPV6_OFF = "ipv6-off"  # a container's interface has no IPv6 address at all: it answers no neighbour solicitation
    ARP_IGNORED = (
        "arp-ignored"  # it has the address on another interface, and is told not to answer ARP for it here (arp_ignore)
    )
    WRONG_NEIGHBOUR = "wrong-neighbour"  # a permanent entry names another MAC
    LINK_DOWN = "link-down"
    OWN_PARENT = "own-parent"  # macvlan carries nothing between a parent's host and its containers
    MODE = "macvlan-mode"  # private or vepa: not to another container of the same parent
    OTHER_VLAN = "other-vlan"  # who has the address there expects another tag
    NOBODY_LISTENS = "nobody-listens"
    ROUTE_LOCALNET = "route-localnet"  # 127.0.0.0/8 leaves by no interface but lo
    OTHER_SOURCE = "other-source"  # the answer comes with another address than the one dialled
    NOT_ASKED = (
        "not-asked"  # the answer comes to a namespace that has not asked: nothing is known there of what it belongs to
    )
    HAIRPIN = "hairpin"  # back to the container that sent it: its bridge port does not do that, or it comes with its own address
    QUEUE_FULL = "queue-full"  # more connections wait to be accepted than the backlog allows
    PAUSED = "paused"
    BRIDGE_PORT = "bridge-port"  # a bridge's port does not forward, or is isolated from the other one
    TTL_EXPIRED = "ttl-expired"  # a host that forwards it has no hop left for it
    ECHO_IGNORED = "echo-ignored"  # the kernel is told to answer no echo


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose link address is asked for by ARP or neighbour discovery.

    Attributes:
        by: in which namespace. device: on which of its interfaces. address: of which address. source: from which.
        heard: whether the next hop is one of the inventory, which then answers.
    """

    by: Place
    device: str
    address: str
    source: str = ""
    heard: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """What the packet does not get past.

    Attributes:
        barrier: its kind.
        place: the namespace.
        label: ``filter/FORWARD #1``, ``eth1``, ``port 80/tcp`` …
        text: the rule as iptables-save writes it, or a phrase.
        rule: where it is one.
        device: the interface where it is one's, ``""`` else.
        direction: whose packet it stops.
        rejects: it answers (RST, ICMP error) instead of staying silent.
        undo: the argv that takes it away, on the place's host (in the place's namespace); empty where there is not just one.
        hook: of a rule.
        refusal: of a packet that nothing leads on: the route or routing rule that refuses it, or that there is none.
        asked, asks: of a rule that stops a message of ARP or neighbour discovery: what that asks, and whether it is the question.
        later: of TCP, what it stops is what completes the handshake, whose first packet and answer passed. passed: the points that it comes by before that.
        set_at: of a hop that has no hop left for it: the namespace of the rule (``rule``) that set its TTL so low.
        accepted: of a rule: the rules of other base chains of its hook that accept the packet, which does not overrule it.
    """

    barrier: Barrier
    place: Place
    label: str
    text: str = ""
    direction: Direction = Direction.REQUEST
    rejects: bool = False
    undo: Argv = ()
    hook: Hook | None = None
    rule: RuleRef | None = None
    device: str = ""
    refusal: RouteHop | None = None
    set_at: Place | None = None
    accepted: tuple[RuleRef, ...] = ()
    asked: Asked | None = None
    asks: bool = False
    later: bool = False
    passed: frozenset[str] = frozenset()

    @property
    def message(self) -> str:
        """``neighbour solicitation for fd00::2``, ``ARP reply of 192.0.2.1``; ``""`` where it stops another packet."""
        if self.asked is None:
            return ""
        question, answer = _MESSAGES[":" in self.asked.address]
        return f"{question if self.asks else answer} {self.asked.address}"

    @classmethod
    def of_rule(cls, place: Place, rule: RuleRef, *, direction: Direction, undo: Argv, hook: Hook) -> Self:
        """A rule, or a policy, that drops or rejects."""
        return cls(
            barrier=Barrier.RULE,
            place=place,
            label=str(rule),
            text=rule.text,
            direction=direction,
            rejects=rule.rejects,
            undo=undo,
            hook=hook,
            rule=rule,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkStep:
    """One step of the walk.

    Attributes:
        place: the namespace.
        stage: ``raw/PREROUTING``, ``routing``, ``bridge``, ``socket`` …
        what: one phrase: ``DNAT to 172.17.0.2:80``, ``to 172.17.0.2 by docker0``.
        rule: the deciding rule, or the process (``docker-proxy pid 4711``); None for none.
        direction: whose packet.
        way: of a routing decision, where it leads. packet: what was decided on. in_if: by which it came in, ``""`` for one sent there.
    """

    place: Place
    stage: str
    what: str
    rule: RuleRef | str | None = None
    direction: Direction = Direction.REQUEST
    way: RouteHop | None = None
    packet: Flying | None = None
    in_if: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The whole walk.

    Attributes:
        outcome: how it ends.
        hops: the points that the packets pass up to the first obstacle, in the form of an observed journey (no times, no frames).
        steps: every step, in order, up to there.
        obstacles: what stops it, in the order in which the packets meet it; those behind the first hold only once that is gone.
        unknown: where the state does not tell any more, one sentence; ``""`` when it does to the end.
        doubtful: the rules (and in whose namespace) of which that is whether the packet meets them; empty where it is something else.
        resolved: the addresses that are resolved on the links of the way (next hops), in order.
        beyond: how the walk ends once every obstacle that can be passed is gone; ``outcome`` where there is none.
        leaves: the namespace and the interface by which the request leaves for somebody whom the inventory does not have; None where it does not.
        arrives: the namespace that it comes to last (whether a socket there takes it or not), None when that is not known.
        unrecorded: the namespaces on the way whose rules were not all recorded: what was not is taken to be none.
        decided: every routing decision, in order, also that a packet came to whom it was for; up to there.
        unruled: those with tables of their own whose routing rules were not recorded: they are taken to be those that every namespace begins with.
    """

    outcome: PredictedOutcome
    hops: tuple[Hop, ...] = ()
    steps: tuple[WalkStep, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    unknown: str = ""
    doubtful: tuple[tuple[Place, RuleRef], ...] = ()
    resolved: tuple[str, ...] = ()
    beyond: PredictedOutcome = PredictedOutcome.UNKNOWN
    leaves: tuple[Place, str] | None = None
    arrives: Place | None = None
    unrecorded: tuple[Place, ...] = ()
    unruled: tuple[Place, ...] = ()
    decided: tuple[WalkStep, ...] = ()

    @property
    def assumed(self) -> tuple[str, ...]:
        """What the walk takes for granted, one sentence each."""
        return tuple(
            f"not all firewall rules inside {each.container or each.host} were recorded: there are taken to be no others"
            for each in self.unrecorded
        ) + tuple(
            f"the routing rules of {each.container or each.host} were not recorded: there are taken to be none but the usual ones"
            for each in self.unruled
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortened:
    """A rule that changed a packet's TTL (hop limit): where it stands, at which hook, and the argv that takes it away."""

    place: Place
    rule: RuleRef
    hook: Hook
    undo: Argv


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """The local socket that a rule hands a packet to.

    Attributes:
        socket: which. to: where the rule says that it is.
        src, dst: the packet's ends then: the connection's own, for the rule.
        rule: which rule. undo: the argv that deletes it.
    """

    socket: Socket
    to: Endpoint
    src: Endpoint
    dst: Endpoint
    rule: RuleRef
    undo: Argv = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Flying:
    """A packet on its way, as one namespace sees it.

    Attributes:
        src, sport, dst, dport: None where not known yet (a source port that is chosen later).
        proto: ``tcp``, ``udp`` or ``icmp``.
        ttl: hops left, None not known. shortened: the rule that changed that last.
        direction: request or reply. leg: 2 for docker-proxy's inner connection.
        mark: the packet's mark in this namespace (``meta mark``, ``-m mark``, ``ip rule fwmark``); 0 is none, None is not known.
        connection: as this namespace's conntrack has it; None before conntrack looked, and where it does not know it.
        untracked: conntrack is told to leave it alone (NOTRACK). zone: the conntrack zone that a rule puts it in.
        templated: what is told conntrack of it stands in a template, until that looks.
        rerouted: as it was when what OUTPUT changed of it had it looked up again, last. tos: of the IP header. mss: that a SYN offers, None not known. mac: the sender's on the link that it came by, None not known.
        payload: the least and the most bytes that it carries behind the UDP or ICMP header, None not known.
        later: of TCP, the request's one that follows the handshake's first two: the acknowledgment that completes it.
        device: the interface that the socket which sends it is bound to (SO_BINDTODEVICE), ``""`` for none.
        icmp: its type and code where it is no echo. asked: what a message of ARP or neighbour discovery asks, or answers. arp: of ARP, what else it says.
        bridge: the bridge ports by which it is switched, (in, out), while bridge netfilter looks at it.
        unsure: the rules of this namespace that may or may not have changed what of it is not known, each with what decides.
        handed: the local socket that a rule hands it to, whomever it is sent to (TPROXY).
    """

    src: str | None
    sport: int | None
    dst: str
    dport: int | None
    proto: str
    ttl: int | None = 64
    shortened: Shortened | None = None
    direction: Direction = Direction.REQUEST
    leg: int = 1
    mark: int | None = 0
    connection: Connection | None = None
    untracked: bool = False
    zone: int = 0
    templated: bool = False
    rerouted: Flying | None = None
    tos: int | None = 0
    mss: int | None = None
    mac: str | None = None
    payload: tuple[int, int] | None = None
    later: bool = False
    device: str = ""
    bridge: tuple[str | None, str | None] | None = None
    unsure: tuple[Unsure, ...] = field(default=(), compare=False)
    handed: Handed | None = None
    icmp: tuple[int, int] | None = None
    asked: Asked | None = None
    arp: ArpMessage | None = None

    @property
    def endpoints(self) -> tuple[str | None, int | None, str, int | None]:
        """(src, sport, dst, dport)."""
        return self.src, self.sport, self.dst, self.dport

    def back(self) -> Flying:
        """The answer to it: an echo is as long as what it answers, and has its type of service (icmp_reply, icmpv6_echo_reply)."""
        return replace(
            self, src=self.dst, sport=self.dport, dst=self.src or "", dport=self.sport,
            direction=Direction.REPLY, ttl=64, shortened=None, mark=0, connection=None, untracked=False, zone=0, templated=False,
            rerouted=None, tos=self.tos if self.proto == "icmp" else 0, mss=None, mac=None, bridge=None, unsure=(), handed=None, payload=self.payload if self.proto == "icmp" else None,
        )  # fmt: skip


class UnknownHere(Exception):
    """The state does not tell what happens next; the text says why. ``rules``: whether it meets these, where that is the question."""

    def __init__(self, why: str, rules: Iterable[RuleRef] = (), place: Place | None = None) -> None:
        super().__init__(why)
        self.doubtful = tuple((place, each) for each in rules) if place is not None else ()

    def because(self, packet: Flying) -> Self:
        """The same, with the rules that may have changed what it depends on."""
        connection = packet.connection
        unsure = (*packet.unsure, *(connection.unsure if connection is not None and connection.mark is None else ()))
        said = str(self)
        named = [f"{rule} ({rule.text}) may have changed it: {why}" for rule, why in dict.fromkeys(unsure)]
        more = [each for each in named if each.partition(" (")[0] not in said]
        if more:
            self.args = ("; ".join((said, *more[:_MOST_NAMED])),)
        return self


class Stopped(Exception):
    """The packet gets no further. ``step``: the routing decision, where one within a hook refuses it. ``steps``: what else is to be said of where it stops."""

    def __init__(self, obstacle: Obstacle, step: WalkStep | None = None, steps: tuple[WalkStep, ...] = ()) -> None:
        super().__init__(obstacle.label)
        self.obstacle, self.step, self.steps = obstacle, step, steps
