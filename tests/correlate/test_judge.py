"""Path, verdict and end of many flows are those that replay gives of packets alone: held against it on every capture of the lab, from bytes to end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flows_made
import numpy as np
import pytest

from netprobe.correlate.join import join
from netprobe.correlate.judge import judge
from netprobe.correlate.reasons import VERDICTS, Reason
from netprobe.correlate.ways import PATHS
from netprobe.decode.decoder import decode
from netprobe.evidence.model import Limit, LimitKind
from netprobe.evidence.stream.whole import read
from netprobe.flows.build import build, first_row
from netprobe.flowtable.columns import absent
from netprobe.flowtable.options import options
from netprobe.flowtable.track import Tracker
from netprobe.journeys.chosen import choose, journey_of
from netprobe.journeys.clocks import on_one_clock
from netprobe.journeys.join import connections
from netprobe.journeys.turned import turned
from netprobe.journeys.untimed import timed
from netprobe.paths.classify import name_way
from netprobe.state.model import World
from netprobe.verdict.gather import gather
from netprobe.verdict.judge import judge as replayed
from netprobe.verdict.target import intent_of
from tests.spread import spread

if TYPE_CHECKING:
    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import Evidence
    from netprobe.flows.model import Flow
    from netprobe.flowtable.columns import FlowRows
    from netprobe.journeys.model import Connection

    Said = tuple[str, str, str | None]  # verdict, path, the point where the request was seen last

CAPTURES = Path(__file__).parent.parent.parent / "captures"
PARTS = 8
#: Where the two still differ, in more than nothing and never in the verdict: what a packet that passes one interface twice, turned back by a
#: router, went through; how far docker-proxy's own connection came that nobody answers.
DIFFER = {"hairpin-missing-router", "container-firewall-proxy"}


def tracked(evidence: Evidence) -> FlowRows:
    """The flow table's rows."""
    tracker = Tracker(options())
    tracker.take(evidence.packets, evidence.points)
    return tracker.finish()


def by_replay(evidence: Evidence, table: PacketTable, found: tuple[Connection, ...], asked: Connection) -> Said:
    """What replay says of one connection of a capture without its probe and state."""
    plain = replace(evidence, probe=None, before=(), after=())
    outer = turned(asked, table)
    journey = journey_of(outer, found, table, World())
    case = gather(plain, table, World(), intent_of(plain, World(), outer), journey)
    return replayed(case, plain).verdict.value, case.way.path.value, case.last_seen


def by_flows(evidence: Evidence, flow: Flow, began_ns: int) -> Said:
    """What is said of the connection that has this flow, by the flow table."""
    rows = tracked(evidence)
    joined = join(rows, evidence.points)
    judged = judge(rows, joined, evidence.points, evidence.limits)
    ends = {(end.hi, end.lo, end.port) for end in (flow.client, flow.server)}
    its = [
        number
        for number, row in enumerate(rows)
        if (row["point"], row["kind"], row["first_ns"]) == (flow.point, flow.kind, began_ns)
        and {(int(row["hi"][side]), int(row["lo"][side]), int(row["port"][side])) for side in (0, 1)} == ends
    ]
    number = int(joined.connection[its[0]])
    row = int(judged.ended[number])
    where = evidence.points[int(rows["point"][row])].name if row >= 0 else None
    return VERDICTS[judged.verdict[number]].value, PATHS[judged.path[number]], where


@pytest.mark.parametrize("part", spread(range(PARTS), 4))
def test_the_flow_that_was_asked_for_has_the_verdict_path_and_end_that_replay_gives_it(part: int) -> None:
    held = 0
    for file in sorted(CAPTURES.glob("*.pcapng"))[part::PARTS]:
        evidence = read(file.read_bytes())
        if evidence.probe is None or evidence.probe.predict:
            continue
        decoded = timed(decode(evidence.packets, evidence.points))
        table, _ = on_one_clock(decoded, evidence.points)
        found = connections(build(table), table)
        asked = choose(evidence, table, found, None)
        if asked is None:
            continue
        held += 1
        began_ns = int(decoded.packets.time_ns[first_row(asked.flows[0], table)])
        replay, flows = by_replay(evidence, table, found, asked), by_flows(evidence, asked.flows[0], began_ns)
        assert flows[0] == replay[0], file.stem
        assert (flows == replay) is (file.stem not in DIFFER), file.stem
    assert held > 60


def test_no_rows_have_no_verdict() -> None:
    rows = absent(0)
    judged = judge(rows, join(rows, ()), ())
    assert [len(column) for column in (judged.path, judged.verdict, judged.reason, judged.ended)] == [0, 0, 0, 0]


def test_nothing_is_sure_where_contact_with_a_host_was_lost() -> None:
    evidence = read((CAPTURES / "truth-tcp-lan-normal.pcapng").read_bytes())
    rows = tracked(evidence)
    joined = join(rows, evidence.points)
    lost = (Limit(kind=LimitKind.HOST, subject="server2", why="gone"),)
    sure, unsure = (judge(rows, joined, evidence.points, limits) for limits in ((), lost))
    assert {VERDICTS[each].value for each in sure.verdict.tolist()} == {"works"}
    assert {VERDICTS[each].value for each in unsure.verdict.tolist()} == {"undetermined"}
    assert {Reason(each) for each in unsure.reason.tolist()} == {Reason.HOST_LOST}


def test_an_inner_connection_of_a_proxy_has_what_the_outer_one_has() -> None:
    evidence = read((CAPTURES / "app-not-listening-via-proxy.pcapng").read_bytes())
    rows = tracked(evidence)
    judged = judge(rows, join(rows, evidence.points), evidence.points)
    assert {(PATHS[path], Reason(reason)) for path, reason in zip(judged.path, judged.reason, strict=True)} == {
        ("docker-proxy", Reason.REFUSED)
    }
    assert len(judged.path) == 2


def test_ways_that_are_too_long_or_too_many_are_undetermined(monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = read((CAPTURES / "truth-tcp-lan-normal.pcapng").read_bytes())
    rows = tracked(evidence)
    joined = join(rows, evidence.points)
    for name in ("MOST_STEPS", "MOST_SIGNATURES"):
        with monkeypatch.context() as patch:
            patch.setattr(f"netprobe.correlate.ways.{name}", 0)
            judged = judge(rows, joined, evidence.points)
        assert (PATHS[judged.path[0]], VERDICTS[judged.verdict[0]].value) == ("undetermined", "works")


def test_a_flow_at_one_point_is_judged_by_that_alone() -> None:
    evidence = read((CAPTURES / "truth-tcp-lan-normal.pcapng").read_bytes())
    rows = tracked(evidence)
    alone = rows[rows["point"] == rows["point"][0]][:1].copy()
    judged = judge(alone, join(alone, evidence.points), evidence.points)
    assert (PATHS[judged.path[0]], VERDICTS[judged.verdict[0]].value, judged.ended.tolist()) == ("none", "works", [0])


def test_nobody_is_asked_again_for_a_way_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = read((CAPTURES / "truth-tcp-lan-normal.pcapng").read_bytes())
    rows = tracked(evidence)
    many = np.repeat(rows, 50)
    many["port"][:, 0] = np.tile(np.arange(50), len(rows)) + 30000
    for name in ("isn", "head_seq"):
        many[name][:, 0] += np.tile(np.arange(50) * 100_003, len(rows))
    asked: list[int] = []

    def counted(*args: Any) -> Any:
        asked.append(1)
        return name_way(*args)

    monkeypatch.setattr("netprobe.correlate.ways.name_way", counted)
    judged = judge(many, join(many, evidence.points), evidence.points)
    assert len(judged.path) >= 50
    assert len(asked) <= 4


@pytest.mark.parametrize("clock_ns", [0, 700_000_000])
def test_paths_of_many_made_flows_are_right_and_none_is_wrong(clock_ns: int) -> None:
    case = flows_made.made(40_000, 3, clock_ns=clock_ns)
    joined = join(case.rows, case.points)
    told = flows_made.paths(case, joined, judge(case.rows, joined, case.points))
    every, right, wrong = (sum(counts[place] for counts in told.values()) for place in range(3))
    assert wrong == 0
    assert right >= 0.999 * every


def test_no_path_is_wrong_where_all_connections_begin_with_one_number() -> None:
    case = flows_made.without_numbers(flows_made.made(20_000, 3))
    joined = join(case.rows, case.points)
    told = flows_made.paths(case, joined, judge(case.rows, joined, case.points))
    every, right, wrong = (sum(counts[place] for counts in told.values()) for place in range(3))
    assert wrong == 0
    assert right >= 0.7 * every
