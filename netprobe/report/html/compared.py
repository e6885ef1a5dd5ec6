"""The predicted way beside the observed one, point by point."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.model.hop import Direction
from netprobe.report.html.ladder import since
from netprobe.report.language import _
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.model.details import Compared
    from netprobe.model.hop import Hop


@dataclass(frozen=True, slots=True, kw_only=True)
class PointPair:
    """One point. ``agree``: both say the same; None: nothing can be said. ``new``: another packet begins here: ``the request``."""

    point: str
    predicted: str
    observed: str
    agree: bool | None
    new: str = ""


def pairs(compared: tuple[Compared, ...]) -> tuple[PointPair, ...]:
    """Return the lines of the table."""
    out: list[PointPair] = []
    before: tuple[Direction, int] | None = None
    for each in compared:
        hop = each.predicted or each.observed
        assert hop is not None  # noqa: S101 - one of the two is there
        group = (hop.direction, hop.leg)
        out.append(_pair(each, hop, _begins(*group) if group != before else ""))
        before = group
    return tuple(out)


def _begins(direction: Direction, leg: int) -> str:
    what = _("the request") if direction is Direction.REQUEST else _("the answer")
    return what if leg == 1 else _("{}, second connection").format(what)


def _pair(each: Compared, hop: Hop, new: str) -> PointPair:
    predicted, observed = each.predicted, each.observed
    seen = observed.seen if observed is not None else None
    agree = None if observed is None or seen is None else (predicted is not None) is seen
    return PointPair(
        point=hop.point,
        predicted=_("not reached") if predicted is None else _words(predicted),
        observed=_observed(observed),
        agree=agree,
        new=new,
    )


def _observed(hop: Hop | None) -> str:
    if hop is None:
        return _("not looked at")
    if hop.seen is None:
        return _("not observable here")
    if not hop.seen:
        return _("not seen")
    time = f" ({since(hop.time_us)})" if hop.time_us is not None else ""
    return _words(hop) + time


def _words(hop: Hop) -> str:
    return _("passes") if hop.packet is None else f"{hop.packet.src} → {hop.packet.dst} {hop.packet.info}"
