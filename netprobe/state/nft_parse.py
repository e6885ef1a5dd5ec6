"""Parses ``nft -j list ruleset`` into a :class:`~netprobe.state.nft.NftRuleset`.

Source: libnftables-json(5); what versions write otherwise: nftables src/json.c.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from netprobe.state.issues import Issues, dict_of, int_of, load_json, text_of
from netprobe.state.nft import NftChain, NftRule, NftRuleset
from netprobe.state.nft_run import VERDICTS
from netprobe.state.nft_tables import NftSet, SetTable, Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_IPTABLES_TABLES = frozenset({"filter", "nat", "mangle", "raw", "security"})
_IPTABLES_HOOK_CHAINS = frozenset({"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"})
Table = tuple[str, str]


@cache
def parser_keeping(tables: frozenset[Table]) -> Callable[[str, Issues], NftRuleset | None]:
    """:func:`parse_nft` with these tables, one parser for each choice of them (what it made of a text is kept by parser)."""
    return partial(parse_nft, kept=tables) if tables else parse_nft


def parse_nft(text: str, issues: Issues, *, kept: frozenset[Table] = frozenset()) -> NftRuleset | None:
    """``nft -j list ruleset``. None (and an issue) when the text is not that. ``kept``: iptables' own tables that iptables cannot list."""
    if not text.strip():
        return NftRuleset()
    value = load_json(text, issues)
    items = value.get("nftables") if isinstance(value, dict) else None
    if not isinstance(items, list):
        if value is not None:
            issues.add(0, text, "no nftables list in it")
        return None
    objects = [item for item in items if isinstance(item, dict)]
    chains = [chain for item in objects if (chain := _chain(dict_of(item, "chain"))) is not None]
    owned = _owned(objects, chains) - kept
    raw = [rule for item in objects if "rule" in item and (rule := _raw_rule(dict_of(item, "rule"), owned))]
    sets = tuple(_sets(objects, raw, owned))
    rules = _rules(raw, _tables(sets), _counters(objects, raw))
    return NftRuleset(
        chains=tuple(
            replace(chain, rules=tuple(rules.get((chain.family, chain.table, chain.name), ())))
            for chain in chains
            if (chain.family, chain.table) not in owned
        ),
        sets=sets,
        misread=_misread(objects, owned),
    )


def _misread(
    objects: Iterable[dict[str, Any]], owned: set[Table]
) -> Mapping[tuple[str, str, str], Mapping[int, NftRule]]:
    """The rules in iptables' own tables that somebody wrote by nft with a set, or a range of addresses: iptables-save says nothing of those.

    Source: iptables/nft-shared.c, nft_is_expr_compatible (``lookup`` passes), nft_rule_to_iptables_command_state (and is not read).
    """
    counts: dict[tuple[str, str, str], int] = {}
    found: dict[tuple[str, str, str], dict[int, NftRule]] = {}
    for item in objects if owned else ():
        rule = dict_of(item, "rule")
        where = text_of(rule, "family"), text_of(rule, "table"), text_of(rule, "chain")
        if rule and where[:2] in owned:
            counts[where] = counts.get(where, 0) + 1
            if any(_is_left_out(each) for each in _expressions(rule)):
                found.setdefault(where, {})[counts[where]] = _rule(rule, SetTable(), {})
    return found


def _is_left_out(expression: dict[str, Any]) -> bool:
    match = dict_of(expression, "match")
    right = match.get("right")
    if isinstance(right, dict):
        port = text_of(dict_of(dict_of(match, "left"), "payload"), "field") in {"dport", "sport"}
        return "set" in right or ("range" in right and not port)
    return (isinstance(right, str) and right.startswith("@")) or "vmap" in expression


def _owned(objects: Iterable[dict[str, Any]], chains: Iterable[NftChain]) -> set[Table]:
    """iptables-nft's tables: named as iptables names them, and every base chain named as iptables names its own."""
    tables = {
        (text_of(table, "family"), text_of(table, "name")) for item in objects if (table := dict_of(item, "table"))
    }
    owned = {(family, name) for family, name in tables if family in {"ip", "ip6"} and name in _IPTABLES_TABLES}
    foreign = {
        (chain.family, chain.table) for chain in chains if chain.hook and chain.name not in _IPTABLES_HOOK_CHAINS
    }
    return owned - foreign


def _chain(item: dict[str, Any]) -> NftChain | None:
    if not text_of(item, "name"):
        return None
    device = item.get("dev")
    devices = (device,) if isinstance(device, str) else device if isinstance(device, list) else ()
    return NftChain(
        family=text_of(item, "family"),
        table=text_of(item, "table"),
        name=text_of(item, "name"),
        handle=int_of(item, "handle") or 0,
        type=text_of(item, "type"),
        hook=text_of(item, "hook"),
        prio=int_of(item, "prio") or 0,
        policy=text_of(item, "policy"),
        devices=tuple(each for each in devices if isinstance(each, str)),
    )


def _sets(objects: Iterable[dict[str, Any]], raw: Iterable[dict[str, Any]], owned: set[Table]) -> Iterator[NftSet]:
    writers: dict[tuple[str, str, str], list[Writer]] = {}
    for rule in raw:
        for name, writer in _writers(rule):
            writers.setdefault((text_of(rule, "family"), text_of(rule, "table"), name), []).append(writer)
    for item in objects:
        for word in ("set", "map"):
            body = dict_of(item, word)
            where = text_of(body, "family"), text_of(body, "table"), text_of(body, "name")
            if body and where[:2] not in owned:
                yield NftSet(
                    family=where[0],
                    table=where[1],
                    name=where[2],
                    is_map=word == "map",
                    items=body.get("elem"),
                    writers=tuple(writers.get(where, ())),
                )


def _writers(rule: dict[str, Any]) -> Iterator[tuple[str, Writer]]:
    """The sets that a rule writes, with what it asks before that."""
    expressions = _expressions(rule)
    for number, expression in enumerate(expressions):
        for word in ("set", "map"):
            body = dict_of(expression, word)
            if text_of(body, "op"):
                name = (text_of(body, "set") or text_of(body, "map")).removeprefix("@")
                yield name, Writer(op=text_of(body, "op"), expressions=expressions[:number])


def _tables(sets: Iterable[NftSet]) -> Mapping[Table, SetTable]:
    found: dict[Table, SetTable] = {}
    for each in sets:
        found.setdefault((each.family, each.table), SetTable()).sets[each.name] = each
    return found


def _counters(objects: Iterable[dict[str, Any]], raw: Iterable[dict[str, Any]]) -> Mapping[tuple[str, str, str], int]:
    """What named counters that just one rule uses have counted."""
    used: dict[tuple[str, str, str], int] = {}
    for rule in raw:
        for name in {text_of(each, "counter") for each in _expressions(rule)} - {""}:
            where = text_of(rule, "family"), text_of(rule, "table"), name
            used[where] = used.get(where, 0) + 1
    found: dict[tuple[str, str, str], int] = {}
    for body in (dict_of(item, "counter") for item in objects) if used else ():
        where = text_of(body, "family"), text_of(body, "table"), text_of(body, "name")
        packets = int_of(body, "packets")
        if used.get(where) == 1 and packets is not None:
            found[where] = packets
    return found


def _expressions(rule: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    raw = rule.get("expr")
    return tuple(each for each in raw if isinstance(each, dict)) if isinstance(raw, list) else ()


def _raw_rule(item: dict[str, Any], owned: set[Table]) -> dict[str, Any] | None:
    if not text_of(item, "chain") or (text_of(item, "family"), text_of(item, "table")) in owned:
        return None
    return item


def _rules(
    raw: Iterable[dict[str, Any]], tables: Mapping[Table, SetTable], counters: Mapping[tuple[str, str, str], int]
) -> dict[tuple[str, str, str], list[NftRule]]:
    found: dict[tuple[str, str, str], list[NftRule]] = {}
    own: dict[Table, SetTable] = dict(tables)
    for item in raw:
        where = text_of(item, "family"), text_of(item, "table")
        table = own.setdefault(where, SetTable())
        found.setdefault((*where, text_of(item, "chain")), []).append(_rule(item, table, counters))
    return found


def _rule(item: dict[str, Any], table: SetTable, counters: Mapping[tuple[str, str, str], int]) -> NftRule:
    expressions = _expressions(item)
    family, name = text_of(item, "family"), text_of(item, "table")
    verdict, target, packets = "", "", None
    for each in expressions:
        counter = each.get("counter")
        if isinstance(counter, dict):
            packets = int_of(counter, "packets")
        elif isinstance(counter, str):
            packets = counters.get((family, name, counter))
        for word in VERDICTS:
            if word in each:
                verdict, target = word, text_of(dict_of(each, word), "target")
    return NftRule(
        family=family,
        table=name,
        chain=text_of(item, "chain"),
        handle=int_of(item, "handle") or 0,
        verdict=verdict,
        target=target,
        packets=packets,
        comment=text_of(item, "comment"),
        expressions=expressions,
        sets=table,
    )
