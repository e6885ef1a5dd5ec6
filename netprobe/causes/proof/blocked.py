"""The rule that stopped a packet, with its proof: its counter (:mod:`.drops`), or the walk through the hosts' state (:mod:`.obstacle`).

The walk names rules that do not count (nftables' need not), and rules at the source, before any point. A rule that does count
must have counted as often as the packet was seen.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from netprobe.causes.base import NETFILTER_DROP, TRACE, Cause
from netprobe.causes.proof.counters import countable, counters_in
from netprobe.causes.proof.drops import stopping_meanwhile, the_drop
from netprobe.causes.proof.hooks import hook_at, on_host
from netprobe.causes.proof.kill_switch import tunnel_alone
from netprobe.causes.proof.lookups import count, failed, questions, source_host, stopped
from netprobe.causes.proof.obstacle import frames_at, met, predicted
from netprobe.causes.proof.routed import led_elsewhere
from netprobe.causes.proof.stopped_by import StoppedBy
from netprobe.causes.proof.translations import Translated, translations, untouched
from netprobe.causes.remedies.past_rule import ways_past_rule, without_rule
from netprobe.forward.model import Barrier
from netprobe.model.hop import Direction
from netprobe.model.report import Confidence, Finding, Where
from netprobe.model.rule import Hook
from netprobe.paths.story import Symptom
from netprobe.state.lookup import has_address

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Remedy
    from netprobe.model.rule import RuleRef

UNFINISHED = "the SYN was answered, and the ACK that completes the handshake does not arrive, so that nobody accepts the connection"
_LEAVING = frozenset({Hook.OUTPUT, Hook.POSTROUTING, Hook.EGRESS})
STOPPED = frozenset({Symptom.SILENCE, Symptom.UNREACHABLE, Symptom.REFUSED, Symptom.UNFINISHED})


def blocked(case: Case) -> StoppedBy | None:
    """Return what stopped the request (or its answer); None when that is not proved."""
    obstacle = met(case, Barrier.RULE)
    if obstacle is not None:
        sent = case.sent if obstacle.direction is Direction.REQUEST else 1
        return walked_into(case, obstacle, sent)
    return the_drop(case) or _blocked_query(case)


def _blocked_query(case: Case) -> StoppedBy | None:
    """What stopped every question of a failed lookup, by the walk; a server that is closed to them is one that does not answer."""
    asked = questions(case) if failed(case) else ()
    found = [stopped(case, each) for each in asked]
    rules = {each.obstacle.rule if each is not None else None for each in found}
    if len(rules) != 1 or found[0] is None or found[0].obstacle.barrier is not Barrier.RULE:
        return None
    there = case.before(found[0].obstacle.place.host)
    if there is None or (there is not source_host(case) and any(has_address(there.own, each.server) for each in asked)):
        return None
    sent = sum(count(case, each, found[0].point) for each in asked)
    return walked_into(case, found[0].obstacle, sent)


def walked_into(case: Case, obstacle: Obstacle, sent: int = 1) -> StoppedBy | None:
    """The rule at which the walk ends; None where it counts, and did not count as many packets as were ``sent``."""
    before, after = case.before(obstacle.place.host), case.after(obstacle.place.host)
    if before is None or after is None or obstacle.rule is None:
        return None
    counts = countable(before, obstacle.place, obstacle.rule)
    counted = next((each for each in counters_in(before, after, obstacle.place) if each[0] == obstacle.rule), None)
    if counts and (counted is None or counted[2] - counted[1] < max(sent, 1)):
        return None
    if any(untouched(case, each) for each in _translated_before(case, obstacle)):
        return None  # by its own counter the packet never met a rule that the walk has it pass
    return StoppedBy(
        rule=obstacle.rule,
        place=obstacle.place,
        undo=obstacle.undo,
        hook=_hook(case, obstacle),
        before=counted[1] if counted else 0,
        after=counted[2] if counted else 0,
        walked=True,
        back=obstacle.direction is Direction.REPLY,
        confidence=Confidence.CERTAIN,
    )


def _ahead(case: Case, obstacle: Obstacle) -> StoppedBy | None:
    """A rule on the predicted way, as what would stop the packet: nothing was sent, or not so far."""
    if obstacle.barrier is not Barrier.RULE or obstacle.rule is None:
        return None
    return StoppedBy(
        rule=obstacle.rule,
        place=obstacle.place,
        undo=obstacle.undo,
        hook=_hook(case, obstacle),
        walked=True,
        back=obstacle.direction is Direction.REPLY,
        confidence=Confidence.LIKELY,
    )


def _translated_before(case: Case, obstacle: Obstacle) -> tuple[Translated, ...]:
    """The translations of the request on that host, up to the obstacle."""
    request = obstacle.direction is Direction.REQUEST
    found = translations(case.prediction) if request and case.prediction is not None else ()
    return tuple(each for each in found if each.place.host == obstacle.place.host)


def _hook(case: Case, obstacle: Obstacle) -> Hook | None:
    """An engine's own places within FORWARD are told by the chain that the rule stands in, or by the one that jumps there."""
    return (hook_at(case, obstacle) if obstacle.rule is not None else None) or obstacle.hook


class Filtered(Cause):
    """What the firewall causes share: one rule stopped it, and that it stands where it stands is the defect.

    ``by_state``: the rule and the hosts' state alone tell that it is this one, so that a predicted obstacle may be it as well.
    """

    symptoms = STOPPED
    drop_reasons = NETFILTER_DROP
    tells = TRACE
    hooks: ClassVar[frozenset[Hook]] = frozenset()
    by_state: ClassVar[bool] = False

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """One of its rules on the request's way, where no packet is needed to tell it from others."""
        if not self.by_state:
            return super().explains_obstacle(case, obstacle)
        ahead = _ahead(case, obstacle) if on_host(obstacle) else None
        return ahead is not None and not (self.hooks and ahead.hook not in self.hooks) and self.fits(case, ahead)

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """The steps that cure it."""
        ahead = _ahead(case, obstacle)
        return self.remedies(case, ahead) if ahead is not None else super().undo(case, obstacle)

    def find(self, case: Case) -> Finding | None:
        """Fires when a rule at one of its hooks stopped the packet, and the rest fits."""
        found = self.stopped(case)
        if found is None or (self.hooks and found.hook not in self.hooks) or not self.fits(case, found):
            return None
        direction = Direction.REPLY if case.reply_lost else Direction.REQUEST
        if found.hook is Hook.FORWARD and led_elsewhere(case, found.place, direction):
            return None
        return Finding(
            code=self.code,
            summary=self.summary(case, found),
            where=Where(host=found.host, component=found.rule.component, rule=found.text),
            evidence=tuple(
                filter(
                    None,
                    (
                        self.seen(case),
                        found.evidence,
                        *met_by(found.rule),
                        _switch(case, found),
                        *_overruled(case, found),
                        *_unheard(case, found),
                        *self.more(case, found),
                    ),
                )
            ),
            remedies=self.remedies(case, found),
            confidence=found.confidence,
        )

    def possible(self, case: Case) -> bool:
        """Not when the walk through the hosts' state is known to its end and meets no such rule."""
        told = case.prediction
        if told is None or told.unknown:
            return True
        stopped = predicted(case, Barrier.RULE)
        return stopped is not None and (not self.hooks or stopped.obstacles[0].hook in self.hooks)

    def stopped(self, case: Case) -> StoppedBy | None:
        """What stopped it, by the proof that this cause asks for."""
        return blocked(case)

    def fits(self, case: Case, found: StoppedBy) -> bool:  # noqa: ARG002 - the more specific ones look closer
        """Whether this rule is this defect."""
        return True

    @abstractmethod
    def summary(self, case: Case, found: StoppedBy) -> str:
        """One sentence."""

    def seen(self, case: Case) -> str:
        """How far the packet came: ``last seen at server2/docker0: frames 10, 12``; what the prober was told, where nothing was sent."""
        return _last_seen(case)

    def more(self, case: Case, found: StoppedBy) -> tuple[str, ...]:  # noqa: ARG002
        """What else shows it."""
        return ()

    def remedies(self, case: Case, found: StoppedBy) -> tuple[Remedy, ...]:
        """The steps that cure it."""
        return ways_past(case, found)


def met_by(rule: RuleRef) -> tuple[str, ...]:
    """By which elements of sets the packet meets it: ``it meets 192.0.2.7 in set banned (ip crowdsec)``."""
    return tuple(f"the packet meets {each}" for each in rule.elements)


def _switch(case: Case, found: StoppedBy) -> str:
    """What a rule is that lets out by a tunnel alone."""
    tunnel = tunnel_alone(case, found.place, found.rule)
    return f"{found.rule} lets out by {tunnel} alone: a kill switch" if tunnel else ""


def _overruled(case: Case, found: StoppedBy) -> tuple[str, ...]:
    """Which rule of another base chain accepts the packet in vain."""
    obstacle = case.prediction.obstacles[0] if case.prediction is not None and case.prediction.obstacles else None
    if obstacle is None or obstacle.rule != found.rule:
        return ()
    return tuple(
        f"{each} accepts it ({each.shown}), which does not overrule {found.rule}: an accept ends its own base chain alone"
        for each in obstacle.accepted[:1]
    )


def _unheard(case: Case, found: StoppedBy) -> tuple[str, ...]:
    """What keeps the rejection itself from the source: a rule where the host's own packets leave, which counted meanwhile."""
    if not found.rule.rejects or found.back or case.story.symptom is not Symptom.SILENCE:
        return ()
    stops = [each for each in stopping_meanwhile(case, found.host) if each.hook in _LEAVING and each.rule != found.rule]
    return tuple(
        f"the rejection itself did not come: {each.rule} of {each.host} stops what is sent there ({each.text}; {each.proof})"
        for each in stops[:1]
    )


def ways_past(case: Case, found: StoppedBy) -> tuple[Remedy, ...]:
    """What lets the packet past a rule or policy; of another program's its own command, and what does the same by hand."""
    return ways_past_rule(
        case, found.place, found.rule, found.undo, hook=found.hook, reply=found.back or case.reply_lost
    )


def past(case: Case, found: StoppedBy) -> Remedy:
    """What lets the packet past a rule or policy."""
    return without_rule(case, found.place, found.rule, found.undo, hook=found.hook, reply=found.back or case.reply_lost)


def _last_seen(case: Case) -> str:
    """``last seen at server2/docker0: frames 10, 12``; what the prober was told, where nothing was sent."""
    if case.story.symptom is Symptom.UNFINISHED:
        return f"{UNFINISHED}: {case.frames}"
    if case.last_seen is None:
        result = case.probe.result if case.probe else None
        return f"nothing was sent; the prober was told: {result.detail or result.outcome.value}" if result else ""
    missing = f", never at {case.first_missing}" if case.first_missing else ""
    return f"last seen at {case.last_seen}{missing}: {frames_at(case, case.last_seen)}"
