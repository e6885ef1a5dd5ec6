"""How far TCP connections came, of columns, beside what a replay says of the same packets by all their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netprobe.correlate.join import join
from netprobe.correlate.judge import judge
from netprobe.correlate.reasons import VERDICTS, Reason
from netprobe.flowtable.options import options
from netprobe.flowtable.track import Tracker
from tests.anywhere.stories import SECOND, client, opened, said, server
from tests.anywhere.test_stories_handshake import KINDS
from tests.craft import evidence

if TYPE_CHECKING:
    from tests.craft import Sent


def told(sent: list[Sent]) -> tuple[str, str]:
    """The verdict of a capture's only connection, and why."""
    case = evidence(sent)
    tracker = Tracker(options())
    tracker.take(case.packets, case.points)
    rows = tracker.finish()
    judged = judge(rows, join(rows, case.points), case.points, case.limits)
    assert len(judged.verdict) == 1
    return VERDICTS[judged.verdict[0]].value, Reason(judged.reason[0]).code


@pytest.mark.parametrize("sent", [each[0] for each in KINDS.values()], ids=KINDS)
def test_no_handshake_has_another_verdict_than_a_replay_gives_it(sent: list[Sent]) -> None:
    assert told(sent)[0] in (said(sent).verdict, "undetermined")


@pytest.mark.parametrize(
    ("behind", "why"),
    [
        ([server(5, "SA", -1, 0)], "not-acknowledged"),
        ([server(5, "SA", -1, 1)], "others-answer"),
        ([server(5, "SA", -1, 5000), client(9, "R", 5000)], "others-answer"),
        ([server(5, "SA", -1, 5000), client(9, "R", 5000), server(SECOND, "SA", 77, 0)], "not-acknowledged"),
        ([server(5, "SA", -1, 5000), client(9, "R", 5000), *opened(SECOND)], ""),
    ],
)
def test_a_syn_ack_of_another_number_accepts_nothing(behind: list[Sent], why: str) -> None:
    """RFC 9293 section 3.10.7.3: an ACK that the SYN did not ask for is answered with a reset."""
    assert told([opened()[0], *behind])[1] == why
