"""nftables rules outside iptables' own tables, from ``nft -j list ruleset``: what else may drop a packet.

Parsed by :mod:`netprobe.state.nft_parse`; :mod:`netprobe.state.nft_match` holds expressions against a packet. The tables that iptables-nft
owns are left out: :mod:`netprobe.state.iptables` reads those, with match extensions that nft's JSON does not show. Docker's own nftables
backend (Engine 29, tables ``docker-bridges``) is kept.

Source: libnftables-json(5).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netprobe.model.rule import Program, RuleRef
from netprobe.state.address import same
from netprobe.state.issues import dict_of, text_of
from netprobe.state.nft_match import holds, other_version, value_of
from netprobe.state.packet import PacketTuple, all_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netprobe.model.remedy import Argv

VERDICTS = ("drop", "reject", "accept", "queue", "return", "jump", "goto")
TERMINAL = ("drop", "reject")


@dataclass(frozen=True, slots=True, kw_only=True)
class NftRule:
    """One rule.

    Attributes:
        family, table, chain, handle: where it stands (``nft delete rule FAMILY TABLE CHAIN handle N``).
        text: the rule in nft's own words, as near as the JSON tells them.
        verdict: ``drop`` ``reject`` ``accept`` ``jump`` …, ``""`` for none.
        target: the chain that a jump or goto names, else ``""``.
        packets: its counter, None when it has none.
        comment: its comment.
        expressions: the JSON expressions, for :meth:`matches`.
    """

    family: str
    table: str
    chain: str
    handle: int
    text: str = ""
    verdict: str = ""
    target: str = ""
    packets: int | None = None
    comment: str = ""
    expressions: tuple[Any, ...] = ()

    def matches(self, packet: PacketTuple) -> bool | None:
        """Whether the packet meets every match; None when a match is not understood or the packet does not tell."""
        if other_version(self.family, packet):
            return False
        return all_of(holds(each, packet) for each in self.expressions)

    @property
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

    @property
    def delete_argv(self) -> Argv:
        """The argv that deletes it."""
        return ("nft", "delete", "rule", self.family, self.table, self.chain, "handle", str(self.handle))


@dataclass(frozen=True, slots=True, kw_only=True)
class NftChain:
    """One chain; ``hook`` is ``""`` for one that is only jumped to. ``devices``: of a netdev chain."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class NftMap:
    """A named verdict map: what its rules look up, to the verdict and the chain that a jump or goto names."""

    family: str
    table: str
    name: str
    elements: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NftRuleset:
    """All chains (and verdict maps) that are not iptables' own."""

    chains: tuple[NftChain, ...] = ()
    maps: tuple[NftMap, ...] = ()

    def looked_up(self, rule: NftRule, packet: PacketTuple) -> tuple[str, str] | None:
        """The verdict and target that a rule's verdict map has for this packet: ``("", "")`` when it has none; None when that is unknown."""
        body = next((each["vmap"] for each in rule.expressions if "vmap" in each), None)
        key = value_of(dict_of(body, "key"), packet) if isinstance(body, dict) else None
        name = body.get("data") if isinstance(body, dict) else None
        if key is None or not isinstance(name, str):
            return None
        wanted = (rule.family, rule.table, name.removeprefix("@"))
        found = next((each for each in self.maps if (each.family, each.table, each.name) == wanted), None)
        return found.elements.get(str(key), ("", "")) if found else None

    def may_dnat_to(self, address: str, port: int) -> bool:
        """Whether a rule sends to this address and port, or to what its text alone does not tell (a map)."""
        bodies = [each["dnat"] for rule in self.rules() for each in rule.expressions if "dnat" in each]
        plain = [each for each in bodies if isinstance(each, dict) and isinstance(each.get("addr"), str)]
        return len(plain) < len(bodies) or any(
            same(each["addr"], address) and each.get("port") in {port, None} for each in plain
        )

    def base(self, hook: str, *families: str) -> tuple[NftChain, ...]:
        """The base chains at a hook (of these families, or any), in the order of their priority."""
        found = [each for each in self.chains if each.hook == hook and (not families or each.family in families)]
        return tuple(sorted(found, key=lambda chain: chain.prio))

    def rules(self) -> Iterator[NftRule]:
        """All rules."""
        for chain in self.chains:
            yield from chain.rules

    def reachable(self, chain: NftChain) -> tuple[NftRule, ...]:
        """Its rules, with those of the chains that it jumps to after each jump; every chain once."""
        by_name = {(each.family, each.table, each.name): each for each in self.chains}
        seen: set[str] = set()
        stack, found = list(reversed(chain.rules)), []
        while stack:
            rule = stack.pop()
            found.append(rule)
            for name in (rule.target, *self._targets(rule)):
                target = by_name.get((rule.family, rule.table, name))
                if target is not None and target.name not in seen:
                    seen.add(target.name)
                    stack.extend(reversed(target.rules))
        return tuple(found)

    def _targets(self, rule: NftRule) -> Iterator[str]:
        """The chains that a rule's verdict map can lead to."""
        for body in (each.get("vmap") for each in rule.expressions):
            name = text_of(body, "data").removeprefix("@") if isinstance(body, dict) else ""
            for each in self.maps:
                if name and (each.family, each.table, each.name) == (rule.family, rule.table, name):
                    yield from (target for _, target in each.elements.values())

    def stopping(self, hook: str, packet: PacketTuple) -> tuple[NftRule | NftChain, ...]:
        """What could drop or reject this packet at a hook: rules that do not surely miss it, and dropping policies."""
        found: list[NftRule | NftChain] = []
        for chain in self.base(hook):
            if other_version(chain.family, packet):
                continue
            rules = self.reachable(chain)
            found.extend(rule for rule in rules if rule.verdict in TERMINAL and rule.matches(packet) is not False)
            if chain.policy == "drop":
                found.append(chain)
        return tuple(found)


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
