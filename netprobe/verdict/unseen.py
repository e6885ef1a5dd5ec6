"""What no packet shows: a rule behind the last interface where a packet is seen, which keeps it from whom it is for though all looks well.

The source's own rules come behind the interface where an answer is seen, the target's behind the one where the request is; those of a host that
answers, before any. And what completes a TCP handshake may be dropped by a rule that lets its first packet pass: client and packets look connected, and
nobody has accepted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.causes.proof.counters import countable, counters_in
from netprobe.decode.table import Flag
from netprobe.evidence.model import Outcome
from netprobe.forward.model import Barrier, PredictedOutcome
from netprobe.model.hop import Direction
from netprobe.model.rule import Hook, Program
from netprobe.paths.story import Symptom
from netprobe.state.counted import Counters
from netprobe.state.lookup import canonical
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import Evidence, Place
    from netprobe.forward.model import Prediction
    from netprobe.journeys.model import Journey
    from netprobe.model.rule import RuleRef
    from netprobe.paths.story import Intent, Observation
    from netprobe.state.model import World

_UNHEARD = frozenset({Symptom.OK, Symptom.DELIVERED})
_ACCEPTED = frozenset({Symptom.OK, Symptom.NO_RESPONSE, Symptom.NO_HANDSHAKE, Symptom.CLOSED})
_CONNECTED = frozenset({Outcome.CONNECTED})
_WORDLESS = frozenset({Barrier.NOBODY_LISTENS, Barrier.REVERSE_PATH, Barrier.FORWARDING_OFF})  # behind the interface
_INWARD = frozenset({Hook.INGRESS, Hook.PREROUTING, Hook.INPUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """One run: the evidence, its packets, its hosts' state before and after, and whom the request is for."""

    evidence: Evidence
    table: PacketTable
    world: World
    intent: Intent


def unseen(run: Whole, told: Prediction | None, story: Observation, journey: Journey | None) -> Observation:
    """The packets' story with what the hosts' state and counters say of it, where no packet could show that.

    Args:
        run: which.
        told: what should happen by the state before it; None where that could not be asked.
        story: as the packets have it.
        journey: the connection, None for none.
    """
    if told is None or run.evidence.probe is None:
        return story
    if story.symptom in _UNHEARD and _unheard(run.evidence, run.world, told, story, run.intent):
        return replace(story, symptom=Symptom.SILENCE)
    accepted = story.symptom in _ACCEPTED or _is_connected(run.evidence, story, journey)
    if accepted and journey is not None and _unfinished(run, told, journey):
        return replace(story, symptom=Symptom.UNFINISHED)
    return story


def _unheard(evidence: Evidence, world: World, told: Prediction, story: Observation, intent: Intent) -> bool:
    """Whether a rule keeps a datagram from the target, or its answer from the prober; or nobody takes it there, and no error told so.

    A rule that counts must have counted; one of the host that answers must count.
    """
    probe = evidence.probe
    if probe is None or probe.result.outcome is not Outcome.TIMEOUT:
        return False
    if not told.obstacles:
        return story.symptom is Symptom.DELIVERED and any(_dropped(world, *each) for each in told.doubtful)
    first = told.obstacles[0]
    there = intent.target is None or first.place == canonical(world.before, intent.target)
    if first.barrier is Barrier.NO_ROUTE and first.direction is Direction.REPLY and there:
        return story.symptom is Symptom.DELIVERED  # sendmsg(2) fails: nothing of the answer is ever on a wire
    if first.later or (first.rule is None and first.barrier not in _WORDLESS):
        return False
    if first.direction is Direction.REQUEST:
        stopped = first.hook in _INWARD and not Counters(world).still(first.place, first.rule) if first.rule else True
        return story.symptom is Symptom.DELIVERED and there and stopped
    if story.symptom is Symptom.DELIVERED and first.rule is not None:
        return first.hook is Hook.OUTPUT and Counters(world).rose(first.place, first.rule)
    return first.hook in _INWARD and first.place == canonical(world.before, probe.source_at)


def _dropped(world: World, place: Place, rule: RuleRef) -> bool:
    """Whether a rule that may meet the datagram drops, and counted meanwhile."""
    return rule.verdict.lower() in {"drop", "reject"} and Counters(world).rose(place, rule)


def _counted(world: World, place: Place, rule: RuleRef) -> bool:
    """Whether a rule counted meanwhile, as far as it counts: one of iptables' policies that drops was set, and does."""
    before, after = world.before.get(place.host), world.after.get(place.host)
    if before is None or after is None:
        return False
    counts = countable(before, place, rule) or (rule.policy and rule.program is not Program.NFT)
    return not counts or any(each == rule for each, _, _ in counters_in(before, after, place))


def _is_connected(evidence: Evidence, story: Observation, journey: Journey | None) -> bool:
    """Whether the prober was told so, whose own acknowledgment no point saw: a rule of its own namespace comes before all of them."""
    probe = evidence.probe
    told = probe is not None and probe.result.outcome in _CONNECTED and story.symptom is Symptom.SILENCE
    return told and journey is not None and any(len(each.reverse) for each in journey.outer.flows)


def _unfinished(run: Whole, told: Prediction, journey: Journey) -> bool:
    """Whether a rule stops what completes the handshake, and no packet speaks against that.

    The rule must have counted if it counts; nothing that follows the SYN was seen behind it, and the server sent no byte and no end of its own.
    """
    if told.outcome is PredictedOutcome.UNKNOWN and _is_lost(run, journey):
        return True
    if not told.obstacles:
        return _perhaps_unfinished(run, told, journey)
    first = told.obstacles[0]
    if not first.later or first.rule is None or not _counted(run.world, first.place, first.rule):
        return False
    flows = (*journey.outer.flows, *journey.inner.flows)
    table = run.table
    behind = (each for each in flows if run.evidence.points[each.point].name not in first.passed)
    came = any(
        not int(table.tcp_flags[row]) & (Flag.SYN | Flag.RST) for each in behind for row in each.forward.tolist()
    )
    return not came and not _spoke(run, journey)


def _is_lost(run: Whole, journey: Journey) -> bool:
    """Whether the packets show it themselves: the acknowledgment left, and never came to the target's own interface, which lost nothing."""
    table, target, points = run.table, run.intent.target, run.evidence.points
    flows = journey.outer.flows

    def came(point: int) -> bool:
        rows = (row for each in flows if each.point == point for row in each.forward.tolist())
        return any(not int(table.tcp_flags[row]) & (Flag.SYN | Flag.RST) for row in rows)

    inside = [each.point for each in flows if target is not None and points[each.point].place == target]
    whole = bool(inside) and not any(came(each) or points[each].dropped for each in inside)
    return whole and any(came(each.point) for each in flows) and not _spoke(run, journey)


def _perhaps_unfinished(run: Whole, told: Prediction, journey: Journey) -> bool:
    """Whether a rule that drops and may meet it counted meanwhile, and nothing shows that the target has the connection."""
    table, target = run.table, run.intent.target
    dropped = [place for place, rule in told.doubtful if _dropped(run.world, place, rule)]
    inside = {
        number for number, point in enumerate(run.evidence.points) if target is not None and point.place == target
    }
    there = (row for each in journey.inner.flows if each.point in inside for row in each.forward.tolist())
    came = any(not int(table.tcp_flags[row]) & (Flag.SYN | Flag.RST) for row in there)
    return any(place == target or not came for place in dropped) and not _spoke(run, journey)


def _spoke(run: Whole, journey: Journey) -> bool:
    """Whether the server sent a byte, or an end of its own."""
    table = run.table
    back = [row for each in (*journey.outer.flows, *journey.inner.flows) for row in each.reverse.tolist()]
    return any(table.payload_len[row] > 0 or int(table.tcp_flags[row]) & Flag.FIN for row in back)
