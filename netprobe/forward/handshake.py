"""What completes a TCP handshake: the client's acknowledgment of the answer goes the request's way once more, and rules may tell it from that.

To a rule it is a packet of an established connection with the flag ACK alone and without a handshake's options: ``--ctstate NEW -j ACCEPT`` before a
policy that drops lets the first packet in and not this one. The client is connected then, and no application accepts.

Source: RFC 9293 section 3.5; net/ipv4/tcp_minisocks.c (tcp_check_req: the socket comes to be with this packet).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.forward.discovery import Discovery
from netprobe.forward.model import Stopped, UnknownHere
from netprobe.forward.trail import Trail
from netprobe.forward.walk import Walker

if TYPE_CHECKING:
    from netprobe.evidence.model import Place
    from netprobe.forward.model import Flying


def complete(walk: Walker) -> None:
    """Follow what completes the handshakes of a walk whose answers came back; it leaves no trail.

    Raises:
        Stopped: a rule drops or rejects it.
        UnknownHere: it goes another way than the request, or that is not known.
    """
    trail = Trail(dialled=walk.trail.dialled)
    again = Walker(hosts=walk.hosts, mode=walk.mode, trail=trail, ends=walk.ends, handed=walk.handed)
    again.stack = replace(walk.stack, trail=trail)
    again.discovery = Discovery(stack=again.stack, learnt=walk.discovery.learnt)
    for place, packet in walk.asked:
        if packet.proto != "tcp":
            continue
        again.entered = 0
        try:
            _follow(again, place, packet)
        except Stopped:
            _forget_behind(walk, packet.leg)
            raise


def _forget_behind(walk: Walker, leg: int) -> None:
    """A proxy that has not accepted the outer connection opens no inner one."""
    walk.trail.hops = [hop for hop in walk.trail.hops if hop.leg <= leg]
    walk.arrives = walk.ends[leg - 1][0]


def _follow(walk: Walker, place: Place, packet: Flying) -> None:
    try:
        walk.request(place, replace(packet, later=True))
    except Stopped as stopped:
        met = stopped.obstacle
        if met.rule is None:
            why = f"{met.place}: what follows the handshake is led elsewhere than that, and ends there ({met.text})"
            raise UnknownHere(why) from None
        passed = frozenset(hop.point for hop in walk.trail.hops)
        raise Stopped(replace(met, later=True, passed=passed), stopped.step, stopped.steps) from None
