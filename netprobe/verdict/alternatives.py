"""What may still be the cause where none was proved: the likeliest first, each with its reason and with what would tell.

What the packets or the known state refute is not among them (:func:`~netprobe.causes.catalogue.still_possible`). Of the rest, in this order:
what the walk through the hosts' state ends at though the packets do not prove it, what the kernel gave as its reason for a drop, a rule that
the walk cannot decide, a network between two hosts where the packets end there, a neighbour that nobody answered for, what would show in an output that could not be read, what no
host's state can show, and whatever is left. The catalogue's order breaks ties.
"""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum
from typing import TYPE_CHECKING

from netprobe.causes.base import NEIGH_FAILED, TRACE
from netprobe.causes.catalogue import cause_of, explaining, still_possible
from netprobe.causes.explanation import explanation_of
from netprobe.causes.macvlan.networks import next_hop
from netprobe.causes.proof.blocked import Filtered
from netprobe.causes.proof.drops import stopping_meanwhile
from netprobe.causes.proof.hooks import hook_at
from netprobe.causes.proof.kernel_drops import kernel_drops
from netprobe.causes.proof.known import BASIC, in_vain, missing
from netprobe.evidence.model import Outcome, Place
from netprobe.forward import supposed as supposed_obstacle
from netprobe.forward.compare import described
from netprobe.forward.model import Barrier, Obstacle
from netprobe.forward.question import request_of
from netprobe.model.point import PointName
from netprobe.model.remedy import shell_line
from netprobe.model.report import Alternative
from netprobe.model.rule import Hook
from netprobe.paths.story import Symptom
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.base import Cause
    from netprobe.causes.case import Case
    from netprobe.causes.proof.known import Unread
    from netprobe.model.rule import RuleRef


_LATE = frozenset({Symptom.NO_RESPONSE, Symptom.CLOSED, Symptom.NO_HANDSHAKE})


class _Weight(IntEnum):
    """How much speaks for an alternative, the most first."""

    STATE = 1
    COUNTED = 2
    KERNEL = 3
    SUPPOSED = 4
    DOUBT = 5
    BETWEEN = 6
    UNHEARD = 7
    SILENT_RULE = 8
    DECIDED = 9
    BEYOND = 10
    OPEN = 11
    LEFT = 12
    BLIND = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weighed:
    """An alternative, and how much speaks for it."""

    weight: _Weight
    alternative: Alternative


@dataclass(frozen=True, slots=True, kw_only=True)
class _Supposition:
    """The same run with what could not be read supposed, in which words, and what the cause would be and might be then."""

    words: tuple[str, ...] = ()
    cause: str = ""
    possible: frozenset[str] | None = None
    obstacle: Obstacle | None = None


def alternatives(case: Case, supposed: Case | None = None, words: tuple[str, ...] = ()) -> tuple[Alternative, ...]:
    """Return every cause that is still possible, the likeliest first.

    Args:
        case: the run.
        supposed: the same with what could not be read supposed (:mod:`netprobe.verdict.supposed`), None where there is nothing to suppose.
        words: what is supposed.
    """
    other = _Supposition(obstacle=_known_obstacle(case))
    if supposed is not None:
        cause = cause_of(supposed)
        possible = frozenset(each.code for each in still_possible(supposed))
        other = replace(other, words=words, cause=cause.code if cause else "", possible=possible)
    found = {each.alternative.code: each for each in (_weigh(case, each, other) for each in _possible(case))}
    late = case.story.symptom in _LATE  # what stops such a connection is not ruled out by the walk of its first packet
    for each in _counting(case):
        mine = found.get(each.alternative.code)
        if late if mine is None else each.weight < mine.weight:
            found[each.alternative.code] = each
    return tuple(each.alternative for each in sorted(found.values(), key=lambda each: each.weight))


def _possible(case: Case) -> tuple[Cause, ...]:
    """What is possible still; no rule for IPv4 packets where ARP for the next hop alone was sent, and the prober was told so."""
    told = case.probe is not None and case.probe.result.outcome is Outcome.UNREACHABLE
    waited = told and case.story.symptom is Symptom.NO_PACKETS and bool(_unheard(case, "ARP", at_least=2))
    return tuple(each for each in still_possible(case) if not (waited and _is_of_packets(each)))


def _is_of_packets(cause: Cause) -> bool:
    """Whether it is a rule of iptables' hooks, which no ARP meets."""
    return isinstance(cause, Filtered) and Hook.INGRESS not in cause.hooks


def _counting(case: Case) -> Iterator[_Weighed]:
    """Rules that stop packets and counted meanwhile, on the hosts where the connection's were seen."""
    hosts = dict.fromkeys(PointName.parse(hop.point).host for hop in case.hops if hop.seen)
    for drop in (each for name in hosts for each in stopping_meanwhile(case, name)):
        place = drop.place or Place(host=drop.host)
        met = Obstacle(barrier=Barrier.RULE, place=place, label=str(drop.rule), rule=drop.rule, hook=drop.hook)
        cause = explaining(case, met)
        if cause is not None:
            counted = f"{drop.rule} of {drop.host} counted {drop.after - drop.before} meanwhile: {drop.rule.shown}"
            yield _weighed(_Weight.COUNTED, cause, counted, _would_tell(case, cause))


def _weigh(case: Case, cause: Cause, other: _Supposition) -> _Weighed:
    tells = _would_tell(case, cause)
    unread = missing(case, *cause.reads)
    obstacle = _obstacle_of(case, cause)
    if obstacle is not None:
        why = f"by the hosts' state {described(obstacle)} stops it; the packets alone do not prove that"
        return _weighed(_Weight.STATE, cause, why, tells)
    drop = next((each for each in kernel_drops(case) or () if each.reason in cause.drop_reasons), None)
    if drop is not None:
        return _weighed(_Weight.KERNEL, cause, f"{drop.place}: the kernel's own drop reason is {drop.reason}", tells)
    if other.obstacle is not None and cause.explains_obstacle(case, other.obstacle):
        why = f"{described(other.obstacle)} stops it, if nothing does before that could not be read"
        return _weighed(_Weight.SUPPOSED, cause, why, tells)
    if cause.code == other.cause:
        return _weighed(_Weight.SUPPOSED, cause, f"it would be this one if {' and '.join(other.words[:3])}", tells)
    doubt = _doubt(case, cause)
    if doubt:
        return _weighed(_Weight.DOUBT, cause, doubt, tells)
    likely = cause.possible(case)
    if likely and cause.beyond_state and (between := _between_hosts(case)):
        return _weighed(_Weight.BETWEEN, cause, f"{between}: {_what_it_is(cause)}", tells)
    unheard = _unheard(case) if likely and cause.drop_reasons & NEIGH_FAILED else ""
    if unheard:
        return _weighed(_Weight.UNHEARD, cause, f"{unheard}: {_what_it_is(cause)}", tells)
    if unread and likely:
        dropped = isinstance(cause, Filtered) and case.story.symptom is Symptom.SILENCE
        weight = _Weight.SILENT_RULE if dropped else _Weight.DECIDED
        return _weighed(weight, cause, f"{_named(unread)} could not be read", _command(unread[0]))
    weight = _Weight.BEYOND if cause.beyond_state and not in_vain(case, *BASIC) else _Weight.OPEN
    if other.possible is not None and cause.code not in other.possible:
        weight = _Weight.LEFT
    return _weighed(weight if likely else _Weight.BLIND, cause, _what_it_is(cause), tells)


def _weighed(weight: _Weight, cause: Cause, reason: str, would_tell: str) -> _Weighed:
    return _Weighed(weight=weight, alternative=Alternative(code=cause.code, reason=reason, would_tell=would_tell))


def _obstacle_of(case: Case, cause: Cause) -> Obstacle | None:
    """The obstacle at which the walk ends, before the probe or after it, where it is this defect."""
    for told in (case.prediction, case.prediction_after):
        if told is not None and told.obstacles and cause.explains_obstacle(case, told.obstacles[0]):
            return told.obstacles[0]
    return None


def _known_obstacle(case: Case) -> Obstacle | None:
    """What is known to stop it, if nothing does that is not known."""
    probe = case.probe
    if probe is None or probe.dialled is None or probe.source_at.host not in case.world.before:
        return None
    return supposed_obstacle(request_of(probe, probe.dialled), case.world.before)


def _unheard(case: Case, protocol: str = "", at_least: int = 1) -> str:
    """Who was asked for on a link of the way (by ARP, or by any ``protocol``, so often) and answered by nobody, in words; ``""`` where everybody was answered."""
    wanted = {next_hop(case)} | set(case.prediction.resolved if case.prediction is not None else ()) - {""}
    silent = (each for each in case.neighbours if each.asked in wanted and not each.answers)
    found = next((each for each in silent if len(each.requests) >= at_least and protocol in {"", each.protocol}), None)
    return f"nobody answered {found.protocol} for {found.asked}" if found is not None else ""


def _between_hosts(case: Case) -> str:
    """Where the packets end between two hosts, in words; ``""`` where they do not."""
    where = {point.name: point for point in case.points}
    last, missing = (where.get(name or "") for name in (case.last_seen, case.first_missing))
    if last is None or missing is None or last.host == missing.host or last.container is not None:
        return ""
    return f"it left {last.host} by {last.interface} and did not come to {missing.name}"


def _doubt(case: Case, cause: Cause) -> str:
    """The rule of which the state does not tell whether the packet meets it, where rules there are this defect."""
    told = case.prediction
    if told is None or not told.doubtful or not isinstance(cause, Filtered):
        return ""
    stages = {_hook(case, *each) for each in told.doubtful} - {None}
    return told.unknown if not stages or not cause.hooks or stages & cause.hooks else ""


def _hook(case: Case, place: Place, rule: RuleRef) -> Hook | None:
    """Where a rule stands; None where that cannot be told."""
    named = next((each for each in Hook if each.value == rule.chain), None)
    return named or hook_at(case, Obstacle(barrier=Barrier.RULE, place=place, label=str(rule), rule=rule))


def _named(unread: tuple[Unread, ...]) -> str:
    names = list(dict.fromkeys(f"{each.host}: {each.key}" for each in unread))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _command(unread: Unread) -> str:
    """How to read what is missing, on its host."""
    return f"{shell_line(unread.argv)} on {unread.host}" if unread.argv else f"{unread.key} of {unread.host}"


def _what_it_is(cause: Cause) -> str:
    """The cause in one sentence; nothing that was read or seen rules it out."""
    return explanation_of(cause).summary.rstrip(".") or "nothing rules it out"


def _would_tell(case: Case, cause: Cause) -> str:
    if cause.tells == TRACE and any(host.traced is not None for host in case.world.after.values()):
        return "the kernel's trace above"
    return cause.tells or f"netprobe causes {cause.code} says what shows it"
