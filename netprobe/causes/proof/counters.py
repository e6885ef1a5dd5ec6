"""What rules counted while the probe ran, in a host's own namespace or a container's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.state.iptables import hits
from netprobe.state.nft import nft_hits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.evidence.model import Place
    from netprobe.model.rule import RuleRef
    from netprobe.state.iptables import Ruleset
    from netprobe.state.model import Host
    from netprobe.state.namespace import Namespace


def _rules_in(host: Host, place: Place) -> Host | Namespace:
    return host if place.container is None else host.namespace(place.container)


def _rulesets(host: Host, place: Place) -> tuple[Ruleset | None, ...]:
    here = _rules_in(host, place)
    return (here.ruleset, here.legacy, here.ruleset6, here.legacy6)


def countable(host: Host, place: Place, rule: RuleRef) -> bool:
    """Whether it surely counts: an iptables rule does, an nftables rule with a counter; a policy only once it was set with ``-P``."""
    for ruleset in _rulesets(host, place):
        for each in ruleset.rules() if ruleset else ():
            if each.ref == rule:
                return each.packets is not None
    here = _rules_in(host, place)
    for nft in here.nft.rules() if here.nft else ():
        if nft.ref == rule:
            return nft.packets is not None
    return False


def counters_in(before: Host, after: Host, place: Place) -> Iterator[tuple[RuleRef, int, int]]:
    """Rule, count before and count after of everything that counted."""
    for one, other in zip(_rulesets(before, place), _rulesets(after, place), strict=True):
        for hit in hits(one, other):
            yield hit.ref, hit.before, hit.after
    for each in nft_hits(_rules_in(before, place).nft, _rules_in(after, place).nft):
        yield each.rule.ref, each.before, each.after
