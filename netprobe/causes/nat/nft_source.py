"""nftables' rules that translate sources: which they are, and what in one does not fit a packet."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netprobe.state.nft_show import show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.state.nft import NftRule, NftRuleset
    from netprobe.state.packet import PacketTuple

_SOURCE_NAT = ("masquerade", "snat")
_LOOKED_AT = frozenset({"saddr", "oif", "oifname", "iif", "iifname", "mark"})  # what such a rule chooses by
_NUMBER = re.compile(r"\b[0-9]{1,10}\b")
_MOST = 256  # rules that are looked at


def translates_source(rule: NftRule) -> bool:
    """Whether it masquerades, or gives another source."""
    return any(name in each for each in rule.expressions for name in _SOURCE_NAT)


def sets_mark(rule: NftRule) -> bool:
    """Whether it changes the packet's mark."""
    mangled = (each["mangle"] for each in rule.expressions if "mangle" in each)
    return any(isinstance(each, dict) and "mark" in show(each.get("key")).split() for each in mangled)


def at_the_end(nft: NftRuleset) -> Iterator[NftRule]:
    """The rules of the nat chains at postrouting."""
    for chain in nft.base("postrouting"):
        if chain.type == "nat":
            yield from nft.reachable(chain)


def nearest(nft: NftRuleset, packet: PacketTuple) -> tuple[NftRule, Any] | None:
    """The source NAT rule that would translate a packet but for one of its matches, and that match."""
    for rule in list(at_the_end(nft))[:_MOST]:
        whole = rule.meet(packet, "postrouting")
        if not translates_source(rule) or (whole.matched and not whole.doubt):
            continue
        for index, match in enumerate(rule.expressions):
            rest = replace(rule, expressions=rule.expressions[:index] + rule.expressions[index + 1 :])
            outcome = rest.meet(packet, "postrouting")
            if _is_condition(match) and outcome.matched and not outcome.doubt:
                return rule, match
    return None


def is_mark(match: Any) -> bool:
    """Whether a match asks for a mark."""
    return "mark" in _left(match)


def words(match: Any) -> str:
    """A match in nft's own words; marks are hexadecimal, as nft shows them."""
    text = show(match)
    return _NUMBER.sub(lambda found: f"{int(found[0]):#x}", text) if is_mark(match) else text


def _is_condition(match: Any) -> bool:
    return not _LOOKED_AT.isdisjoint(_left(match))


def _left(match: Any) -> list[str]:
    """The words of a match's left side."""
    body = match.get("match") if isinstance(match, dict) else None
    return show(body.get("left")).split() if isinstance(body, dict) else []
