"""Which points to sniff, and the filter for each. Pure.

The filter is narrow enough for a busy host, and loose enough to see what went wrong: a DNAT to another target keeps
the source port; docker-proxy's inner connection has another source port and goes to the container's port; masquerading may
choose another source port, so remote hosts are also watched for the pair of source host and dialled port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.evidence.model import Place
from netprobe.forward.drivers import driver_of
from netprobe.model.point import point_name
from netprobe.state.engine import EMBEDDED_DNS
from netprobe.state.lookup import canonical
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from netprobe.forward.plan import Itinerary
    from netprobe.state.model import Host

MAX_POINTS = 24
SNAPLEN = 8000
"""Bytes kept of a packet: all of it but for jumbo frames and what offloading joins. With ``--immediate-mode`` libpcap's ring (TPACKET_V2) has
slots of a fixed size that a packet of this length fits into, so that tcpdump's own 262144 leaves 32 slots, 16 on lo, 8 where there is no
Ethernet: one connection's packets, where tcpdump has to wait for a processor. 8000 and its headers are one slot of two pages.
"""
RING_KIB = 4096
"""Memory of a ring: 512 slots (on lo each packet takes two). That is what the 32 slots took: each was a block of 128 KiB."""
NOT_ECHO = "(icmp and icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuple5:
    """What is known of the probe before it is sent.

    Attributes:
        transport: ``tcp``, ``udp`` or ``icmp``.
        source_port: its port (bound beforehand), None for ICMP and for a lookup alone.
        dialled, port: where it goes.
        ends: (address, port) of every place it may be handed on to: the container, whatever docker-proxy dials.
        source_hosts: addresses that its source may be translated to.
        looks_up: a name server is asked as well.
    """

    transport: str
    source_port: int | None = None
    dialled: str | None = None
    port: int | None = None
    ends: tuple[tuple[str, int], ...] = ()
    source_hosts: tuple[str, ...] = ()
    looks_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point to sniff."""

    name: str
    place: Place
    interface: str
    capture_filter: str


def choose_points(
    hosts: Mapping[str, Host], source: Place, target: Place | None, ways: Iterable[Itinerary], probe: Tuple5
) -> tuple[Point, ...]:
    """Choose the points: the stops of all ways in order, then the loopbacks of source, target and their hosts."""
    near = canonical(hosts, source)
    end = None if target is None else canonical(hosts, target)
    stops: dict[str, tuple[Place, str]] = {}
    for way in ways:
        for stop in way.stops:
            stops.setdefault(stop.point, (stop.place, stop.interface))
    for place in _loopbacks(hosts, near, end):
        stops.setdefault(point_name(place.host, "lo", place.container), (place, "lo"))
    trunks = _trunks(hosts, way_hosts={place.host for place, _ in stops.values()})
    return tuple(
        Point(
            name=name,
            place=place,
            interface=interface,
            capture_filter=pcap_filter(probe, tagged=(place.host, interface) in trunks and place.container is None),
        )
        for name, (place, interface) in list(stops.items())[:MAX_POINTS]
    )


def _loopbacks(hosts: Mapping[str, Host], near: Place, end: Place | None) -> Iterable[Place]:
    places = [near, Place(host=near.host)]
    if end is not None and end.host in hosts:
        container = None if end.container is None else hosts[end.host].container(end.container)
        if container is None or container.running:
            places.append(end)
        places.append(Place(host=end.host))
    return dict.fromkeys(places)


def _trunks(hosts: Mapping[str, Host], way_hosts: set[str]) -> set[tuple[str, str]]:
    """Return the interfaces where VLAN tags may be on the wire: parents of macvlan networks, VLAN links, and what those stand on."""
    found = set()
    for name in way_hosts & set(hosts):
        links = {link.name: link for link in hosts[name].own.links or ()}
        upper = {parent for network in hosts[name].networks or () for parent in driver_of(network).parents(network)}
        upper |= {each for each, link in links.items() if link.kind == "vlan" or each.rpartition(".")[0] in links}
        below = {links[each].peer_name for each in upper if each in links and links[each].kind == "vlan"}
        below |= {each.rpartition(".")[0] for each in upper}
        found |= {(name, each) for each in upper | below if each}
    return found


def pcap_filter(probe: Tuple5, *, tagged: bool = False) -> str:
    """Return the pcap filter (pcap-filter(7)) for a probe.

    The parts for tagged frames (one tag, or two: QinQ) are nested and stand last: ``vlan`` shifts the offsets of all that follows
    it. A tag that the kernel took out of the bytes hides nothing from the first part; a second one stays in them.
    """
    four = probe.dialled is None or ":" not in probe.dialled
    parts = ["arp", "icmp" if probe.transport == "icmp" else NOT_ECHO] if four else []
    parts += ["icmp6"] if not four or probe.dialled is None else []
    flow = [*_flow(probe)]
    if flow:
        parts.append(f"({probe.transport} and ({' or '.join(flow)}))")
    if probe.looks_up:
        parts.append(f"(port 53 or {' or '.join(f'host {each}' for each in sorted(EMBEDDED_DNS))})")
    text = " or ".join(parts)
    return f"{text} or (vlan and ({text} or (vlan and ({text}))))" if tagged else text


def _flow(probe: Tuple5) -> Iterable[str]:
    if probe.transport == "icmp":
        return
    if probe.source_port is not None:
        yield f"port {probe.source_port}"
    for address, port in dict.fromkeys(probe.ends):
        yield f"(host {address} and port {port})"
    if probe.dialled is not None and probe.port is not None:
        for address in dict.fromkeys(probe.source_hosts):
            yield f"(host {address} and port {probe.port})"


def proxied_to(
    hosts: Mapping[str, Host], host: str | None, address: str, port: int, proto: str
) -> tuple[tuple[str, int], ...]:
    """Return where the docker-proxies of a host hand a connection to this address and port on to."""
    known = hosts.get(host or "")
    proxies = known.proxies if known is not None else None
    return tuple(
        (each.container_ip, each.container_port) for each in proxies or () if each.listens(address, port, proto)
    )
