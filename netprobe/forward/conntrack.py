"""Connection tracking, as a walk needs it: what each namespace knows of the connection, and what of NAT is undone for an answer.

A packet gets its connection at priority -200 of PREROUTING or OUTPUT, between raw and mangle. The first packet's endpoints are the original
tuple; the reply tuple is the answer that is waited for, and changes as nat decides. An answer has its destination put back in PREROUTING (or
OUTPUT), its source in POSTROUTING (or INPUT).

Source: net/netfilter/nf_conntrack_core.c (resolve_normal_ct, nf_conntrack_in), nf_nat_core.c (nf_nat_packet, nf_nat_setup_info).
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, TypeAlias

from netprobe.model.hop import Direction
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.evidence.model import Place
    from netprobe.forward.model import Flying, Unsure

Tuple: TypeAlias = tuple[str | None, int | None, str | None, int | None]
"""Source address and port, destination address and port; None where not known yet, or for a protocol without ports."""

DST, SRC = "dst", "src"
SIDE = {"PREROUTING": DST, "OUTPUT": DST, "INPUT": SRC, "POSTROUTING": SRC}
"""Which end nat translates at a hook (HOOK2MANIP of nf_nat.h)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One connection in one namespace.

    Attributes:
        proto: ``tcp``, ``udp`` or ``icmp``.
        original: the first packet, as it came. reply: the answer that is waited for, by what nat decided up to now.
        zone: its conntrack zone; mark: its mark, None where not known; unsure: the rules that may have set it.
        decided: which ends nat has decided (``dst``, ``src``), translated or not.
        answered: its answer was seen there (IPS_SEEN_REPLY).
        begun: which of our packets began it: an answer does where conntrack does not know what it answers (UDP; of TCP that is invalid).
    """

    proto: str
    original: Tuple
    reply: Tuple
    zone: int = 0
    mark: int | None = 0
    decided: frozenset[str] = frozenset()
    unsure: tuple[Unsure, ...] = field(default=(), compare=False)
    begun: Direction = Direction.REQUEST
    answered: bool = False

    @property
    def key(self) -> object:
        """What makes it this connection and no other of its namespace."""
        return self.proto, self.zone, self.original

    @property
    def translated(self) -> frozenset[str]:
        """``DNAT``, ``SNAT``: what changed (IPS_DST_NAT and IPS_SRC_NAT are set for changed tuples only)."""
        src, dst = self.original[:2], self.original[2:]
        return frozenset({"DNAT"} if self.reply[:2] != dst else ()) | (
            {"SNAT"} if self.reply[2:] != src else frozenset()
        )


@dataclass(slots=True)
class Conntrack:
    """The connections of one walk, in every namespace."""

    entries: dict[Place, list[Connection]] = field(default_factory=dict)

    def track(self, place: Place, came: Flying, left: Flying) -> None:
        """Remember a request that left a namespace, or came to a socket there; and what others of its connection changed."""
        if left.untracked:
            return
        entries = self.entries.setdefault(place, [])
        now = left.connection
        if came.direction is Direction.REQUEST and not came.later:
            entries.append(now or _between(came, left))
        elif now is not None:
            now = replace(now, answered=now.answered or came.direction is not now.begun)
            entries[:] = [now if each.key == now.key else each for each in entries]

    def known(self, place: Place) -> tuple[Connection, ...]:
        """What a namespace tracks."""
        return tuple(self.entries.get(place, ()))


def _between(came: Flying, left: Flying) -> Connection:
    return Connection(proto=came.proto, original=came.endpoints, reply=_turned(left.endpoints), zone=left.zone)


def _turned(ends: Tuple) -> Tuple:
    return (*ends[2:], *ends[:2])


def tracked(packet: Flying, known: Sequence[Connection]) -> Flying:
    """The packet behind conntrack: with its connection, a new one for a request that has none."""
    if packet.connection is not None or packet.untracked:
        return packet
    if packet.asked is not None:  # neighbour discovery (nf_conntrack_proto_icmpv6.c, noct_valid_new)
        return replace(packet, untracked=True)
    if packet.later:
        entry = followed(packet, known)
        return replace(packet, connection=entry if entry is not None and entry.answered else None)
    if packet.direction is Direction.REPLY:
        found = _answered(packet, known)
        if found is not None or packet.proto != "udp":
            return replace(packet, connection=found)
    ends = packet.endpoints
    new = Connection(
        proto=packet.proto, original=ends, reply=_turned(ends), zone=packet.zone, begun=packet.direction
    )  # fmt: skip
    return replace(packet, connection=new)


def begins(packet: Flying) -> bool:
    """Whether it is its connection's first packet: nat chains see no other."""
    return packet.connection is not None and packet.connection.begun is packet.direction


def _answered(packet: Flying, known: Sequence[Connection]) -> Connection | None:
    """The connection that a packet answers: looked up in its own zone."""
    for each in known:
        if each.reply == packet.endpoints and each.proto == packet.proto and each.zone == packet.zone:
            return each
    return None


def followed(packet: Flying, known: Sequence[Connection]) -> Connection | None:
    """The connection that a packet goes on with: looked up in its own zone. Without an answer seen there it is invalid (tcp_conntracks, sSS)."""
    wanted = (packet.proto, packet.zone, packet.endpoints)
    return next((each for each in known if each.key == wanted), None)


def applied(packet: Flying, hook: str) -> Flying:
    """What follows a connection's first packet, translated as that was, as far as this hook does that."""
    if packet.connection is None or hook not in SIDE:
        return packet
    src, sport, dst, dport = packet.connection.reply
    if SIDE[hook] == DST:
        return replace(packet, dst=src or packet.dst, dport=sport)
    return replace(packet, src=dst, sport=dport)


def undone(packet: Flying, hook: str) -> Flying:
    """An answer with what nat did to the request undone, as far as this hook does that."""
    if packet.connection is None or begins(packet) or hook not in SIDE:
        return packet
    src, sport, dst, dport = packet.connection.original
    if SIDE[hook] == DST:
        return replace(packet, dst=src or packet.dst, dport=sport)
    return replace(packet, src=dst, sport=dport)


def translated(packet: Flying, hook: str, address: str | None, port: int | None) -> Flying:
    """A request with one end translated, which its connection remembers."""
    old = packet.connection
    if SIDE[hook] == DST:
        moved = replace(packet, dst=address or "", dport=port)
        reply = (address, port, *old.reply[2:]) if old else None
    else:
        moved = replace(packet, src=address, sport=port)
        reply = (*old.reply[:2], address, port) if old else None
    return moved if old is None or reply is None else replace(moved, connection=replace(old, reply=reply))


def decided(packet: Flying, hook: str) -> Flying:
    """A request for which nat has decided one end."""
    old = packet.connection
    return packet if old is None else replace(packet, connection=replace(old, decided=old.decided | {SIDE[hook]}))


def unfiltered(packet: Flying, hook: str, known: Sequence[Connection]) -> Flying:
    """The packet behind a hook whose rules are not looked at: as conntrack alone has it."""
    if packet.later:
        return applied(tracked(packet, known), hook)
    packet = undone(tracked(packet, known), hook)
    return decided(packet, hook) if hook in SIDE and begins(packet) else packet


def leaving(packet: Flying) -> Flying:
    """A packet as another namespace gets it: mark, connection and socket stay behind (skb_scrub_packet, net/core/skbuff.c)."""
    return replace(
        packet,
        device="",
        connection=None,
        untracked=False,
        zone=0,
        mark=0,
        bridge=None,
        rerouted=None,
        unsure=(),
        handed=None,
    )
