"""The tour's data and its judgements, without a lab: over the reports of recorded runs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import netprobe
from netprobe.model.report import PathCode, Report, Verdict
from netprobe_lab.experiments.truth import COLUMNS, ROWS
from netprobe_lab.tour.conditions import Failed, NotHere, Passed, Printed, SameText, Unchanged, Went
from netprobe_lab.tour.frames import deciding, frame_lines
from netprobe_lab.tour.model import Claim, ClaimPart, LookAt, Ruling, Seen, TourQuestion
from netprobe_lab.tour.published import part, question_name
from netprobe_lab.tour.rulings import judge
from netprobe_lab.tour.show import command_line, lesson_of
from netprobe_lab.tour.summary import SUMMARY
from netprobe_lab.tour.tutorial import TUTORIAL, claims, steps

CAPTURES = Path(__file__).parents[2] / "captures"
A, B, C = SUMMARY.claims


@cache
def replayed(name: str) -> Report:
    return netprobe.replay(CAPTURES / f"{name}.pcapng")


@pytest.fixture(scope="module")
def table() -> Seen:
    """The recorded cells that the summary is judged by; what the host's own packets to the container's address came to was not recorded: as a container of the bridge's."""
    cells = {question_name(row.name, "normal"): replayed(f"truth-http-{row.name}-normal") for row in ROWS}
    cells |= {
        name: replayed(f"truth-http-{name}")
        for name in ("same-bridge-proxy-killed", *(f"lan-{each}" for each in COLUMNS))
    }
    return Seen(reports={**cells, "host-direct-normal": cells["same-bridge-direct-normal"]})


def with_report(seen: Seen, name: str, report: Report) -> Seen:
    return Seen(reports={**seen.reports, name: report}, outputs=seen.outputs)


def test_names_are_unique_and_what_a_claim_rests_on_was_asked_before_it() -> None:
    asked: list[str] = []
    printed: list[str] = []
    for step in steps():
        asked += [each.name for each in step.actions if isinstance(each, TourQuestion)]
        printed += [each.name for each in step.actions if isinstance(each, LookAt)]
        for claim in step.claims:
            for each in claim.parts:
                assert set(each.condition.questions) <= set(asked), claim.name
                assert set(each.condition.outputs) <= set(printed), claim.name
    names = [*asked, *printed, *(claim.name for claim in claims()), *(step.name for step in steps())]
    assert len(asked) == len(set(asked))
    assert len(printed) == len(set(printed))
    assert len(names) > 60
    assert len({claim.name for claim in claims()}) == len(list(claims()))


def test_every_action_has_a_line_or_only_waits() -> None:
    lines = [command_line(action) for step in steps() for action in step.actions]
    assert "server2# docker run -d --name demo -p 80:80 nginx" in lines
    assert sum(not each for each in lines) == sum(type(a).__name__ == "WaitPort" for s in steps() for a in s.actions)


def test_the_chapters_are_the_tutorials() -> None:
    assert [part.title[:2] for part in TUTORIAL] == ["1.", "2.", "3."]
    assert {claim.name for claim in claims()} > {"a", "b", "c", "names", "link", "mac-net2", "isolated"}


@pytest.mark.parametrize(
    ("claim", "ruling", "parts"),
    [
        (A, Ruling.HOLDS, (True, True, True, True)),
        (B, Ruling.PARTLY, (True, False, False)),
        (C, Ruling.PARTLY, (False, True, True, True, False, False)),
    ],
    ids="abc",
)
def test_the_summary_is_judged_per_destination_by_the_recorded_packets(
    table: Seen, claim: Claim, ruling: Ruling, parts: tuple[bool, ...]
) -> None:
    found = judge(claim, table)
    assert found.ruling is ruling is claim.declared
    assert tuple(each.holds for each in found.parts) == parts
    assert lesson_of(found) == claim.lesson


def test_packets_decide_not_the_declaration(table: Seen) -> None:
    dnat = table.reports["own-normal"]
    everything_by_dnat = with_report(with_report(table, "loopback-normal", dnat), "host-direct-normal", dnat)
    found = judge(B, everything_by_dnat)
    assert found.ruling is Ruling.HOLDS
    assert not lesson_of(found)  # it was written for the other ruling
    nothing = table.reports["lan-both"]
    refused = Seen(reports=dict.fromkeys(table.reports, nothing))
    assert judge(B, refused).ruling is Ruling.NOT


def test_what_is_undetermined_leaves_a_claim_open(table: Seen) -> None:
    unknown = replace(table.reports["own-normal"], verdict=Verdict.UNDETERMINED)
    assert judge(B, with_report(table, "own-normal", unknown)).ruling is Ruling.OPEN


def test_what_the_lab_cannot_show_keeps_a_claim_from_holding_as_a_whole(table: Seen) -> None:
    shown, not_here = part("lan", "normal", (PathCode.DNAT,)), ClaimPart(about="", condition=NotHere(why="no"))
    claim = replace(A, parts=(shown, not_here))
    assert judge(claim, table).ruling is Ruling.PARTLY
    assert judge(replace(A, parts=(not_here,)), table).ruling is Ruling.OPEN


def test_each_condition_can_fail(table: Seen) -> None:
    went = Went(question="lan-normal", by=(PathCode.DNAT,), resolution="literal", reached="demo")
    assert went.holds(table)
    for other in ({"by": (PathCode.BRIDGE,)}, {"resolution": "hosts-file"}, {"reached": "c1"}):
        assert replace(went, **other).holds(table) is False
    failed = Failed(question="lan-both", causes=("proxy-and-dnat-dead",))
    assert failed.holds(table)
    assert replace(failed, causes=("proxy-dead",)).holds(table) is False
    assert replace(failed, question="lan-normal").holds(table) is False
    assert Passed(question="lan-normal", at="^server2/docker0$", never="/lo$").holds(table)
    assert Passed(question="lan-normal", at="/lo$").holds(table) is False
    assert Passed(question="lan-normal", never="docker0").holds(table) is False
    assert Unchanged(before="lan-normal", after="lan-proxy-killed").holds(table)
    assert Unchanged(before="same-bridge-normal", after="same-bridge-proxy-killed").holds(table) is False


def test_outputs_are_compared() -> None:
    seen = Seen(outputs={"old": "172.17.0.2", "env": "A=1\nADDR=172.17.0.2", "new": "172.17.0.4", "none": ""})
    old = ("old", r"^(\S+)$")
    assert SameText(one=old, other=("env", r"^ADDR=(\S+)$")).holds(seen)
    assert SameText(one=old, other=("new", r"^(\S+)$")).holds(seen) is False
    assert SameText(one=old, other=("new", r"^(\S+)$"), differ=True).holds(seen)
    assert SameText(one=old, other=("none", r"^(\S+)$"), differ=True).holds(seen) is None
    assert Printed(output="env", pattern="^ADDR").holds(seen)
    assert not Printed(output="none", pattern="^ADDR").holds(seen)


def test_the_frames_that_decide_are_shown(table: Seen) -> None:
    proxied, refused = table.reports["loopback-normal"], table.reports["lan-both"]
    lines = frame_lines(proxied)
    assert [each.point for each in lines] == ["server2/lo", "server2/docker0", "server2/demo/eth0"]
    found = deciding(proxied)
    assert found is not None
    assert found.point == "server2/docker0"
    assert "docker-proxy" in found.changes
    end = deciding(refused)
    assert end is not None
    assert end.packet.endswith("RST")
    assert len(frame_lines(replayed("macvlan-vlan-ping"), whole=True)) > len(frame_lines(replayed("macvlan-vlan-ping")))
    assert {each.tag for each in frame_lines(replayed("macvlan-vlan-ping"))} == {"", "1"}
