"""The rule that stopped a packet, with its proof: its counter (:mod:`.drops`), or the walk through the hosts' state (:mod:`.obstacle`).

The walk names rules that do not count (nftables' need not), and rules at the source, before any point. A rule that does count
must have counted as often as the packet was seen.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from netprobe.causes.base import NETFILTER_DROP, Cause
from netprobe.causes.proof.drops import the_drop
from netprobe.causes.proof.obstacle import frames_at, met, predicted
from netprobe.causes.remedies import without_rule
from netprobe.evidence.model import Place
from netprobe.forward.model import Barrier
from netprobe.model.report import Confidence, Direction, Finding, Where
from netprobe.model.rule import Hook
from netprobe.paths.observe import Symptom
from netprobe.state.engine import role_of
from netprobe.state.engine.base import ChainRole
from netprobe.state.iptables import hits
from netprobe.state.nft import nft_hits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Argv, Remedy
    from netprobe.model.rule import RuleRef
    from netprobe.state.iptables import Ruleset
    from netprobe.state.model import Host

STOPPED = frozenset({Symptom.SILENCE, Symptom.UNREACHABLE, Symptom.REFUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A rule or policy, and that it stopped the packet.

    Attributes:
        place: whose it is.
        rule: which; undo: the argv that takes it away.
        hook: where it stands; None where that is not known.
        counter: ``filter/INPUT #1 counter 0 → 3``, ``""`` for one that does not count.
        walked: the walk through the hosts' state ends there too.
        confidence: certain where the walk surely ends there.
    """

    place: Place | None
    host: str
    rule: RuleRef
    undo: Argv
    hook: Hook | None
    counter: str
    walked: bool
    confidence: Confidence

    @property
    def does(self) -> str:
        """``drops`` or ``rejects``."""
        return "rejects" if self.rule.rejects else "drops"


def blocked(case: Case) -> Blocked | None:
    """Return what stopped the request (or its answer); None when that is not proved."""
    obstacle = met(case, Barrier.RULE)
    if obstacle is not None:
        return _walked(case, obstacle)
    drop = the_drop(case)
    if drop is None:
        return None
    return Blocked(
        place=None,
        host=drop.host,
        rule=drop.rule,
        undo=drop.undo,
        hook=drop.hook or (Hook.INGRESS if drop.rule.family == "netdev" else None),
        counter=drop.counter,
        walked=False,
        confidence=drop.confidence,
    )


def _walked(case: Case, obstacle: Obstacle) -> Blocked | None:
    before, after = case.before(obstacle.place.host), case.after(obstacle.place.host)
    if before is None or after is None or obstacle.rule is None:
        return None
    sent = case.sent if obstacle.direction is Direction.REQUEST else 1
    counts = _countable(before, obstacle)
    counted = next((each for each in _counted(before, after, obstacle.place) if each[0] == obstacle.rule), None)
    if counts and (counted is None or counted[2] - counted[1] < max(sent, 1)):
        return None
    return Blocked(
        place=obstacle.place,
        host=obstacle.place.host,
        rule=obstacle.rule,
        undo=obstacle.undo,
        hook=_hook(obstacle),
        counter=f"{counted[0]} counter {counted[1]} → {counted[2]}" if counted else "",
        walked=True,
        confidence=Confidence.CERTAIN,
    )


def _hook(obstacle: Obstacle) -> Hook | None:
    """An engine's own places within FORWARD are told by the chain that they stand in."""
    role = role_of(obstacle.rule.chain) if obstacle.rule else None
    if role is ChainRole.ISOLATION:
        return Hook.ISOLATION
    return Hook.USER if role is ChainRole.USER else obstacle.hook


def _rulesets(host: Host, place: Place) -> tuple[Ruleset | None, ...]:
    if place.container is not None:
        return (host.namespace(place.container).ruleset,)
    return (host.ruleset, host.legacy, host.ruleset6)


def _countable(host: Host, obstacle: Obstacle) -> bool:
    """Whether it surely counts: an iptables rule does, an nftables rule with a counter; a policy only once it was set with ``-P``."""
    for ruleset in _rulesets(host, obstacle.place):
        for rule in ruleset.rules() if ruleset else ():
            if rule.ref == obstacle.rule:
                return rule.packets is not None
    for nft in host.nft.rules() if host.nft else ():
        if nft.ref == obstacle.rule:
            return nft.packets is not None
    return False


def _counted(before: Host, after: Host, place: Place) -> Iterator[tuple[RuleRef, int, int]]:
    """Rule, count before and count after of everything that counted."""
    for one, other in zip(_rulesets(before, place), _rulesets(after, place), strict=True):
        for hit in hits(one, other):
            yield hit.ref, hit.before, hit.after
    if place.container is None:
        for each in nft_hits(before.nft, after.nft):
            yield each.rule.ref, each.before, each.after


class Filtered(Cause):
    """What these causes share: one rule stopped it, and that it stands where it stands is the defect."""

    symptoms = STOPPED
    drop_reasons = NETFILTER_DROP
    hooks: ClassVar[frozenset[Hook]] = frozenset()

    def find(self, case: Case) -> Finding | None:
        """Fires when a rule at one of its hooks stopped the packet, and the rest fits."""
        rule = blocked(case)
        if rule is None or (self.hooks and rule.hook not in self.hooks) or not self.fits(case, rule):
            return None
        return Finding(
            code=self.code,
            summary=self.summary(case, rule),
            where=Where(host=rule.host, component=rule.rule.component, rule=without_counter(rule.rule)),
            evidence=tuple(filter(None, (_last_seen(case), _counter(rule), *self.more(case, rule)))),
            remedies=self.remedies(case, rule),
            confidence=rule.confidence,
        )

    def possible(self, case: Case) -> bool:
        """Not when the walk through the hosts' state is known to its end and meets no such rule."""
        told = case.prediction
        if told is None or told.unknown:
            return True
        stopped = predicted(case, Barrier.RULE)
        return stopped is not None and (not self.hooks or stopped.obstacles[0].hook in self.hooks)

    @abstractmethod
    def fits(self, case: Case, rule: Blocked) -> bool:
        """Whether this rule is this defect."""

    @abstractmethod
    def summary(self, case: Case, rule: Blocked) -> str:
        """One sentence."""

    def more(self, case: Case, rule: Blocked) -> tuple[str, ...]:  # noqa: ARG002
        """What else shows it."""
        return ()

    def remedies(self, case: Case, rule: Blocked) -> tuple[Remedy, ...]:
        """The steps that cure it."""
        return (past(case, rule),)


def past(case: Case, rule: Blocked) -> Remedy:
    """What lets the packet past a rule or policy."""
    place = rule.place or Place(host=rule.host)
    return without_rule(case, place, rule.rule, rule.undo, hook=rule.hook, reply=case.reply_lost)


def _last_seen(case: Case) -> str:
    """``last seen at server2/docker0: frames 10, 12``; what the prober was told, where nothing was sent."""
    if case.last_seen is None:
        result = case.probe.result if case.probe else None
        return f"nothing was sent; the prober was told: {result.detail or result.outcome.value}" if result else ""
    missing = f", never at {case.first_missing}" if case.first_missing else ""
    return f"last seen at {case.last_seen}{missing}: {frames_at(case, case.last_seen)}"


def _counter(rule: Blocked) -> str:
    return rule.counter or f"{rule.rule} does not count; the walk through {rule.host}'s rules ends there"


def without_counter(rule: RuleRef) -> str:
    """An nftables rule's text without its counter."""
    words, out = rule.text.split(), []
    while words:
        word = words.pop(0)
        if word == "counter" and words[:1] == ["packets"]:
            del words[:4]
        else:
            out.append(word)
    return " ".join(out)
