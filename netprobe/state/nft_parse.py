"""Parses ``nft -j list ruleset`` into a :class:`~netprobe.state.nft.NftRuleset`; rules in nft's own words.

Source: libnftables-json(5).
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netprobe.state.issues import Issues, dict_of, int_of, load_json, text_of
from netprobe.state.nft import VERDICTS, NftChain, NftMap, NftRule, NftRuleset
from netprobe.state.nft_match import fib_flags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_IPTABLES_TABLES = frozenset({"filter", "nat", "mangle", "raw", "security"})
_IPTABLES_HOOK_CHAINS = frozenset({"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"})
_DEPTH = 24  # nesting of an expression that is still shown


def parse_nft(text: str, issues: Issues) -> NftRuleset | None:
    """``nft -j list ruleset``. None (and an issue) when the text is not that."""
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
    owned = _owned(objects, chains)
    rules: dict[tuple[str, str, str], list[NftRule]] = {}
    for item in objects:
        rule = _rule(dict_of(item, "rule"), owned)
        if rule is not None:
            rules.setdefault((rule.family, rule.table, rule.chain), []).append(rule)
    return NftRuleset(
        chains=tuple(
            replace(chain, rules=tuple(rules.get((chain.family, chain.table, chain.name), ())))
            for chain in chains
            if (chain.family, chain.table) not in owned
        ),
        maps=tuple(found for item in objects if (found := _map(dict_of(item, "map"))) is not None),
    )


def _owned(objects: Iterable[dict[str, Any]], chains: Iterable[NftChain]) -> set[tuple[str, str]]:
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


def _map(item: dict[str, Any]) -> NftMap | None:
    """A verdict map with plain keys; None for any other."""
    elements = item.get("elem", [])
    if item.get("map") != "verdict" or not isinstance(elements, list):
        return None
    found: dict[str, tuple[str, str]] = {}
    for each in elements:
        key, verdict = each if isinstance(each, list) and len(each) == 2 else (None, None)
        names = [name for name in VERDICTS if isinstance(verdict, dict) and name in verdict]
        if not isinstance(key, str | int) or not isinstance(verdict, dict) or not names:
            return None
        found[str(key)] = (names[0], text_of(dict_of(verdict, names[0]), "target"))
    return NftMap(
        family=text_of(item, "family"), table=text_of(item, "table"), name=text_of(item, "name"), elements=found
    )


def _rule(item: dict[str, Any], owned: set[tuple[str, str]]) -> NftRule | None:
    family, table, chain = text_of(item, "family"), text_of(item, "table"), text_of(item, "chain")
    if not chain or (family, table) in owned:
        return None
    raw = item.get("expr")
    expressions = tuple(each for each in raw if isinstance(each, dict)) if isinstance(raw, list) else ()
    verdict, target, packets = "", "", None
    for each in expressions:
        if isinstance(each.get("counter"), dict):
            packets = int_of(each["counter"], "packets")
        for name in VERDICTS:
            if name in each:
                verdict, target = name, text_of(dict_of(each, name), "target")
    return NftRule(
        family=family,
        table=table,
        chain=chain,
        handle=int_of(item, "handle") or 0,
        text=" ".join(filter(None, (show(each) for each in expressions))),
        verdict=verdict,
        target=target,
        packets=packets,
        comment=text_of(item, "comment"),
        expressions=expressions,
    )


def show(value: Any, depth: int = 0) -> str:
    """An expression in nft's own words, as near as needed to recognise it; JSON where no words are known."""
    if depth > _DEPTH:
        return "…"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list):
        return "{ " + ", ".join(show(each, depth + 1) for each in value) + " }"
    if not isinstance(value, dict) or len(value) != 1:
        return json.dumps(value, sort_keys=True)
    ((name, body),) = value.items()
    shown = _SHOW.get(name)
    if shown is not None and isinstance(body, dict):
        return shown(body, depth + 1)
    if name == "set" and isinstance(body, list):
        return show(body, depth + 1)
    if name == "range" and isinstance(body, list):
        return "-".join(show(each, depth + 1) for each in body)
    if body is None:
        return str(name)
    return f"{name} {json.dumps(body, sort_keys=True) if isinstance(body, dict) else show(body, depth + 1)}"


def _show_match(body: dict[str, Any], depth: int) -> str:
    op = text_of(body, "op")
    middle = "" if op in {"==", "in", ""} else f"{op} "
    return f"{show(body.get('left'), depth)} {middle}{show(body.get('right'), depth)}"


def _colon(port: Any, depth: int) -> str:
    return "" if port is None else f":{show(port, depth)}"


_SHOW: dict[str, Callable[[dict[str, Any], int], str]] = {
    "match": _show_match,
    "payload": lambda body, _: f"{text_of(body, 'protocol')} {text_of(body, 'field')}".strip(),
    "meta": lambda body, _: (
        f"meta {text_of(body, 'key')}" if text_of(body, "key") == "l4proto" else text_of(body, "key")
    ),
    "ct": lambda body, _: f"ct {text_of(body, 'key')}",
    "fib": lambda body, _: f"fib {' '.join(fib_flags(body))} {text_of(body, 'result')}",
    "vmap": lambda body, depth: f"{show(body.get('key'), depth)} vmap {show(body.get('data'), depth)}",
    "dnat": lambda body, depth: f"dnat to {show(body.get('addr'), depth)}{_colon(body.get('port'), depth)}",
    "prefix": lambda body, depth: f"{show(body.get('addr'), depth)}/{show(body.get('len'), depth)}",
    "counter": lambda body, _: f"counter packets {body.get('packets')} bytes {body.get('bytes')}",
    "jump": lambda body, _: f"jump {text_of(body, 'target')}",
    "goto": lambda body, _: f"goto {text_of(body, 'target')}",
    "reject": lambda body, _: " ".join(filter(None, ("reject with", text_of(body, "type"), text_of(body, "expr")))),
}
