"""What every run names anew, by its role: container and network ids, veths, engine-made bridges, addresses that an engine chose.

Two runs of one network have other ids and veths each time; a rule that names them is the same rule all the same. What has the same name in both keeps it:
people know ``172.17.0.2`` better than ``<demo's address>``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from netprobe.model.point import PointName
from netprobe.state.lookup import host_veth

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netprobe.state.model import Host

_SHORT: Final = 12  # digits of an id, as engines show it


class Roles:
    """The names of one host's things in one run, and what they are called."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """Take names and what stands in their place."""
        self.names = {name: role for name, role in names.items() if name and name != role}
        longest = sorted(self.names, key=len, reverse=True)
        self._any = re.compile("|".join(map(_bounded, longest))) if longest else None

    def of(self, text: str) -> str:
        """Return a text with roles in place of names."""
        return text if self._any is None else self._any.sub(lambda found: self.names[found[0]], text)

    def within(self, text: str) -> str:
        """Return the roles of what a text names, as a remark behind it: `` (demo's address on bridge)``; ``""`` for none."""
        found = () if self._any is None else dict.fromkeys(self.names[each] for each in self._any.findall(text))
        return f" ({', '.join(found)})" if found else ""

    def point(self, name: str) -> str:
        """Return a capture point's name with its interface's role."""
        point = PointName.parse(name)
        return str(PointName(point.host, point.container, self.names.get(point.interface, point.interface)))


def _bounded(name: str) -> str:
    """As a word of its own: an address is followed by a port or a prefix's length, and not by another digit or group."""
    before, behind = (r"(?<![\w.:-])", r"(?![\w:])") if ":" in name else (r"(?<![\w.-])", r"(?!\w|\.\d)")
    return f"{before}{re.escape(name)}{behind}"


def roles_of(good: Host | None, bad: Host | None) -> tuple[Roles, Roles]:
    """Return the roles of a host in both runs: an address that a container has in both is no role."""
    each = [dict(_fixed(host)) if host is not None else {} for host in (good, bad)]
    chosen = [dict(_chosen(host)) if host is not None else {} for host in (good, bad)]
    lasting = {(name, role) for name, role in chosen[0].items()} & {(name, role) for name, role in chosen[1].items()}
    for names, more, other in zip(each, chosen, reversed(chosen), strict=True):
        theirs = set(other.values())
        names.update((name, role) for name, role in more.items() if (name, role) not in lasting and role in theirs)
    return Roles(each[0]), Roles(each[1])


def _fixed(host: Host) -> Iterator[tuple[str, str]]:
    """What is named anew each time: ids, veths and bridges that an engine called after an id."""
    for container in host.containers or ():
        for name in (container.id, container.id[:_SHORT]):
            yield name, container.name
        for endpoint in container.networks.values() if container.running else ():
            veth = host_veth(host, container, endpoint)
            if veth is not None:
                yield veth.name, f"{container.name}'s veth"
    for network in host.networks or ():
        for name in (network.id, network.id[:_SHORT]):
            yield name, network.name
        if network.bridge and network.id and network.id[:_SHORT] in network.bridge:
            yield network.bridge, f"{network.name}'s bridge"


def _chosen(host: Host) -> Iterator[tuple[str, str]]:
    """What an engine chose: the addresses of containers, and those of networks."""
    for network in host.networks or ():
        for number, subnet in enumerate(network.subnets):
            yield subnet, f"{network.name}'s subnet{number or ''}"
        for number, gateway in enumerate(network.gateways):
            yield gateway, f"{network.name}'s gateway{number or ''}"
    for container in host.containers or ():
        for endpoint in container.networks.values():
            if endpoint.address:
                yield endpoint.address, f"{container.name}'s address on {endpoint.network}"
            if endpoint.address6:
                yield endpoint.address6, f"{container.name}'s IPv6 address on {endpoint.network}"
            if endpoint.mac:
                yield endpoint.mac, f"{container.name}'s MAC on {endpoint.network}"
