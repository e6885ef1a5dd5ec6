"""A routing table: its routes by prefix, the longest first, and which of one prefix a packet takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.state.address import ip, prefix
from netprobe.state.routes import UNICAST

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address, IPv6Address

    from netprobe.state.fib_answer import RouteQuery
    from netprobe.state.routes import Route


def by_prefix(routes: Iterable[Route]) -> dict[tuple[int, str], list[tuple[int, dict[int, tuple[Route, ...]]]]]:
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


def nearest(
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


def chosen(
    routes: tuple[Route, ...], query: RouteQuery, address: IPv4Address | IPv6Address, *, default: bool
) -> list[Route]:
    """The route of one prefix that is for a packet; several, where a hash or the neighbours' state decides; none."""
    source = ip(query.src)
    fitting = [
        each
        for each in routes
        if not each.dead
        and each.tos in {0, query.tos}
        and (not each.source or (source is not None and is_in(each.source, source)))
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


def is_in(network: str, address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is in a network (``10.0.0.0/8``) of its own version."""
    net = prefix(network)
    return net is not None and net.version == address.version and address in net
