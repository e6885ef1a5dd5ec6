"""``nft -a list ruleset``: each rule in nft's own words, by its handle; and the devices of netdev chains, which JSON of nft 1.0 leaves out.

The text may be of another moment than the JSON that it is joined with: words are taken only where they say the same as the JSON's rule.

Source: nft(8), "LIST"; nftables src/rule.c (chain_print_declaration, rule_print).
"""

from __future__ import annotations

import re
from dataclasses import field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netprobe.state.issues import Issues
    from netprobe.state.nft import NftChain, NftRule, NftRuleset

_TABLE = re.compile(r"table (\S+) (\S+) \{(?: # handle \d+)?")
_CHAIN = re.compile(r"\tchain (\S+) \{(?: # handle \d+)?")
_BASE = re.compile(r"\t\ttype \S+ hook \S+ (?:device (\S+)|devices = \{([^}]*)\}) priority ")
_RULE = re.compile(r"(.*) # handle (\d{1,18})", re.DOTALL)
_COUNTER = re.compile(r"\bcounter packets \d+ bytes \d+")
_SPACE = re.compile(r"\s*\n\s*")
_WORD = re.compile(r"[\w.:@*]+")
_VERDICTS = frozenset({"drop", "accept", "reject", "return", "jump", "goto", "queue", "masquerade"})
_MOST_LINES = 4096  # of one rule: a set that stands in it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NftWords:
    """What the text tells: words of each rule (family, table, chain, handle), and devices of each netdev chain (family, table, chain)."""

    rules: Mapping[tuple[str, str, str, int], str] = field(default_factory=dict)
    devices: Mapping[tuple[str, str, str], tuple[str, ...]] = field(default_factory=dict)


def parse_nft_text(text: str, issues: Issues) -> NftWords:  # noqa: ARG001 - every parser's form: other lines mean nothing here
    """Read the listing; a counter is shown without what it counted up to then."""
    rules: dict[tuple[str, str, str, int], str] = {}
    devices: dict[tuple[str, str, str], tuple[str, ...]] = {}
    table = ("", "")
    where: tuple[str, str, str] | None = None
    waiting: list[str] = []
    for line in text.split("\n"):
        if (found := _TABLE.fullmatch(line)) is not None:
            table, where, waiting = (found[1], found[2]), None, []
        elif (found := _CHAIN.fullmatch(line)) is not None:
            where, waiting = (*table, found[1]), []
        elif line == "\t}":
            where = None
        elif where is not None and (found := _BASE.match(line)) is not None:
            devices[where] = tuple(_names(found[1] or found[2]))
        elif where is not None and line.startswith("\t\t") and len(waiting) < _MOST_LINES:
            waiting.append(line)
            if (found := _RULE.fullmatch("\n".join(waiting))) is not None:
                rules[*where, int(found[2])] = _COUNTER.sub("counter", _SPACE.sub(" ", found[1].strip()))
                waiting = []
            elif line.startswith("\t\ttype "):
                waiting = []
    return NftWords(rules=rules, devices=devices)


def _names(text: str) -> Iterator[str]:
    for each in text.split(","):
        if each.strip():
            yield each.strip().strip('"')


@lru_cache(maxsize=16)  # before and after the probe it is the same, as a rule
def with_words(nft: NftRuleset, words: NftWords) -> NftRuleset:
    """The same rules in nft's own words, where these say the same; and the devices of chains."""
    return replace(nft, chains=tuple(_chain(each, words) for each in nft.chains))


def _chain(chain: NftChain, words: NftWords) -> NftChain:
    where = (chain.family, chain.table, chain.name)
    rules = tuple(_rule(each, words.rules.get((*where, each.handle))) for each in chain.rules)
    return replace(chain, rules=rules, devices=chain.devices or words.devices.get(where, ()))


def _rule(rule: NftRule, text: str | None) -> NftRule:
    return replace(rule, words=text) if text and says_the_same(rule, text) else rule


def says_the_same(rule: NftRule, text: str) -> bool:
    """Whether a text may be this rule's: it has its verdict, its target, and the addresses, numbers and names that it asks for."""
    bare = text.partition(' comment "')[0]
    words = set(_WORD.findall(bare))
    verdict = {rule.verdict} - {"", "continue"}
    ends = (words & _VERDICTS) - {"reject"} if rule.verdict == "reject" else words & _VERDICTS
    if (
        verdict - words
        or ({rule.target} - {"", *words})
        or (not rule.verdict and "vmap" not in words and ends & {"drop"})
    ):
        return False
    if rule.comment and rule.comment not in text:
        return False
    asked = [each for each in rule.expressions if "match" in each]
    return all(_is_in(each, words) for one in asked for each in _constants(one["match"]))


def _is_in(constant: str | int, words: set[str]) -> bool:
    if isinstance(constant, int):
        return bool({str(constant), f"{constant:#x}", f"{constant:#010x}"} & words)
    return set(_WORD.findall(constant)) <= words


def _constants(match: Any) -> Iterator[str | int]:
    """The addresses, numbers and names on the right of a comparison."""
    stack = [match.get("right")] if isinstance(match, dict) else []
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack.extend(
                each
                for key, each in value.items()
                if key in {"set", "prefix", "range", "concat", "addr", "elem", "val"}
            )
        elif isinstance(value, list):
            stack.extend(value)
        elif isinstance(value, str | int) and not isinstance(value, bool):
            yield value
