"""Reading iptables-save: line by line, each line either understood or an issue. See :mod:`netprobe.state.iptables`."""

from __future__ import annotations

import re
from dataclasses import field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from netprobe.model.rule import Program
from netprobe.state.iptables import Chain, Rule, Ruleset, split
from netprobe.state.iptables_match import FIELDS, Condition, Field
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.state.issues import Issues

_COUNTERS = re.compile(r"\[(\d{1,20}):(\d{1,20})\]\s*", re.ASCII)
_CHAIN = re.compile(r":(\S+)\s+(\S+)(?:\s+\[(\d{1,20}):(\d{1,20})\])?", re.ASCII)
_KNOWN_MATCHES = frozenset(
    [
        "tcp",
        "udp",
        "udplite",
        "sctp",
        "dccp",
        "icmp",
        "icmp6",
        "icmpv6",
        "conntrack",
        "state",
        "addrtype",
        "comment",
        "multiport",
        "mark",
        "connmark",
        "iprange",
        "ttl",
        "hl",
        "dscp",
        "tos",
        "length",
        "tcpmss",
        "physdev",
        "pkttype",
        "owner",
        "mac",
    ]
)
_RPFILTER = frozenset({"--loose", "--validmark", "--accept-local", "--invert"})
_QUALIFIED = frozenset({"mark", "connmark", "tos"})  # matches whose options others have, too
_VALUES = {
    Field.TCP_FLAGS: 2,
    Field.FRAGMENT: 0,
    Field.SOCKET_EXISTS: 0,
    Field.PHYSDEV_IS_IN: 0,
    Field.PHYSDEV_IS_OUT: 0,
    Field.PHYSDEV_IS_BRIDGED: 0,
}  # how many values an option has that has not one


class _Parts(NamedTuple):
    """What a rule's words say."""

    conditions: tuple[Condition, ...]
    unknown: tuple[str, ...]
    target: str
    goto: bool
    options: Mapping[str, str]
    comment: str


@dataclass(slots=True)
class _Draft:
    """A rule being read."""

    conditions: list[Condition] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    target: str = ""
    goto: bool = False
    options: dict[str, str] = field(default_factory=dict)
    comment: str = ""
    match: str = ""
    matches: int = 0


def parse_iptables(text: str, issues: Issues, *, program: Program = Program.IPTABLES) -> Ruleset | None:
    """The whole ruleset. None (and an issue) when the text has no table though it is not empty."""
    reader = _Reader(issues, program)
    for number, line in enumerate(text.split("\n"), 1):
        reader.line(number, line.strip("\r"))
    if (
        not reader.tables
        and text.strip()
        and not all(line.startswith("#") for line in text.split("\n") if line.strip())
    ):
        issues.add(0, text, "no table in it")
        return None
    return reader.ruleset()


class _Reader:
    """Where the reading stands: the table it is in, its chains and their rules."""

    def __init__(self, issues: Issues, program: Program) -> None:
        self.issues = issues
        self.program = program
        self.tables: dict[str, dict[str, tuple[Chain, list[Rule]]]] = {}
        self.table = ""

    def line(self, number: int, line: str) -> None:
        """One line: table, chain, rule, comment or an issue."""
        if not line or line == "COMMIT" or line.startswith("#"):
            return
        if line.startswith("*"):
            self.table = line[1:].strip()
            self.tables.setdefault(self.table, {})
        elif not self.table:
            self.issues.add(number, line, "before any *table line")
        elif line.startswith(":"):
            self._chain(number, line)
        else:
            self._rule(number, line)

    def _chain(self, number: int, line: str) -> None:
        found = _CHAIN.fullmatch(line.rstrip())
        if not found:
            self.issues.add(number, line, "not a chain line")
            return
        name, policy, packets, _ = found.groups()
        chain = Chain(
            table=self.table,
            name=name,
            policy="" if policy == "-" else policy,
            policy_packets=int(packets) if packets is not None and policy != "-" else None,
            program=self.program,
        )
        self.tables[self.table].setdefault(name, (chain, []))

    def _rule(self, number: int, line: str) -> None:
        counters = _COUNTERS.match(line)
        text = line[counters.end() :] if counters else line
        words = split(text)
        if words is None:  # it still has its number in the chain, so it stays, as a rule that cannot be read
            self.issues.add(number, line, "a quote is not closed")
            words = (*text.split()[:2], "unreadable")
        if len(words) < 2 or words[0] != "-A":
            self.issues.add(number, line, "not a rule line")
            return
        chain = Chain(table=self.table, name=words[1], program=self.program)
        rules = self.tables[self.table].setdefault(words[1], (chain, []))[1]
        parts = _read(words[2:])
        rules.append(
            Rule(
                table=self.table,
                chain=words[1],
                number=len(rules) + 1,
                text=text.strip(),
                packets=int(counters[1]) if counters else None,
                bytes=int(counters[2]) if counters else None,
                conditions=parts.conditions,
                unknown=parts.unknown,
                target=parts.target,
                goto=parts.goto,
                options=parts.options,
                comment=parts.comment,
                program=self.program,
            )
        )

    def ruleset(self) -> Ruleset:
        """What was read."""
        tables = {
            table: {name: replace(chain, rules=tuple(rules)) for name, (chain, rules) in chains.items()}
            for table, chains in self.tables.items()
        }
        return Ruleset(program=self.program, tables=tables)


@lru_cache(maxsize=1 << 16)
def _read(words: tuple[str, ...]) -> _Parts:
    """The words after ``-A CHAIN``: option by option, an option's value being what follows up to the next option.

    Remembered: after the probe most rules are as before but for their counters.
    """
    draft = _Draft()
    at, negated = 0, False
    while at < len(words):
        word = words[at]
        at += 1
        if word == "!":
            negated = True
            continue
        end = at
        while end < len(words) and not (words[end].startswith("-") and len(words[end]) > 1) and words[end] != "!":
            end += 1
        if word == "--comment" and at < len(words):  # a comment may look like anything
            end = at + 1
        _option(draft, word, words[at:end], negated=negated)
        at, negated = end, False
    return _Parts(
        conditions=tuple(draft.conditions),
        unknown=tuple(dict.fromkeys(draft.unknown)),
        target=draft.target,
        goto=draft.goto,
        options=draft.options,
        comment=draft.comment,
    )


def _option(draft: _Draft, word: str, values: tuple[str, ...], *, negated: bool) -> None:
    value = " ".join(values)
    if draft.target:
        draft.options[word] = value
    elif word in {"-j", "-g"}:
        draft.target, draft.goto = value, word == "-g"
    elif word == "-m":
        _match(draft, value)
    elif word == "--comment":
        draft.comment = value
    elif draft.match == "rpfilter" and word in _RPFILTER:
        draft.conditions[-1] = replace(draft.conditions[-1], value=f"{draft.conditions[-1].value} {word}".lstrip())
    elif word in {"--limit-iface-in", "--limit-iface-out"}:
        draft.conditions = [_limited(each, word) for each in draft.conditions]
    elif draft.match and draft.match not in _KNOWN_MATCHES and not word.startswith(("-s", "-d", "-i", "-o", "-p")):
        draft.unknown.append(word)  # of a match that is unknown as a whole
    else:
        field = FIELDS.get(f"{draft.match} {word}" if draft.match in _QUALIFIED else word)
        if field is None or len(values) != _VALUES.get(field, 1):
            draft.unknown.append(word)
            return
        draft.conditions.append(Condition(field=field, value=value, negated=negated, match=draft.matches))


def _match(draft: _Draft, name: str) -> None:
    """``-m NAME``: the options that follow are its own."""
    draft.match, draft.matches = name, draft.matches + 1
    if name == "rpfilter":
        draft.conditions.append(Condition(field=Field.RPFILTER, value="", match=draft.matches))
    elif name not in _KNOWN_MATCHES:
        draft.unknown.append(name)


def _limited(condition: Condition, word: str) -> Condition:
    """An address type's test, for one interface."""
    kinds = {Field.SRC_TYPE, Field.DST_TYPE}
    return replace(condition, field=Field(f"{word} {condition.field}")) if condition.field in kinds else condition
