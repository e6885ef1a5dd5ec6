"""A packet's walk through one iptables chain, as far as the saved rules tell it (net/ipv4/netfilter/ip_tables.c).

Counters say what dropped a packet; where they cannot (iptables-nft counts for a chain's policy only once that was set
with ``-P``; other traffic counts too), the walk says what would.

Where it is not known whether a rule matches, the walk goes on as if it did not, and the way behind a match is walked beside it: the rule matters only if
that way ends otherwise.
"""

from __future__ import annotations

from dataclasses import field, fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from netprobe.state.iptables import Chain
from netprobe.state.iptables_effects import CHANGING, changed
from netprobe.state.packet import PacketTuple
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.model.rule import RuleRef
    from netprobe.state.iptables import Rule, Ruleset

    Frames: TypeAlias = tuple[tuple[tuple[Rule, ...], int], ...]

_FINAL = frozenset({"ACCEPT", "DROP", "REJECT", "DNAT", "SNAT", "MASQUERADE", "REDIRECT", "NETMAP", "TPROXY"})
_PASSING = frozenset(
    [
        "LOG",
        "NFLOG",
        "ULOG",
        "CONNSECMARK",
        "SECMARK",
        "TRACE",
        "SET",
        "TEE",
        "CHECKSUM",
        "CLASSIFY",
        "AUDIT",
        "RATEEST",
        "IDLETIMER",
        "LED",
        "TCPOPTSTRIP",
        "ECN",
    ]
)
_POLICIES = frozenset({"ACCEPT", "DROP"})
_STEPS = 20_000  # rules looked at, beside four times those of the table: the kernel refuses loops, a file may hold one
_DEPTH = 64
_BRANCHES = 48  # ways behind rules that may match, walked beside the first


@dataclass(frozen=True, slots=True, kw_only=True)
class Traversal:
    """How the walk ended.

    Attributes:
        verdict: ``ACCEPT`` ``DROP`` ``REJECT`` ``DNAT`` …; ``""`` when the chain is not there or has no policy.
        decided_by: the rule, or the chain whose policy it was; None for no verdict.
        packet: as it leaves the chain; what only a rule that may match changes is None.
        taken: the rules that surely matched, in order, the deciding one too.
        doubts: rules before the deciding one that may have matched, and do more than count.
        deciding: those of them behind which it would end otherwise.
        given_up: it went on through more rules than are looked at; how it ends is not known.
    """

    verdict: str = ""
    decided_by: Rule | Chain | None = None
    packet: PacketTuple = field(default_factory=PacketTuple)
    taken: tuple[Rule, ...] = ()
    doubts: tuple[Rule, ...] = ()
    deciding: tuple[Rule, ...] = ()
    given_up: bool = False

    @property
    def certain(self) -> bool:
        """Nothing on the way was unclear."""
        return not self.doubts and not self.given_up and self.unread is None

    @property
    def unread(self) -> Chain | None:
        """The chain whose policy ends it, if what that does is not known (the kernel has ACCEPT and DROP: a file may say anything)."""
        decided = self.decided_by
        return decided if isinstance(decided, Chain) and self.verdict not in _POLICIES else None

    @property
    def stops(self) -> bool:
        """The packet ends here."""
        return self.verdict in {"DROP", "REJECT"}


@lru_cache(
    maxsize=512
)  # the same packet is walked for the prediction, behind each obstacle, and for the capture points
def traverse(
    ruleset: Ruleset, table: str, chain: str, packet: PacketTuple, gone: frozenset[RuleRef] = frozenset()
) -> Traversal:
    """Walk one built-in chain (``traverse(rules, "filter", "FORWARD", packet)``).

    ``gone``: rules and policies that are taken to be deleted, or ACCEPT.
    """
    base = ruleset.chain(table, chain)
    if base is None:
        return Traversal(packet=packet)
    walk = _Walk(ruleset, base, gone)
    main = walk.go(((base.rules, 0),), packet)
    return walk.joined(main)


@dataclass(slots=True)
class _Way:
    """One way through the chain; ``origin``: the rule whose match it begins with, None for the first way."""

    frames: Frames
    packet: PacketTuple
    origin: Rule | None = None
    verdict: str = ""
    decided_by: Rule | Chain | None = None
    taken: list[Rule] = field(default_factory=list)
    doubts: list[Rule] = field(default_factory=list)
    given_up: bool = False

    @property
    def end(self) -> tuple[object, ...]:
        """What makes two ways end alike: an accept is one, whichever rule it was; of all else, which rule it is."""
        accepts = self.verdict in {"", "ACCEPT"}
        return (self.verdict or "ACCEPT", None if accepts else self.decided_by)


class _Walk:
    """The walk through one base chain: its ways so far, and how much is left to look at."""

    def __init__(self, ruleset: Ruleset, base: Chain, gone: frozenset[RuleRef]) -> None:
        self.ruleset, self.base, self.gone = ruleset, base, gone
        self.left = _STEPS + 4 * sum(len(each.rules) for each in ruleset.tables[base.table].values())
        self.open: list[_Way] = []
        self.branches = 0

    def go(self, frames: Frames, packet: PacketTuple, origin: Rule | None = None) -> _Way:
        """Walk to an end; ways behind rules that may match are left open."""
        way = _Way(frames=frames, packet=packet, origin=origin)
        while way.frames and not way.verdict:
            self.left -= 1
            if self.left < 0:
                way.given_up = True
                return way
            *below, (rules, at) = way.frames
            if at >= len(rules):
                way.frames = tuple(below)
                continue
            way.frames = (*below, (rules, at + 1))
            self._meet(way, rules[at])
        if not way.verdict:
            accepts = bool(self.gone) and self.base.ref in self.gone
            way.verdict = "ACCEPT" if accepts else self.base.policy
            way.decided_by = self.base if way.verdict else None
        return way

    def _meet(self, way: _Way, rule: Rule) -> None:
        if not rule.target or rule.target in _PASSING or (self.gone and rule.ref in self.gone):
            return
        answer = rule.matches(way.packet)
        if answer is False:
            return
        known = rule.target in _FINAL or rule.target in CHANGING or rule.target == "RETURN" or self._called(rule)
        if answer is True and known and len(way.frames) <= _DEPTH:
            way.taken.append(rule)
            self._take(way, rule)
            return
        way.doubts.append(rule)
        self._branch(way, rule, known=bool(known))

    def _called(self, rule: Rule) -> Chain | None:
        return self.ruleset.chain(self.base.table, rule.target)

    def _take(self, way: _Way, rule: Rule) -> None:
        """What a rule that matches does."""
        if rule.target in _FINAL:
            way.verdict, way.decided_by = rule.target, rule
        elif rule.target in CHANGING:
            way.packet = changed(rule.target, rule.options, way.packet)
        else:
            called = self._called(rule)
            if rule.target == "RETURN" or rule.goto:
                way.frames = way.frames[:-1]
            if called is not None:
                way.frames = (*way.frames, (called.rules, 0))

    def _branch(self, way: _Way, rule: Rule, *, known: bool) -> None:
        """Leave the way behind a match open, or note where it ends when that is plain."""
        other = _Way(frames=way.frames, packet=way.packet, origin=way.origin or rule)
        self.branches += 1
        if not known or self.branches > _BRANCHES or len(way.frames) > _DEPTH:
            other.verdict, other.decided_by = f"{rule.target}?", rule
        else:
            self._take(other, rule)
        self.open.append(other)

    def joined(self, main: _Way) -> Traversal:
        """The first way, held against the others."""
        others = self._others(main)
        deciding = [each.origin for each in others if each.origin and each.end != main.end]
        packet = main.packet
        for each in others:
            packet = (
                _agreed(packet, each.packet)
                if each.end == main.end and main.verdict not in {"DROP", "REJECT"}
                else packet
            )
        return Traversal(
            verdict=main.verdict,
            decided_by=main.decided_by,
            packet=packet,
            taken=tuple(main.taken),
            doubts=tuple(main.doubts),
            deciding=tuple({each.ref: each for each in deciding}.values()),
            given_up=main.given_up or any(each.given_up for each in others),
        )

    def _others(self, main: _Way) -> list[_Way]:
        """The ways beside the first, each to its end; nothing more once one gave up."""
        ended: list[_Way] = []
        while self.open and not main.given_up:
            way = self.open.pop()
            if not way.verdict:
                way = self.go(way.frames, way.packet, way.origin)
            ended.append(way)
            if way.given_up:
                break
        return ended


def _agreed(one: PacketTuple, other: PacketTuple) -> PacketTuple:
    """What two ways leave alike; None for the rest."""
    if one == other:
        return one
    names = [each.name for each in fields(one) if getattr(one, each.name) != getattr(other, each.name)]
    unknown: dict[str, Any] = dict.fromkeys(names)
    return replace(one, **unknown)
