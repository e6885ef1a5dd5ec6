"""A packet as a rule sees it, and three-valued logic: True, False, or None for "cannot know"."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable


KERNEL = -1
"""In place of a user id: the kernel sends it by a socket of its own, which no process holds (xt_owner.c, nft_meta.c)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSocket:
    """A socket of the namespace that a packet would come to.

    Attributes:
        wildcard: bound to every address; None not told.
        transparent: it may take what is sent to others (IP_TRANSPARENT); None not told.
        full: False for a handshake that is not complete yet (a request socket).
    """

    wildcard: bool | None
    transparent: bool | None
    full: bool = True


ARP_REQUEST, ARP_REPLY = 1, 2
"""Operations of ARP (RFC 826)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArpMessage:
    """What an ARP message has beside its two IP addresses; link addresses are None where they are not known.

    Attributes:
        operation: :data:`ARP_REQUEST` or :data:`ARP_REPLY`.
        sender, target: link addresses; a request's target is all zeros.
    """

    operation: int
    sender: str | None
    target: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketTuple:
    """What rules match on; None where it is not known.

    Attributes:
        src, dst: addresses at this moment of the walk (after DNAT in FORWARD).
        proto: ``tcp``, ``udp`` or ``icmp``; ``arp`` for a message of ARP, whose ``src`` and ``dst`` are then the sender's and the target's addresses.
        sport, dport: ports; None for ICMP.
        in_if, out_if: interface names; ``""`` for "there is none" (in_if of a locally sent packet).
        ctstate: conntrack's state in capitals (``NEW``, ``ESTABLISHED`` …).
        src_type, dst_type: the kernel's address types (``LOCAL``, ``UNICAST`` …) as ``-m addrtype`` names them.
        src_dev, dst_dev: the interface whose own address it is, ``""`` for none.
        orig_dst, orig_dport: what was dialled before DNAT (``--ctorigdst``, ``--ctorigdstport``).
        mark: the packet's mark at this moment; 0 is none.
        ctmark: its connection's mark.
        ctdir: ``ORIGINAL`` or ``REPLY``.
        answers: it goes back to who asked, whatever conntrack takes it for (in another zone an answer begins something).
        ctstatus: conntrack's status bits in capitals (``SEEN_REPLY`` ``ASSURED`` ``CONFIRMED`` ``SNAT`` ``DNAT``).
        orig_src, orig_sport: who began the connection, before source NAT.
        repl_src, repl_sport, repl_dst, repl_dport: the answer that is waited for, as far as NAT was decided by now.
        tracked: conntrack has it; False before it looked (raw), and behind NOTRACK. See :attr:`templated`.
        zone: the conntrack zone that a rule puts it in; 0 none.
        tcp_flags: ``SYN``, ``ACK`` … in capitals; None for other protocols. icmp: type and code.
        ttl, tos: of the IP header. length: the least and the most that the IP packet is long, in bytes.
        mss: that a SYN offers. mac: the sender's on the link that it came by. uid: of the process that sends it from here; :data:`KERNEL` for none.
        reverse, reverse_marked: by which interface the way back to the source leads, without and with the mark; ``""`` none, ``lo`` its own address.
        in_port, out_port: the ports of a bridge that switches it (``-m physdev``); ``""`` for none.
        sockets: that of the namespace that it would come to (``-m socket``): one, or none.
        arp: what else a message of ARP says.
    """

    src: str | None = None
    dst: str | None = None
    proto: str | None = None
    sport: int | None = None
    dport: int | None = None
    in_if: str | None = None
    out_if: str | None = None
    ctstate: str | None = None
    src_type: str | None = None
    dst_type: str | None = None
    src_dev: str | None = None
    dst_dev: str | None = None
    orig_dst: str | None = None
    orig_dport: int | None = None
    mark: int | None = None
    ctmark: int | None = None
    ctdir: str | None = None
    answers: bool | None = None
    ctstatus: frozenset[str] | None = None
    orig_src: str | None = None
    orig_sport: int | None = None
    repl_src: str | None = None
    repl_sport: int | None = None
    repl_dst: str | None = None
    repl_dport: int | None = None
    tracked: bool | None = None
    tcp_flags: frozenset[str] | None = None
    icmp: tuple[int, int] | None = None
    ttl: int | None = None
    tos: int | None = None
    length: tuple[int, int] | None = None
    mss: int | None = None
    mac: str | None = None
    uid: int | None = None
    zone: int | None = None
    reverse: str | None = None
    reverse_marked: str | None = None
    in_port: str | None = None
    out_port: str | None = None
    sockets: tuple[LocalSocket, ...] | None = None
    arp: ArpMessage | None = None

    @property
    def templated(self) -> bool:
        """What conntrack is to do with it was told it by a template, which has a state of its own until it looks: NEW (xt_CT.c, nft_ct.c: IP_CT_NEW)."""
        return self.tracked is False and self.ctstate == "NEW"

    def with_template(self, zone: int | None) -> PacketTuple:
        """The packet behind a rule that gives it such a template: of one direction, and nothing else of it is known."""
        return replace(self, zone=zone, ctstate="NEW", ctdir="ORIGINAL", ctstatus=None)

    @property
    def carried(self) -> str | None:
        """The protocol as IP's header has it: ICMP is another one in IPv6 (RFC 4443 section 2.1), ``icmpv6``."""
        return "icmpv6" if self.proto == "icmp" and ":" in (self.dst or self.src or "") else self.proto


def all_of(answers: Iterable[bool | None]) -> bool | None:
    """Conjunction: one False is False; else one None is None."""
    result: bool | None = True
    for answer in answers:
        if answer is False:
            return False
        if answer is None:
            result = None
    return result


def any_of(answers: Iterable[bool | None]) -> bool | None:
    """Disjunction: one True is True; else one None is None."""
    result: bool | None = False
    for answer in answers:
        if answer:
            return True
        if answer is None:
            result = None
    return result


def invert(answer: bool | None) -> bool | None:
    """Negation; unknown stays unknown."""
    return None if answer is None else not answer


CHOSEN = (1024, 0xFFFF)
"""Between what the port is that a client's kernel is still to choose: none that needs a privilege (ip_local_port_range, ip-sysctl.rst); NAT keeps it there (RFC 4787, REQ-3)."""


def in_ports(spec: str, port: int | None, chosen: tuple[int, int] | None = None) -> bool | None:
    """Is the port in ``80``, ``80:90``, ``:90`` or a comma list of those?

    ``chosen``: between what it is, where it is not known yet.
    """
    low, high = (port, port) if port is not None else chosen or (None, None)
    if low is None or high is None:
        return None
    return any_of(_in_range(part, low, high) for part in spec.split(","))


def _in_range(part: str, least: int, most: int) -> bool | None:
    low, colon, high = part.partition(":")
    if not ((low.isdecimal() or (colon and not low)) and (high.isdecimal() or not high)) or len(part) > len(
        "65535:65535"
    ):
        return None
    first = int(low or 0)
    last = int(high or 65535) if colon else first
    if first <= least and most <= last:
        return True
    return None if first <= most and least <= last else False
