"""One nftables base chain and a packet: rules, jumps and verdict maps; for a nat chain the rule that translates.

Source: nft(8), net/netfilter/nf_tables_core.c (nft_do_chain): accept ends the base chain only, drop ends the packet.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netprobe.model.rule import RuleRef
    from netprobe.state.nft import NftChain, NftRule, NftRuleset
    from netprobe.state.packet import PacketTuple

_STEPS = 20_000  # rules looked at, beside four times those that there are
_ENDS = frozenset({"drop", "reject", "accept"})
_MATTERS = frozenset({"drop", "reject", "jump", "goto", "queue"})
_NAT = frozenset({"dnat", "snat", "masquerade", "redirect"})
_MAPS = frozenset({"vmap", "lookup"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainEnd:
    """How the walk ended: ``accept`` ``drop`` ``reject`` ``translate`` or ``unknown``, and what decided (the chain for its policy)."""

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


def walk_chain(
    nft: NftRuleset, base: NftChain, packet: PacketTuple, gone: frozenset[RuleRef] = frozenset()
) -> ChainEnd:
    """Walk one base chain (with the chains that it jumps to) as far as the saved rules tell.

    ``gone``: rules and policies that are taken to be deleted, or accept.
    """
    chains = {(each.family, each.table, each.name): each for each in nft.chains}
    frames = _Frames()
    frames.call(base.rules)
    for _ in range(_STEPS + 4 * sum(len(each.rules) for each in nft.chains)):
        rule = frames.next()
        if rule is None:
            policy = "accept" if gone and base.ref in gone else base.policy
            return ChainEnd(verdict=policy or "accept", decided_by=base)
        answer, verdict, target = _answer(nft, rule, packet)
        if answer is False or (answer is None and not _matters(rule)) or (gone and rule.ref in gone):
            continue
        called = chains.get((rule.family, rule.table, target))
        end = _end(rule, answer, verdict, called)
        if end is not None:
            return end
        if verdict == "return":
            frames.stack.pop()
        if called is not None:
            frames.call(called.rules, tail=verdict == "goto")
    return ChainEnd(verdict="unknown", decided_by=base)


def _end(rule: NftRule, answer: bool | None, verdict: str, called: NftChain | None) -> ChainEnd | None:
    """What a rule that matches (or may) ends the walk with; None when the walk goes on."""
    if answer is None or (verdict in {"jump", "goto"} and called is None):
        return ChainEnd(verdict="unknown", decided_by=rule)
    if _translates(rule):
        return ChainEnd(verdict="translate", decided_by=rule)
    return ChainEnd(verdict=verdict, decided_by=rule) if verdict in _ENDS else None


def _answer(nft: NftRuleset, rule: NftRule, packet: PacketTuple) -> tuple[bool | None, str, str]:
    """Whether a rule matches, its verdict and where it jumps to: its own, or those of its verdict map."""
    if not any("vmap" in each for each in rule.expressions):
        return rule.matches(packet), rule.verdict, rule.target
    rest = replace(rule, expressions=tuple(each for each in rule.expressions if "vmap" not in each)).matches(packet)
    found = nft.looked_up(rule, packet)
    if rest is not True or found is None:
        return (False if rest is False else None), "", ""
    return bool(found[0]), *found


def translation(rule: NftRule) -> tuple[str, str, int | None] | None:
    """``dnat``, ``snat`` or ``masquerade`` of a rule, with the address and port that it names; None where that is not just one."""
    for each in rule.expressions:
        for kind in ("dnat", "snat"):
            body = each.get(kind)
            if isinstance(body, dict):
                address, port = body.get("addr"), body.get("port")
                plain = isinstance(address, str) and (port is None or isinstance(port, int))
                return (kind, str(address), port if isinstance(port, int) else None) if plain else None
        if "masquerade" in each:
            return "masquerade", "", None
    return None


def _matters(rule: NftRule) -> bool:
    """Whether a rule that only may match would change the walk."""
    return rule.verdict in _MATTERS or _translates(rule) or any(_MAPS & each.keys() for each in rule.expressions)


def _translates(rule: NftRule) -> bool:
    return any(_NAT & each.keys() for each in rule.expressions)
