"""A packet whose time to live ends on its way: a rule set it so low that a host which is to forward it has no hop left."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netprobe.causes.base import Cause
from netprobe.causes.proof.blocked import walked_into
from netprobe.causes.proof.obstacle import frames_at, met, predicted, whose
from netprobe.causes.remedies.past_rule import whole_way
from netprobe.forward.model import Barrier
from netprobe.model.hop import Direction
from netprobe.model.report import Confidence, Finding, Where
from netprobe.paths.story import Symptom

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Remedy
    from netprobe.state.model import Host
    from netprobe.state.namespace import Namespace


_TARGETS, _FIELDS = frozenset({"TTL", "HL"}), frozenset({"ttl", "hoplimit"})
_OWN = ("iptables", "iptables-legacy", "ip6tables", "ip6tables-legacy", "nft")
_RULES = (*_OWN, *(f"ns/*/{each}" for each in _OWN))


class TtlExpired(Cause):
    """A rule sets the packet's TTL (IPv6: hop limit) so low that it ends where it is to be forwarded.

    What it is: each host that forwards a packet takes one from its TTL, and one that gets it with 1 drops it and answers with ICMP time exceeded.
        ``-j TTL --ttl-set 1``, ``-j HL``, ``ip ttl set 1`` in PREROUTING, or on a host before, make that the next hop.
    Why it happens: rules that keep a connection from being shared, or hide how many hops lie behind, and that meet what a host forwards for its
        containers, too: what they send, or its answers, has no hop left for the bridge.
    Evidence: the packet at the interface and nowhere behind it, ICMP time exceeded from that hop, the rule at which the walk finds the TTL
        changed, and its counter.
    Remedy: without the rule, where it is for this alone; else let this connection pass before it.
    Source: RFC 791 section 3.2 and RFC 8200 section 3; iptables-extensions(8), TTL and HL; net/ipv4/ip_forward.c (ip_forward), net/ipv6/ip6_output.c.
    """

    code = "ttl-expired"
    needs = _RULES
    reads = ("iptables", "ip6tables", "nft")
    tells = "the rules that set a TTL: iptables-save -t mangle; nft list ruleset"
    symptoms = frozenset({Symptom.UNREACHABLE, Symptom.SILENCE, Symptom.UNFINISHED})
    barriers = frozenset({Barrier.TTL_EXPIRED})

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """Where a rule is what made it so."""
        return super().explains_obstacle(case, obstacle) and obstacle.rule is not None

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """The same for a predicted one."""
        place = obstacle.set_at
        return (_past(case, obstacle, place),) if place is not None and obstacle.rule is not None else ()

    def find(self, case: Case) -> Finding | None:
        """Fires where walk and packets end at that hop, and the rule (if it counts) counted them."""
        obstacle = met(case, Barrier.TTL_EXPIRED)
        place, rule = (obstacle.set_at, obstacle.rule) if obstacle is not None else (None, None)
        if obstacle is None or place is None or rule is None:
            return None
        request = obstacle.direction is Direction.REQUEST
        found = walked_into(case, replace(obstacle, place=place), case.sent if request else 1)
        if found is None:
            return None
        counted = f" ({found.proof})" if found.delta else ""
        what = "the request's" if request else "the answer's"
        here = whose(obstacle.place)
        last = case.last_seen
        return Finding(
            code=self.code,
            summary=f"{what} time to live ends at {here}: {rule} of {whose(place)} sets its {obstacle.label} so low that {here} does not forward it{counted}",
            where=Where(host=place.host, component=rule.component, rule=rule.shown),
            evidence=(
                f"last seen at {last}: {frames_at(case, last, obstacle.direction)}",
                *((f"it answered with {case.story.detail}",) if case.story.symptom is Symptom.UNREACHABLE else ()),
                f"{obstacle.text}: {rule} ({rule.shown})",
            ),
            remedies=(_past(case, obstacle, place),),
            confidence=Confidence.CERTAIN,
        )

    def possible(self, case: Case) -> bool:
        """Not where the walk is known to its end and meets no such hop, nor where no rule that is known changes a TTL."""
        told = case.prediction
        if told is None or told.unknown:
            return not case.world.before or any(_shortens(host) for host in case.world.before.values())
        return predicted(case, Barrier.TTL_EXPIRED) is not None


def _shortens(host: Host) -> bool:
    """Whether some rule of a host, or in one of its containers, changes a TTL; rules of which none were read may."""
    if host.ruleset is None and host.nft is None:
        return True
    inside = (host.namespace(each.name) for each in host.containers or ())
    return _has_such(host) or any(_has_such(each) for each in inside)


def _has_such(read: Host | Namespace) -> bool:
    rules = [rule for each in (read.ruleset, read.legacy, read.ruleset6, read.legacy6) if each for rule in each.rules()]
    nft = read.nft.rules() if read.nft is not None else ()
    return any(rule.target in _TARGETS for rule in rules) or any(
        _mangles(each) for rule in nft for each in rule.expressions
    )


def _mangles(expression: Any) -> bool:
    """Whether it is ``ip ttl set``, or ``ip6 hoplimit set`` (libnftables-json(5), MANGLE)."""
    for name in ("mangle", "key", "payload", "field"):
        expression = expression.get(name) if isinstance(expression, dict) else None
    return isinstance(expression, str) and expression in _FIELDS


def _past(case: Case, obstacle: Obstacle, place: Place) -> Remedy:
    reply = obstacle.direction is Direction.REPLY
    if obstacle.rule is None:
        raise AssertionError(obstacle)
    return whole_way(case, place, obstacle.rule, obstacle.undo, hook=obstacle.hook, reply=reply)
