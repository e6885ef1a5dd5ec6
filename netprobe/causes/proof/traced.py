"""The kernel's trace (``--trace``) held against the packets: which walk is which hop's, and which rule of iptables each step is.

A traced packet counts only where a point saw a packet with the same ends, or the prober named them: others may be traced as well.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.model.endpoint import Endpoint
from netprobe.model.hop import Direction
from netprobe.model.trace import TraceWalk

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.model.hop import Hop
    from netprobe.model.rule import RuleRef
    from netprobe.model.trace import TraceStep
    from netprobe.state.iptables import Chain, Rule
    from netprobe.state.model import Host
    from netprobe.state.trace import Traced


def walks(case: Case) -> tuple[TraceWalk, ...] | None:
    """The first packet's walk of each direction and leg on each host, and every other one that was dropped; None without a trace."""
    hosts = [name for name, host in case.world.after.items() if host.traced is not None]
    return tuple(walk for name in hosts for walk in _shown(all_walks(case, name))) if hosts else None


def all_walks(case: Case, name: str) -> tuple[TraceWalk, ...]:
    """Every traced walk of the probe's own packets on a host, in order."""
    after = case.world.after.get(name)
    return tuple(_walk(case, after, *each) for each in _placed(case, after)) if after is not None else ()


def dropping_step(case: Case, hop: Hop, name: str) -> TraceStep | None:
    """The step that dropped a hop's packet on this host: every traced packet like it must have ended there.

    None without a trace, where one of them went on, and where they ended at different steps.
    """
    after = case.world.after.get(name)
    if after is None or hop.packet is None:
        return None
    place, info = (hop.direction, hop.leg), hop.packet.info
    alike = [each for each, where in _placed(case, after) if where == place and each.info in ("", info)]
    ends = {(step, step.rule.text if step else "") for step in (each.dropped_by for each in alike)}
    return ends.pop()[0] if len(ends) == 1 else None


def _placed(case: Case, after: Host) -> list[tuple[Traced, tuple[Direction, int]]]:
    """The traced packets of this host that are the journey's, and whose they are."""
    ends = ends_of(case)
    return [(each, ends[each.src, each.dst]) for each in after.traced or () if (each.src, each.dst) in ends]


def _shown(every: tuple[TraceWalk, ...]) -> list[TraceWalk]:
    """Equal walks counted together: the first of each direction and leg, and those that ended in a drop."""
    kept: dict[tuple[object, ...], TraceWalk] = {}
    firsts = set()
    for walk in every:
        key = (walk.direction, walk.leg, walk.info, walk.steps, tuple(step.rule.text for step in walk.steps))
        if key in kept:
            kept[key] = replace(kept[key], count=kept[key].count + 1)
        elif (walk.direction, walk.leg) not in firsts or walk.dropped_by is not None:
            firsts.add((walk.direction, walk.leg))
            kept[key] = walk
    return list(kept.values())


def ends_of(case: Case) -> dict[tuple[Endpoint, Endpoint], tuple[Direction, int]]:
    """Source and destination of the journey's packets, in every form that was seen, and whose they are."""
    found = {(hop.packet.src, hop.packet.dst): (hop.direction, hop.leg) for hop in case.hops if hop.seen and hop.packet}
    local, remote = (case.probe.result.local, case.probe.result.remote) if case.probe else (None, None)
    if local is not None and remote is not None:
        ports = case.transport != "icmp"
        one, other = (Endpoint(address, port if ports else None) for address, port in (local, remote))
        found.setdefault((one, other), (Direction.REQUEST, 1))
    return found


def _walk(case: Case, host: Host, traced: Traced, place: tuple[Direction, int]) -> TraceWalk:
    direction, leg = place
    points = {point.name for point in case.points if point.host == host.name and point.container is None}
    hop = next((each for each in case.hops if each.point in points and _same(each, traced, place)), None)
    return TraceWalk(
        host=host.name,
        direction=direction,
        leg=leg,
        src=traced.src,
        dst=traced.dst,
        info=traced.info,
        frame=hop.packet.frame if hop is not None and hop.packet is not None else 0,
        steps=tuple(_in_iptables_terms(case.before(host.name) or host, step) for step in traced.steps),
    )


def _same(hop: Hop, traced: Traced, place: tuple[Direction, int]) -> bool:
    packet = hop.packet
    if not hop.seen or packet is None or (hop.direction, hop.leg) != place:
        return False
    return (packet.src, packet.dst) == (traced.src, traced.dst) and traced.info in ("", packet.info)


def _in_iptables_terms(host: Host, step: TraceStep) -> TraceStep:
    """A step as iptables names it where it is one of iptables-nft's."""
    chain, rule = in_iptables(host, step.rule)
    if rule is not None:
        return replace(step, rule=rule.ref)
    if chain is not None and step.rule.policy:
        return replace(step, rule=chain.ref)
    known = replace(step.rule, text=step.rule.text or f"handle {step.rule.handle}")
    if chain is not None:
        known = replace(known, program=chain.program, family="")
    return replace(step, rule=known)


def in_iptables(host: Host, ref: RuleRef) -> tuple[Chain | None, Rule | None]:
    """The chain and the rule of iptables that a rule of nft is: the n-th handle of nft's chain is iptables' n-th rule; None where it is none."""
    ruleset = {"ip": host.ruleset, "ip6": host.ruleset6}.get(ref.family)
    chain = ruleset.chain(ref.table, ref.chain) if ruleset is not None else None
    handles = host.handles.get((ref.family, ref.table, ref.chain), ())
    if chain is None or ref.handle not in handles or len(handles) != len(chain.rules):
        return chain, None
    return chain, chain.rules[handles.index(ref.handle)]
