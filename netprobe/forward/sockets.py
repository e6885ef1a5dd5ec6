"""Who takes a packet in the namespace that it came to: a process, docker-proxy, or nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.forward.model import Barrier, Obstacle, UnknownHere, WalkStep
from netprobe.forward.tproxy import cut_off
from netprobe.forward.trail import ICMP, endpoint
from netprobe.model.endpoint import Endpoint
from netprobe.state.address import same
from netprobe.state.engine.model import ContainerState
from netprobe.state.lookup import has_address
from netprobe.state.routes import LOCAL
from netprobe.state.sockets import listening
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.evidence.model import Place
    from netprobe.forward.model import Flying
    from netprobe.state.engine.model import Proxy
    from netprobe.state.model import Host
    from netprobe.state.namespace import Namespace
    from netprobe.state.sockets import Socket


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What becomes of a packet at a socket.

    Attributes:
        dials: where docker-proxy opens its own connection to, None: the packet has arrived.
        step: who took it, as a step of the walk.
        obstacle: nobody takes it, or not now. refused: nobody does.
    """

    dials: Endpoint | None = None
    step: WalkStep | None = None
    obstacle: Obstacle | None = None
    refused: bool = False


HERE = Taken()
_PROXIES = frozenset({"", "docker-proxy", "rootlesskit", "rootlessport"})  # as ss names userland proxies, or does not


def taken(host: Host, namespace: Namespace, place: Place, packet: Flying, in_if: str = "") -> Taken | None:
    """Who takes a request that came in by ``in_if`` (``""`` not told); None where the sockets are not known."""
    if packet.proto == ICMP and not _may_answer(namespace, packet):
        raise UnknownHere(f"{place}: an answer from {packet.dst} is not sent, which is no address of its own")
    if packet.proto == ICMP or packet.dport is None:
        return HERE
    if packet.handed is not None:
        return _handed(place, packet, packet.handed.socket)
    if namespace.sockets is None:
        return None
    every = listening(namespace.sockets, packet.dst, packet.dport, packet.proto)
    takers = [each for each in every if not in_if or _bound_for(namespace, each, in_if)]
    label = f"port {packet.dport}/{packet.proto}"
    if not takers:
        text = f"nothing listens on {Endpoint(packet.dst, packet.dport)}/{packet.proto}"
        text += f" for what comes in by {in_if}: it is bound to {every[0].device}" if every else ""
        nobody = Obstacle(
            barrier=Barrier.NOBODY_LISTENS,
            place=place,
            label=label,
            text=text,
            rejects=_may_answer(namespace, packet) or ":" in packet.dst,
        )
        return Taken(obstacle=nobody, refused=True)
    if not _may_answer(namespace, packet):
        return _cannot_answer(place, packet, takers, label)
    proxy = _proxy(host, packet) if place.container is None else None
    if proxy is None and place.container is None and _may_proxy(host, takers):
        return None
    if proxy is None:
        what = f"{takers[0].process or 'a process'} listens on port {packet.dport}"
        return Taken(step=WalkStep(place=place, stage="socket", what=what), obstacle=_full(place, label, takers))
    to = Endpoint(proxy.container_ip, proxy.container_port)
    step = WalkStep(place=place, stage="docker-proxy", what=f"dials {to}", rule=f"docker-proxy pid {proxy.pid}")
    return Taken(dials=to, step=step, obstacle=_full(place, label, takers))


def _bound_for(namespace: Namespace, socket: Socket, in_if: str) -> bool:
    """Whether a socket takes what comes in by an interface: one that is bound to another does not (inet_sk_bound_dev_eq, include/net/inet_sock.h)."""
    link = namespace.link(in_if)
    return socket.device in {"", in_if, link.master if link is not None else ""}


def answers_by(namespace: Namespace, packet: Flying, in_if: str) -> str:
    """The interface that the socket which answers is bound to, ``""`` for none: its answers are routed by it (inet_csk_route_req, udp_sendmsg)."""
    if packet.handed is not None:
        return packet.handed.socket.device
    if packet.proto == ICMP or packet.dport is None or namespace.sockets is None:
        return ""
    every = listening(namespace.sockets, packet.dst, packet.dport, packet.proto)
    takers = [each for each in every if _bound_for(namespace, each, in_if)]
    best = max(takers, key=lambda each: (not each.wildcard, bool(each.device)), default=None)
    return best.device if best is not None else ""


def _handed(place: Place, packet: Flying, taker: Socket) -> Taken:
    what = f"{taker.process or 'a process'} takes it at port {taker.port}"
    label = f"port {taker.port}/{packet.proto}"
    step = WalkStep(place=place, stage="socket", what=what)
    return Taken(step=step, obstacle=cut_off(place, packet) or _full(place, label, (taker,)))


def _cannot_answer(place: Place, packet: Flying, takers: Sequence[Socket], label: str) -> Taken:
    """A socket that answers from an address of nobody's here must be allowed to (IP_TRANSPARENT); else its answer is not even sent.

    Raises:
        UnknownHere: whether it is is not told.
    """
    kinds = {each.transparent for each in takers}
    if kinds == {True}:
        step = WalkStep(
            place=place, stage="socket", what=f"{takers[0].process or 'a process'} listens at {takers[0].bound}"
        )
        return Taken(step=step)
    if kinds != {False} or packet.proto != "tcp":
        raise UnknownHere(f"{place}: whether what listens at {takers[0].bound} answers from {packet.dst} is not known")
    text = f"what listens at {takers[0].bound} may not answer from {packet.dst}, which is no address of {place}"
    silent = Obstacle(barrier=Barrier.NOBODY_LISTENS, place=place, label=label, text=text)
    return Taken(obstacle=silent, refused=True)


def _may_answer(namespace: Namespace, packet: Flying) -> bool:
    """Whether an answer can be sent: of IPv4 from an own address alone, also where routing had what is for another one come in.

    IPv6 does not ask whose a source is; a datagram's answer may come from another address then (ip_route_output_key_hash; ip6_route_output_flags).
    """
    if ":" in packet.dst and packet.proto != "udp":
        return True
    own = namespace.links is None or has_address(namespace, packet.dst)
    return own or any(each.kind == LOCAL for each in namespace.fib.nearest(LOCAL, packet.dst))


def _full(place: Place, label: str, takers: Sequence[Socket]) -> Obstacle | None:
    if not all(each.full for each in takers):
        return None
    waiting, most = takers[0].backlog
    text = f"{waiting} connections wait to be accepted, the backlog is {most}"
    return Obstacle(barrier=Barrier.QUEUE_FULL, place=place, label=label, text=text)


def _may_proxy(host: Host, takers: Sequence[Socket]) -> bool:
    """Whether a userland proxy may have the socket, and what that would dial could not be read."""
    if host.proxies is not None or not host.asked("proxies"):
        return False
    return any(each.process in _PROXIES for each in takers)


def _proxy(host: Host, packet: Flying) -> Proxy | None:
    for each in host.proxies or ():
        if packet.dport is not None and each.listens(packet.dst, packet.dport, packet.proto):
            return each
    return None


def paused(host: Host, place: Place, packet: Flying) -> Obstacle | None:
    """A paused container's kernel accepts, and its processes do nothing."""
    container = host.container(place.container) if place.container else None
    if container is None or container.state is not ContainerState.PAUSED or packet.proto == ICMP:
        return None
    return Obstacle(barrier=Barrier.PAUSED, place=place, label=container.name, text="the container is paused")


def not_asked(place: Place, packet: Flying) -> Obstacle:
    """An answer whose translation is not undone: it ends where it was translated."""
    came = endpoint(packet.src, packet.sport, packet.proto)
    text = f"the answer of {came} comes to {place}, which has not asked"
    return Obstacle(barrier=Barrier.NOT_ASKED, place=place, label=f"{came}", text=text, direction=packet.direction)


def asked_elsewhere(place: Place, packet: Flying, dialled: Sequence[Flying], in_if: str = "") -> Obstacle | None:
    """A connected socket takes answers from the endpoint that it dialled alone, sent to its own (RFC 9293 §3.10.7.3: TCP resets others; udp(7)).

    So does an echo count as answered by whom it was sent to alone. A socket that is bound to an interface takes what comes in by that alone.
    """
    if packet.src is None or not dialled:
        return None
    answered = [each for each in dialled if _answers(packet, each)]
    if any(not each.device or each.device == in_if for each in answered):
        return None
    came, wanted = (
        endpoint(packet.src, packet.sport, packet.proto),
        endpoint(dialled[0].dst, dialled[0].dport, packet.proto),
    )
    text = f"the answer comes from {came}, not from {wanted}"
    if came == wanted:
        text = f"the answer is sent to {packet.dst}, not to {dialled[0].src}"
        if dialled[0].src is None or same(dialled[0].src, packet.dst):
            text = f"the answer is sent to {packet.dst}, and not to the port that asked"
    if answered:
        text = f"the answer comes in by {in_if}, the socket is bound to {answered[0].device}"
    return Obstacle(
        barrier=Barrier.OTHER_SOURCE, place=place, label=f"{came}", text=text, direction=packet.direction, rejects=True
    )  # fmt: skip


def _answers(packet: Flying, asked: Flying) -> bool:
    """Whether it comes from where that was sent, to where it was sent from; an echo's socket is bound to no address (raw(7)), and takes any of its host's."""
    mine = packet.proto == ICMP or asked.src is None or same(asked.src, packet.dst)
    here = mine and asked.sport == packet.dport
    return here and same(asked.dst, packet.src or "") and asked.dport == packet.sport
