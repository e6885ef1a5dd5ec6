"""Two runs compared: what the pairs of captures say, and that nothing of what each run names anew is a difference."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pytest

from netprobe.diff.compare import compare
from netprobe.diff.model import Sameness
from netprobe.errors import UsageFault
from netprobe.evidence.stream.whole import read
from netprobe.model.report import Verdict
from netprobe.pipeline import side_of
from netprobe.report.diff.text import MOST_ALSO
from netprobe.state.model import World
from tests.diff.pairs import PAIRS, SAME, Pair
from tests.mutilation import CAPTURES

if TYPE_CHECKING:
    from netprobe.diff.model import Comparison, RunSide, Weighed


@cache
def side(name: str) -> RunSide:
    return side_of(read((CAPTURES / f"{name}.pcapng").read_bytes()))


@cache
def compared(good: str, bad: str) -> Comparison:
    return compare(side(good), side(bad))


def lines(weighed: tuple[Weighed, ...]) -> tuple[str, ...]:
    found = []
    for each in (one.difference for one in weighed):
        found += [
            f"{each.place}: {sign} {text}" for sign, text in (("-", each.good), ("+", each.bad)) if text is not None
        ]
    return tuple(found)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.good},{pair.bad}")
def test_a_fault_beside_a_run_without_it(pair: Pair) -> None:
    found = compared(pair.good, pair.bad)
    assert found.outcome is Sameness.DIFFERS
    assert found.parting is not None
    assert (found.parting.common, found.parting.good_at, found.parting.bad_at) == (
        pair.common,
        pair.good_at,
        pair.bad_at,
    )
    assert lines(found.decides) == pair.decides
    assert len(found.also[:MOST_ALSO]) <= 3


@pytest.mark.parametrize("pair", PAIRS[::4], ids=lambda pair: f"{pair.bad},{pair.good}")
def test_the_other_way_round_it_is_the_same_difference(pair: Pair) -> None:
    there, back = compared(pair.good, pair.bad), compared(pair.bad, pair.good)
    assert back.parting is not None
    assert there.parting is not None
    assert (back.parting.kind, back.parting.common) == (there.parting.kind, there.parting.common)
    assert {(one.difference.bad, one.difference.good) for one in back.decides} == {
        (one.difference.good, one.difference.bad) for one in there.decides
    }


@pytest.mark.parametrize(("good", "bad"), SAME)
def test_two_healthy_runs_of_one_question_are_the_same(good: str, bad: str) -> None:
    found = compared(good, bad)
    assert (found.outcome, found.parting, found.decides, found.also) == (Sameness.SAME, None, (), ())


def test_a_run_beside_itself_has_no_difference() -> None:
    found = compared("docker-user-drop", "docker-user-drop")
    assert (found.outcome, found.unrelated) == (Sameness.SAME, ())


@pytest.mark.parametrize(
    ("good", "bad", "what"),
    [
        ("demo", "app-not-listening", "target: demo:80 and 192.168.3.202:80"),
        ("masquerade", "demo", "source: client@server2 and server1"),
        ("demo", "demo-http", "http"),
    ],
)
def test_two_questions_are_refused(good: str, bad: str, what: str) -> None:
    with pytest.raises(UsageFault, match="different questions") as fault:
        compared(good, bad)
    assert what in fault.value.message


def test_the_pairs_are_of_all_kinds() -> None:
    assert len({pair.bad for pair in PAIRS}) >= 40


def test_of_captures_without_state_the_packets_are_compared() -> None:
    bare = [replace(side(name), world=World(), prediction=None) for name in ("demo", "docker-user-drop")]
    found = compare(*bare)
    assert found.outcome is Sameness.DIFFERS
    assert found.parting is not None
    assert (found.parting.common, found.parting.good_at, found.parting.bad_at) == (
        "server2/eth0",
        "server2/docker0",
        None,
    )
    assert found.decides == ()


def test_a_rule_that_the_other_run_does_not_tell_is_said_to_be_unknown_there() -> None:
    (found,) = compared("accept-queue-room", "silent-inside").decides
    assert (found.difference.good, found.difference.bad) == (None, "policy drop")
    assert "is not known" in found.why


def test_where_what_decides_is_beyond_the_hosts_no_line_of_state_does() -> None:
    found = compared("upstream-drop-another-port", "upstream-drop")
    assert found.parting is not None
    assert (found.parting.common, found.parting.good_at) == ("server1/eth0", "server2/eth0")
    assert found.decides == ()


def test_two_ways_that_work_differ() -> None:
    found = compared("truth-tcp-lan-normal", "truth-tcp-lan-dnat-deleted")
    assert found.outcome is Sameness.DIFFERS
    assert [each.difference.good for each in found.decides] == [
        "-A DOCKER ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80"
    ]


def test_two_that_fail_at_one_place_by_different_rules_differ() -> None:
    found = compared("docker-user-drop", "forward-drop")
    assert found.outcome is Sameness.DIFFERS
    assert {each.difference.good or each.difference.bad for each in found.decides} == {
        "-A DOCKER-USER -s 192.168.3.0/24 -j DROP",
        "-A FORWARD -i eth0 -o docker0 -p tcp -m tcp --dport 80 -j DROP",
    }


def test_whether_a_run_that_is_undetermined_is_the_same_is_not_said() -> None:
    cut = replace(side("demo"), report=replace(side("demo").report, verdict=Verdict.UNDETERMINED))
    assert compare(side("demo"), cut).outcome is Sameness.UNDETERMINED


def test_of_a_file_that_is_cut_absence_means_nothing() -> None:
    whole = (CAPTURES / "demo.pcapng").read_bytes()
    found = compare(side("demo"), side_of(read(whole[:9000])))
    assert (found.outcome, found.parting) == (Sameness.UNDETERMINED, None)
