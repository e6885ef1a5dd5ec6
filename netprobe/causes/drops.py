"""Which rule stopped the packet: the drop and reject rules (and policies) whose counters rose while the probe ran.

A rule is named only when it could match the probe's packet, counted at least as many packets as were seen going in, and is the only such
one. Otherwise nobody is named: other traffic counts too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from netprobe.report.model import Confidence
from netprobe.state.iptables import Field, Hit, delete_command, hits, policy_command, where
from netprobe.state.nft import nft_hits, nft_where
from netprobe.state.packet import PacketTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.state.iptables import Rule, Ruleset
    from netprobe.state.model import Host
    from netprobe.state.nft import NftHit

STOPPING = frozenset({"DROP", "REJECT", "TARPIT"})
USER_CHAIN = "DOCKER-USER"
ISOLATION = ("DOCKER-ISOLATION-STAGE-1", "DOCKER-ISOLATION-STAGE-2", "DOCKER-ISOLATION", "DOCKER-INTERNAL")


class Hook(StrEnum):
    """Where in the host's packet path a rule stands (netfilter hooks, and Docker's own places within FORWARD)."""

    PREROUTING = "PREROUTING"
    INPUT = "INPUT"
    FORWARD = "FORWARD"
    OUTPUT = "OUTPUT"
    USER = "DOCKER-USER"
    ISOLATION = "isolation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """One rule (or policy) that stopped the probe's packet.

    Attributes:
        host, hook: where. component: ``filter/DOCKER-USER``. text: the rule as iptables-save writes it, or the policy.
        label: ``filter/DOCKER-USER #1``. before, after: its packet counter.
        undo: the command that takes it away.
        confidence: certain when every match of the rule is understood and met.
    """

    host: str
    hook: Hook
    component: str
    text: str
    label: str
    before: int
    after: int
    undo: str
    confidence: Confidence

    @property
    def counter(self) -> str:
        """``counter 0 → 3``."""
        return f"{self.label} counter {self.before} → {self.after}"


def the_drop(case: Case) -> Drop | None:
    """The one rule that stopped the request at the host where it was last seen, None when none or several could have."""
    host = _host_of(case)
    if host is None or case.probe is None:
        return None
    before, after = case.before(host), case.after(host)
    if before is None or after is None:
        return None
    found = [drop for drop in _drops(case, before, after) if drop.after - drop.before >= max(case.sent, 1)]
    sure = [drop for drop in found if drop.confidence is Confidence.CERTAIN]
    exact = [drop for drop in sure or found if drop.after - drop.before == case.sent]
    for candidates in (sure or found, exact):
        if len(candidates) == 1:
            return candidates[0]
    return None


def may_stop(case: Case, hook: Hook) -> bool:
    """Whether some rule or policy at this hook, at the host where the request was last seen, could stop it (unknown rules may)."""
    name = _host_of(case)
    host = case.before(name) if name else None
    if host is None or host.ruleset is None or case.probe is None:
        return True
    packet = _packet(case, host, hook)
    for ruleset in case.rulesets(host):
        for chain in ruleset.chains():
            roots = entries(ruleset, chain.table, chain.name)
            stopping = [
                rule for rule in chain.rules if rule.target in STOPPING and _place(roots, chain.table, rule) is hook
            ]
            if any(rule.matches(packet) is not False for rule in stopping):
                return True
            if chain.policy == "DROP" and _place(roots, chain.table, None) is hook:
                return True
    return bool(host.nft and host.nft.stopping(hook.value.lower(), packet))


def _host_of(case: Case) -> str | None:
    point = next((each for each in case.points if each.name == case.last_seen), None)
    return point.host if point else None


def _drops(case: Case, before: Host, after: Host) -> Iterator[Drop]:
    for old, new in ((before.ruleset, after.ruleset), (before.legacy, after.legacy)):
        if old is None or new is None:
            continue
        for hit in hits(old, new):
            yield from _drop(case, before, new, hit)
    for nft in nft_hits(before.nft, after.nft):
        yield from _nft_drop(case, before, nft)


def _drop(case: Case, host: Host, ruleset: Ruleset, hit: Hit) -> Iterator[Drop]:
    stops = hit.rule.target in STOPPING if hit.rule else hit.policy == "DROP"
    if not stops:
        return
    roots = entries(ruleset, hit.table, hit.chain)
    hook = _place(roots, hit.table, hit.rule)
    if hook is None:
        return
    answer: bool | None = True
    if hit.rule is not None:
        answer = hit.rule.matches(_packet(case, host, hook))
    if answer is False:
        return
    undo = delete_command(hit.rule) if hit.rule else policy_command(hit)
    yield Drop(
        host=host.name,
        hook=hook,
        component=f"{hit.table}/{hit.chain}",
        text=hit.rule.text if hit.rule else f"-P {hit.chain} {hit.policy}",
        label=where(hit),
        before=hit.before,
        after=hit.after,
        undo=undo,
        confidence=Confidence.CERTAIN if answer else Confidence.LIKELY,
    )


def entries(ruleset: Ruleset, table: str, chain: str) -> frozenset[str]:
    """The chain itself and every chain from which it can be reached by jumps."""
    callers: dict[str, set[str]] = {}
    for each in ruleset.tables.get(table, {}).values():
        for rule in each.rules:
            callers.setdefault(rule.target, set()).add(each.name)
    seen, stack = set(), [chain]
    while stack:
        name = stack.pop()
        if name not in seen:
            seen.add(name)
            stack.extend(callers.get(name, ()))
    return frozenset(seen)


def _place(roots: frozenset[str], table: str, rule: Rule | None) -> Hook | None:
    """Where a chain stands; None when it is reached from several hooks and so cannot tell."""
    if any(name in roots for name in ISOLATION):
        return Hook.ISOLATION
    if USER_CHAIN in roots:
        return Hook.USER
    if table == "raw" and "PREROUTING" in roots and _isolates(rule):
        return Hook.ISOLATION
    bases = [hook for hook in (Hook.PREROUTING, Hook.INPUT, Hook.FORWARD, Hook.OUTPUT) if hook.value in roots]
    return bases[0] if len(bases) == 1 else None


def _isolates(rule: Rule | None) -> bool:
    """Engine 28's raw rule: a container's address must be reached through its own bridge (``-d CIP ! -i BRIDGE -j DROP``)."""
    if rule is None:
        return False
    inside = rule.get(Field.IN)
    return rule.get(Field.DST) is not None and inside is not None and inside.negated


def _packet(case: Case, host: Host, hook: Hook) -> PacketTuple:
    """The request as rules at this hook see it; the destination behind DNAT is known only from the itinerary's target."""
    probe = case.probe
    seen = [hop for hop in case.hops if hop.seen and hop.packet and hop.point == case.last_seen]
    src = _bare(seen[-1].packet.src) if seen and seen[-1].packet else None
    in_if = case.last_seen.rsplit("/", 1)[-1] if case.last_seen else None
    forwarded = hook in (Hook.FORWARD, Hook.USER, Hook.ISOLATION)
    translated = forwarded and case.publication is not None and probe is not None and probe.target_address is not None
    sport = probe.result.local[1] if probe and probe.result.local else None
    return PacketTuple(
        src=src,
        dst=probe.target_address if translated and probe else (probe.dialled if probe else None),
        proto=case.transport,
        sport=sport if case.transport != "icmp" else None,
        dport=probe.target_port if translated and probe else (probe.dialled_port if probe else None),
        in_if=_input_interface(host, in_if),
        out_if=None if forwarded else "",
        ctstate="NEW",
        orig_dst=probe.dialled if probe else None,
        orig_dport=probe.dialled_port if probe else None,
    )


def _input_interface(host: Host, name: str | None) -> str | None:
    """Iptables sees the bridge, not its port."""
    link = host.own.link(name) if name else None
    return link.master if link is not None and link.master else name


def _bare(endpoint: str) -> str:
    """``192.0.2.1:80`` and ``[2001:db8::1]:80`` without the port."""
    if endpoint.startswith("["):
        return endpoint[1:].partition("]")[0]
    return endpoint.partition(":")[0] if endpoint.count(":") == 1 else endpoint


def _nft_drop(case: Case, host: Host, hit: NftHit) -> Iterator[Drop]:
    rule = hit.rule
    if rule.verdict not in ("drop", "reject") or host.nft is None:
        return
    hooks = {
        chain.hook
        for chain in host.nft.chains
        if chain.hook
        and any(rule.handle == each.handle and rule.chain == each.chain for each in host.nft.reachable(chain))
    }
    name = {"input": Hook.INPUT, "forward": Hook.FORWARD, "prerouting": Hook.PREROUTING, "output": Hook.OUTPUT}
    hook = name.get(next(iter(hooks))) if len(hooks) == 1 else None
    if hook is None:
        return
    answer = rule.matches(_packet(case, host, hook))
    if answer is False:
        return
    yield Drop(
        host=host.name,
        hook=hook,
        component=f"{rule.family} {rule.table}/{rule.chain}",
        text=rule.text,
        label=nft_where(hit),
        before=hit.before,
        after=hit.after,
        undo=rule.delete_command,
        confidence=Confidence.CERTAIN if answer else Confidence.LIKELY,
    )
