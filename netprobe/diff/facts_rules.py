"""Firewall rules as ordered lists, a chain each, and what nftables' sets hold."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from netprobe.diff.model import Fact, FactKind
from netprobe.state.engine import EMBEDDED_DNS
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.diff.roles import Roles
    from netprobe.evidence.model import Place
    from netprobe.model.rule import RuleRef
    from netprobe.state.iptables import Ruleset
    from netprobe.state.namespace import Namespace
    from netprobe.state.nft import NftRuleset

_SHOWN_ELEMENT: Final = 120  # characters of a set's element
_SERVERS: Final = "|".join(re.escape(each) for each in sorted(EMBEDDED_DNS))
#: The embedded DNS server's own ports, which are others each time it starts.
_EMBEDDED_PORT: Final = re.compile(rf"(?<=--to-destination )({_SERVERS}):\d+|(?<=-s )({_SERVERS})(/32 .*--sport )\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleList:
    """One chain.

    Attributes:
        place: the namespace. subject: ``filter/INPUT``, ``inet firewall/input``.
        rules: in order: what is compared, and what is shown.
        policy: its policy as shown; ``""`` where it has none.
    """

    place: Place
    subject: str
    rules: tuple[tuple[str, str], ...]
    policy: str = ""


def rule_lists(namespace: Namespace, key: str, place: Place, roles: Roles) -> tuple[RuleList, ...] | None:
    """Return the chains of one program; None where they are not known."""
    if key == "nft":
        return None if namespace.nft is None else tuple(_nft(namespace.nft, place, roles))
    found = {
        "iptables": lambda: namespace.ruleset,
        "iptables-legacy": lambda: namespace.legacy,
        "ip6tables": lambda: namespace.ruleset6,
        "ip6tables-legacy": lambda: namespace.legacy6,
    }[key]()
    return None if found is None else tuple(_iptables(found, place, roles))


def _iptables(ruleset: Ruleset, place: Place, roles: Roles) -> Iterator[RuleList]:
    for chain in ruleset.chains():
        rules = tuple((_EMBEDDED_PORT.sub(_without_port, roles.of(each.text)), each.text) for each in chain.rules)
        if rules or chain.policy not in {"", "ACCEPT"}:
            subject = named(chain.ref)
            policy = chain.ref.text if chain.policy not in {"", "ACCEPT"} else ""
            yield RuleList(place=place, subject=subject, rules=rules, policy=policy)


def _without_port(found: re.Match[str]) -> str:
    return f"{found[1]}:" if found[1] else f"{found[2]}{found[3]}"


def named(ref: RuleRef) -> str:
    """Return which chain a rule stands in: ``filter/INPUT``, ``ip6tables filter/INPUT``, ``iptables-legacy filter/INPUT``."""
    shown = ref.program not in {"iptables", "nft"}
    chain = f"{ref.family} {ref.table}/{ref.chain}".lstrip()
    return f"{ref.program} {chain}" if shown else chain


def _nft(ruleset: NftRuleset, place: Place, roles: Roles) -> Iterator[RuleList]:
    for chain in ruleset.chains:
        rules = tuple((roles.of(each.ref.shown), each.ref.shown) for each in chain.rules)
        hooked = f"type {chain.type} hook {chain.hook} priority {chain.prio}; policy {chain.policy}"
        if rules or chain.policy == "drop":
            policy = hooked if chain.hook else ""
            yield RuleList(place=place, subject=named(chain.ref), rules=rules, policy=policy)


def set_facts(namespace: Namespace, place: Place, roles: Roles) -> Iterator[Fact] | None:
    """Return the elements of named sets and maps, of those that no packet writes."""
    ruleset = namespace.nft
    return None if ruleset is None else _elements(ruleset, place, roles)


def _elements(ruleset: NftRuleset, place: Place, roles: Roles) -> Iterator[Fact]:
    for each in ruleset.sets:
        if each.writers or not isinstance(each.items, list):
            continue
        for item in each.items:
            shown = _item(item)[:_SHOWN_ELEMENT]
            value = roles.of(shown)
            subject = f"{each.family} {each.table}/@{each.name}"
            yield Fact(
                place=place,
                kind=FactKind.SET,
                subject=subject,
                aspect=value,
                value=value,
                shown=f"{shown} in set {each.name}",
            )


def _item(item: Any) -> str:
    """An element as nft writes it, without its counter and timeout."""
    match item:
        case str() | int():
            return str(item)
        case {"elem": {"val": value}}:
            return _item(value)
        case {"prefix": {"addr": address, "len": length}}:
            return f"{address}/{length}"
        case {"range": [first, last]}:
            return f"{_item(first)}-{_item(last)}"
        case {"concat": [*parts]}:
            return " . ".join(map(_item, parts))
        case [key, value]:
            return f"{_item(key)} : {_item(value)}"
        case _:
            return json.dumps(item, sort_keys=True)
