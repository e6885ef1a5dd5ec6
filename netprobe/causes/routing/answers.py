"""An answer that leaves by another interface than its request came in by, and is lost there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.causes.base import NO_SOCKET, Cause
from netprobe.causes.proof.obstacle import asked_times, frames_at, predicted, unanswered, whose
from netprobe.causes.proof.routed import by_policy, decided_by, other_way, other_ways, own_table, tunnels
from netprobe.causes.remedies.steps import in_place
from netprobe.causes.routing.routes import LOST
from netprobe.causes.routing.untranslated import untranslated
from netprobe.forward.model import Barrier, PredictedOutcome
from netprobe.model.hop import Direction
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.state.lookup import container_interface, networks_of
from netprobe.state.routes import MAIN, UNICAST, RuleAction

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.causes.proof.routed import OtherWay
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Argv, Remedy
    from netprobe.state.engine.model import EndpointSettings, Network
    from netprobe.state.model import Host
    from netprobe.state.namespace import Namespace
    from netprobe.state.routes import RoutingRule

_ENOUGH = 2  # copies of an answer that all got lost: one alone may be chance
_MARKS = tuple(1 << bit for bit in range(24, 32))
_BEFORE_MAIN = 32765
_ENDS = frozenset(
    {Barrier.REVERSE_PATH, Barrier.OTHER_SOURCE, Barrier.NO_NEIGHBOUR, Barrier.LINK_DOWN, Barrier.NO_ROUTE}
)


class AnswerOtherWay(Cause):
    """The request arrives, and the answer leaves by another interface and is lost.

    What it is: an answer is routed by its own addresses, not by the way that its request came: a host forwards it (or sends it) into a tunnel or
        another uplink, a container by another of its networks. There a reverse path filter drops it, nobody has the way, or it comes to the
        client with an address that that did not dial. The same where it goes past the host that had translated the request.
    Why it happens: a VPN's full tunnel; two uplinks and a rule for the host's own address (which a container's answer gets back only behind
        routing); a container on two bridges, or on a macvlan network beside its bridge; a VPN inside the container; a port forwarding to another host of the
        client's own network.
    Evidence: the request by one interface, its answer (or ARP for the answer's next hop) at another, nothing of it at the first; the routing
        decision that sent it there.
    Remedy: route the answer by its connection's mark, or by its source address; or leave one of the two networks.
    Source: ip-rule(8); iptables-extensions(8), CONNMARK; moby#35251; moby#17212; github.com/docker/compose/issues/13511.
    """

    code = "answer-other-way"
    reads = ("rule", "route", "ns/*/route")
    tells = "a capture on every interface of the target's host: where the answer leaves"
    drop_reasons = NO_SOCKET | frozenset({"IP_RPFILTER"})
    drops_answer = True
    symptoms = LOST

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """What ends an answer behind a namespace that led it elsewhere."""
        return obstacle.direction is Direction.REPLY and obstacle.barrier in _ENDS and other_way(case) is not None

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:  # noqa: ARG002 - the decision is undone
        """A rule for the answer."""
        found = other_way(case)
        return remedies(case, found) if found is not None else ()

    def find(self, case: Case) -> Finding | None:
        """Fires where both moments decide so, the answer was seen there (or asked for its next hop in vain), and never where it should be."""
        found = other_way(case)
        if found is None:
            return untranslated(case, self.code)
        if case.story.good or not _ends(case):
            return None
        arrived = frames_at(case, found.point(found.came_by), Direction.REQUEST)
        gone, sure = _gone(case, found)
        if not arrived or not gone or frames_at(case, found.point(found.came_by), Direction.REPLY):
            return None
        how, behind = decided_by(found.way), _behind(case)
        return Finding(
            code=self.code,
            summary=f"the request reaches {whose(found.place)} by {_named(case, found, found.came_by)}, and the answer leaves by {_named(case, found, found.way.dev)}: {how}{behind}",
            where=Where(host=found.place.host, component=found.way.dev, rule=_rule(found)),
            evidence=(
                f"the request at {found.point(found.came_by)}: {arrived}",
                f"{gone}; never at {found.point(found.came_by)}",
                *_not_for(case, found),
                f"routing of {whose(found.place)}, from {found.src} to {found.dst}: {found.way.route}",
            ),
            remedies=remedies(case, found),
            confidence=Confidence.CERTAIN if sure else Confidence.LIKELY,
        )

    def possible(self, case: Case) -> bool:
        """Only where an answer is known to leave by another interface or to come with another address, or the walk does not tell and there is more than one."""
        moments = (case.prediction, case.prediction_after)
        if case.prediction is None or other_ways(case) or predicted(case, Barrier.OTHER_SOURCE) is not None:
            return True
        unknown = any(told is None or bool(told.unknown) for told in moments)
        several = case.target is not None and len(case.target.networks) > 1
        return unknown and case.story.reached is not False and (several or by_policy(case) or tunnels(case))


def _ends(case: Case) -> bool:
    """Whether the walk of the answer ends, or is lost sight of: one that comes home by another way is none that is lost."""
    told = case.prediction
    if told is None or told.outcome is PredictedOutcome.WORKS:
        return False
    return told.outcome is PredictedOutcome.UNKNOWN or (
        told.outcome is PredictedOutcome.REPLY_LOST and told.obstacles[0].barrier in _ENDS
    )


def _gone(case: Case, found: OtherWay) -> tuple[str, bool]:
    """What shows that the answer took that way (``""``: nothing does), and whether it did so more than once."""
    point = found.point(found.way.dev)
    frames = frames_at(case, point, Direction.REPLY)
    if frames:
        count = max(hop.count for hop in case.hops if hop.point == point and hop.direction is Direction.REPLY)
        often = f" ({count} times)" if count > 1 else ""
        return f"the answer at {point}{often}: {frames}", count >= _ENOUGH
    asked = unanswered(case, found.way.via or found.dst, at=point)
    return (asked_times(asked), len(asked.requests) >= _ENOUGH) if asked is not None else ("", False)


def _named(case: Case, found: OtherWay, device: str) -> str:
    """A container's interface with its network: ``eth1 (network lan, macvlan)``."""
    host = case.before(found.place.host) if found.place.container is not None else None
    ends = _endpoint(host, found, device) if host is not None else None
    return f"{device} (network {ends[1].name}, {ends[1].driver})" if ends is not None else device


def _behind(case: Case) -> str:
    """What becomes of it there, as far as the walk tells."""
    told = case.prediction
    if told is None or told.outcome is not PredictedOutcome.REPLY_LOST:
        return ""
    end = told.obstacles[0]
    if end.barrier is Barrier.REVERSE_PATH:
        return f"; {end.label} on {end.place.host} drops it there ({end.text})"
    return f"; it ends at {end.label} on {end.place}: {end.text}"


def _rule(found: OtherWay) -> str | None:
    rule = found.way.rule
    return str(rule) if rule is not None and own_table(rule) else str(found.way.route or "") or None


def _not_for(case: Case, found: OtherWay) -> tuple[str, ...]:
    """The rules that would lead the answer back, and are for another source: a container's answer gets the host's address behind routing."""
    namespace = _namespace(case, found)
    rules = namespace.fib.rules(6 if ":" in found.dst else 4) if namespace is not None else ()
    return tuple(
        f"routing rule {rule} leads by {found.came_by}, and is not for it: its source is {found.src} there"
        for rule in rules
        if namespace is not None and rule.src not in {"all", found.src} and _leads(namespace, rule.table, found)
    )


def _namespace(case: Case, found: OtherWay) -> Namespace | None:
    host = case.before(found.place.host)
    return host.namespace(found.place.container) if host is not None else None


def _leads(namespace: Namespace, table: str, found: OtherWay) -> bool:
    """Whether a table leads the answer back the way that the request came."""
    nearest = namespace.fib.nearest(table, found.dst)
    return bool(nearest) and nearest[0].kind == UNICAST and nearest[0].dev == found.came_by


def remedies(case: Case, found: OtherWay) -> tuple[Remedy, ...]:
    """How the answer is led back: in a container by its source address, on a host by its connection's mark."""
    return _by_source(case, found) if found.place.container is not None else _by_mark(case, found)


def _before(rule: RoutingRule | None) -> str:
    """The priority just before the rule that decided."""
    return str(min(rule.priority - 1, _BEFORE_MAIN)) if rule is not None and rule.priority > 1 else str(_BEFORE_MAIN)


def _by_mark(case: Case, found: OtherWay) -> tuple[Remedy, ...]:
    host = case.before(found.place.host)
    tables = _tables(host, found) if host is not None else []
    rule, six = found.way.rule, ":" in found.dst
    mark = next((each for each in _MARKS if host is not None and not _uses(host, each, six=six)), None)
    if host is None or not tables or mark is None or (rule is not None and rule.priority < 2):
        text = f"route the answers of what came in by {found.came_by} by {found.came_by} again: mark the connection (CONNMARK), and route by that mark"
        return (advise(found.place.host, text),)
    bits, program = f"{mark:#x}/{mark:#x}", "ip6tables" if six else "iptables"
    new = ("-i", found.came_by, "-m", "conntrack", "--ctstate", "NEW", "-j", "CONNMARK", "--set-xmark", bits)
    hook: Argv = ("OUTPUT",) if found.ends else ("PREROUTING", "!", "-i", found.came_by)
    masks = ("--nfmask", f"{mark:#x}", "--ctmask", f"{mark:#x}")
    again = (*hook, "-m", "connmark", "--mark", bits, "-j", "CONNMARK", "--restore-mark", *masks)
    ip: Argv = ("ip", "-6") if six else ("ip",)
    steps = in_place(
        case,
        found.place,
        (program, "-t", "mangle", "-A", "PREROUTING", *new),
        (program, "-t", "mangle", "-A", *again),
        (*ip, "rule", "add", "fwmark", bits, "lookup", tables[0], "pref", _before(rule)),
    )
    what = f"answers to what came in by {found.came_by} leave by it, past {found.way.dev}; what this host or its containers begin themselves goes as before"
    return (replace(steps, advice=f"{what}; {steps.advice}"),)


def _tables(host: Host, found: OtherWay) -> list[str]:
    """The tables that lead back, main first."""
    known = sorted(host.own.fib.tables(found.dst), key=lambda table: (table != MAIN, table))
    return [table for table in known if _leads(host.own, table, found)]


def _uses(host: Host, mark: int, *, six: bool) -> bool:
    """Whether a routing rule looks at that bit of marks (the whole mark is looked at by those without a mask)."""
    rules = host.own.fib.rules(6 if six else 4)
    return any(rule.mark is not None and rule.mark & mark & rule.mask for rule in rules)


def _by_source(case: Case, found: OtherWay) -> tuple[Remedy, ...]:
    """A table of its own for answers from the address that was dialled; or one network less."""
    host, name = case.before(found.place.host), found.place.container or ""
    container, namespace = (host.container(name), host.namespace(name)) if host is not None else (None, None)
    if host is None or container is None or namespace is None:
        return ()
    came = _endpoint(host, found, found.came_by)
    gateway = _gateway(host, came, found) if came is not None else ""
    leave = _leave(host, found)
    if came is None or not gateway:
        return leave
    six = ":" in found.dst
    ip: Argv = ("ip", "-6") if six else ("ip",)
    used = {*namespace.fib.tables(found.dst), *(rule.table for rule in namespace.fib.rules(6 if six else 4))}
    table = next(str(number) for number in range(1001, 2000) if str(number) not in used)
    # A UDP socket that is bound to every address has no source yet when its answer is routed (ip_route_output_flow, then inet_select_addr).
    chosen = ("to", found.dst) if case.transport == "udp" else ("from", found.src)
    what = f"what is for {found.dst}" if case.transport == "udp" else f"answers from {found.src}"
    steps = in_place(
        case,
        found.place,
        (*ip, "route", "add", "default", "via", gateway, "dev", found.came_by, "table", table),
        (*ip, "rule", "add", *chosen, "lookup", table, "pref", _before(_earliest(namespace, six=six))),
    )
    said = f"{what} leave{'s' if case.transport == 'udp' else ''} by {found.came_by}"
    return (replace(steps, advice=f"{said}; {steps.advice}"), *leave)


def _earliest(namespace: Namespace, *, six: bool) -> RoutingRule | None:
    """The first rule that asks another table than local."""
    asking = (rule for rule in namespace.fib.rules(6 if six else 4) if rule.action is RuleAction.LOOKUP)
    return next((rule for rule in asking if rule.table != "local" and rule.priority > 1), None)


def _endpoint(host: Host, found: OtherWay, device: str) -> tuple[EndpointSettings, Network] | None:
    """The network of a container's interface."""
    container = host.container(found.place.container or "")
    ends = networks_of(host, container) if container is not None else ()
    return next((each for each in ends if container and container_interface(host, container, each[0]) == device), None)


def _gateway(host: Host, came: tuple[EndpointSettings, Network], found: OtherWay) -> str:
    """That network's way out: the engine's word, else the bridge's own address."""
    settings, network = came
    six = ":" in found.dst
    link = host.own.link(network.bridge) if network.bridge else None
    own = (each.address for each in (link.addresses if link else ()) if (":" in each.address) is six)
    return (settings.gateway6 if six else settings.gateway) or next(own, "")


def _leave(host: Host, found: OtherWay) -> tuple[Remedy, ...]:
    """What a person can do instead: another address, or one network less."""
    left, came = _endpoint(host, found, found.way.dev), _endpoint(host, found, found.came_by)
    name = found.place.container
    if left is None:
        text = f"or have whatever brings up {found.way.dev} in {name} leave out {found.dst}"
        return (advise(found.place.host, text),)
    there = left[0].address6 if ":" in found.dst else left[0].address
    kept = f", not its one in {came[1].name}" if came is not None else ""
    text = f"or dial {name}'s address in network {left[1].name} ({there}){kept}; or have it leave one of the two"
    return (advise(found.place.host, text),)
