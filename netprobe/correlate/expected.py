"""What hosts' state says of the ways of connections: the way that a packet should take, asked once for each question (who asks whom, by which protocol).

Packets decide: only where every hop that was seen is one of the way that the state has, with the same addresses, does it tell the rest.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.address import parse, text
from netprobe.evidence.model import Place, Proto
from netprobe.forward import PredictedOutcome, Request, predict
from netprobe.forward.question import path_of
from netprobe.model.hop import Direction
from netprobe.paths.story import Intent
from netprobe.state.address import ip
from netprobe.state.lookup import bridge_points, host_with

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netprobe.evidence.model import CapturePoint
    from netprobe.forward import Prediction
    from netprobe.model.endpoint import Endpoint
    from netprobe.model.hop import Hop
    from netprobe.model.report import PathCode
    from netprobe.state.model import Host

MOST_QUESTIONS = 256  # are asked: some milliseconds each
LOOPBACK = 0x7F00_0001
_PROTOS = ("tcp", "udp", "icmp")


class ExpectedWays:
    """The ways that state has, of questions that were asked."""

    def __init__(self, hosts: Mapping[str, Host]) -> None:
        """``hosts``: their state, as the capture began."""
        self._hosts = hosts
        self._asked: dict[tuple[Place, Endpoint, str], Prediction | None] = {}
        self._links = bridge_points(hosts)
        self._owners = {name: _owners(host) for name, host in hosts.items()}
        known = [parse(address)[2] for owners in self._owners.values() for address in owners]
        self.clients = np.unique(np.array([*known, LOOPBACK, 1], np.uint64))
        """uint64, the lower halves of all addresses of which it is known whose they are; ::1 and 127.0.0.1 among them."""

    def path(self, hops: Sequence[Hop], points: Mapping[str, CapturePoint]) -> PathCode | None:
        """Name the path of a connection that works, by its whole way; None where the state does not tell it, or has another.

        Args:
            hops: where its request was seen, in order.
            points: the capture points by name.
        """
        first = hops[0].packet if hops else None
        if first is None or first.proto not in _PROTOS:
            return None
        source = self._place(first.src.address, points[hops[0].point])
        if source is None or self._may_be_translated(source, first.dst.address):
            return None
        told = self._predicted(source, first.dst, first.proto)
        if told is None or told.outcome is not PredictedOutcome.WORKS or not _has_all(told, hops):
            return None
        intent = Intent(source=source, target=told.arrives, proto=Proto(first.proto), bridge_points=self._links)
        return path_of(told, intent)

    def _predicted(self, source: Place, dialled: Endpoint, proto: str) -> Prediction | None:
        key = source, dialled, proto
        if key not in self._asked:
            if len(self._asked) >= MOST_QUESTIONS:
                return None
            request = Request(source=source, dialled=dialled.address, port=dialled.port, proto=proto)
            self._asked[key] = predict(request, self._hosts)
        return self._asked[key]

    def _place(self, address: str, point: CapturePoint) -> Place | None:
        """Whose address it is, as seen from a point; None where nobody known has it."""
        host = self._hosts.get(point.host)
        if host is None:
            return None
        if ipaddress.ip_address(address).is_loopback:
            return point.place
        return self._owners[point.host].get(address) or self._outside(address)

    def _outside(self, address: str) -> Place | None:
        """The other host that has an address."""
        name = host_with(self._hosts, address)
        return None if name is None else Place(host=name)

    def _may_be_translated(self, source: Place, address: str) -> bool:
        """Whether what a host sends may have been rewritten before any point could see it (DNAT in OUTPUT)."""
        owner = self._owners.get(source.host, {}).get(address)
        return source.container is None and owner is not None and owner.container is not None


def _owners(host: Host) -> dict[str, Place]:
    """The addresses of a host and of its running containers, as packets are shown with them."""
    links = [address.address for link in host.own.links or () for address in link.addresses]
    owners = {_shown(address): Place(host=host.name) for address in links}
    for container in host.containers or ():
        for endpoint in container.networks.values() if container.running else ():
            place = Place(host=host.name, container=container.name)
            owners |= {_shown(address): place for address in endpoint.all_addresses}
    owners.pop("", None)
    return owners


def _shown(address: str) -> str:
    found = ip(address)
    return "" if found is None or found.is_loopback else text(*parse(str(found)))


def _has_all(told: Prediction, hops: Sequence[Hop]) -> bool:
    """Whether each hop that was seen is one of the way that is told, in that order: the same point, leg and addresses."""
    way = iter([hop for hop in told.hops if hop.direction is Direction.REQUEST and hop.packet is not None])
    return all(any(_is_it(hop, each) for each in way) for hop in hops)


def _is_it(hop: Hop, told: Hop) -> bool:
    one, other = hop.packet, told.packet
    if one is None or other is None or (hop.point, hop.leg) != (told.point, told.leg):
        return False
    return one.src.address == other.src.address and one.dst == other.dst
