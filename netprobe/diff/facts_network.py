"""Interfaces, routes, routing rules and neighbours as facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.diff.model import Fact, FactKind
from netprobe.state.routes import LOCAL, MAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from netprobe.diff.roles import Roles
    from netprobe.evidence.model import Place
    from netprobe.state.links import Link
    from netprobe.state.namespace import Namespace
    from netprobe.state.routes import Route, RoutingRule

_DERIVED = frozenset({"broadcast", "multicast", "anycast"})


def interface_facts(namespace: Namespace, place: Place, roles: Roles) -> Iterator[Fact] | None:
    """Return each property of each interface; veths of containers that are not known are left out."""
    return None if namespace.links is None else _interfaces(namespace.links, place, roles)


def _interfaces(links: tuple[Link, ...], place: Place, roles: Roles) -> Iterator[Fact]:
    for link in links:
        name = roles.of(link.name)
        if link.kind == "veth" and name == link.name and link.master:
            continue
        for aspect, shown in _properties(link):
            yield Fact(
                place=place,
                kind=FactKind.INTERFACE,
                subject=name,
                aspect=aspect,
                value=roles.of(shown),
                shown=f"{link.name}: {shown}",
            )


def _properties(link: Link) -> Iterator[tuple[str, str]]:
    yield "up", "up" if link.up else "down"
    yield "mtu", f"mtu {link.mtu}"
    if link.kind:
        yield "kind", f"{link.kind} {link.mode}".rstrip()
    if not link.carrier and link.up and not link.is_bridge:
        yield "carrier", "no carrier"
    if link.master:
        yield "master", f"port of {link.master}"
    if link.vlan_id is not None:
        yield "vlan", f"VLAN {link.vlan_id}"
    for address in link.addresses:
        if address.scope != "link":
            yield f"address {address.prefix}", f"has {address.prefix}"
    yield from _marks(link)


def _marks(link: Link) -> Iterator[tuple[str, str]]:
    """What only some have."""
    for aspect, there in (("arp", not link.arp), ("xdp", link.xdp), ("isolated", link.isolated)):
        if there and not link.loopback:
            yield aspect, {"arp": "no ARP", "xdp": "an XDP program is attached"}.get(aspect, aspect)
    if link.port_state not in {"", "forwarding"}:
        yield "port", f"port {link.port_state}"
    if link.hairpin:
        yield "hairpin", "hairpin"


def route_facts(namespace: Namespace, place: Place, roles: Roles) -> Iterator[Fact] | None:
    """Return the routes that somebody set or an address made, without what the kernel derives for each address."""
    if namespace.routes is None:
        return None
    own = {address.address for link in namespace.links or () for address in link.addresses}
    return _routes(namespace.routes, own, place, roles)


def _routes(routes: tuple[Route, ...], own: set[str], place: Place, roles: Roles) -> Iterator[Fact]:
    for route in routes:
        address, _, length = route.dst.partition("/")
        host_route = length in {"32", "128", ""}
        derived = route.table == LOCAL and (address in own or not host_route or address.startswith(("fe80:", "127.")))
        if route.kind in _DERIVED or derived or route.dst.startswith(("ff00::", "fe80::", "127.")):
            continue
        table = "" if route.table == MAIN else f" table {route.table}"
        more = "".join(
            (
                f" metric {route.metric}" if route.metric else "",
                f" from {route.source}" if route.source else "",
                f" src {route.src}" if route.src else "",
                f" mtu {route.mtu}" if route.mtu else "",
                " (dead: its interface has no link)" if route.dead else "",
            )
        )
        shown = f"{route}{more}{table}"
        value = roles.of(shown)
        aspect = "" if not route.shared else value
        subject = f"{roles.of(route.dst)}{table}{f' metric {route.metric}' if route.metric else ''}"
        yield Fact(place=place, kind=FactKind.ROUTE, subject=subject, aspect=aspect, value=value, shown=shown)


def routing_rule_facts(rules: Iterable[RoutingRule] | None, place: Place, roles: Roles) -> Iterator[Fact] | None:
    """Return the routing rules, by their priority."""
    return None if rules is None else _rules(rules, place, roles)


def _rules(rules: Iterable[RoutingRule], place: Place, roles: Roles) -> Iterator[Fact]:
    for rule in rules:
        shown = str(rule)
        value = roles.of(shown)
        yield Fact(place=place, kind=FactKind.ROUTING_RULE, subject="ip rule", aspect=value, value=value, shown=shown)


def neighbour_facts(namespace: Namespace, place: Place, roles: Roles) -> Iterator[Fact] | None:
    """Return the permanent neighbour entries, and what is answered for in others' stead: the kernel forgets all others by itself."""
    return None if namespace.neighbours is None else _neighbours(namespace, place, roles)


def _neighbours(namespace: Namespace, place: Place, roles: Roles) -> Iterator[Fact]:
    for each in namespace.neighbours or ():
        if "PERMANENT" in each.state.split(","):
            shown = f"{each.address} is {each.mac} on {each.dev} (permanent)"
            yield _neighbour(place, f"{each.address} on {each.dev}", shown, roles)
    for each in namespace.proxied or ():
        shown = f"answers for {each.address} on {each.dev}"
        yield _neighbour(place, f"proxy {each.address} on {each.dev}", shown, roles)


def _neighbour(place: Place, subject: str, shown: str, roles: Roles) -> Fact:
    return Fact(place=place, kind=FactKind.NEIGHBOUR, subject=roles.of(subject), value=roles.of(shown), shown=shown)
