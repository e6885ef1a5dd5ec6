"""Rules that keep conntrack from an answer (NOTRACK, ``CT --notrack``, nftables' ``notrack``): no translation of its request is undone then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.proof.counters import counters_in
from netprobe.causes.proof.obstacle import frames_at, met, predicted
from netprobe.causes.remedies.permit import permit
from netprobe.causes.remedies.steps import IN_FIREWALL, inside
from netprobe.evidence.model import Place
from netprobe.forward.model import Barrier, PredictedOutcome
from netprobe.model.hop import Direction
from netprobe.model.remedy import Remedy, advise
from netprobe.model.report import Finding, Where
from netprobe.model.rule import Hook
from netprobe.state.iptables import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.model.rule import RuleRef
    from netprobe.state.model import Host
    from netprobe.state.nft import NftRule

_LEFT_AS_IT_IS = (Barrier.OTHER_SOURCE, Barrier.NOT_ASKED)


def untracking(case: Case) -> tuple[Place, RuleRef] | None:
    """The rule without which the answer would be translated back and arrive, by the walk that ends for want of that; None where none is it."""
    told = predicted(case, *_LEFT_AS_IT_IS)
    if told is None or told.outcome is not PredictedOutcome.REPLY_LOST:
        return None
    for host in case.world.before.values():
        for rule in _rules(host):
            without = case.without(Place(host=host.name), rule)
            if without is not None and without.outcome is PredictedOutcome.WORKS:
                return Place(host=host.name), rule
    return None


def _rules(host: Host) -> Iterator[RuleRef]:
    for ruleset in (host.ruleset, host.legacy, host.ruleset6, host.legacy6):
        for each in ruleset.rules() if ruleset is not None else ():
            if untracks(host, each):
                yield each.ref
    for rule in host.nft.rules() if host.nft is not None else ():
        if untracks(host, rule):
            yield rule.ref


def untracks(host: Host, rule: Rule | NftRule) -> bool:  # noqa: ARG001 - the form of all
    """Whether a rule keeps conntrack from packets."""
    if isinstance(rule, Rule):
        return rule.target == "NOTRACK" or (rule.target == "CT" and "--notrack" in rule.text.split())
    return any("notrack" in each for each in rule.expressions)


def untracked(case: Case, code: str) -> Finding | None:
    """That such a rule is it: the walk and the packets agree that the answer came, untranslated."""
    obstacle, found = met(case, *_LEFT_AS_IT_IS), untracking(case)
    before, after = (case.before(found[0].host), case.after(found[0].host)) if found is not None else (None, None)
    if obstacle is None or found is None or before is None or after is None:
        return None
    place, rule = found
    count = next((each[1:] for each in counters_in(before, after, place) if each[0] == rule), None)
    counted = f", counter {count[0]} → {count[1]}" if count else ""
    return Finding(
        code=code,
        summary=f"{rule} of {place.host} keeps conntrack from the answer, so that its translation is not undone: {obstacle.text}",
        where=Where(host=place.host, component=rule.component, rule=rule.shown),
        evidence=(
            f"{rule}: {rule.shown}{counted}",
            f"the answer, last seen at {case.last_seen}: {frames_at(case, case.last_seen, Direction.REPLY)}",
            "as if that rule were not there, the answer would come back by the hosts' state",
        ),
        remedies=_past(case, place, rule),
    )


def _past(case: Case, place: Place, rule: RuleRef) -> tuple[Remedy, ...]:
    """What the one server answers is tracked; the rest stays as it is."""
    narrow = advise(place.host, f"for good: narrow that rule where it is written: {rule.shown}")
    accept = permit(case, place, rule, hook=Hook.PREROUTING, reply=True)
    if not accept or rule.chain not in {"PREROUTING", "prerouting"}:
        return (narrow,)
    said = f"this has conntrack see what that server sends; {IN_FIREWALL}"
    return (Remedy(host=place.host, commands=(inside(case, place, accept),), advice=said), narrow)
