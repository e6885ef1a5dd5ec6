"""The walks through rules, routes and sockets, with the step that decided marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.model.details import Mark
from netprobe.model.hop import Direction
from netprobe.report.language import _
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.model.details import PacketWalk, RuleStep
    from netprobe.model.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownStep:
    """One step. ``mark``: for the style. ``deciding``: it is what the verdict rests on."""

    where: str
    rule: str
    text: str
    what: str
    mark: str
    deciding: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownWalk:
    """One packet in one namespace."""

    place: str
    packet: str
    steps: tuple[ShownStep, ...]


def walks(found: tuple[PacketWalk, ...], report: Report) -> tuple[ShownWalk, ...]:
    """Return the walks to print."""
    rule = report.cause.where.rule if report.cause is not None else None
    return tuple(
        ShownWalk(
            place=walk.place,
            packet=walk.packet or (_("the request") if walk.direction is Direction.REQUEST else _("the answer")),
            steps=tuple(_step(each, rule) for each in walk.steps),
        )
        for walk in found
    )


def _step(step: RuleStep, rule: str | None) -> ShownStep:
    deciding = step.mark is Mark.STOPS or (rule is not None and bool(step.text) and step.text == rule)
    return ShownStep(
        where=step.where, rule=step.rule, text=step.text, what=step.what, mark=step.mark.value, deciding=deciding
    )
