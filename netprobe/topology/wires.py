"""The links between hosts: which interfaces hear each other, as far as state tells. No host says so by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.forward.drivers import driver_of
from netprobe.forward.frame import below
from netprobe.model.point import point_name
from netprobe.state.address import is_link_local, is_loopback, prefix
from netprobe.state.lookup import docker_bridges
from netprobe.topology.model import Basis, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netprobe.state.links import Address, Link
    from netprobe.state.model import Host

_NOBODYS = frozenset({"", "00:00:00:00:00:00"})


def wires(hosts: Mapping[str, Host]) -> tuple[Wire, ...]:
    """Return them: interfaces whose hosts have each other in their neighbour tables, that share a subnet, or that bear networks of one subnet."""
    joined = _Joined()
    _by_neighbours(hosts, joined)
    _by_subnets(hosts, joined)
    _by_networks(hosts, joined)
    return joined.wires()


class _Joined:
    """Points that were found to be on one wire."""

    def __init__(self) -> None:
        self._group_of: dict[str, int] = {}
        self._groups: dict[int, tuple[list[str], list[str], Basis]] = {}

    def join(self, name: str, points: list[str], basis: Basis) -> None:
        known = sorted({self._group_of[each] for each in points if each in self._group_of})
        number = known[0] if known else len(self._group_of) + 1
        names, members, because = self._groups.get(number, ([], [], basis))
        for other in known[1:]:
            more, there, _ = self._groups.pop(other)
            names += [each for each in more if each not in names]
            members += there
        names += [name] if name and name not in names else []
        members += [each for each in points if each not in members]
        self._groups[number] = (names, members, because)
        self._group_of |= dict.fromkeys(members, number)

    def wires(self) -> tuple[Wire, ...]:
        return tuple(
            Wire(name=", ".join(names), points=tuple(points), basis=basis)
            for names, points, basis in self._groups.values()
        )


def uplinks(host: Host) -> Iterator[Link]:
    """Return the interfaces of a host's own that may lead to others: not lo, not the engine's bridges, not their ports."""
    bridges = docker_bridges(host)
    for link in host.own.links or ():
        if not link.loopback and link.name not in bridges and link.master not in bridges:
            yield link


def _addresses(link: Link) -> Iterator[Address]:
    for each in link.addresses:
        if not is_loopback(each.address) and not is_link_local(each.address):
            yield each


def _by_neighbours(hosts: Mapping[str, Host], joined: _Joined) -> None:
    macs: dict[str, list[tuple[str, Link]]] = {}
    for name, host in hosts.items():
        for link in uplinks(host):
            if link.mac not in _NOBODYS:
                macs.setdefault(link.mac, []).append((name, link))
    for name, host in hosts.items():
        mine = {link.name: link for link in uplinks(host)}
        for entry in host.own.neighbours or ():
            for other, link in macs.get(entry.mac, ()):
                if entry.dev in mine and other != name and any(a.address == entry.address for a in link.addresses):
                    subnet = _subnet(link, entry.address)
                    joined.join(subnet, [point_name(name, entry.dev), point_name(other, link.name)], Basis.NEIGHBOUR)


def _subnet(link: Link, address: str) -> str:
    own = next((each.prefix for each in link.addresses if each.address == address), address)
    return str(prefix(own) or "")


def _by_subnets(hosts: Mapping[str, Host], joined: _Joined) -> None:
    found: dict[str, dict[str, str]] = {}
    for name, host in hosts.items():
        for link in uplinks(host):
            for each in _addresses(link):
                subnet = prefix(each.prefix)
                if subnet is not None and subnet.num_addresses > 1:
                    found.setdefault(str(subnet), {}).setdefault(name, point_name(name, link.name))
    for subnet_text, points in found.items():
        if len(points) > 1:
            joined.join(subnet_text, list(points.values()), Basis.SUBNET)


def _by_networks(hosts: Mapping[str, Host], joined: _Joined) -> None:
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for name, host in hosts.items():
        for network in host.networks or ():
            for parent in driver_of(network).parents(network):
                if host.own.link(parent) is not None:
                    for subnet in network.subnets:
                        found.setdefault(subnet, {}).setdefault(
                            name, (network.name, point_name(name, below(host, parent)[-1]))
                        )
    for subnet, points in found.items():
        if len(points) > 1:
            names = " / ".join(dict.fromkeys(called for called, _ in points.values()))
            joined.join(f"{names} {subnet}", [point for _, point in points.values()], Basis.NETWORK)
