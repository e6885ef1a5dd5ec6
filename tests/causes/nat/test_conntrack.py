"""Connection tracking: what each fact decides, on recorded evidence with that one fact changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netprobe.model.report import Confidence
from netprobe.pipeline import analyze
from tests.causes.altered import code, conntrack_counter, recorded, with_state, without_key

FULL, STALE = "conntrack-full", "udp-conntrack-stale"


def test_drops_that_were_not_counted_prove_nothing() -> None:
    """A full table may still have had room at that moment: it makes some (early_drop)."""
    full = analyze(recorded(FULL)).cause
    assert full is not None
    assert (full.code, full.confidence) == (FULL, Confidence.CERTAIN)
    for name in (FULL, "conntrack-full-dropped-none"):
        unknown = analyze(without_key(recorded(name), "conntrack-stat"))
        assert unknown.cause is None
        assert FULL in unknown.alternatives


def test_fewer_drops_than_lost_packets_are_no_full_table() -> None:
    evidence = recorded(FULL)
    assert code(conntrack_counter(evidence, 10, 2)) == FULL
    few = conntrack_counter(evidence, 10, 1)
    assert code(few) is None
    none = conntrack_counter(evidence, 10, 0)
    assert FULL in analyze(few).alternatives
    assert FULL not in analyze(none).alternatives


def test_a_full_table_elsewhere_is_not_possible_where_it_was_lost_in_another_host() -> None:
    room = with_state(recorded(FULL), "server2", "sysctl", "_count = 262144", "_count = 5")
    there = with_state(room, "server1", "sysctl", "_count = 0", "_count = 262144")
    report = analyze(there)
    assert report.cause is None
    assert FULL not in report.alternatives


def test_a_flow_that_is_translated_is_not_stale() -> None:
    evidence = recorded(STALE)
    assert STALE in {each.code for each in analyze(evidence).findings}
    altered = with_state(evidence, "server2", "conntrack", "src=192.168.3.202", "src=172.17.0.2")
    assert analyze(altered).findings == ()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("udp-conntrack-stale-restarted", "docker-proxy passes it on"),
        ("udp-conntrack-stale-no-proxy", "nobody serves it"),
    ],
)
def test_who_gets_it_instead(name: str, words: str) -> None:
    (note,) = analyze(recorded(name)).findings
    assert note.code == STALE
    assert words in note.summary
    ((command,),) = [step.commands for step in note.remedies]
    assert command[:5] == ("conntrack", "-D", "-p", "udp", "--orig-src")
    assert command[-1] == "80"  # one flow, not the port's
    assert len(set(command) & {"--orig-src", "--orig-dst", "--orig-port-src", "--orig-port-dst"}) == 4


def test_an_entry_that_ended_meanwhile_is_no_note() -> None:
    """It has to be there at both moments."""
    evidence = recorded(STALE)
    gone = tuple(
        replace(each, outputs={k: replace(v, stdout="") if k == "conntrack" else v for k, v in each.outputs.items()})
        for each in evidence.after
    )
    assert analyze(replace(evidence, after=gone)).findings == ()
