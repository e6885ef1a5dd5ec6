"""What a page shows beside the report: the ladder, the rules that the packets met, and the prediction. Made on demand: neither text nor JSON needs it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.model.hop import Direction, Hop
    from netprobe.model.ladder import Ladder
    from netprobe.topology.model import Topology


class Mark(StrEnum):
    """What a step of a walk through the rules does with the packet."""

    PASSES = "passes"
    CHANGES = "changes"
    STOPS = "stops"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleStep:
    """One step.

    Attributes:
        where: ``nat/PREROUTING``, ``routing``, ``socket``; of the kernel's trace the rule's place.
        rule: the rule's name (``nat/DOCKER #2``), ``""`` where no rule decides. text: as saved.
        what: what happens there, in a few words; of the trace the rule's verdict.
        mark: what it does.
    """

    where: str
    rule: str = ""
    text: str = ""
    what: str = ""
    mark: Mark = Mark.PASSES


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketWalk:
    """A packet's steps in one namespace.

    Attributes:
        place: whose: ``server2``, ``demo@server2``. direction: whose packet.
        packet: the packet as it comes in, ``""`` where the state's walk does not say. steps: in order.
    """

    place: str
    direction: Direction
    packet: str = ""
    steps: tuple[RuleStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One point of the way: what the hosts' state says of it (None: nothing), and what was seen there (None: the packet went elsewhere)."""

    predicted: Hop | None
    observed: Hop | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketLayer:
    """One protocol layer of a packet: its name, which of the kept bytes are its, and its fields (name, value) in the order in which people read them."""

    name: str
    start: int
    end: int
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPacket:
    """One packet, taken apart.

    Attributes:
        point, frame: where it was seen, and the number that Wireshark shows.
        words: ``192.0.2.1:4000 → 192.0.2.2:80 SYN``.
        time_ns: when, Unix ns, by the clock of the host that saw it. size: bytes on the wire.
        layers: from the link on. raw: its first bytes.
    """

    point: str
    frame: int
    words: str
    time_ns: int
    size: int
    layers: tuple[PacketLayer, ...]
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """All of it.

    Attributes:
        topology: the hosts, and what joins them; None where nothing is known of any.
        ladder: the connection's packets; None where none was seen.
        by_state: the walks by the hosts' state, up to what stops the packet there.
        by_kernel: those of the kernel's own trace.
        compared: point by point, request and then reply; empty where nothing was predicted, or nothing sent.
        unknown: why the prediction ends where it does, ``""`` where the state tells to the end.
        packets: what the report rests on, by frame number. left: how many more of the connection are not among them.
    """

    topology: Topology | None = None
    ladder: Ladder | None = None
    by_state: tuple[PacketWalk, ...] = ()
    by_kernel: tuple[PacketWalk, ...] = ()
    compared: tuple[Compared, ...] = ()
    unknown: str = ""
    packets: tuple[ShownPacket, ...] = ()
    left: int = 0
