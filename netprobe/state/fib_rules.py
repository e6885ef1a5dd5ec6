"""The walk through the routing rules, each as it is for the packet, not for it, or in doubt (net/core/fib_rules.c, fib_rules_lookup)."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import field
from typing import TYPE_CHECKING

from netprobe.state.fib_answer import NO_ROUTE, RouteHop, RouteQuery
from netprobe.state.routes import RuleAction
from netprobe.values import dataclass

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from netprobe.state.fib import Fib
    from netprobe.state.routes import RoutingRule


@dataclass(slots=True, kw_only=True)
class RuleWalk:
    """One walk through the rules. Each is looked at once, so that it ends however they lead back and forth.

    Attributes:
        found: every way that is possible; first what holds if no doubtful rule is for the packet.
        doubt: the first rule of which that is not known. blind: why no way is known at all.
    """

    fib: Fib
    query: RouteQuery
    address: IPv4Address | IPv6Address
    found: list[RouteHop] = field(default_factory=list)
    doubt: str = ""
    blind: str = ""
    _seen: set[int] = field(default_factory=set)
    _doubtful: list[int] = field(default_factory=list)

    def run(self) -> None:
        """Walk from the first rule, and then from each doubtful one as if it were for the packet."""
        rules = self.fib.rules(self.address.version)
        self._follow(rules, 0)
        for at in self._doubtful:  # grows meanwhile
            behind = self._apply(rules, at)
            if behind is not None:
                self._follow(rules, behind)

    def _follow(self, rules: tuple[RoutingRule, ...], at: int) -> None:
        next_at: int | None = at
        while next_at is not None and next_at not in self._seen:
            self._seen.add(next_at)
            if next_at >= len(rules):
                self.found.append(RouteHop(refused=NO_ROUTE))
                return
            fits = self.fib.fits(rules[next_at], self.query, self.address)
            if fits is None:
                self.doubt = self.doubt or f"whether routing rule {rules[next_at]} is for it is not known"
                self._doubtful.append(next_at)
            next_at = self._apply(rules, next_at) if fits else next_at + 1

    def _apply(self, rules: tuple[RoutingRule, ...], at: int) -> int | None:
        """What a rule does that is for the packet: the next rule to look at, None where it decides."""
        rule = rules[at]
        if rule.action is RuleAction.UNKNOWN or rule.l3mdev:
            self.blind = self.blind or f"what routing rule {rule} leads to is not known"
            return at + 1
        if rule.action is RuleAction.GOTO:
            target = bisect_left(rules, rule.goto, lo=at + 1, key=priority) if rule.goto is not None else len(rules)
            there = target < len(rules) and rules[target].priority == rule.goto
            return target if there else at + 1
        ends = self.fib.asked(rule, self.query, self.address)
        self.found += ends
        return None if ends else at + 1


def priority(rule: RoutingRule) -> int:
    """By which the kernel orders rules: the lowest number first."""
    return rule.priority
