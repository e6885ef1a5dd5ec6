"""ARP, or IPv6 neighbour discovery, before a packet leaves by a link: the question for its next hop's link address, and what answers it.

IPv6's messages are ICMPv6 and pass the rules of both ends as any packet does, but conntrack leaves them alone: they are ``UNTRACKED``, so that a
rule for established connections lets no advertisement in. ARP passes the chains of nftables' family arp (arptables-nft writes them), and as every frame
those of netdev and bridge; no rule for IP. Nobody asks whose link address is known; who is asked learns the asker's from the question.

Source: net/ipv6/ndisc.c (ndisc_solicit, ndisc_send_skb, ndisc_recv_ns), net/netfilter/nf_conntrack_proto_icmpv6.c (noct_valid_new); RFC 4861;
net/ipv4/arp.c (arp_solicit, arp_xmit, arp_rcv, arp_process); RFC 826.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address
from typing import TYPE_CHECKING

from netprobe.forward.arp import asks_as, meets_rules, messages
from netprobe.forward.bridged import crossing, passes
from netprobe.forward.conntrack import leaving
from netprobe.forward.model import ADVERTISEMENT, SOLICITATION, Asked, Barrier, Flying, Obstacle, Stopped, UnknownHere
from netprobe.forward.settings import arp_ignored
from netprobe.state.address import ip, is_link_local, same

if TYPE_CHECKING:
    from netprobe.evidence.model import Place
    from netprobe.forward.frame import Arrival, Frame
    from netprobe.forward.stack import Stack
    from netprobe.state.links import Link

_HOP_LIMIT = 255  # of what no router passes on (section 7.1)
_CARRIED = (24, 24)  # bytes behind ICMPv6's header: the target's address, and a link-layer address option
_UNUSABLE = frozenset({"FAILED", "INCOMPLETE"})
_LINK_LOCAL = "fe80::"  # the prefix, where the interface's own address is not told


@dataclass(slots=True, kw_only=True)
class Discovery:
    """What one walk asks on its links.

    Attributes:
        stack: what decides in the namespaces.
        learnt: (namespace, interface, address) of those whose link address was told by a question.
    """

    stack: Stack
    learnt: set[tuple[Place, str, str]] = field(default_factory=set)

    def end(
        self, packet: Flying, frame: Frame, arrival: Arrival, end: Stopped | UnknownHere | None
    ) -> Stopped | UnknownHere | None:
        """What ends the packet's way before it leaves: what ends the frame's (``end``), or what keeps the next hop from being resolved.

        Args:
            packet: what waits.
            frame: that it is to leave in.
            arrival: where that comes in, as far as it comes.
            end: what ends it before that.
        """
        if not frame.resolves or not self.stack.mode.discovers:
            return end
        if ":" not in frame.address and not (
            meets_rules(self.stack.hosts, frame, arrival) or self._may_ignore(arrival)
        ):
            return end
        known = self._knows(frame)
        if known:
            return end
        try:
            self._ask(packet, frame, arrival, end)
        except Stopped as stopped:
            if known is None and stopped.obstacle.asked is not None:
                return UnknownHere(f"whether {frame.place} knows the link address of {frame.address} is not known")
            return stopped
        except UnknownHere as unknown:
            return unknown
        return end

    def _knows(self, frame: Frame) -> bool | None:
        """Whether it has the next hop's link address; None where its neighbour entries were not read."""
        if (frame.place, frame.device, frame.address) in self.learnt:
            return True
        here = frame.host.namespace(frame.place.container)
        if here.neighbours is None:
            return None
        return any(
            each.dev == frame.device and same(each.address, frame.address) and each.mac and not {*each.state.split(",")} & _UNUSABLE
            for each in here.neighbours
        )  # fmt: skip

    def _ask(self, packet: Flying, frame: Frame, arrival: Arrival, end: Stopped | UnknownHere | None) -> None:
        """Send the question, and the answer back. Raises Stopped, UnknownHere."""
        near = frame.host.namespace(frame.place.container).link(frame.device)
        source = _source(near, packet.src) if ":" in frame.address else asks_as(near, packet.src, frame.address)
        asked = Asked(
            by=frame.place, device=frame.device, address=frame.address, source=source, heard=arrival.into is not None
        )
        question, answer = _messages(packet, asked, near, self._far(arrival))
        question = self._sent(frame.place, frame.device, question)
        if end is not None:
            return  # it comes no further than the packet would
        across = crossing(frame, arrival)
        if arrival.into is not None:
            question = passes(self.stack, across, question) if across is not None else question
            self._received(arrival.into, arrival.in_if, question)
            self.learnt.add((arrival.into, arrival.in_if, source))
            self._must_have(arrival.into, arrival.in_if, question)
            answer = self._sent(arrival.into, arrival.in_if, answer)
            answer = passes(self.stack, across.back, answer) if across is not None else answer
        self._received(frame.place, frame.device, answer)  # of somebody who is not of the inventory: if it comes

    def _may_ignore(self, arrival: Arrival) -> bool:
        """Whether who is asked may be told to answer no ARP there."""
        into = arrival.into
        settings = self.stack.hosts[into.host].namespace(into.container).sysctls if into is not None else None
        return any(value != "0" for name, value in (settings or {}).items() if name.endswith(".arp_ignore"))

    def _far(self, arrival: Arrival) -> Link | None:
        """The interface that answers."""
        into = arrival.into
        return self.stack.hosts[into.host].namespace(into.container).link(arrival.in_if) if into is not None else None

    def _must_have(self, place: Place, device: str, question: Flying) -> None:
        """Who is told to (arp_ignore) answers no ARP; a container answers only if its interface has the address: none whose IPv6 is off."""
        namespace = self.stack.hosts[place.host].namespace(place.container)
        if question.arp is not None:
            host = self.stack.hosts[place.host]
            self.stack.check(lambda: arp_ignored(place, host, question, device))
        if place.container is not None and namespace.links is None and namespace.asked("addr"):
            self.stack.mode.unknown(UnknownHere(f"the interfaces of {place} are not known"))
        link = namespace.link(device) if place.container is not None and question.arp is None else None
        address = question.asked.address if question.asked is not None else ""
        if link is None or any(":" in each.address for each in link.addresses):
            return
        text = f"{device} of {place.container} has no IPv6 address: nobody has {address}"
        self.stack.mode.meet(
            Obstacle(barrier=Barrier.IPV6_OFF, place=place, label=device, text=text, direction=question.direction)
        )

    def _sent(self, place: Place, device: str, message: Flying) -> Flying:
        """Out of a namespace: OUTPUT, POSTROUTING (ARP's own output), the device's egress."""
        host = self.stack.hosts[place.host]
        by = self.stack.filter(host, place, message.dst)
        if message.arp is not None:
            message = self.stack.arp(by, "output", message, out_if=device)
        else:
            message = self.stack.hook(by, "OUTPUT", message, out_if=device)
            message = self.stack.hook(by, "POSTROUTING", message, out_if=device)
        message = self.stack.netdev(by, "egress", device, message)
        link = host.namespace(place.container).link(device)
        return replace(leaving(message), mac=(link.mac or None) if link else None)

    def _received(self, place: Place, device: str, message: Flying) -> None:
        """Into a namespace: the device's ingress, PREROUTING, INPUT (ARP's own input)."""
        host = self.stack.hosts[place.host]
        by = self.stack.filter(host, place, message.dst)
        message = self.stack.netdev(by, "ingress", device, message)
        if message.arp is not None:
            self.stack.arp(by, "input", message, in_if=device)
            return
        message = self.stack.hook(by, "PREROUTING", message, in_if=device)
        self.stack.hook(by, "INPUT", message, in_if=device)


def _messages(packet: Flying, asked: Asked, near: Link | None, far: Link | None) -> tuple[Flying, Flying]:
    """The question and its answer; ``near``, ``far``: the interfaces of who asks, and of who answers (None: not known)."""
    if ":" in asked.address:
        question = _message(packet, SOLICITATION, asked.source, _solicited_node(asked.address), asked)
        return question, _message(packet, ADVERTISEMENT, asked.address, asked.source, asked)
    return messages(packet, asked, near, far)


def _message(packet: Flying, icmp: tuple[int, int], source: str, to: str, asked: Asked) -> Flying:
    return Flying(
        src=source, sport=None, dst=to, dport=None, proto="icmp", ttl=_HOP_LIMIT, direction=packet.direction, leg=packet.leg,
        payload=_CARRIED, icmp=icmp, asked=asked,
    )  # fmt: skip


def _source(link: Link | None, wanted: str | None) -> str:
    """Whom it is from: the packet's own source where the interface has it, else the interface's link-local address (ndisc_solicit)."""
    addresses = [each.address for each in link.addresses] if link is not None else []
    if wanted and (link is None or any(same(each, wanted) for each in addresses)):
        return wanted
    return next((each for each in addresses if is_link_local(each)), _LINK_LOCAL)


def _solicited_node(address: str) -> str:
    """The multicast address that whoever has an address listens to: ff02::1:ff and its last three bytes (RFC 4291 section 2.7.1)."""
    found = ip(address)
    last = int(found) & 0xFFFFFF if found is not None else 0
    return str(IPv6Address(int(IPv6Address("ff02::1:ff00:0")) | last))
