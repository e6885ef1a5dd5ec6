"""What a container listens on, held against the port and address that were asked of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import NO_SOCKET, Cause
from netprobe.model.hop import Direction
from netprobe.model.point import PointName, point_name
from netprobe.paths.story import Answerer, Symptom
from netprobe.state.sharing import owner_restarted
from netprobe.state.sockets import on_port

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host
    from netprobe.state.sockets import Socket

AT_THE_END = frozenset({Symptom.REFUSED, Symptom.CLOSED, Symptom.DELIVERED})


def target_sockets(case: Case) -> tuple[Place, tuple[tuple[Socket, ...], ...], int] | None:
    """The target namespace, its sockets before and after, and the port meant; None unless all is known and it answered itself."""
    probe = case.probe
    if probe is None or probe.target_at is None or probe.target_at.container is None or probe.target_port is None:
        return None
    if case.story.answerer is not Answerer.TARGET and case.story.symptom is not Symptom.DELIVERED:
        return None
    if _stale(case):
        return None
    moments = case.sockets(probe.target_at)
    return (probe.target_at, moments, probe.target_port) if moments is not None else None


def _stale(case: Case) -> bool:
    """Whether TARGET names a container (or the source is one) that is still in the namespace that its owner had before a restart.

    Then the sockets that are known are those of another namespace than the target's (catalogue: netns-owner-restarted).
    """
    host, probe = case.target_host, case.probe
    if host is None or probe is None:
        return False
    left = [each for each in host.containers or () if owner_restarted(host, each) is not None]
    asked = {each.name for each in (case.named, case.client) if each is not None}
    return any(each.name in asked and case.target in _owners(host, each) for each in left)


def _owners(host: Host, container: Container) -> tuple[Container | None, ...]:
    return container, host.container(container.netns_of)


def arrived_at(case: Case, place: Place) -> str:
    """The target's own address to which the request was when it arrived there; ``""`` where that was not seen."""
    seen = [hop for hop in case.hops if hop.seen and hop.packet and hop.direction is Direction.REQUEST]
    inside = [
        hop
        for hop in seen
        if point_name(place.host, PointName.parse(hop.point).interface, place.container) == hop.point
    ]
    packet = inside[-1].packet if inside else None
    return packet.dst.address if packet is not None else ""


def takes(socket: Socket, asked: str) -> bool:
    """Whether a socket may take what comes from outside to that address (``""``: not known which)."""
    return not socket.loopback and (not asked or socket.accepts(asked, socket.port, socket.proto))


class Unserved(Cause):
    """Nothing in the container takes what comes to the port from outside."""

    drop_reasons = NO_SOCKET

    def possible(self, case: Case) -> bool:
        """Not when the target is a host, or known to listen where it was asked."""
        known = target_sockets(case)
        if known is None or not case.may_be_container:
            return case.may_be_container
        place, moments, port = known
        asked = arrived_at(case, place)
        return not all(
            any(takes(each, asked) for each in on_port(sockets, port, case.transport)) for sockets in moments
        )
