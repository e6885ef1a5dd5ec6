"""The way of a report's packets through the topology: the capture points that they passed, in order, and where that ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.model.hop import Direction
from netprobe.model.report import Verdict
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe.model.endpoint import Endpoint
    from netprobe.model.hop import Hop
    from netprobe.model.report import Finding, Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A capture point on the way.

    Attributes:
        point: its name.
        leg: 2 for the second connection of docker-proxy.
        src, dst: the packet's ends there; None where it was not seen.
        changed: what changed there: ``dst by DNAT``; ``""`` nothing.
    """

    point: str
    leg: int = 1
    src: Endpoint | None = None
    dst: Endpoint | None = None
    changed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """A journey, to be drawn into a topology.

    Attributes:
        request: the points that the first packet passed, in order, up to where it ended.
        reply: those of the answer, in order.
        missing: the point after the last one where it should have been seen; None where it came through, or that is not known.
        ended_on_reply: it is the answer that did not come back.
        verdict: what became of it. sent: False for a prediction, of which nothing was seen.
        code: the cause's, ``""`` none. host, component: where that sits.
        target, source: as they were asked.
    """

    request: tuple[Passed, ...] = ()
    reply: tuple[Passed, ...] = ()
    missing: str | None = None
    ended_on_reply: bool = False
    verdict: Verdict
    sent: bool = True
    code: str = ""
    host: str = ""
    component: str = ""
    target: str = ""
    source: str = ""

    @property
    def points(self) -> frozenset[str]:
        """All the points that it concerns."""
        return frozenset((*(each.point for each in (*self.request, *self.reply)), *filter(None, (self.missing,))))

    @property
    def words(self) -> str:
        """Why it ended, in a few words; ``""`` where it did not."""
        if self.verdict is Verdict.WORKS:
            return ""
        return self.code or ("not known why" if self.verdict is Verdict.FAILS else "undetermined")


def overlay(report: Report) -> Overlay:
    """Return the journey of a report: for one that was sent what was seen, for a prediction what would be."""
    forth = [each for each in report.hops if each.direction is Direction.REQUEST]
    back = [each for each in report.hops if each.direction is Direction.REPLY]
    cause = report.cause
    missing, on_reply = _missing(report, forth, back)
    return Overlay(
        request=_passed(forth, sent=report.sent),
        reply=_passed(back, sent=report.sent),
        missing=missing,
        ended_on_reply=on_reply,
        verdict=report.verdict,
        sent=report.sent,
        code=cause.code if cause is not None else "",
        host=_host(cause),
        component=(cause.where.component or "") if cause is not None else "",
        target=report.target,
        source=report.source,
    )


def _host(cause: Finding | None) -> str:
    return (cause.where.host or "") if cause is not None else ""


def _missing(report: Report, forth: list[Hop], back: list[Hop]) -> tuple[str | None, bool]:
    """The first point that lacks the packet, and whether it is the answer that it lacks."""
    if report.first_missing is None:
        return None, False
    lacked = any(each.point == report.first_missing and each.seen is False for each in forth)
    return report.first_missing, not lacked and any(each.point == report.first_missing for each in back)


def _passed(hops: Iterable[Hop], *, sent: bool) -> tuple[Passed, ...]:
    return tuple(
        Passed(
            point=each.point,
            leg=each.leg,
            src=each.packet.src if each.packet is not None else None,
            dst=each.packet.dst if each.packet is not None else None,
            changed=", ".join(f"{change.field} by {change.by}" for change in each.changes if change.field in _SHOWN),
        )
        for each in hops
        if each.seen or (not sent and each.packet is not None)
    )


_SHOWN = frozenset({"src", "dst", "connection"})
