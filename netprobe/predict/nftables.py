"""One nftables base chain and a packet. nat chains of nft's own are not followed: what they may translate is unknown.

Source: nft(8), net/netfilter/nf_tables_core.c (nft_do_chain): accept ends the base chain only, drop ends the packet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netprobe.state.nft import NftChain, NftRule, NftRuleset
    from netprobe.state.packet import PacketTuple

_STEPS = 20_000
_ENDS = frozenset({"drop", "reject", "accept"})
_MATTERS = frozenset({"drop", "reject", "jump", "goto", "queue"})
_NAT = frozenset({"dnat", "snat", "masquerade", "redirect"})
_MAPS = frozenset({"vmap", "lookup"})


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How the walk ended: ``accept`` ``drop`` ``reject`` or ``unknown``, and what decided (the chain for its policy)."""

    verdict: str
    decided_by: NftRule | NftChain


@dataclass(slots=True)
class _Frames:
    """The call stack: rules, and where each frame goes on."""

    stack: list[tuple[tuple[NftRule, ...], int]] = field(default_factory=list)

    def call(self, rules: tuple[NftRule, ...], *, tail: bool = False) -> None:
        if tail:
            self.stack.pop()
        self.stack.append((rules, 0))

    def next(self) -> NftRule | None:
        while self.stack:
            rules, at = self.stack.pop()
            if at < len(rules):
                self.stack.append((rules, at + 1))
                return rules[at]
        return None


def walk_chain(nft: NftRuleset, base: NftChain, packet: PacketTuple) -> End:
    """Walk one base chain (with the chains that it jumps to) as far as the saved rules tell."""
    chains = {(each.family, each.table, each.name): each for each in nft.chains}
    frames = _Frames()
    frames.call(base.rules)
    for _ in range(_STEPS):
        rule = frames.next()
        if rule is None:
            return End(verdict=base.policy or "accept", decided_by=base)
        answer = rule.matches(packet)
        if answer is False:
            continue
        if answer is None and not _matters(rule):
            continue
        if answer is None or _translates(rule):
            return End(verdict="unknown", decided_by=rule)
        if rule.verdict in _ENDS:
            return End(verdict=rule.verdict, decided_by=rule)
        if rule.verdict == "return":
            frames.stack.pop()
        if rule.verdict in {"jump", "goto"}:
            target = chains.get((rule.family, rule.table, rule.target))
            if target is None:
                return End(verdict="unknown", decided_by=rule)
            frames.call(target.rules, tail=rule.verdict == "goto")
    return End(verdict="unknown", decided_by=base)


def _matters(rule: NftRule) -> bool:
    """Whether a rule that only may match would change the walk."""
    return rule.verdict in _MATTERS or _translates(rule) or any(_MAPS & each.keys() for each in rule.expressions)


def _translates(rule: NftRule) -> bool:
    return any(_NAT & each.keys() for each in rule.expressions)
