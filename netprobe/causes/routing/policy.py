"""Routing rules and more specific routes: what is for a container, or a host nearby, is led into another interface."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.causes.base import NETFILTER_DROP, Cause
from netprobe.causes.firewall.bridge import NftBackendForwardDrop
from netprobe.causes.firewall.forward import ForwardDrop
from netprobe.causes.proof.obstacle import asked_times, frames_at, predicted, silent_points, unanswered, whose
from netprobe.causes.proof.routed import astray, by_policy, decided_by, own_table, strays, tunnels
from netprobe.causes.remedies.steps import in_place
from netprobe.causes.routing.routes import LOST
from netprobe.forward.model import Barrier
from netprobe.model.hop import Direction
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.address import covers
from netprobe.state.lookup import container_with, network_for
from netprobe.state.routes import MAIN

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.causes.proof.routed import Astray
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Argv, Remedy
    from netprobe.state.routes import Route


class PolicyRouteAway(Cause):
    """A routing rule, or a more specific route, leads a packet into another interface than its destination's.

    What it is: the table that a rule before ``main`` asks has a route for the address (a default route, or another member's subnet), so that
        what is for a container, or a host on the LAN, leaves by a tunnel or another NIC; there nobody has it, or a FORWARD rule drops it.
    Why it happens: a VPN or mesh client brings a table and a rule of its own (an exit node, a full tunnel, an accepted subnet that Docker uses too).
    Evidence: the walk's routing decision, the rule and route that made it, and the packets: nothing at the right interface, and the wrong
        one, or what drops it on the way there.
    Remedy: a rule before it that asks ``main`` for that subnet.
    Source: ip-rule(8); net/core/fib_rules.c (fib_rules_lookup); github.com/tailscale/tailscale/issues/13367, issues/12434.
    """

    code = "policy-route-away"
    reads = ("rule", "route")
    tells = "ip route get to the dialled address, and ip rule, on the host where it was seen last"
    drop_reasons = NETFILTER_DROP
    symptoms = LOST | {Symptom.OTHER_ENDPOINT}  # docker-proxy takes the connection, and its own is led away
    needs = ("rule",)
    instead_of = frozenset({ForwardDrop, NftBackendForwardDrop})

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """What stops a packet behind the decision that led it astray, in the same namespace."""
        found = astray(case)
        there = (obstacle.place, obstacle.direction) == ((found.place, found.direction) if found else None)
        return there and obstacle.barrier in {Barrier.RULE, Barrier.NO_NEIGHBOUR, Barrier.LINK_DOWN}

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:  # noqa: ARG002 - the decision is undone
        """A rule before it."""
        found = astray(case)
        return remedies(case, found) if found is not None else ()

    def find(self, case: Case) -> Finding | None:
        """Fires where both moments decide so, and the packets went that way and no other."""
        found = astray(case)
        proof = _proof(case, found) if found is not None else None
        if found is None or proof is None:
            return None
        return Finding(
            code=self.code,
            summary=_summary(found),
            where=Where(host=found.place.host, component=_component(found), rule=_rule(found)),
            evidence=(*proof[0], *_state(case, found)),
            remedies=remedies(case, found),
            confidence=proof[1],
        )

    def possible(self, case: Case) -> bool:
        """Only where a decision is known to lead away, or the walk does not tell and there are rules or tables that may."""
        if case.story.symptom is Symptom.OTHER_ENDPOINT and case.probe is not None and case.probe.target_at is None:
            return False  # nobody is published there
        moments = (case.prediction, case.prediction_after)
        unknown = any(told is None or bool(told.unknown) for told in moments)
        return case.prediction is None or strays(case) or (unknown and (by_policy(case) or tunnels(case)))


def _proof(case: Case, found: Astray) -> tuple[tuple[str, ...], Confidence] | None:
    """What the packets show, and how surely; None where they do not agree."""
    wrong, what = found.point(found.way.dev), "the answer" if found.direction is Direction.REPLY else "the request"
    right = [found.point(device) for device in found.right if device != found.in_if]
    if case.story.good or any(frames_at(case, point, found.direction) for point in right):
        return None
    came = frames_at(case, found.point(found.in_if), found.direction) if found.in_if else ""
    if found.in_if and not came:
        return None
    arrived = (f"{what} came in at {found.point(found.in_if)}: {came}",) if came else ()
    gone = frames_at(case, wrong, found.direction)
    if gone:
        return (*arrived, f"{what} left at {wrong}: {gone}"), Confidence.CERTAIN
    asked = unanswered(case, found.dst)
    if asked is not None and any(frame.point == wrong for frame in asked.requests):
        return (*arrived, asked_times(asked)), Confidence.CERTAIN
    stopped = predicted(case, Barrier.RULE, Barrier.NO_NEIGHBOUR, Barrier.LINK_DOWN)
    first = stopped.obstacles[0] if stopped is not None else None
    if first is not None and (first.place, first.direction) == (found.place, found.direction):
        return (
            *arrived,
            f"on its way to {found.way.dev} it ends at {first.label}: {first.text}",
        ), Confidence.CERTAIN
    return None if wrong in silent_points(case) or not arrived else (arrived, Confidence.LIKELY)


def _summary(found: Astray) -> str:
    what = "the answer that is" if found.direction is Direction.REPLY else "what is"
    into = f"sends {what} for {found.dst} ({found.whom}) into {found.way.dev}, not {' or '.join(found.right)}"
    return f"{whose(found.place)} {into}: {decided_by(found.way)}"


def _component(found: Astray) -> str:
    rule = found.way.rule
    return f"routing rule {rule.priority}, table {rule.table}" if rule is not None and own_table(rule) else "routing"


def _rule(found: Astray) -> str | None:
    rule = found.way.rule
    return str(rule) if own_table(rule) else str(found.way.route) if found.way.route is not None else None


def _state(case: Case, found: Astray) -> tuple[str, ...]:
    ip = "ip -6" if ":" in found.dst else "ip"
    table = found.way.rule.table if found.way.rule is not None else MAIN
    route = f"{ip} route show table {table} of {whose(found.place)}: {found.way.route}"
    rule = f"{ip} rule of {whose(found.place)}: {found.way.rule}"
    return (rule, *_main(case, found), route) if own_table(found.way.rule) else (route,)


def _main(case: Case, found: Astray) -> tuple[str, ...]:
    route = _right_route(case, found)
    return (f"table main, which comes later, has {route}",) if route is not None else ()


def _right_route(case: Case, found: Astray) -> Route | None:
    """Main's route by the right interface."""
    host = case.before(found.place.host)
    nearest = host.namespace(found.place.container).fib.nearest(MAIN, found.dst) if host is not None else ()
    return next((route for route in nearest if route.dev in found.right), None)


def remedies(case: Case, found: Astray) -> tuple[Remedy, ...]:
    """A rule for the destination's subnet before the one that leads away; a route for the one address where main itself does."""
    ip: Argv = ("ip", "-6") if ":" in found.dst else ("ip",)
    rule, route = found.way.rule, _right_route(case, found)
    one = f"{found.dst}/{128 if ':' in found.dst else 32}"
    if rule is not None and own_table(rule) and route is not None and rule.priority > 1:
        subnet = _subnet(case, found, route)
        command = (*ip, "rule", "add", "to", subnet, "lookup", MAIN, "pref", str(rule.priority - 1))
        keeps = f"this keeps what is for {subnet} out of table {rule.table}, and nothing else"
        return (_with(in_place(case, found.place, command), keeps),)
    narrower = found.way.route is not None and found.way.route.dst != one and not own_table(rule)
    if narrower and case.is_v6 is (":" in found.dst) and found.whom and not found.place.container:
        command = (*ip, "route", "add", one, "dev", found.right[0])
        return (
            (_with(in_place(case, found.place, command), f"this is for {found.dst} alone"),)
            if _near(case, found)
            else _told(found)
        )
    return _told(found)


def _told(found: Astray) -> tuple[Remedy, ...]:
    table = f" of table {found.way.rule.table}" if found.way.rule is not None else ""
    text = (
        f"have the route {found.way.route}{table} leave out {found.dst}, which is reached by {' or '.join(found.right)}"
    )
    return (advise(found.place.host, text),)


def _with(remedy: Remedy, text: str) -> Remedy:
    return replace(remedy, advice=f"{text}; {remedy.advice}")


def _near(case: Case, found: Astray) -> bool:
    host = case.before(found.place.host)
    return host is not None and container_with(host, found.dst) is not None


def _subnet(case: Case, found: Astray, route: Route) -> str:
    """The network of the container that has the address; else main's own prefix, or the one address where that is the default route."""
    host = case.before(found.place.host)
    near = container_with(host, found.dst) if host is not None and found.place.container is None else None
    network = network_for(host, near[1]) if host is not None and near is not None else None
    subnet = next((each for each in (network.subnets if network else ()) if covers(each, found.dst)), "")
    wide = route.dst.endswith("/0")
    return subnet or (f"{found.dst}/{128 if ':' in found.dst else 32}" if wide else route.dst)
