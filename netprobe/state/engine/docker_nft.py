"""What the Docker Engine writes with its nftables backend: table ``docker-bridges`` of families ip and ip6.

Source: moby daemon/libnetwork/drivers/bridge/internal/nftabler; seen with Engine 29.7.2.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netprobe.model.rule import Program
from netprobe.state.address import same
from netprobe.state.issues import dict_of, text_of, texts_of

if TYPE_CHECKING:
    from netprobe.model.rule import RuleRef
    from netprobe.state.engine.model import Published
    from netprobe.state.nft import NftRule, NftRuleset

TABLE = "docker-bridges"
#: In a container's namespace (family ip): leads what is for 127.0.0.11 to the engine's name server.
DNS_TABLE = "docker-dns"
#: Where every published port has its rule; both base chains of nat jump to it.
DNAT_CHAIN = "nat-prerouting-and-output"
SOURCE_CHAIN = "nat-postrouting-out__"  # + BRIDGE: hides what comes from it
_DIRECT = "raw-PREROUTING"
_INTO = "filter-forward-in__"  # + BRIDGE: what is forwarded to it
_NAT_BASES = ("nat-PREROUTING", "nat-OUTPUT")
# what it drops itself: direct access, icc, an internal network, what is not published
_DROPS = re.compile(r'(ip6? daddr \S+ iifname != .+ )?([io]ifname (!= )?"?[^\s"]+"? )?drop( comment .*)?')
_ICC = re.compile(r'iifname "?([^\s"]+)"? drop( comment .*)?')


def owns(rule: RuleRef) -> bool:
    """Whether it is a rule of its own: one that drops in its tables and has none of the forms that it writes was put there by somebody else."""
    if rule.program is not Program.NFT or rule.table != TABLE:
        return False
    return rule.verdict not in {"drop", "reject"} or (
        rule.chain.startswith((_DIRECT, "filter-forward-")) and _DROPS.fullmatch(rule.shown) is not None
    )


def closes_to_others(rule: NftRule, bridge: str) -> bool:
    """Whether it drops what comes for a container's address by another interface than this bridge (interfaces that are trusted may stand beside it)."""
    return (rule.table, rule.chain, rule.verdict) == (TABLE, _DIRECT, "drop") and bridge in _let_in(rule)


def isolates(rule: NftRule) -> bool:
    """Whether it keeps a container's address from what does not come by its own bridge."""
    return (rule.table, rule.chain, rule.verdict) == (TABLE, _DIRECT, "drop") and bool(_let_in(rule))


def forbids_icc(rule: RuleRef, bridge: str) -> bool:
    """Whether it drops what one container of this bridge sends to another."""
    found = _ICC.fullmatch(rule.shown) if rule.program is Program.NFT else None
    return found is not None and (rule.table, rule.chain, found[1]) == (TABLE, f"{_INTO}{bridge}", bridge)


def closes_unpublished(rule: NftRule, bridge: str = "") -> bool:
    """Whether it drops all that no rule for a published port accepted before: the last rule for what is forwarded to a bridge."""
    last = rule.table == TABLE and rule.chain.startswith(f"{_INTO}{bridge}") and rule.verdict == "drop"
    if bridge and rule.chain != f"{_INTO}{bridge}":
        return False
    return last and not any("match" in each for each in rule.expressions)


def dnat_rules(nft: NftRuleset, address: str, published: Published) -> tuple[NftRule, ...]:
    """Its rules that send what comes for a published port to this address."""
    rules = (each for chain in nft.chains if (chain.table, chain.name) == (TABLE, DNAT_CHAIN) for each in chain.rules)
    return tuple(each for each in rules if _sends_to(each, address, published) and _takes(each, published))


def is_used(nft: NftRuleset, family: str) -> bool:
    """Whether its nat base chains lead to the rules of published ports: it writes those chains at its own start only."""
    jumps = {
        chain.name
        for chain in nft.chains
        if (chain.family, chain.table) == (family, TABLE)
        and chain.hook
        and any(rule.target == DNAT_CHAIN for rule in chain.rules)
    }
    return jumps >= set(_NAT_BASES)


def _sends_to(rule: NftRule, address: str, published: Published) -> bool:
    bodies = [dict_of(each, "dnat") for each in rule.expressions if isinstance(each, dict) and "dnat" in each]
    return any(
        same(text_of(each, "addr"), address) and each.get("port") in {published.container_port, None} for each in bodies
    )


def _takes(rule: NftRule, published: Published) -> bool:
    """Whether it asks for no port, or for this one: ``tcp dport 80``."""
    for each in rule.expressions:
        match = dict_of(each, "match") if isinstance(each, dict) else {}
        payload = dict_of(dict_of(match, "left"), "payload")
        if text_of(payload, "field") == "dport":
            return (text_of(payload, "protocol"), match.get("right")) == (published.proto, published.host_port)
    return True


def _let_in(rule: NftRule) -> frozenset[str]:
    """The interfaces by which a packet is not this rule's: ``iifname != "docker0"``, ``iifname != { "docker0", "eth0" }``."""
    found: list[str] = []
    for each in rule.expressions:
        match = dict_of(each, "match") if isinstance(each, dict) else {}
        right = match.get("right")
        if match.get("op") == "!=" and text_of(dict_of(dict_of(match, "left"), "meta"), "key") == "iifname":
            found += [right] if isinstance(right, str) else texts_of(right, "set") if isinstance(right, dict) else []
    return frozenset(found)
