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
from netprobe.causes.proof.reached import came_this_far, is_forwarded, is_translated, moments, seen_last_at
from netprobe.causes.proof.stopped_by import StoppedBy
from netprobe.causes.proof.traced import dropping_step, in_iptables
from netprobe.evidence.model import Place
from netprobe.forward.traverse import traverse
from netprobe.model.report import Confidence
from netprobe.model.rule import Hook
from netprobe.paths.story import Symptom
from netprobe.state.engine import ENGINES
from netprobe.state.iptables import Hit, delete_argv, hits, policy_argv
from netprobe.state.nft import NftHit, may_drop, nft_hits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.model.trace import TraceStep
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
    "egress": Hook.EGRESS,
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
    hop, name = last_hop(case), seen_last_at(case)
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
    name = seen_last_at(case)
    before, after = (case.before(name), case.after(name)) if name else (None, None)
    if before is None or after is None or case.probe is None or not case.rulesets(before):
        return ()  # without the main backend's rules, what another one counted tells half of the story
    found: list[StoppedBy] = []
    for old, new in moments(case, before, after):
        for hit in hits(old, new):
            if old is not None:
                found.extend(_drop(case, before, old, hit))
    for nft in nft_hits(before.nft, after.nft):
        found.extend(_nft_drop(case, before, nft))
    return tuple(found)


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
    if hook in FORWARDED and not is_forwarded(case, host):
        return False
    packet = packet_at(case, host, hook)
    if hit.rule is not None and hit.rule.matches(packet) is False:
        return False
    if hook is Hook.INPUT and is_translated(ruleset, packet):
        return False
    walk = traverse(ruleset, hit.chain.table, base_of(hook, hit.chain.table), packet)
    here = walk.decided_by is not None and _is_it(walk.decided_by, hit.rule)
    if not walk.certain:
        return None
    if not here:
        return False
    hop = last_hop(case)
    exact = hop is not None and hit.delta == hop.count
    return True if exact or came_this_far(case, host, hook) else None


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
    if hook in FORWARDED and not is_forwarded(case, host):
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
    if any(engine.isolates(rule.table, rule) for engine in ENGINES):
        return Hook.ISOLATION
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
    for old, new in moments(case, before, after):
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
