"""Whether some rule may stop the packet, or its answer, at a hook: what unknown rules may do, they may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.proof.drops import STOPPING
from netprobe.causes.proof.hooks import FORWARDED, entries, hook_of, last_hop, packet_at
from netprobe.causes.proof.reached import door_unwatched, is_forwarded, seen_last_at, was_routed
from netprobe.forward.traverse import traverse
from netprobe.model.hop import Direction
from netprobe.model.point import PointName
from netprobe.model.rule import Hook
from netprobe.paths.story import Answerer, Symptom
from netprobe.state.lookup import route_lookup
from netprobe.state.packet import PacketTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.model.rule import RuleRef
    from netprobe.state.iptables import Ruleset


def may_stop(case: Case, hook: Hook) -> bool:
    """Whether some rule or policy at this hook could stop it (unknown rules may): at the host where the packet was last seen, or one where an answer was.

    Of what completes a handshake no packet tells where it was last.
    """
    if case.story.symptom is Symptom.UNFINISHED:
        return True
    return any(_may_stop_at(case, name, hook) for name in dict.fromkeys((seen_last_at(case), *_answered_at(case))))


def may_stop_answer(case: Case) -> bool:
    """Whether some rule in OUTPUT of the host that was dialled, where the request was last seen, could stop what that itself answers."""
    host, packet = case.dialled_host, _own_answer(case)
    if host is None or packet is None:
        return False
    for ruleset in case.rulesets(host):
        for chain in ruleset.chains():
            below = Hook.OUTPUT.value in entries(ruleset, chain.table, chain.name)
            if below and any(rule.target in STOPPING and rule.matches(packet) is not False for rule in chain.rules):
                return True
    return False


def stops_answer(case: Case, ref: RuleRef) -> bool:
    """Whether what the dialled host itself answers surely ends at this rule or policy in its OUTPUT."""
    host, packet = case.dialled_host, _own_answer(case)
    walks = [
        traverse(each, ref.table, Hook.OUTPUT.value, packet)
        for each in (case.rulesets(host) if host is not None else ())
        if packet is not None and each.program is ref.program
    ]
    return any(walk.certain and walk.decided_by is not None and walk.decided_by.ref == ref for walk in walks)


def _own_answer(case: Case) -> PacketTuple | None:
    """The answer of the host that was dialled, as its OUTPUT sees it; None where the request was last seen elsewhere."""
    hop, host = last_hop(case), case.dialled_host
    if hop is None or hop.packet is None or host is None or case.reply_lost or seen_last_at(case) != host.name:
        return None
    (src, sport), (dst, dport) = hop.packet.src, hop.packet.dst
    route = route_lookup(host.own, src)
    return PacketTuple(
        src=dst, sport=dport, dst=src, dport=sport, proto=case.transport, in_if="", out_if=route.dev if route else None,
        ctstate="ESTABLISHED", ctdir="REPLY",
    )  # fmt: skip


def _answered_at(case: Case) -> Iterator[str]:
    """The hosts where an answer was seen, or that answered themselves: the request came there, whether or not it was seen."""
    if case.story.answerer is Answerer.HOST and case.dialled_host is not None:
        yield case.dialled_host.name
    for hop in case.hops if not case.reply_lost else ():
        if hop.seen and hop.direction is Direction.REPLY:
            yield PointName.parse(hop.point).host


def _may_stop_at(case: Case, name: str | None, hook: Hook) -> bool:
    host = case.before(name) if name else None
    if host is None or not case.rulesets(host) or case.probe is None or door_unwatched(case, host):
        return True
    if case.story.reached and case.target is not None and not case.reply_lost:
        return False
    packet = packet_at(case, host, hook)
    if hook in FORWARDED and not is_forwarded(case, host):
        if not was_routed(case, host):
            return False
        packet = _answer_to(packet)  # where no answer was seen, that may be what was stopped
    if any(_may_meet(ruleset, hook, packet) for ruleset in case.rulesets(host)):
        return True
    if host.nft is not None and hook is Hook.ISOLATION:  # a place of the engine's own, not one of netfilter's
        walls = (rule for rule in host.nft.rules() if host.engine.isolates(rule.table, rule))
        return any(rule.matches(packet) is not False for rule in walls)
    return bool(host.nft and host.nft.stopping(hook.value.lower(), packet))


def _answer_to(packet: PacketTuple) -> PacketTuple:
    """What answers it, as far as that is known behind a translation: not by which address and interface it comes."""
    return PacketTuple(proto=packet.proto, sport=packet.dport, ctstate="ESTABLISHED")


def _may_meet(ruleset: Ruleset, hook: Hook, packet: PacketTuple) -> bool:
    """Whether a rule or policy at this hook may stop it."""
    for chain in ruleset.chains():
        roots = entries(ruleset, chain.table, chain.name)
        stopping = (rule for rule in chain.rules if rule.target in STOPPING and rule.matches(packet) is not False)
        if any(hook_of(roots, chain.table, rule) is hook for rule in stopping):
            return True
        if chain.policy == "DROP" and hook_of(roots, chain.table, None) is hook:
            return True
    return False
