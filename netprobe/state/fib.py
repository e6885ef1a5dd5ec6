"""A route look-up as the kernel makes it: the routing rules in order, each asking its table, longest prefix and lowest metric first.

Three-valued: what the state does not tell (a rule that chooses by a user id, several next hops between which a hash decides) gives every
way that is possible, and says why. Nothing is guessed.

Source: net/core/fib_rules.c (fib_rules_lookup, fib_rule_match), net/ipv4/fib_rules.c (fib4_rule_match, _action, _suppress),
net/ipv4/fib_trie.c (fib_table_lookup), net/ipv4/fib_semantics.c (fib_props), net/ipv6/fib6_rules.c, net/ipv6/ip6_fib.c.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import field
from typing import TYPE_CHECKING

from netprobe.state.address import covers, ip, prefix
from netprobe.state.packet import all_of, invert
from netprobe.state.routes import DEFAULT_RULES, LOCAL, UNICAST, RuleAction
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from ipaddress import IPv4Address, IPv6Address

    from netprobe.state.links import Link
    from netprobe.state.routes import Route, RoutingRule

THROW = "throw"
NO_ROUTE = "none"
_REFUSING = frozenset({"unreachable", "blackhole", "prohibit", "nat", "xresolve"})
_TUNNELS = frozenset({"vxlan", "gre", "gretap", "ip6gre", "ip6gretap", "ipip", "sit", "ip6tnl", "geneve", "erspan", "xfrm", "bareudp"})  # fmt: skip
_NUMBERS = {"tcp": "6", "udp": "17", "icmp": "1", "ipv6-icmp": "58"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteQuery:
    """What a look-up goes by (the kernel's ``struct flowi``).

    Attributes:
        dst: where to.
        src: the source address; ``""`` where none is chosen yet.
        iif: the interface that it came in by; ``lo`` for what the namespace sends itself (LOOPBACK_IFINDEX).
        mark: the packet's mark; None unknown.
        proto: ``tcp``, ``udp`` or ``icmp``; None unknown. sport, dport: None unknown, or none (ICMP).
        uid: the user id of the socket (0 for what is forwarded: sock_net_uid); None unknown.
        tos: of the IP header; None unknown.
        oif: the interface that the socket is bound to (SO_BINDTODEVICE), ``""`` for none: no other leads anywhere then.
    """

    dst: str
    src: str = ""
    iif: str = "lo"
    mark: int | None = 0
    proto: str | None = None
    sport: int | None = None
    dport: int | None = None
    uid: int | None = None
    tos: int | None = 0
    oif: str = ""

    @property
    def carried(self) -> str | None:
        """The protocol as rules name it: ICMP is another one in IPv6."""
        return "ipv6-icmp" if self.proto == "icmp" and ":" in self.dst else self.proto


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteHop:
    """What a route look-up gives.

    Attributes:
        dev: the interface that it leaves by (``lo`` for the namespace's own addresses).
        via: the next hop, ``""`` when the destination is on the link.
        src: the address that the kernel would send from, ``""`` unknown.
        local: the address is the namespace's own.
        route: the route that decided. rule: the routing rule that asked its table.
        refused: nothing leads there: ``unreachable``, ``blackhole`` or ``prohibit`` by a route or rule, ``none`` for want of a route;
            ``""`` for a way.
    """

    dev: str = ""
    via: str = ""
    src: str = ""
    local: bool = False
    route: Route | None = field(default=None, compare=False)
    rule: RoutingRule | None = field(default=None, compare=False)
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteAnswer:
    """Every way that is possible; one where the state tells, and then ``why`` is ``""``. The first is as if no doubtful rule were for the packet."""

    ways: tuple[RouteHop, ...]
    why: str = ""

    @property
    def known(self) -> RouteHop | None:
        """The one way (or refusal); None where the state does not tell."""
        return None if self.why else self.ways[0]


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
        self._tables = _by_prefix(routes)
        self._vrfs = any(link.kind == "vrf" for link in links or ())

    def ways(self, query: RouteQuery) -> RouteAnswer:
        """Where a packet goes. A text that is no address leads nowhere."""
        address = ip(query.dst)
        if address is None:
            return RouteAnswer(ways=(RouteHop(refused=NO_ROUTE),))
        walk = _RuleWalk(fib=self, query=query, address=address)
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
            for route in (_nearest(lengths, address) if version == address.version else ())
            if route.kind == UNICAST and route.dev != "lo"
        ]  # fmt: skip
        return tuple(dict.fromkeys(found))

    def nearest(self, table: str, dst: str) -> tuple[Route, ...]:
        """A table's routes of the longest prefix that an address is in, the preferred ones first."""
        address = ip(dst)
        return _nearest(self._tables.get((address.version, table), ()), address) if address is not None else ()

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
        yield not rule.dst or _in(rule.dst, address)
        if rule.src != "all":
            source = ip(query.src or ("0.0.0.0" if address.version == 4 else ""))  # noqa: S104 - compared: none chosen yet
            yield source is not None and _in(rule.src, source)
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
            chosen = _chosen(here, query, address, default=length == 0)
            if chosen:
                return [] if chosen[0].kind == THROW else [*self._accepted(rule, chosen, length, query)]
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


@dataclass(slots=True, kw_only=True)
class _RuleWalk:
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
            target = bisect_left(rules, rule.goto, lo=at + 1, key=_priority) if rule.goto is not None else len(rules)
            there = target < len(rules) and rules[target].priority == rule.goto
            return target if there else at + 1
        ends = self.fib.asked(rule, self.query, self.address)
        self.found += ends
        return None if ends else at + 1


def _in_order(rules: tuple[RoutingRule, ...]) -> tuple[RoutingRule, ...]:
    return tuple(sorted(rules, key=_priority))


def _priority(rule: RoutingRule) -> int:
    return rule.priority


def _by_prefix(routes: Iterable[Route]) -> dict[tuple[int, str], list[tuple[int, dict[int, tuple[Route, ...]]]]]:
    """Each table by the lengths of its prefixes, the longest first, and by their networks."""
    tables: dict[tuple[int, str], dict[int, dict[int, list[Route]]]] = {}
    for route in routes:
        net = prefix(route.dst)
        if net is None:
            continue
        at = int(net.network_address) >> (net.max_prefixlen - net.prefixlen)
        lengths = tables.setdefault((net.version, route.table), {})
        lengths.setdefault(net.prefixlen, {}).setdefault(at, []).append(route)
    return {
        table: [
            (length, {at: tuple(sorted(found, key=_rank)) for at, found in lengths[length].items()})
            for length in sorted(lengths, reverse=True)
        ]
        for table, lengths in tables.items()
    }


def _nearest(
    lengths: Iterable[tuple[int, dict[int, tuple[Route, ...]]]], address: IPv4Address | IPv6Address
) -> tuple[Route, ...]:
    """A table's routes of the longest prefix that an address is in, of any source and metric."""
    for length, networks in lengths:
        found = networks.get(int(address) >> (address.max_prefixlen - length))
        if found:
            return found
    return ()


def _rank(route: Route) -> tuple[int, int, int]:
    """The kernel's order among the routes of one prefix: for fewer sources (IPv6) first, for one type of service first, then by metric."""
    net = prefix(route.source) if route.source else None
    return -(net.prefixlen if net else 0), -(route.tos or 0), route.metric


def _chosen(
    routes: tuple[Route, ...], query: RouteQuery, address: IPv4Address | IPv6Address, *, default: bool
) -> list[Route]:
    """The route of one prefix that is for a packet; several, where a hash or the neighbours' state decides; none."""
    source = ip(query.src)
    fitting = [
        each
        for each in routes
        if not each.dead
        and each.tos in {0, query.tos}
        and (not each.source or (source is not None and _in(each.source, source)))
    ]
    if not fitting:
        return []
    first = fitting[0]
    alike = [each for each in fitting if _rank(each) == _rank(first) and each.kind == first.kind]
    # IPv6 tries routers of one metric in turn (find_rr_leaf), IPv4 default routes only (fib_select_default); a link-local address has its zone.
    tried = first.kind == UNICAST and (default or address.version == 6) and not address.is_link_local
    if first.shared:
        return [each for each in alike if each.shared]
    return alike if tried else [first]


def _several(found: list[RouteHop]) -> str:
    route = next((each.route for each in found if each.route is not None), None)
    return f"which of several next hops of {route.dst if route else 'the route'} the kernel takes is not known"


def _ends_bound(route: Route, version: int) -> bool:
    """Whether a route that leads nowhere ends the look-up of a bound socket, too: in IPv6 it is one by lo (fib_table_lookup; rt6_score_route)."""
    return version == 4 and (route.kind in _REFUSING or route.kind == THROW)


def _in(network: str, address: IPv4Address | IPv6Address) -> bool:
    net = prefix(network)
    return net is not None and net.version == address.version and address in net


def _within(span: tuple[int, int] | None, value: int | None) -> bool | None:
    if span is None:
        return True
    return None if value is None else span[0] <= value <= span[1]


def _version(address: str) -> int:
    value = ip(address)
    return value.version if value else 0
