"""What the parts of a claim are held against: reports of netprobe, and what commands printed. Pure.

Each condition says whether it holds (None: what was seen does not decide it), and by which questions and outputs, so that their packets can be shown.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netprobe.model.hop import Direction
from netprobe.model.point import PointName
from netprobe.model.report import PathCode, Verdict

if TYPE_CHECKING:
    from netprobe.model.report import Report
    from netprobe_lab.tour.model import Seen


class Condition(ABC):
    """One condition."""

    @abstractmethod
    def holds(self, seen: Seen) -> bool | None:
        """Return whether it holds; None where that was not determined."""

    @property
    def questions(self) -> tuple[str, ...]:
        """The questions that it rests on."""
        return ()

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs that it rests on."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OfOneReport(Condition):
    """What one question must have come to. Undetermined, it decides nothing."""

    question: str

    @property
    def questions(self) -> tuple[str, ...]:
        """The question."""
        return (self.question,)

    def holds(self, seen: Seen) -> bool | None:
        """Return whether the report says so."""
        report = seen.reports[self.question]
        return None if report.verdict is Verdict.UNDETERMINED else self.fits(report)

    @abstractmethod
    def fits(self, report: Report) -> bool:
        """Return whether a report that is determined says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Went(OfOneReport):
    """It works, by one of these paths, with the name looked up like this, and reached that container; empty for any."""

    by: tuple[PathCode, ...] = ()
    resolution: str = ""
    reached: str = ""

    def fits(self, report: Report) -> bool:
        """Hold the report against all of it."""
        way = not self.by or report.path in self.by
        name = not self.resolution or report.resolution == self.resolution
        return report.verdict is Verdict.WORKS and way and name and (not self.reached or self._reached(report))

    def _reached(self, report: Report) -> bool:
        passed = [hop.point for hop in report.hops if hop.seen and hop.direction is Direction.REQUEST]
        return bool(passed) and PointName.parse(passed[-1]).container == self.reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(OfOneReport):
    """It fails, for one of these causes."""

    causes: tuple[str, ...]

    def fits(self, report: Report) -> bool:
        """Hold the report's cause against them."""
        return report.verdict is Verdict.FAILS and report.cause is not None and report.cause.code in self.causes


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed(OfOneReport):
    """The request was seen where `at` is found in a point's name, and (`never`) nowhere where that is."""

    at: str = ""
    never: str = ""

    def fits(self, report: Report) -> bool:
        """Look through the points."""
        points = [hop.point for hop in report.hops if hop.seen and hop.direction is Direction.REQUEST]
        seen = not self.at or any(re.search(self.at, each) for each in points)
        return bool(points) and seen and not (self.never and any(re.search(self.never, each) for each in points))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged(Condition):
    """Two questions came to the same: verdict, path and cause."""

    before: str
    after: str

    @property
    def questions(self) -> tuple[str, ...]:
        """Both."""
        return (self.before, self.after)

    def holds(self, seen: Seen) -> bool | None:
        """Hold one against the other."""
        reports = [seen.reports[each] for each in self.questions]
        if any(each.verdict is Verdict.UNDETERMINED for each in reports):
            return None
        one, other = ((each.verdict, each.path, each.cause and each.cause.code) for each in reports)
        return one == other


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed(Condition):
    """A regular expression is found in what a command printed, within one line."""

    output: str
    pattern: str

    @property
    def outputs(self) -> tuple[str, ...]:
        """The output."""
        return (self.output,)

    def holds(self, seen: Seen) -> bool | None:
        """Search it."""
        return re.search(self.pattern, seen.outputs[self.output], re.MULTILINE) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class SameText(Condition):
    """What two expressions take (their first group) of two outputs is equal, or (``differ``) is not; not decided where one takes nothing.

    Attributes:
        one, other: (output, expression).
    """

    one: tuple[str, str]
    other: tuple[str, str]
    differ: bool = False

    @property
    def outputs(self) -> tuple[str, ...]:
        """Both."""
        return (self.one[0], self.other[0])

    def holds(self, seen: Seen) -> bool | None:
        """Compare them."""
        found = [re.search(pattern, seen.outputs[name], re.MULTILINE) for name, pattern in (self.one, self.other)]
        if any(each is None for each in found):
            return None
        one, other = (each[1] for each in found if each is not None)
        return (one == other) is not self.differ


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf(Condition):
    """Several conditions, all of which must hold."""

    of: tuple[Condition, ...]

    @property
    def questions(self) -> tuple[str, ...]:
        """Those of all, each once."""
        return tuple(dict.fromkeys(name for each in self.of for name in each.questions))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Those of all, each once."""
        return tuple(dict.fromkeys(name for each in self.of for name in each.outputs))

    def holds(self, seen: Seen) -> bool | None:
        """Return False where one does not hold, None where one is not decided and the others hold."""
        found = [each.holds(seen) for each in self.of]
        return False if False in found else None if None in found else True


@dataclass(frozen=True, slots=True, kw_only=True)
class NotHere(Condition):
    """What the lab cannot show at all, and why."""

    why: str

    def holds(self, seen: Seen) -> bool | None:
        """Say nothing."""
        del seen
        return None
