"""Whether a host's rules may lead packets another way than its routes alone: to another destination, to a local socket, or by a mark that routing asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.state.iptables import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.state.model import Host
    from netprobe.state.nft import NftRule

_MOVES = frozenset({"DNAT", "REDIRECT", "NETMAP", "TPROXY"})
_MARKS = frozenset({"MARK", "CONNMARK"})
_MOVES_NFT = frozenset({"dnat", "redirect", "tproxy"})
_MARKS_NFT = frozenset({"mangle"})


def leads_elsewhere(host: Host) -> bool:
    """Whether a rule of another than the engine does; what the engine itself publishes is known without its rules."""
    marks = any(rule.mark is not None for version in (4, 6) for rule in host.own.fib.rules(version))
    named = _MOVES | _MARKS if marks else _MOVES
    named_nft = _MOVES_NFT | _MARKS_NFT if marks else _MOVES_NFT
    return any(_does(rule, named, named_nft) and not host.engine.owns(rule.ref) for rule in _rules(host))


def _rules(host: Host) -> Iterator[Rule | NftRule]:
    for ruleset in (host.ruleset, host.legacy, host.ruleset6, host.legacy6):
        yield from ruleset.rules() if ruleset is not None else ()
    yield from host.nft.rules() if host.nft is not None else ()


def _does(rule: Rule | NftRule, named: frozenset[str], named_nft: frozenset[str]) -> bool:
    if isinstance(rule, Rule):
        return rule.target in named
    return any(not named_nft.isdisjoint(each) for each in rule.expressions)
