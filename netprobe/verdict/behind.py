"""Predicted obstacles as findings: what would stop a packet that nobody sent, and what stands behind the first blocker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.firewall.bridge import RawDirectDrop, closes_v4
from netprobe.causes.firewall.direct import V6DirectBlocked, closes_v6, openings
from netprobe.causes.proof.blocked import LEGACY, SIX
from netprobe.causes.proof.hooks import Hook, entries, hook_of
from netprobe.forward.compare import described
from netprobe.forward.model import Barrier, PredictedOutcome
from netprobe.model.remedy import Remedy, run
from netprobe.model.report import Confidence, Direction, Finding, Where

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.forward.model import Obstacle, Prediction

_CODES = {
    Barrier.FORWARDING_OFF: "ip-forward-off",
    Barrier.NO_ROUTE: "no-route",
    Barrier.WRONG_NEIGHBOUR: "stale-arp",
    Barrier.OWN_PARENT: "macvlan-host-isolation",
    Barrier.MODE: "macvlan-mode-isolation",
    Barrier.OTHER_VLAN: "macvlan-vlan-mismatch",
    Barrier.PAUSED: "container-paused",
}
_HOOKS = {
    Hook.USER: "docker-user-drop",
    Hook.ISOLATION: "inter-network",
    Hook.FORWARD: "forward-drop",
    Hook.INPUT: "input-drop",
    Hook.OUTPUT: "output-drop",
}


def behind(case: Case) -> tuple[Finding, ...] | None:
    """Return what stands behind the blocker, in the packet's order, if the state tells; None: it does not tell."""
    told = case.prediction
    if told is None or told.outcome is PredictedOutcome.UNKNOWN or not told.obstacles:
        return None
    if told.beyond is PredictedOutcome.UNKNOWN:
        return None
    if told.beyond is not PredictedOutcome.WORKS and len(told.obstacles) == 1:
        return None  # what lies behind an obstacle that cannot be passed in thought
    return tuple(foretold(case, each) for each in told.obstacles[1:])


def blocker(case: Case, told: Prediction) -> Finding | None:
    """Return the first predicted obstacle as a finding; None when there is none."""
    return foretold(case, told.obstacles[0]) if told.obstacles else None


def foretold(case: Case, obstacle: Obstacle) -> Finding:
    """Return one predicted obstacle as a finding. It is likely at best: no packet showed it."""
    whom = "the answer" if obstacle.direction is Direction.REPLY else "it"
    what = described(obstacle)
    return Finding(
        code=code_of(case, obstacle),
        summary=f"{what} drops or rejects {whom}" if obstacle.barrier is Barrier.RULE else f"{whom} is stopped: {what}",
        where=Where(host=obstacle.place.host, component=obstacle.label, rule=obstacle.text or None),
        remedies=_remedies(case, obstacle),
        confidence=Confidence.LIKELY,
    )


def _remedies(case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
    host = case.before(obstacle.place.host)
    if host is not None and code_of(case, obstacle) == V6DirectBlocked.code and obstacle.label.startswith(SIX):
        return (Remedy(host=host.name, commands=openings(case, host, obstacle.label, obstacle.undo)),)
    return (run(obstacle.place.host, *obstacle.undo),) if obstacle.undo else ()


def code_of(case: Case, obstacle: Obstacle) -> str:
    """Return the catalogue's code for an obstacle; the barrier's own word where none is so general."""
    if obstacle.barrier is Barrier.RULE:
        host = case.before(obstacle.place.host)
        if host is not None and obstacle.direction is Direction.REQUEST and obstacle.place.container is None:
            if closes_v6(case, host, obstacle.label, obstacle.text):
                return V6DirectBlocked.code
            if closes_v4(case, host, obstacle.label, obstacle.text):
                return RawDirectDrop.code
        return _HOOKS.get(_hook(case, obstacle) or Hook.PREROUTING, obstacle.barrier.value)
    if obstacle.barrier is Barrier.NO_ROUTE and obstacle.direction is Direction.REPLY:
        return "missing-return-route"
    if obstacle.barrier is Barrier.NOBODY_LISTENS:
        return "app-not-listening" if obstacle.place.container else "port-closed"
    return _CODES.get(obstacle.barrier, obstacle.barrier.value)


def _hook(case: Case, obstacle: Obstacle) -> Hook | None:
    table, _, rest = obstacle.label.rpartition(" ")[0].rpartition(" ")[2].partition("/")
    chain = rest.split()[0] if rest else ""
    host = case.before(obstacle.place.host)
    rulesets = case.rulesets(host) if host else ()
    if not rulesets or not chain:
        return None
    ruleset = rulesets[-1] if obstacle.label.startswith(LEGACY) else rulesets[0]
    rule = next((each for each in ruleset.rules() if each.text == obstacle.text), None)
    return hook_of(entries(ruleset, table, chain), table, rule)
