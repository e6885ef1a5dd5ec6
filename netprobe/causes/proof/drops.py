"""Which rule stopped the packet: the drop and reject rules (and policies) whose counters rose while the probe ran.

A counter alone proves nothing on a busy host: other packets count too. So a rule is named only when all of this holds:

* it counted at least as often as the packet was seen going in;
* it may match the packet, and the walk through its table (:mod:`netprobe.forward.traverse`) gets to it: no rule before it surely accepts;
* a published port's packet is forwarded only after its DNAT rule counted: if that did not, nothing in FORWARD can have stopped it;
* a packet whose destination nat surely rewrites does not come to INPUT;
* where anything on the walk is unclear, or nothing else shows that the packet came this far, the count must be exactly the packet's;
* no other rule fits as well.

The kernel's own trace (``--trace``) needs none of this: where every traced packet like it ended at one step, that step stopped it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.causes.proof.hooks import FORWARDED, base_of, entries, hook_of, last_hop, packet_at
from netprobe.causes.proof.stopped_by import StoppedBy
from netprobe.causes.proof.traced import dropping_step, in_iptables
from netprobe.evidence.model import Place
from netprobe.forward.traverse import traverse
from netprobe.model.point import PointName
from netprobe.model.report import Confidence, Direction
from netprobe.model.rule import Hook
from netprobe.paths.story import Answerer, Symptom
from netprobe.state.iptables import Hit, delete_argv, hits, policy_argv
from netprobe.state.lookup import route_lookup
from netprobe.state.nft import NftHit, may_drop, nft_hits
from netprobe.state.packet import PacketTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.model.report import TraceStep
    from netprobe.model.rule import RuleRef
    from netprobe.state.iptables import Chain, Rule, Ruleset
    from netprobe.state.model import Host
    from netprobe.state.nft import NftRule, NftRuleset

STOPPING = frozenset({"DROP", "REJECT", "TARPIT"})
NFT_HOOKS = {
    "input": Hook.INPUT,
    "forward": Hook.FORWARD,
    "prerouting": Hook.PREROUTING,
    "output": Hook.OUTPUT,
    "postrouting": Hook.POSTROUTING,
}


def the_drop(case: Case) -> StoppedBy | None:
    """The one rule that stopped the packet at the host where it was last seen; None when none, or several, could have.

    What completes a handshake is not looked for: only the walk tells how it differs from the packet that was let pass.
    """
    if case.story.symptom is Symptom.UNFINISHED:
        return None
    proved = traced_drop(case)
    if proved is not None:
        return proved
    hop = last_hop(case)
    sent = max(hop.count if hop else 0, 1)
    fitting = [
        drop
        for drop in counted(case)
        if drop.delta >= sent and (drop.confidence is Confidence.CERTAIN or drop.delta == sent)
    ]
    sure = [drop for drop in fitting if drop.confidence is Confidence.CERTAIN]
    candidates = sure or fitting
    return candidates[0] if len(candidates) == 1 else None


def traced_drop(case: Case) -> StoppedBy | None:
    """What the kernel's trace proves; None without one."""
    hop, name = last_hop(case), _host_of(case)
    host, after = (case.before(name), case.after(name)) if name else (None, None)
    if hop is None or host is None or after is None:
        return None
    step = dropping_step(case, hop, host.name)
    if step is None:
        return None
    drops = [*_iptables_proved(host, after, step)] or [*_nft_proved(case, host, after, step)]
    return replace(drops[0], confidence=Confidence.CERTAIN, traced=True) if len(drops) == 1 else None


def _iptables_proved(host: Host, after: Host, step: TraceStep) -> Iterator[StoppedBy]:
    """The iptables rule or policy that a step is, with what it counted."""
    at = step.rule
    six = at.family == "ip6"
    (ruleset, _), (later, _) = host.backends(six=six), after.backends(six=six)
    chain, rule = in_iptables(host, at) if at.family in {"ip", "ip6"} else (None, None)
    if ruleset is None or chain is None or (rule is None) is not at.policy:
        return
    for hit in hits(ruleset, later):
        same = (hit.rule is not None and hit.rule.text == rule.text) if rule is not None else hit.rule is None
        if (hit.chain.table, hit.chain.name) == (at.table, at.chain) and same:
            yield drop_of(host, hit, hook_of_hit(ruleset, hit), Confidence.CERTAIN)


def _nft_proved(case: Case, host: Host, after: Host, step: TraceStep) -> Iterator[StoppedBy]:
    """The rule of nftables' own that a step is; it may have no counter."""
    later = {each.ref: each for each in after.nft.rules()} if after.nft else {}
    for rule in host.nft.rules() if host.nft is not None else ():
        if rule.ref == step.rule and rule.ref in later:
            was, now = rule.packets or 0, later[rule.ref].packets or 0
            yield from _nft_drop(case, host, NftHit(rule=rule, before=was, after=now))


def counted(case: Case) -> tuple[StoppedBy, ...]:
    """Every rule and policy of that host that stops packets, counted meanwhile, and may have been met by this one."""
    name = _host_of(case)
    before, after = (case.before(name), case.after(name)) if name else (None, None)
    if before is None or after is None or case.probe is None or not case.rulesets(before):
        return ()  # without the main backend's rules, what another one counted tells half of the story
    found: list[StoppedBy] = []
    for old, new in _moments(case, before, after):
        for hit in hits(old, new):
            if old is not None:
                found.extend(_drop(case, before, old, hit))
    for nft in nft_hits(before.nft, after.nft):
        found.extend(_nft_drop(case, before, nft))
    return tuple(found)


def _moments(case: Case, before: Host, after: Host) -> Iterator[tuple[Ruleset | None, Ruleset | None]]:
    """Each backend's rules for the dialled address's version, before and after."""
    return zip(before.backends(six=case.is_v6), after.backends(six=case.is_v6), strict=True)


def may_stop(case: Case, hook: Hook) -> bool:
    """Whether some rule or policy at this hook could stop it (unknown rules may): at the host where the packet was last seen, or one where an answer was.

    Of what completes a handshake no packet tells where it was last.
    """
    if case.story.symptom is Symptom.UNFINISHED:
        return True
    return any(_may_stop_at(case, name, hook) for name in dict.fromkeys((_host_of(case), *_answered_at(case))))


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
    if hop is None or hop.packet is None or host is None or case.reply_lost or _host_of(case) != host.name:
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
    if host is None or not case.rulesets(host) or case.probe is None or _door_unwatched(case, host):
        return True
    if case.story.reached and case.target is not None and not case.reply_lost:
        return False
    packet = packet_at(case, host, hook)
    if hook in FORWARDED and not _forwarded(case, host):
        if not _passed(case, host):
            return False
        packet = _answer_to(packet)  # where no answer was seen, that may be what was stopped
    return any(_may_meet(ruleset, hook, packet) for ruleset in case.rulesets(host)) or bool(
        host.nft and host.nft.stopping(hook.value.lower(), packet)
    )


def _answer_to(packet: PacketTuple) -> PacketTuple:
    """What answers it, as far as that is known behind a translation: not by which address and interface it comes."""
    return PacketTuple(proto=packet.proto, sport=packet.dport, ctstate="ESTABLISHED")


def _may_meet(ruleset: Ruleset, hook: Hook, packet: PacketTuple) -> bool:
    """Whether a rule or policy at this hook may stop it."""
    for chain in ruleset.chains():
        roots = entries(ruleset, chain.table, chain.name)
        here = [rule for rule in chain.rules if hook_of(roots, chain.table, rule) is hook]
        if any(rule.target in STOPPING and rule.matches(packet) is not False for rule in here):
            return True
        if chain.policy == "DROP" and hook_of(roots, chain.table, None) is hook:
            return True
    return False


def _door_unwatched(case: Case, host: Host) -> bool:
    """Whether it may have come into another host than the last that saw it: the first interface there, by the state, was not sniffed."""
    if case.prediction is None:
        return False
    direction = Direction.REPLY if case.reply_lost else Direction.REQUEST
    passed = [PointName.parse(hop.point) for hop in case.prediction.hops if hop.direction is direction]
    sniffed = {point.name for point in case.points}
    last = max((number for number, each in enumerate(passed) if each.host == host.name), default=-1)
    door = next((each for each in passed[last + 1 :] if each.host != host.name), None)
    at = case.dialled_host or case.target_host
    there = next((each for each in passed if at is not None and each.host == at.name != host.name), None)
    return any(each is not None and str(each) not in sniffed for each in (door, there))


def _host_of(case: Case) -> str | None:
    hop = last_hop(case)
    point = next((each for each in case.points if hop is not None and each.name == hop.point), None)
    return point.host if point else None


def _forwarded(case: Case, host: Host) -> bool:
    """Whether the packet can have come to FORWARD: a published port's only when its DNAT rule counted meanwhile."""
    if case.reply_lost:
        return True
    if _passed(case, host):
        return False
    if case.publication is None or case.publication[0].name != host.name:
        elsewhere = case.dialled_host is None or case.dialled_host.name != host.name
        return elsewhere or _may_be_led_on(case, host)
    _, container, published = case.publication
    rules = case.dnat_rules(host, published, container)
    after = case.after(host.name)
    if rules is None or after is None or not case.rulesets(after):
        return True
    texts = {rule.text for rule in rules}
    pairs = _moments(case, host, after)
    return any(hit.rule is not None and hit.rule.text in texts for old, new in pairs for hit in hits(old, new))


def _may_be_led_on(case: Case, host: Host) -> bool:
    """Whether some rule may give what is for an address of the host's own another destination: static NAT by hand."""
    packet = replace(packet_at(case, host, Hook.PREROUTING), dst_type="LOCAL")
    walks = [traverse(each, "nat", "PREROUTING", packet) for each in case.rulesets(host)]
    if any(walk.verdict in {"DNAT", "NETMAP"} or walk.deciding or walk.given_up for walk in walks):
        return True
    return any("dnat" in each for rule in (host.nft.rules() if host.nft else ()) for each in rule.expressions)


def _passed(case: Case, host: Host) -> bool:
    """Whether the packet was seen on this host behind its routing (a lower TTL): FORWARD lies behind it then."""
    ttls = [
        hop.packet.ttl
        for hop in case.hops
        if hop.seen
        and hop.packet
        and hop.direction is Direction.REQUEST
        and PointName.parse(hop.point).host == host.name
    ]
    known = [ttl for ttl in ttls if ttl is not None]
    return len(set(known)) > 1 and len(case.journey.legs if case.journey else ()) == 1


def _drop(case: Case, host: Host, ruleset: Ruleset, hit: Hit) -> Iterator[StoppedBy]:
    if hit.ref.verdict not in STOPPING:
        return
    hook = hook_of_hit(ruleset, hit)
    sure = _walk(case, host, ruleset, hit, hook)
    if sure is False:
        return
    yield drop_of(host, hit, hook, Confidence.CERTAIN if sure else Confidence.LIKELY)


def hook_of_hit(ruleset: Ruleset, hit: Hit) -> Hook | None:
    """Where what counted stands in the packet's way; None when it is reached from several hooks, or from none."""
    table = hit.chain.table
    return hook_of(entries(ruleset, table, hit.chain.name), table, hit.rule)


def drop_of(host: Host, hit: Hit, hook: Hook | None, confidence: Confidence) -> StoppedBy:
    """A rule or policy of a host's iptables, with what it counted, as what stopped the packet."""
    return StoppedBy(
        place=Place(host=host.name),
        hook=hook,
        rule=hit.ref,
        before=hit.before,
        after=hit.after,
        undo=delete_argv(hit.rule) if hit.rule else policy_argv(hit.chain),
        confidence=confidence,
    )


def _walk(case: Case, host: Host, ruleset: Ruleset, hit: Hit, hook: Hook | None) -> bool | None:
    """Whether the packet's walk ends at what counted: True surely, False surely not, None unclear."""
    if hook is None:
        return None
    if hook in FORWARDED and not _forwarded(case, host):
        return False
    packet = packet_at(case, host, hook)
    if hit.rule is not None and hit.rule.matches(packet) is False:
        return False
    if hook is Hook.INPUT and _translated(ruleset, packet):
        return False
    walk = traverse(ruleset, hit.chain.table, base_of(hook, hit.chain.table), packet)
    here = walk.decided_by is not None and _is_it(walk.decided_by, hit.rule)
    if not walk.certain:
        return None
    if not here:
        return False
    hop = last_hop(case)
    exact = hop is not None and hit.delta == hop.count
    return True if exact or _came_this_far(case, host, hook) else None


def _translated(ruleset: Ruleset, packet: PacketTuple) -> bool:
    """Whether nat surely gives the packet another destination: then it does not come to INPUT.

    What comes in by lo was sent by the host itself: OUTPUT decided for it.
    """
    walk = traverse(ruleset, "nat", "OUTPUT" if packet.in_if == "lo" else "PREROUTING", packet)
    return walk.certain and walk.verdict == "DNAT"


def _came_this_far(case: Case, host: Host, hook: Hook) -> bool:
    """Whether something else than the rule's own count shows that the packet came to FORWARD: its DNAT rule counted."""
    published = case.publication is not None and case.publication[0].name == host.name
    return hook in FORWARDED and published and not case.reply_lost


def _is_it(decided: Rule | Chain, rule: Rule | None) -> bool:
    """Whether the walk's end is this rule (by text: its number may have changed), or for None the chain's policy."""
    one = decided.ref
    return one.policy if rule is None else not one.policy and (one.text, one.chain) == (rule.text, rule.chain)


def _nft_drop(case: Case, host: Host, hit: NftHit) -> Iterator[StoppedBy]:
    rule = hit.rule
    if not may_drop(rule) or host.nft is None:
        return
    hook = nft_hook(host.nft, rule)
    packet = packet_at(case, host, hook or Hook.INPUT)
    end = rule.meet(packet)
    if rule.matches(packet) is False or end.verdict not in {"drop", "reject", "unknown"}:
        return
    if hook in FORWARDED and not _forwarded(case, host):
        return
    yield StoppedBy(
        place=Place(host=host.name),
        hook=hook or (Hook.INGRESS if rule.family == "netdev" else None),
        rule=replace(rule.ref_for(packet), verdict="drop" if end.verdict == "unknown" else end.verdict),
        before=hit.before,
        after=hit.after,
        undo=rule.delete_argv,
        confidence=Confidence.LIKELY,
    )


def nft_hook(nft: NftRuleset, rule: NftRule) -> Hook | None:
    """Where a rule stands; None where it is reached from several hooks, from none, or at a device."""
    hooks = {
        chain.hook
        for chain in nft.chains
        if chain.hook and any(rule.handle == each.handle and rule.chain == each.chain for each in nft.reachable(chain))
    }
    return NFT_HOOKS.get(next(iter(hooks))) if len(hooks) == 1 else None


def stopping_meanwhile(case: Case, name: str) -> Iterator[StoppedBy]:
    """Every rule and policy of a host that stops packets and counted while the probe ran, whichever packets those were."""
    before, after = case.before(name), case.after(name)
    if before is None or after is None:
        return
    for old, new in _moments(case, before, after):
        for hit in hits(old, new) if old is not None else ():
            if old is not None and hit.ref.verdict in STOPPING:
                yield drop_of(before, hit, hook_of_hit(old, hit), Confidence.LIKELY)
    for each in nft_hits(before.nft, after.nft) if before.nft is not None else ():
        if before.nft is not None and may_drop(each.rule):
            yield StoppedBy(
                place=Place(host=name),
                hook=nft_hook(before.nft, each.rule),
                rule=each.rule.ref,
                before=each.before,
                after=each.after,
                undo=each.rule.delete_argv,
                confidence=Confidence.LIKELY,
            )
