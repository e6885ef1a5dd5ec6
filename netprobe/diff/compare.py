"""``compare(good, bad) -> Comparison``: pure, as all of this room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.diff.bearing import weigh
from netprobe.diff.journey import journey_of
from netprobe.diff.model import Bearing, Comparison, Sameness
from netprobe.diff.parting import known_end, parting
from netprobe.diff.points import point_pairs
from netprobe.diff.question import same_question
from netprobe.diff.states import roles_by_host, state_diff

if TYPE_CHECKING:
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


def _outcome(good: RunSide, bad: RunSide, found: Parting | None) -> Sameness:
    if found is not None:
        return Sameness.DIFFERS
    return Sameness.SAME if known_end((good.report, bad.report)) else Sameness.UNDETERMINED


def _unknown(state: StateDiff, found: Parting | None) -> tuple[str, ...]:
    """What could not be compared of the hosts at which the journeys part."""
    return tuple(
        f"{each.what} of {each.place}: not known in {each.side.upper()}" for each in state.unknown if found is not None
    )
