"""A route look-up as the kernel makes it: the routing rules in order, each asking its table, longest prefix and lowest metric first.

Three-valued: what the state does not tell (a rule that chooses by a user id, several next hops between which a hash decides) gives every
way that is possible, and says why. Nothing is guessed.

Source: net/core/fib_rules.c (fib_rules_lookup, fib_rule_match), net/ipv4/fib_rules.c (fib4_rule_match, _action, _suppress),
net/ipv4/fib_trie.c (fib_table_lookup), net/ipv4/fib_semantics.c (fib_props), net/ipv6/fib6_rules.c, net/ipv6/ip6_fib.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.state.address import covers, ip
from netprobe.state.fib_answer import NO_ROUTE, THROW, RouteAnswer, RouteHop, RouteQuery
from netprobe.state.fib_rules import RuleWalk, priority
from netprobe.state.fib_table import by_prefix, chosen, is_in, nearest
from netprobe.state.packet import all_of, invert
from netprobe.state.routes import DEFAULT_RULES, LOCAL, UNICAST, RuleAction

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from ipaddress import IPv4Address, IPv6Address

    from netprobe.state.links import Link
    from netprobe.state.routes import Route, RoutingRule

_REFUSING = frozenset({"unreachable", "blackhole", "prohibit", "nat", "xresolve"})
_TUNNELS = frozenset({"vxlan", "gre", "gretap", "ip6gre", "ip6gretap", "ipip", "sit", "ip6tnl", "geneve", "erspan", "xfrm", "bareudp"})  # fmt: skip
_NUMBERS = {"tcp": "6", "udp": "17", "icmp": "1", "ipv6-icmp": "58"}


class Fib:
    """The routing rules and tables of a namespace, of both IP versions.

    Args:
        routes: of all tables.
        rules: of each IP version (4, 6), in the kernel's order; of one that is missing, those that every namespace begins with.
        links: for source addresses, device groups and VRFs; None unknown.
        doubt: of each IP version whose rules are not known, why.
    """

    def __init__(
        self,
        routes: Collection[Route],
        rules: Mapping[int, tuple[RoutingRule, ...]],
        links: tuple[Link, ...] | None,
        doubt: Mapping[int, str],
    ) -> None:
        self._rules = {version: _in_order(rules.get(version) or DEFAULT_RULES) for version in (4, 6)}
        self._links: dict[str, Link] = {link.name: link for link in reversed(links or ())}
        self._doubt = doubt
        self._own = frozenset(_version(route.dst.partition("/")[0]) for route in routes if route.kind == LOCAL)
        self._tables = by_prefix(routes)
        self._vrfs = any(link.kind == "vrf" for link in links or ())

    def ways(self, query: RouteQuery) -> RouteAnswer:
        """Where a packet goes. A text that is no address leads nowhere."""
        address = ip(query.dst)
        if address is None:
            return RouteAnswer(ways=(RouteHop(refused=NO_ROUTE),))
        walk = RuleWalk(fib=self, query=query, address=address)
        walk.run()
        certain = self._doubt.get(address.version) or self._vrf_of(query.iif) or walk.blind
        ways = tuple(dict.fromkeys(self._bound(way, query, address.version) for way in walk.found))
        several = (walk.doubt or _several(walk.found)) if len(ways) > 1 else ""
        return RouteAnswer(ways=ways or (RouteHop(refused=NO_ROUTE),), why=certain or several)

    def rules(self, version: int) -> tuple[RoutingRule, ...]:
        """The rules of one IP version, in the kernel's order."""
        return self._rules[version]

    def has_own(self, version: int) -> bool:
        """Whether its tables tell the namespace's own addresses; evidence that was cut or made by hand may not."""
        return version in self._own

    def devices(self, dst: str) -> tuple[str, ...]:
        """The interfaces by which any table leads to an address, whatever rule asks it; none of a table's refusals, nor ``lo``."""
        address = ip(dst)
        found = [] if address is None else [
            route.dev
            for (version, _), lengths in self._tables.items()
            for route in (nearest(lengths, address) if version == address.version else ())
            if route.kind == UNICAST and route.dev != "lo"
        ]  # fmt: skip
        return tuple(dict.fromkeys(found))

    def nearest(self, table: str, dst: str) -> tuple[Route, ...]:
        """A table's routes of the longest prefix that an address is in, the preferred ones first."""
        address = ip(dst)
        return nearest(self._tables.get((address.version, table), ()), address) if address is not None else ()

    def tables(self, dst: str) -> tuple[str, ...]:
        """The tables that have a route of an address's version."""
        address = ip(dst)
        return tuple(table for version, table in self._tables if address is not None and version == address.version)

    def has_tables(self, six: bool) -> bool:
        """Whether there are tables that no rule asks that every namespace begins with."""
        usual = {each.table for each in DEFAULT_RULES}
        return any(version == (6 if six else 4) and table not in usual for version, table in self._tables)

    def _vrf_of(self, device: str) -> str:
        """Why an interface's own routing is not known: it is in a VRF; ``""`` where it is not."""
        link = self._links.get(device) if self._vrfs else None
        master = self._links.get(link.master) if link and link.master else None
        return f"{device} is in a VRF" if "vrf" in {link.kind if link else "", master.kind if master else ""} else ""

    def fits(self, rule: RoutingRule, query: RouteQuery, address: IPv4Address | IPv6Address) -> bool | None:
        """Whether a rule is for the packet; None where that is not known."""
        found = all_of(self._selected(rule, query, address))
        return invert(found) if rule.inverted else found

    def _selected(
        self, rule: RoutingRule, query: RouteQuery, address: IPv4Address | IPv6Address
    ) -> Iterator[bool | None]:
        yield not rule.dst or is_in(rule.dst, address)
        if rule.src != "all":
            source = ip(query.src or ("0.0.0.0" if address.version == 4 else ""))  # noqa: S104 - compared: none chosen yet
            yield source is not None and is_in(rule.src, source)
        if rule.mark is not None:
            yield None if query.mark is None else not (query.mark ^ rule.mark) & rule.mask
        yield rule.iif in {"", query.iif}
        yield rule.oif in {"", query.oif}
        if rule.proto:
            yield None if query.carried is None else rule.proto in {query.carried, _NUMBERS.get(query.carried)}
        yield _within(rule.sport, query.sport)
        yield _within(rule.dport, query.dport)
        yield _within(rule.uids, query.uid)
        if rule.tos is not None:
            yield None if query.tos is None else rule.tos == query.tos
        if rule.l3mdev:
            yield None if self._vrfs else False
        if rule.tunnel:
            link = self._links.get(query.iif)
            yield None if link is not None and link.kind in _TUNNELS else False
        if rule.other:
            yield None

    def asked(self, rule: RoutingRule, query: RouteQuery, address: IPv4Address | IPv6Address) -> list[RouteHop]:
        """What a rule that is for the packet leads to; empty where the next rule is asked (no route, ``throw``, a suppressed one)."""
        if rule.action.value in _REFUSING:
            return [RouteHop(refused=rule.action.value, rule=rule)]
        if rule.action is RuleAction.NOP:
            return []
        for length, networks in self._tables.get((address.version, rule.table), ()):
            here = networks.get(int(address) >> (address.max_prefixlen - length), ())
            if query.oif:
                here = tuple(each for each in here if each.dev == query.oif or _ends_bound(each, address.version))
            taken = chosen(here, query, address, default=length == 0)
            if taken:
                return [] if taken[0].kind == THROW else [*self._accepted(rule, taken, length, query)]
        return []

    def _accepted(self, rule: RoutingRule, chosen: list[Route], length: int, query: RouteQuery) -> Iterator[RouteHop]:
        """The ways of the routes that were found, but for those that the rule suppresses."""
        for route in chosen:
            if route.kind in _REFUSING:
                yield RouteHop(refused=route.kind, route=route, rule=rule)
                continue
            link = self._links.get(route.dev)
            short = rule.suppress_length is not None and length <= rule.suppress_length
            if not short and not (rule.suppress_group and link is not None and link.group == rule.suppress_group):
                yield self._hop(route, rule, query.dst)

    def _hop(self, route: Route, rule: RoutingRule, address: str) -> RouteHop:
        local = route.kind == LOCAL
        return RouteHop(
            dev="lo" if local else route.dev,
            via=route.via,
            src=route.src or (address if local else self._source(route, address)),
            local=local,
            route=route,
            rule=rule,
        )

    def _bound(self, way: RouteHop, query: RouteQuery, version: int) -> RouteHop:
        """Of a socket that is bound to an interface, what leads nowhere is taken to be on that link, in IPv4 (ip_route_output_key_hash_rcu)."""
        link = self._links.get(query.oif) if query.oif and way.refused and version == 4 else None
        if link is None:
            return way
        own = next((each.address for each in link.addresses if _version(each.address) == version), "")
        return RouteHop(dev=link.name, src=own, rule=way.rule)

    def _source(self, route: Route, address: str) -> str:
        """The first address of the interface: one whose subnet has the next hop, else the first of that family."""
        link = self._links.get(route.dev)
        wanted = ip(route.via or address)
        mine = [each for each in link.addresses if wanted and _version(each.address) == wanted.version] if link else []
        near = (each.address for each in mine if covers(each.prefix, route.via or address))
        return next(near, mine[0].address if mine else "")


def _in_order(rules: tuple[RoutingRule, ...]) -> tuple[RoutingRule, ...]:
    return tuple(sorted(rules, key=priority))


def _several(found: list[RouteHop]) -> str:
    route = next((each.route for each in found if each.route is not None), None)
    return f"which of several next hops of {route.dst if route else 'the route'} the kernel takes is not known"


def _ends_bound(route: Route, version: int) -> bool:
    """Whether a route that leads nowhere ends the look-up of a bound socket, too: in IPv6 it is one by lo (fib_table_lookup; rt6_score_route)."""
    return version == 4 and (route.kind in _REFUSING or route.kind == THROW)


def _within(span: tuple[int, int] | None, value: int | None) -> bool | None:
    if span is None:
        return True
    return None if value is None else span[0] <= value <= span[1]


def _version(address: str) -> int:
    value = ip(address)
    return value.version if value else 0
