"""``compare(good, bad) -> Comparison``: pure, as all of this room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.diff.bearing import weigh
from netprobe.diff.facts import RULES_OF
from netprobe.diff.journey import journey_of
from netprobe.diff.model import Bearing, Comparison, Difference, FactKind, Sameness, Weighed
from netprobe.diff.parting import known_end, parting
from netprobe.diff.points import point_pairs
from netprobe.diff.question import same_question
from netprobe.diff.states import roles_by_host, state_diff

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.diff.model import Parting, RunSide
    from netprobe.diff.states import StateDiff


def compare(good: RunSide, bad: RunSide) -> Comparison:
    """Compare two runs of one question.

    Raises:
        UsageFault: they are of different questions.
    """
    asked = same_question(good, bad)
    roles = roles_by_host(good.world.before, bad.world.before)
    ours, theirs = ({name: each[at] for name, each in roles.items()} for at in (0, 1))
    journeys = journey_of(good, ours), journey_of(bad, theirs)
    found = parting(good, bad, journeys, (ours, theirs))
    state = state_diff(good.world.before, bad.world.before, roles)
    weighed = weigh(good, bad, found, state)
    decides = tuple(each for each in weighed if each.bearing is Bearing.DECIDES)
    if not decides and found is not None:
        decides = tuple(_known_in_one(good, bad, state))
    also = tuple(each for each in weighed if each.bearing is Bearing.BEARS)
    return Comparison(
        good=good.report,
        bad=bad.report,
        outcome=_outcome(good, bad, found),
        parting=found,
        points=point_pairs(*journeys, found),
        decides=decides,
        also=also,
        unrelated=tuple(each.difference for each in weighed if each.bearing is Bearing.NONE),
        unknown=_unknown(state, found),
        asked=asked,
    )


def _known_in_one(good: RunSide, bad: RunSide, state: StateDiff) -> Iterator[Weighed]:
    """The rule that a cause names, where the other run does not tell whether it has it."""
    for side, told in ((good, "good"), (bad, "bad")):
        cause = side.report.cause
        if cause is None or cause.where.rule is None or cause.where.component is None:
            continue
        hidden = (
            each
            for each in state.unknown
            if each.side != told and each.place.host == cause.where.host and each.what.startswith(RULES_OF)
        )
        for each in list(hidden)[:1]:
            rule = cause.where.rule
            difference = Difference(
                place=each.place,
                kind=FactKind.RULE,
                subject=cause.where.component,
                good=rule if told == "good" else None,
                bad=rule if told == "bad" else None,
            )
            why = f"the cause {cause.code} names it; whether {each.side.upper()} has it, too, is not known"
            yield Weighed(difference=difference, bearing=Bearing.DECIDES, why=why)


def _outcome(good: RunSide, bad: RunSide, found: Parting | None) -> Sameness:
    if found is not None:
        return Sameness.DIFFERS
    alike = good.report.verdict is bad.report.verdict
    return Sameness.SAME if alike or known_end((good.report, bad.report)) else Sameness.UNDETERMINED


def _unknown(state: StateDiff, found: Parting | None) -> tuple[str, ...]:
    """What could not be compared of the hosts at which the journeys part."""
    return tuple(
        f"{each.what} of {each.place}: not known in {each.side.upper()}" for each in state.unknown if found is not None
    )
