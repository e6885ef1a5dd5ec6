"""Whether a rule counted packets between two moments: one whose counter stands still matched none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.model.rule import Program
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.evidence.model import Place
    from netprobe.model.rule import RuleRef
    from netprobe.state.iptables import Ruleset
    from netprobe.state.model import Host, World
    from netprobe.state.namespace import Namespace


@dataclass(frozen=True, slots=True)
class Counters:
    """The counters of the hosts' rules before and after a probe."""

    world: World

    def still(self, place: Place, ref: RuleRef) -> bool:
        """Whether a rule surely counted nothing meanwhile; False where it counted, has no counter, or is not the same any more.

        A policy that stands may be one that does not count: of iptables only those that were set do.
        """
        if ref.policy:
            return False
        one, other = self.world.before.get(place.host), self.world.after.get(place.host)
        if one is None or other is None or one is other:
            return False
        counts = tuple(_count(_rules(each, place), ref) for each in (one, other))
        return counts[0] is not None and counts[0] == counts[1]

    def rose(self, place: Place, ref: RuleRef) -> bool:
        """Whether a rule surely counted something meanwhile."""
        one, other = self.world.before.get(place.host), self.world.after.get(place.host)
        if one is None or other is None or one is other:
            return False
        was, now = (_count(_rules(each, place), ref) for each in (one, other))
        return was is not None and now is not None and was[1] == now[1] and now[0] > was[0]


def _rules(host: Host, place: Place) -> Host | Namespace:
    return host if place.container is None else host.namespace(place.container)


def _count(at: Host | Namespace, ref: RuleRef) -> tuple[int, str] | None:
    """How often a rule or policy counted, and its text; None where it has no counter, or is not there."""
    if ref.program is Program.NFT:
        found = at.nft.by_ref.get(ref) if at.nft is not None else None
        return (found.packets, found.text) if found is not None and found.packets is not None else None
    named: dict[Program, Ruleset | None] = {
        Program.IPTABLES: at.ruleset, Program.IP6TABLES: at.ruleset6, Program.LEGACY: at.legacy, Program.LEGACY6: at.legacy6
    }  # fmt: skip
    ruleset = named[ref.program]
    chain = ruleset.chain(ref.table, ref.chain) if ruleset is not None else None
    if ref.policy and chain is not None:
        return (chain.policy_packets, chain.ref.text) if chain.policy_packets is not None else None
    rules = (each for each in chain.rules if each.ref == ref) if chain is not None else ()
    return next(((each.packets, each.text) for each in rules if each.packets is not None), None)
