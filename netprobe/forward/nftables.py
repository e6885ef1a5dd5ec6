"""One nftables base chain and a packet: rules, jumps and verdict maps, what they change, and for a nat chain what it translates to.

Where a rule's match is not told, both ways are gone: only where they end differently is the walk unknown, and names that rule.

Source: nft(8), net/netfilter/nf_tables_core.c (nft_do_chain): accept ends the base chain only, drop ends the packet.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from netprobe.state.nft import other_version
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.model.rule import RuleRef
    from netprobe.state.nft import NftChain, NftRule, NftRuleset
    from netprobe.state.nft_nat import Translation
    from netprobe.state.nft_run import Outcome
    from netprobe.state.nft_value import Facts
    from netprobe.state.packet import PacketTuple

Tproxy: TypeAlias = tuple["NftRule", "Translation"]

_STEPS = 20_000  # rules looked at, beside four times those that there are
_FORKS = 32  # rules in doubt of which both ways are gone
_DEPTH = 16  # jumps within each other (NFT_JUMP_STACK_SIZE)
_ENDS = frozenset({"drop", "reject", "accept", "translate"})
_POLICIES = frozenset({"accept", "drop"})
_MERGED = ("mark", "ctmark", "tracked", "ctstate", "tos", "ttl", "zone")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainEnd:
    """How the walk ended.

    Attributes:
        verdict: ``accept`` ``drop`` ``reject`` ``translate`` or ``unknown``.
        decided_by: the rule, or the chain for its policy.
        packet: the packet behind it.
        translation: what it is translated to. tproxy: the rule on the way that hands it to a local socket, and to which.
        why: for ``unknown``: what decides and is not told, a clause.
        counted: the rules whose counter was passed, in order, as far as nothing is in doubt. perhaps: those whose counter may have been passed.
        unsure: the rules that may or may not have changed it, each with what decides. shortened: the one that surely changed its TTL last.
    """

    verdict: str
    decided_by: NftRule | NftChain
    packet: PacketTuple
    translation: Translation | None = None
    tproxy: Tproxy | None = None
    why: str = ""
    counted: tuple[NftRule, ...] = ()
    perhaps: tuple[NftRule, ...] = ()
    unsure: tuple[tuple[NftRule, str], ...] = ()
    shortened: NftRule | None = None

    def ends_as(self, other: ChainEnd) -> bool:
        """Whether two ends are the same, but for marks: an accept is, whichever rule it was."""
        same_rule = self.verdict == "accept" or self.decided_by is other.decided_by
        if self.verdict != other.verdict or self.verdict == "unknown" or not same_rule:
            return False
        same = (self.translation, self.tproxy) == (other.translation, other.tproxy)
        return same and _unmarked(self.packet) == _unmarked(other.packet)


@lru_cache(
    maxsize=512
)  # the same packet is walked for the prediction, behind each obstacle, and for the capture points
def walk_chain(
    nft: NftRuleset,
    base: NftChain,
    packet: PacketTuple,
    gone: frozenset[RuleRef] = frozenset(),
    facts: Facts | None = None,
) -> ChainEnd:
    """Walk one base chain (with the chains that it jumps to) as far as the saved rules tell.

    Args:
        nft: the chains.
        base: where it begins.
        packet: as it comes to the hook.
        gone: rules that are taken to be deleted (or whose counters say that they did not match), and policies that are taken to accept.
        facts: the namespace.
    """
    if other_version(base.family, packet):
        return ChainEnd(verdict="accept", decided_by=base, packet=packet)
    walk = _Walk(nft, base, gone, facts)
    end = walk.go([(base.rules, 0)], packet, None)
    return replace(
        end,
        counted=tuple(walk.counted),
        perhaps=tuple(walk.perhaps),
        unsure=tuple(walk.unsure),
        shortened=walk.shortened,
    )


def _taker(rule: NftRule, outcome: Outcome) -> Tproxy | None:
    return (rule, outcome.tproxy) if outcome.tproxy is not None else None


_Frames = list[tuple[tuple["NftRule", ...], int]]  # the call stack: rules, and where each frame goes on


class _Walk:
    """One walk, and what it has left to spend."""

    def __init__(self, nft: NftRuleset, base: NftChain, gone: frozenset[RuleRef], facts: Facts | None) -> None:
        self.nft, self.base, self.gone, self.facts = nft, base, gone, facts
        self.steps = _STEPS + 4 * nft.size
        self.forks = _FORKS
        self.counted: list[NftRule] = []
        self.perhaps: list[NftRule] = []
        self.unsure: list[tuple[NftRule, str]] = []
        self.shortened: NftRule | None = None

    def go(self, frames: _Frames, packet: PacketTuple, tproxy: Tproxy | None) -> ChainEnd:
        """Go on to the end."""
        while self.steps > 0:
            self.steps -= 1
            rule = _next(frames)
            if rule is None:
                return self._policy(packet, tproxy)
            if self.gone and rule.ref in self.gone:
                continue
            outcome = rule.meet(packet, self.base.hook, self.facts)
            if outcome.doubt and outcome.packet != outcome.sure:
                self.unsure.append((rule, outcome.doubt))
            if outcome.counted:
                sure = not outcome.doubt and self.forks == _FORKS
                (self.counted if sure else self.perhaps).append(rule)
            if outcome.doubt and (outcome.verdict or outcome.tproxy or not _alike(outcome)):
                return self._fork(frames, rule, outcome, tproxy)
            if outcome.packet.ttl != packet.ttl:
                self.shortened = rule
            packet, tproxy = merged(outcome.packet, outcome.sure), _taker(rule, outcome) or tproxy
            if outcome.verdict:
                end = self._act(frames, rule, outcome, tproxy)
                if end is not None:
                    return end
        return self._unknown(self.base, packet, "its chains call each other without end, or hold very many rules")

    def _policy(self, packet: PacketTuple, tproxy: Tproxy | None) -> ChainEnd:
        """End as the base chain's policy says."""
        policy = "accept" if self.gone and self.base.ref in self.gone else self.base.policy or "accept"
        if policy not in _POLICIES:
            return self._unknown(self.base, packet, f"its policy {policy} is not understood")
        return ChainEnd(verdict=policy, decided_by=self.base, packet=packet, tproxy=tproxy)

    def _act(self, frames: _Frames, rule: NftRule, outcome: Outcome, tproxy: Tproxy | None) -> ChainEnd | None:
        """Do what a rule that matches says; None where the walk goes on."""
        verdict = outcome.verdict
        if verdict in _ENDS:
            return ChainEnd(
                verdict=verdict, decided_by=rule, packet=outcome.packet, translation=outcome.translation, tproxy=tproxy
            )
        if verdict == "return":
            frames.pop()
            return None
        if verdict in {"jump", "goto"}:
            called = self.nft.by_name.get((rule.family, rule.table, outcome.target))
            if called is not None and len(frames) <= _DEPTH:
                if verdict == "goto":
                    frames.pop()
                frames.append((called.rules, 0))
                return None
            return self._unknown(rule, outcome.packet, f"chain {outcome.target} is not listed, or is called too deep")
        return self._unknown(rule, outcome.packet, outcome.doubt or "a program decides (`queue`)")

    def _fork(self, frames: _Frames, rule: NftRule, outcome: Outcome, tproxy: Tproxy | None) -> ChainEnd:
        """Go both ways; unknown where they end differently."""
        self.forks -= 1
        if self.forks < 0 or outcome.verdict == "unknown":
            return self._unknown(rule, outcome.sure, outcome.doubt)
        matched = list(frames)
        took = _taker(rule, outcome) or tproxy
        one = self._act(matched, rule, outcome, took) if outcome.verdict else None
        one = one or self.go(matched, outcome.packet, took)
        other = self.go(list(frames), outcome.sure, tproxy)
        if one.packet != other.packet:
            self.unsure.append((rule, outcome.doubt))
        if not one.ends_as(other):
            return self._unknown(rule, outcome.sure, outcome.doubt)
        return replace(one, packet=merged(one.packet, other.packet))

    @staticmethod
    def _unknown(decided_by: NftRule | NftChain, packet: PacketTuple, why: str) -> ChainEnd:
        return ChainEnd(verdict="unknown", decided_by=decided_by, packet=packet, why=why)


def _next(frames: _Frames) -> NftRule | None:
    while frames:
        rules, at = frames.pop()
        if at < len(rules):
            frames.append((rules, at + 1))
            return rules[at]
    return None


def _alike(outcome: Outcome) -> bool:
    """Whether what is in doubt changes nothing but marks."""
    return outcome.packet is outcome.sure or _unmarked(outcome.packet) == _unmarked(outcome.sure)


def _unmarked(packet: PacketTuple) -> PacketTuple:
    return replace(packet, **dict.fromkeys(_MERGED))


def merged(one: PacketTuple, other: PacketTuple) -> PacketTuple:
    """A packet of which it is not told which of the two it is: what differs is not known."""
    if one is other or one == other:
        return one
    differ = [name for name in _MERGED if getattr(one, name) != getattr(other, name)]
    return replace(one, **dict.fromkeys(differ))
