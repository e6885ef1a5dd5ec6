"""Values of nftables' expressions, and where a rule meets a packet.

A number may be known in part only: its bounds (:class:`Bounds`, the length of a packet), or some of its bits (:class:`Bits`, a raw payload).
"""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol

from netprobe.state.nft_types import FIB_TYPE
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.state.links import Link
    from netprobe.state.nft_nat import Translation
    from netprobe.state.nft_tables import SetTable
    from netprobe.state.packet import LocalSocket, PacketTuple


@dataclass(frozen=True, slots=True)
class NotTold:
    """The state or the packet does not tell; ``why``: a phrase, ``the time of day``."""

    why: str


class Absent(Enum):
    """The packet has no such thing (header, device, connection): the rule is left there, whatever the operator (NFT_BREAK)."""

    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Bounds:
    """A number between two bounds."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Bits:
    """A number of which some bits are known: those that are set in ``known``."""

    value: int
    known: int


ABSENT: Final = Absent.ABSENT
Scalar = int | str | Bounds | Bits | NotTold | Absent
Value = Scalar | tuple[Scalar, ...]


class Facts(Protocol):
    """What expressions ask of the namespace that the packet is in."""

    def fib(self, result: str, flags: tuple[str, ...], packet: PacketTuple) -> Scalar:
        """The routing table's answer: ``type``, or ``oif`` and ``oifname``: a device's name, ``""`` for none."""

    def takes(self, to: Translation, packet: PacketTuple) -> bool | NotTold:
        """Whether a socket takes what is handed over (``tproxy``)."""

    def sockets(self, packet: PacketTuple) -> tuple[LocalSocket, ...] | None:
        """The socket that it would come to, or none; None where that is not known."""

    def link(self, name: str) -> Link | None:
        """An interface; None when that is not known."""


class NoFacts:
    """Where nothing but the packet is known."""

    def fib(self, result: str, flags: tuple[str, ...], packet: PacketTuple) -> Scalar:
        """What the packet itself tells of its addresses' types."""
        kinds: dict[tuple[str, ...], str | None] = {("saddr",): packet.src_type, ("daddr",): packet.dst_type}
        kind = kinds.get(flags) if result == "type" else None
        return FIB_TYPE.names.get((kind or "").lower(), NotTold("what the routing tables say"))

    def takes(self, to: Translation, packet: PacketTuple) -> bool | NotTold:  # noqa: ARG002 - the form of all
        """Nothing."""
        return NotTold("who listens there")

    def sockets(self, packet: PacketTuple) -> tuple[LocalSocket, ...] | None:
        """What the packet itself tells."""
        return packet.sockets

    def link(self, name: str) -> Link | None:  # noqa: ARG002 - the form of all
        """Nothing."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Where a rule meets a packet.

    Attributes:
        packet: the packet there.
        family: of the rule's table. hook: of the base chain, ``"forward"``; ``""`` unknown.
        facts: the namespace.
        table: the sets and maps of the rule's table.
    """

    packet: PacketTuple
    family: str = "inet"
    hook: str = ""
    facts: Facts = field(default_factory=NoFacts)
    table: SetTable | None = None

    @property
    def version(self) -> int | None:
        """4 or 6; 0 for ARP; None where no address is known."""
        return version_of(self.packet)


def version_of(packet: PacketTuple) -> int | None:
    """The packet's IP version; 0 for ARP, which has none; None where no address is known."""
    if packet.arp is not None:
        return 0
    text = packet.dst or packet.src
    if not text:
        return None
    return 6 if ":" in text else 4 if "." in text else None


def known(value: int | None, what: str) -> Scalar:
    """A number, or that it is not told."""
    return NotTold(what) if value is None else value
