"""iptables rules with their counters, from ``iptables-save -c`` of both backends, and what a probe hit.

A rule's text (``-A DOCKER … -j DNAT …``, without counters) is its identity: rules are compared across two moments by
text and occurrence, never by number, because an inserted rule moves all the others.

Source: iptables/iptables-save.c, libxtables xtables_save_string (quoting), extensions/libxt_*.c (options).
"""

from __future__ import annotations

import re
from dataclasses import field
from functools import lru_cache
from typing import TYPE_CHECKING

from netprobe.model.rule import Program, RuleRef
from netprobe.state.address import same
from netprobe.state.iptables_fields import NEEDS_CONNECTION, Field
from netprobe.state.packet import PacketTuple, all_of
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netprobe.model.remedy import Argv
    from netprobe.state.iptables_match import Condition
    from netprobe.state.nft import NftRule

TABLE_ORDER = ("raw", "mangle", "nat", "filter", "security")  # the order of the hooks' priorities (netfilter_ipv4.h)


UNLISTED = frozenset(
    {
        "limit",
        "hashlimit",
        "dstlimit",
        "recent",
        "connlimit",
        "quota",
        "statistic",
        "set",
        "time",
        "random",
        "nfacct",
        "connbytes",
        "rateest",
    }
)
"""Matches that are decided by a state that no listing shows, or by the clock."""


QUEUES = frozenset({"NFQUEUE", "QUEUE"})


def _named(matches: list[str]) -> str:
    return ", ".join(f"-m {each}" for each in matches)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule.

    Attributes:
        table, chain, number: where it stands; numbers count from 1 as ``iptables -L --line-numbers`` does.
        text: ``-A DOCKER …`` exactly as saved, without counters.
        packets, bytes: its counters; None when the text has none.
        conditions: the tests that are understood.
        unknown: match extensions and options that are not (``limit``, ``set`` …): with one, a match is never certain.
        target: ``DNAT``, ``DROP``, a chain's name …; ``""`` for a rule that only counts.
        goto: ``-g`` instead of ``-j``.
        options: the target's own options: ``{"--to-destination": "172.17.0.2:80"}``.
        comment: its ``--comment``.
        program: the family and backend: ``iptables``, ``ip6tables``, ``iptables-legacy``, ``ip6tables-legacy``.
        nft: the rule as nft lists it, where iptables leaves out a part of it (a set): that decides, not the text.
    """

    table: str
    chain: str
    number: int
    text: str
    packets: int | None = None
    bytes: int | None = None
    conditions: tuple[Condition, ...] = ()
    unknown: tuple[str, ...] = ()
    target: str = ""
    goto: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    comment: str = ""
    program: Program = Program.IPTABLES
    nft: NftRule | None = None

    @property
    def ref(self) -> RuleRef:
        """Which rule it is."""
        return RuleRef(
            program=self.program,
            table=self.table,
            chain=self.chain,
            number=self.number,
            text=self.text,
            verdict=self.target,
        )

    def get(self, what: Field) -> Condition | None:
        """Its first test of that field, None when it has none."""
        return next((each for each in self.conditions if each.field is what), None)

    def matches(self, packet: PacketTuple) -> bool | None:
        """Whether the packet meets every test; None when that cannot be known from what the packet or the text tells."""
        if self.nft is not None:
            return self.nft.matches(packet)
        tests = self.conditions
        if (
            packet.tracked is False and not packet.templated
        ):  # where a match asks for the state, its other tests are not made then (xt_conntrack.c)
            by_state = {each.match for each in tests if each.field is Field.CTSTATE}
            tests = tuple(each for each in tests if each.match not in by_state or each.field not in NEEDS_CONNECTION)
        known = all_of(each.holds(packet) for each in tests)
        return known if known is False or not self.unknown else None

    def doubtful(self, packet: PacketTuple) -> str:
        """What of it does not tell whether the packet matches, in one phrase: ``-m recent is decided by what no listing shows``."""
        if self.nft is not None:
            return f"whether it meets what nft lists is not known: {self.nft.text}"
        hidden = [each for each in self.unknown if each in UNLISTED]
        strange = [each for each in self.unknown if each not in UNLISTED and not each.startswith("--")]
        tests = [each for each in self.conditions if each.holds(packet) is None]
        told = "".join(f"{'! ' if each.negated else ''}{each.field} {each.value}, " for each in tests).rstrip(", ")
        phrases = (
            f"{_named(hidden)} is decided by what no listing shows" if hidden else "",
            f"{_named(strange) if strange else ' '.join(self.unknown)} is not understood"
            if self.unknown and not hidden
            else "",
            f"whether {told} holds is not known" if told else "",
        )
        queued = f"a program in user space decides (-j {self.target})" if self.target in QUEUES else ""
        return " and ".join(filter(None, phrases)) or queued or f"-j {self.target} is not understood"

    @property
    def destination(self) -> tuple[str, int | None] | None:
        """Where a DNAT rule sends to (a port range gives its first port); None for others."""
        text = self.options.get("--to-destination")
        return _host_port(text) if self.target == "DNAT" and text else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One chain. ``policy`` is ``""`` for a user-defined one."""

    table: str
    name: str
    policy: str = ""
    policy_packets: int | None = None
    rules: tuple[Rule, ...] = ()
    program: Program = Program.IPTABLES

    @property
    def ref(self) -> RuleRef:
        """Which policy it has."""
        text = f"-P {self.name} {self.policy}"
        return RuleRef(
            program=self.program, table=self.table, chain=self.name, policy=True, text=text, verdict=self.policy
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ruleset:
    """One backend's tables: table -> chain -> :class:`Chain`. Equal to itself alone, so that what is asked of it can be remembered.

    ``nf_tables``: it is the nf_tables backend, as the listing says of itself. ``unlisted``: tables that hold rules which nft wrote and iptables cannot
    show (a set, a verdict map): of those nothing is listed here.
    """

    program: Program = Program.IPTABLES
    nf_tables: bool = False
    unlisted: frozenset[str] = frozenset()
    tables: Mapping[str, Mapping[str, Chain]] = field(default_factory=dict)

    def chain(self, table: str, name: str) -> Chain | None:
        """One chain, None when it is not there."""
        return self.tables.get(table, {}).get(name)

    def chains(self) -> Iterator[Chain]:
        """All chains, tables in the order a packet meets them."""
        known = [table for table in TABLE_ORDER if table in self.tables]
        for table in [*known, *(table for table in self.tables if table not in TABLE_ORDER)]:
            yield from self.tables[table].values()

    def rules(self) -> Iterator[Rule]:
        """All rules, in the order of :meth:`chains`."""
        for chain in self.chains():
            yield from chain.rules


@lru_cache(maxsize=64)
def asks(ruleset: Ruleset, what: Field) -> bool:
    """Whether some rule has a test of that field."""
    return any(rule.get(what) is not None for rule in ruleset.rules())


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A rule, or the policy of a chain, that counted packets between two moments. For a policy ``rule`` is None."""

    chain: Chain
    rule: Rule | None
    before: int = 0
    after: int = 0

    @property
    def ref(self) -> RuleRef:
        """What counted."""
        return self.rule.ref if self.rule else self.chain.ref

    @property
    def delta(self) -> int:
        """How many packets it counted."""
        return self.after - self.before


@lru_cache(maxsize=8)
def hits(before: Ruleset | None, after: Ruleset | None) -> tuple[Hit, ...]:
    """What counted between two moments; empty when either is unknown (ask for that first).

    A rule that is new, or whose counter went back (it was deleted and added again, or zeroed), counts from 0.
    """
    if before is None or after is None:
        return ()
    old = dict(_occurrences(before))
    found: list[Hit] = []
    new = {id(rule): key for key, rule in _occurrences(after)}
    for chain in after.chains():
        for rule in chain.rules:
            earlier = old.get(new[id(rule)])
            found.extend(_hit(chain, rule, earlier.packets if earlier else 0, rule.packets))
        was = before.chain(chain.table, chain.name)
        found.extend(_hit(chain, None, was.policy_packets if was else 0, chain.policy_packets))
    return tuple(found)


def _hit(chain: Chain, rule: Rule | None, before: int | None, after: int | None) -> Iterator[Hit]:
    if after is None or before is None:
        return
    start = before if before <= after else 0
    if after > start:
        yield Hit(chain=chain, rule=rule, before=start, after=after)


def _occurrences(ruleset: Ruleset) -> Iterator[tuple[tuple[str, str, int], Rule]]:
    for chain in ruleset.chains():
        seen: dict[str, int] = {}
        for rule in chain.rules:
            seen[rule.text] = seen.get(rule.text, 0) + 1
            yield (chain.table, rule.text, seen[rule.text]), rule


def find_dnat_to(ruleset: Ruleset, address: str, port: int, proto: str) -> tuple[Rule, ...]:
    """The DNAT rules that send to this container address and port, whatever was dialled."""
    packet = PacketTuple(proto=proto)
    found = []
    for chain in ruleset.tables.get("nat", {}).values():
        for rule in chain.rules:
            to = rule.destination
            if to and same(to[0], address) and to[1] in {port, None} and rule.matches(packet) is not False:
                found.append(rule)
    return tuple(found)


def delete_argv(rule: Rule) -> Argv:
    """The argv that deletes exactly this rule (its first copy, if it is there twice)."""
    words = split(rule.text) or ()
    table = () if rule.table == "filter" else ("-t", rule.table)
    return (rule.program, *table, "-D", *words[1:])


def policy_argv(chain: Chain, policy: str = "ACCEPT") -> Argv:
    """The argv that sets a chain's policy."""
    table = () if chain.table == "filter" else ("-t", chain.table)
    return (chain.program, *table, "-P", chain.name, policy)


_WORD = re.compile(r'"((?:\\.|[^"\\])*)"(?=\s|$)|([^\s"]\S*)|(\S+)')
_ESCAPED = re.compile(r"\\(.)")


def split(text: str) -> tuple[str, ...] | None:
    """Words as iptables-save quotes them; None when a quote is not closed."""
    if '"' not in text:
        return tuple(text.split())
    words = []
    for quoted, plain, broken in _WORD.findall(text):
        if broken:
            return None
        words.append(plain or _ESCAPED.sub(r"\1", quoted))
    return tuple(words)


def _host_port(text: str) -> tuple[str, int | None]:
    """``172.17.0.2:80``, ``[fd00::2]:80-90``, ``172.17.0.2``, ``:53``."""
    first = text.split(",", 1)[0]
    host, port = first, ""
    if first.startswith("["):
        host, _, rest = first[1:].partition("]")
        port = rest.removeprefix(":")
    elif first.count(":") == 1:
        host, _, port = first.partition(":")
    digits = re.match(r"\d{1,5}", port, re.ASCII)
    return host.split("-", 1)[0], int(digits[0]) if digits else None
