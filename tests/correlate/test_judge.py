"""Path and verdict of many flows are those that replay gives of packets alone: held against it on every capture of the lab."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from netprobe.correlate.judge import judge
from netprobe.correlate.reasons import VERDICTS, Reason
from netprobe.correlate.ways import PATHS
from netprobe.decode.decoder import decode
from netprobe.evidence.model import Limit, LimitKind
from netprobe.evidence.reader import read
from netprobe.flows.build import build
from netprobe.flowtable.columns import absent
from netprobe.journeys.chosen import choose, journey_of
from netprobe.journeys.clocks import on_one_clock
from netprobe.journeys.join import connections
from netprobe.journeys.turned import turned
from netprobe.journeys.untimed import timed
from netprobe.state.model import World
from netprobe.verdict.gather import gather
from netprobe.verdict.judge import judge as replayed
from netprobe.verdict.target import intent_of
from tests.correlate.tracked import joined_of, rows_of

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.journeys.model import Connection

CAPTURES = Path(__file__).parent.parent.parent / "captures"
PARTS = 8

#: Captures on which flows say less than replay, and why.
LESS = {
    "tls-handshake-ended": "how segments begin does not tell an encrypted alert of the client's from what follows its Finished"
}


class Both:
    """One capture, without its probe and state: what replay says of the connection that was asked for, and what the flow table says."""

    def __init__(self, evidence: Evidence) -> None:
        plain = replace(evidence, probe=None, before=(), after=())
        decoded = timed(decode(evidence.packets, evidence.points))
        table, _ = on_one_clock(decoded, evidence.points)
        flows = build(table)
        found = connections(flows, table)
        self.asked = choose(evidence, table, found, None)
        if self.asked is None:
            return
        self.replay = self._replay(plain, table, found)
        self.rows = rows_of(flows, table)
        number = [id(each) for each in found].index(id(self.asked))
        self.judged = judge(self.rows, joined_of(found, flows, table), evidence.points, evidence.limits)
        row = int(self.judged.ended[number])
        self.flows = (
            VERDICTS[self.judged.verdict[number]].value,
            PATHS[self.judged.path[number]],
            evidence.points[int(self.rows["point"][row])].name if row >= 0 else None,
        )

    def _replay(self, plain: Evidence, table: object, found: tuple[Connection, ...]) -> tuple[str, str, str | None]:
        assert self.asked is not None
        outer = turned(self.asked, table)  # type: ignore[arg-type]
        journey = journey_of(outer, found, table, World())  # type: ignore[arg-type]
        case = gather(plain, table, World(), intent_of(plain, World(), outer), journey)  # type: ignore[arg-type]
        return replayed(case, plain).verdict.value, case.way.path.value, case.last_seen


@pytest.mark.parametrize("part", range(PARTS))
def test_the_flow_that_was_asked_for_has_the_verdict_path_and_end_that_replay_gives_it(part: int) -> None:
    held = 0
    for file in sorted(CAPTURES.glob("*.pcapng"))[part::PARTS]:
        evidence = read(file.read_bytes())
        if evidence.probe is None or evidence.probe.predict:
            continue
        both = Both(evidence)
        if both.asked is None:
            continue
        held += 1
        if file.stem in LESS:
            assert both.flows[0] == "undetermined", file.stem
            assert both.flows[1] in (both.replay[1], "undetermined"), file.stem
        else:
            assert both.flows == both.replay, file.stem
    assert held > 60


def test_no_rows_have_no_verdict() -> None:
    nothing = np.zeros(0, np.int64)
    joined = joined_of((), (), decode(read(next(CAPTURES.glob("*.pcapng")).read_bytes()).packets, ()))
    judged = judge(absent(0), joined, ())
    assert judged.path.tolist() == judged.verdict.tolist() == judged.ended.tolist() == nothing.tolist()


def test_nothing_is_sure_where_contact_with_a_host_was_lost() -> None:
    evidence = read((CAPTURES / "truth-tcp-lan-normal.pcapng").read_bytes())
    table = timed(decode(evidence.packets, evidence.points))
    flows = build(table)
    found = connections(flows, table)
    rows, joined = rows_of(flows, table), joined_of(found, flows, table)
    lost = (Limit(kind=LimitKind.HOST, subject="server2", why="gone"),)
    sure, unsure = (judge(rows, joined, evidence.points, limits) for limits in ((), lost))
    assert {VERDICTS[each].value for each in sure.verdict.tolist()} >= {"works"}
    assert {VERDICTS[each].value for each in unsure.verdict.tolist()} == {"undetermined"}
    assert {Reason(each) for each in unsure.reason.tolist()} == {Reason.HOST_LOST}
