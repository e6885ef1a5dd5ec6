"""The messages of ARP that a packet waits for: the request for its next hop's link address, and the reply.

Source: net/ipv4/arp.c (arp_solicit, arp_create); RFC 826.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.forward.model import Flying
from netprobe.state.address import covers, same
from netprobe.state.packet import ARP_REPLY, ARP_REQUEST, ArpMessage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.forward.frame import Arrival, Frame
    from netprobe.forward.model import Asked
    from netprobe.state.links import Link
    from netprobe.state.model import Host

_NO_MAC = "00:00:00:00:00:00"


def meets_rules(hosts: Mapping[str, Host], frame: Frame, arrival: Arrival) -> bool:
    """Whether there are rules that ARP passes, at either end or on a bridge between them."""
    for place in (frame.place, frame.own, arrival.into or frame.place):
        read = hosts[place.host].namespace(place.container) if place.container else hosts[place.host]
        if read.nft is not None and read.nft.meets_arp:
            return True
    return False


def asks_as(link: Link | None, wanted: str | None, asked: str) -> str:
    """Whom the request is from: the packet's own source where the interface has it, else its address in the subnet of who is asked (inet_select_addr).

    ``""`` where that is not known.
    """
    own = [each for each in link.addresses if ":" not in each.address] if link is not None else []
    if wanted and (link is None or any(same(each.address, wanted) for each in own)):
        return wanted
    return next((each.address for each in own if covers(each.prefix, asked)), own[0].address if own else "")


def messages(packet: Flying, asked: Asked, near: Link | None, far: Link | None) -> tuple[Flying, Flying]:
    """The request and the reply; ``near``, ``far``: the interfaces of who asks, and of who answers (None: not known)."""
    mine, its = ((link.mac or None) if link is not None else None for link in (near, far))
    request = ArpMessage(operation=ARP_REQUEST, sender=mine, target=_NO_MAC)
    reply = ArpMessage(operation=ARP_REPLY, sender=its, target=mine)
    return (
        _message(packet, request, asked.source, asked.address, asked),
        _message(packet, reply, asked.address, asked.source, asked),
    )


def _message(packet: Flying, arp: ArpMessage, sender: str, target: str, asked: Asked) -> Flying:
    return Flying(
        src=sender or None, sport=None, dst=target, dport=None, proto="arp", direction=packet.direction, leg=packet.leg,
        asked=asked, arp=arp,
    )  # fmt: skip
