"""What the tour is made of: parts, steps, what is done in a step, and the claims that it is about. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from netprobe_lab.experiments.model import Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.model.details import Details
    from netprobe.model.report import Report
    from netprobe_lab.tour.conditions import Condition


class Ruling(StrEnum):
    """How a claim was judged. ``OPEN``: what was seen does not decide it."""

    HOLDS = "holds"
    PARTLY = "holds partly"
    NOT = "does not hold"
    OPEN = "not judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAt:
    """Run a command and keep what it prints.

    Attributes:
        name: by which conditions and later questions (in braces) mean its output.
        host, command: split like a shell would; an exit code other than 0 is shown, and no fault.
        container: in whose network namespace the host's own command is run; empty for the host's.
        keep: a regular expression: only lines in which it is found are shown.
    """

    name: str
    host: str
    command: str
    container: str = ""
    keep: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TourQuestion:
    """Have netprobe explain one connection.

    Attributes:
        name: unique in the tour; the name of its evidence.
        about: who asks whom, in words.
        target, source, proto: as of ``netprobe explain``; {…} in the target is a container's address, or what a :class:`LookAt` printed.
        timeout_s: of name lookup and probe; short where silence is expected.
        stands_for: the tutorial's command that this is, such as ``curl localhost``; netprobe sends the same request, and watches its packets.
        whole: show the request at every interface, also where nothing changed.
    """

    name: str
    about: str
    target: str
    source: str
    proto: str | None = None
    timeout_s: float = 5.0
    stands_for: str = ""
    whole: bool = False


Action = Step | LookAt | TourQuestion


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPart:
    """One of the things that a claim says, or one of the destinations that it is about."""

    about: str
    condition: Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What the tutorial says.

    Attributes:
        name: unique in the tour.
        text: the claim.
        parts: it holds where all of them do, partly where some do.
        declared: what it is known to be, which tests hold the tour against; it has no part in the judgement.
        otherwise: the same, by the major version of an engine where that differs.
        lesson: what to learn from it; said where the ruling is the declared one.
    """

    name: str
    text: str
    parts: tuple[ClaimPart, ...]
    declared: Ruling
    lesson: str
    otherwise: Mapping[str, Ruling] = field(default_factory=dict)

    def declared_on(self, version: str) -> Ruling:
        """Return what is declared for an engine of that version (``28.5.2``)."""
        return self.otherwise.get(version.partition(".")[0], self.declared)


@dataclass(frozen=True, slots=True, kw_only=True)
class TourStep:
    """One step of the tutorial.

    Attributes:
        name: unique in the tour.
        title: what it is about.
        tutorial: its commands, as the tutorial has them.
        note: what is done otherwise here, and why.
        actions: what is done, in order.
        claims: what the tutorial concludes.
    """

    name: str
    title: str
    tutorial: tuple[str, ...] = ()
    note: str = ""
    actions: tuple[Action, ...] = ()
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TourPart:
    """One chapter; it begins with a clean lab."""

    title: str
    steps: tuple[TourStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All that was seen so far: the reports and what commands printed, by name, and the reports' details where a page is made."""

    reports: dict[str, Report] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    details: dict[str, Details] = field(default_factory=dict)


TESTED_ENGINES: Final = ("20", "28")
"""Major versions of the Docker Engine for which the declared rulings were measured."""
