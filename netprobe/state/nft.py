"""nftables rules outside iptables' own tables, from ``nft -j list ruleset``: what else may drop a packet.

Parsed by :mod:`netprobe.state.nft_parse`; :mod:`netprobe.state.nft_run` holds a rule against a packet. The tables that iptables-nft
owns are left out: :mod:`netprobe.state.iptables` reads those, with match extensions that nft's JSON does not show. Docker's own nftables
backend (Engine 29, tables ``docker-bridges``) is kept.

Source: libnftables-json(5).
"""

from __future__ import annotations

from dataclasses import field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from netprobe.model.rule import Program, RuleRef, SetElement
from netprobe.state.address import same
from netprobe.state.nft_found import elements_met
from netprobe.state.nft_run import Outcome, run
from netprobe.state.nft_show import show
from netprobe.state.nft_tables import SetTable
from netprobe.state.nft_value import Context, Facts, NoFacts, version_of
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netprobe.model.remedy import Argv
    from netprobe.state.nft_tables import NftSet
    from netprobe.state.packet import PacketTuple

TERMINAL = ("drop", "reject")
_WITH_ARP = frozenset({"arp", "netdev", "bridge"})
_MOST_SHOWN = 2000  # characters of a rule: a set that stands in it may be long


@dataclass(frozen=True, kw_only=True, eq=False)
class NftRule:
    """One rule.

    Attributes:
        family, table, chain, handle: where it stands (``nft delete rule FAMILY TABLE CHAIN handle N``).
        words: the rule in nft's own words, ``""`` where they were not collected.
        verdict: ``drop`` ``reject`` ``accept`` ``jump`` …, ``""`` for none, or where a verdict map has it.
        target: the chain that a jump or goto names, else ``""``.
        packets: its counter, None when it has none (of its own).
        comment: its comment.
        expressions: the JSON expressions.
        sets: those of its table.
    """

    family: str
    table: str
    chain: str
    handle: int
    words: str = ""
    verdict: str = ""
    target: str = ""
    packets: int | None = None
    comment: str = ""
    expressions: tuple[Any, ...] = ()
    sets: SetTable = field(default_factory=SetTable, repr=False)

    @cached_property
    def text(self) -> str:
        """The rule in nft's own words; as near as the JSON tells them where they were not collected. Of a very long one, its begin."""
        text = self.words or " ".join(filter(None, map(_shown, self.expressions)))
        return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]} …"

    def meet(self, packet: PacketTuple, hook: str = "", facts: Facts | None = None) -> Outcome:
        """What it does with a packet."""
        return run(self.expressions, self.context(packet, hook, facts))

    def context(self, packet: PacketTuple, hook: str = "", facts: Facts | None = None) -> Context:
        """Where it meets a packet."""
        return Context(packet=packet, family=self.family, hook=hook, facts=facts or NoFacts(), table=self.sets)

    def matches(self, packet: PacketTuple) -> bool | None:
        """Whether the packet meets every match; None when a match is not understood or the packet does not tell."""
        if other_version(self.family, packet):
            return False
        outcome = self.meet(packet)
        return (None if outcome.doubt else True) if outcome.matched else False

    @cached_property
    def ref(self) -> RuleRef:
        """Which rule it is."""
        return RuleRef(
            program=Program.NFT,
            family=self.family,
            table=self.table,
            chain=self.chain,
            handle=self.handle,
            text=self.text,
            verdict=self.verdict,
        )

    def ref_for(self, packet: PacketTuple) -> RuleRef:
        """Which rule it is, with the elements of sets by which this packet meets it."""
        met = tuple(
            SetElement(family=self.family, table=self.table, name=name, element=element)
            for name, element in elements_met(self.expressions, self.context(packet))
        )
        return replace(self.ref, elements=met) if met else self.ref

    @property
    def delete_argv(self) -> Argv:
        """The argv that deletes it."""
        return ("nft", "delete", "rule", self.family, self.table, self.chain, "handle", str(self.handle))


def _shown(expression: Any) -> str:
    try:
        return show(expression)
    except RecursionError:
        return "…"


def other_version(family: str, packet: PacketTuple) -> bool:
    """Whether a packet of the other IP version never comes to such a table."""
    version = version_of(packet)
    return version is not None and {"ip": 4, "ip6": 6}.get(family, version) != version


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NftChain:
    """One chain; ``hook`` is ``""`` for one that is only jumped to.

    Attributes:
        family, table, name, handle: where it stands.
        type: ``filter`` ``nat`` ``route``. hook: ``forward`` … prio: its priority there. policy: ``accept`` ``drop``.
        devices: of a netdev chain; empty where the version of nft does not tell them.
        rules: in order.
    """

    family: str
    table: str
    name: str
    handle: int = 0
    type: str = ""
    hook: str = ""
    prio: int = 0
    policy: str = ""
    devices: tuple[str, ...] = ()
    rules: tuple[NftRule, ...] = ()

    @property
    def accept_argv(self) -> Argv:
        """The argv that has its policy accept."""
        return ("nft", "chain", self.family, self.table, self.name, "{ policy accept; }")

    @property
    def ref(self) -> RuleRef:
        """Which policy it has."""
        return RuleRef(
            program=Program.NFT,
            family=self.family,
            table=self.table,
            chain=self.name,
            policy=True,
            text=f"policy {self.policy}",
            verdict=self.policy,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class NftRuleset:
    """All chains (and sets and maps) that are not iptables' own; ``misread``: of its own, the rules (by chain and number, from 1) that iptables lists only in part."""

    chains: tuple[NftChain, ...] = ()
    sets: tuple[NftSet, ...] = ()
    misread: Mapping[tuple[str, str, str], Mapping[int, NftRule]] = field(default_factory=dict)

    @cached_property
    def by_name(self) -> Mapping[tuple[str, str, str], NftChain]:
        """(family, table, name) -> chain."""
        return {(each.family, each.table, each.name): each for each in self.chains}

    @cached_property
    def meets_arp(self) -> bool:
        """Whether there is a base chain that ARP passes (of family arp, netdev or bridge), and that is not empty."""
        chains = (each for each in self.chains if each.hook and each.family in _WITH_ARP)
        return any(each.rules or each.policy == "drop" for each in chains)

    @cached_property
    def size(self) -> int:
        """How many rules there are."""
        return sum(len(each.rules) for each in self.chains)

    def may_dnat_to(self, address: str, port: int) -> bool:
        """Whether a rule sends to this address and port, or to what its text alone does not tell (a map)."""
        bodies = [each["dnat"] for rule in self.rules() for each in rule.expressions if "dnat" in each]
        plain = [each for each in bodies if isinstance(each, dict) and isinstance(each.get("addr"), str)]
        return len(plain) < len(bodies) or any(
            same(each["addr"], address) and each.get("port") in {port, None} for each in plain
        )

    def base(self, hook: str, *families: str) -> tuple[NftChain, ...]:
        """The base chains at a hook (of these families, or any), in the order of their priority.

        Of two with the same priority the kernel runs the one that was registered last first, and no listing shows which that is.
        """
        found = [each for each in self.chains if each.hook == hook and (not families or each.family in families)]
        return tuple(sorted(found, key=lambda chain: chain.prio))

    def rules(self) -> Iterator[NftRule]:
        """All rules."""
        for chain in self.chains:
            yield from chain.rules

    @cached_property
    def by_ref(self) -> Mapping[RuleRef, NftRule]:
        """Each rule by what names it."""
        return {each.ref: each for each in self.rules()}

    def reachable(self, chain: NftChain) -> tuple[NftRule, ...]:
        """Its rules, with those of the chains that it jumps to after each jump; every chain once."""
        seen: set[str] = set()
        stack, found = list(reversed(chain.rules)), []
        while stack:
            rule = stack.pop()
            found.append(rule)
            for name in (rule.target, *_targets(rule)):
                target = self.by_name.get((rule.family, rule.table, name))
                if target is not None and target.name not in seen:
                    seen.add(target.name)
                    stack.extend(reversed(target.rules))
        return tuple(found)

    def stopping(self, hook: str, packet: PacketTuple) -> tuple[NftRule | NftChain, ...]:
        """What could drop or reject this packet at a hook: rules that do not surely miss it, and dropping policies."""
        found: list[NftRule | NftChain] = []
        for chain in self.base(hook):
            if other_version(chain.family, packet):
                continue
            rules = self.reachable(chain)
            found.extend(rule for rule in rules if may_drop(rule) and rule.matches(packet) is not False)
            if chain.policy == "drop":
                found.append(chain)
        return tuple(found)


def may_drop(rule: NftRule) -> bool:
    """Whether a rule's verdict, or one of its verdict map, ends the packet."""
    return rule.verdict in TERMINAL or any("drop" in each for each in _map_verdicts(rule))


def _targets(rule: NftRule) -> Iterator[str]:
    """The chains that a rule's verdict map can lead to."""
    for verdict in _map_verdicts(rule):
        for way in ("jump", "goto"):
            target = verdict.get(way)
            if isinstance(target, dict) and isinstance(target.get("target"), str):
                yield target["target"]


def _map_verdicts(rule: NftRule) -> Iterator[Mapping[str, Any]]:
    """The verdicts of a rule's verdict map."""
    for body in (each.get("vmap") for each in rule.expressions):
        data = body.get("data") if isinstance(body, dict) else None
        if isinstance(data, str):
            named = rule.sets.sets.get(data.removeprefix("@"))
            data = named.items if named is not None else None
        items = data.get("set") if isinstance(data, dict) else data
        for each in items if isinstance(items, list) else ():
            if isinstance(each, list) and len(each) == 2 and isinstance(each[1], dict):
                yield each[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class NftHit:
    """A rule whose counter rose between two moments."""

    rule: NftRule
    before: int = 0
    after: int = 0

    @property
    def delta(self) -> int:
        """How many packets it counted."""
        return self.after - self.before


def nft_hits(before: NftRuleset | None, after: NftRuleset | None) -> tuple[NftHit, ...]:
    """Rules that counted packets between two moments, told apart by handle. Rules without counter cannot be told."""
    if before is None or after is None:
        return ()
    old = {(rule.family, rule.table, rule.chain, rule.handle): rule.packets or 0 for rule in before.rules()}
    found = []
    for rule in after.rules():
        was = old.get((rule.family, rule.table, rule.chain, rule.handle), 0)
        now = rule.packets or 0
        was = was if was <= now else 0
        if now > was:
            found.append(NftHit(rule=rule, before=was, after=now))
    return tuple(found)
