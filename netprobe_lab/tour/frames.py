"""The packets that a question rests on, in lines such as tcpdump would print at each interface. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netprobe.model.hop import Direction
from netprobe.report.hops import change_words

if TYPE_CHECKING:
    from netprobe.model.hop import Hop
    from netprobe.model.report import Report

_TELLING = frozenset({"src", "dst", "connection", "vlan"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameLine:
    """One packet at one interface. ``tag``: its VLAN id, empty without one. ``changes``: what had changed since the interface before, in words."""

    point: str
    frame: int
    packet: str
    tag: str
    changes: str


def frame_lines(report: Report, *, whole: bool = False) -> tuple[FrameLine, ...]:
    """Return where the request was first and last seen (``whole``: everywhere), wherever its ends or its tag had changed, and what refused it."""
    forth = [hop for hop in report.hops if hop.packet is not None and hop.direction is Direction.REQUEST]
    ends = forth if whole else (*forth[:1], *forth[-1:])
    told = [hop for hop in forth if hop in ends or any(each.field in _TELLING for each in hop.changes)]
    refused = [hop for hop in report.hops if _refuses(hop)][:1]
    return tuple(_line(hop) for hop in (*told, *refused))


def deciding(report: Report) -> FrameLine | None:
    """Return the one that says most: what refused it, else the last change on the way, else where it was last seen."""
    lines = frame_lines(report)
    refused = any(_refuses(hop) for hop in report.hops)
    changed = [each for each in lines if each.changes]
    return None if not lines else lines[-1] if refused or not changed else changed[-1]


def _refuses(hop: Hop) -> bool:
    packet = hop.packet
    return packet is not None and hop.direction is Direction.REPLY and (hop.is_error or packet.info.startswith("RST"))


def _line(hop: Hop) -> FrameLine:
    packet = hop.packet
    assert packet is not None  # noqa: S101 - the caller chose such hops
    changes = (change_words(each) for each in hop.changes if each.field in _TELLING)
    return FrameLine(
        point=hop.point,
        frame=packet.frame,
        packet=f"{packet.src} → {packet.dst} {packet.info}",
        tag=packet.tag,
        changes=" · ".join(changes),
    )
