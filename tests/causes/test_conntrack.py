"""Connection tracking: what each fact decides, on recorded evidence with that one fact changed."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from netprobe.decode import decode
from netprobe.decode.table import Flag
from netprobe.pipeline import analyze
from netprobe.report.model import Confidence
from tests.causes.altered import code, lossy, only, recorded, with_state, without

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence, HostState

INVALID = "conntrack-invalid-rst"
FIRING = (INVALID, "conntrack-invalid-rst-download", "conntrack-invalid-rst-masquerade")
FULL, STALE = "conntrack-full", "udp-conntrack-stale"
_WITHIN = {"docker0", "eth0"}


def counter(evidence: Evidence, column: int, value: int) -> Evidence:
    """One of server2's conntrack counters after the probe as it should be (processor 0; the others at 0)."""

    def changed(state: HostState) -> HostState:
        output = state.outputs.get("conntrack-stat")
        if state.host != "server2" or output is None:
            return state
        head, *lines = output.stdout.splitlines()
        rows = [line.split() for line in lines]
        for number, row in enumerate(rows):
            row[column] = f"{0 if number else value:08x}"
        text = "\n".join([head, *(" ".join(row) for row in rows)])
        return replace(state, outputs={**state.outputs, "conntrack-stat": replace(output, stdout=text)})

    return replace(evidence, after=tuple(map(changed, evidence.after)))


def without_key(evidence: Evidence, key: str) -> Evidence:
    before, after = (
        tuple(replace(each, outputs={k: v for k, v in each.outputs.items() if k != key}) for each in states)
        for states in (evidence.before, evidence.after)
    )
    return replace(evidence, before=before, after=after)


@pytest.mark.parametrize("name", FIRING)
def test_frames_and_remedy(name: str) -> None:
    """The evidence names the two frames as Wireshark numbers them, and they are what it says."""
    evidence = recorded(name)
    cause = analyze(evidence).cause
    assert cause is not None
    assert cause.remedy[0] == "iptables -I INPUT -m conntrack --ctstate INVALID -j DROP"
    assert cause.remedy_host == "server2"
    segment, reset = (int(m[1]) for line in cause.evidence[:2] if (m := re.match(r"frame (\d+) at server2/eth0", line)))
    table = decode(evidence.packets, evidence.points)
    rows = {int(frame): row for row, frame in enumerate(evidence.packets.frame)}
    assert table.tcp_flags[rows[reset]] == Flag.RST
    assert table.seq[rows[reset]] == table.ack[rows[segment]]
    assert "1000000 bytes beyond" in cause.evidence[0]


@pytest.mark.parametrize("name", FIRING)
def test_a_counter_that_stands_still_proves_another_reason(name: str) -> None:
    """An entry that expired, or was deleted, gives the same packets: nothing is INVALID then."""
    evidence = recorded(name)
    before = next(each for each in evidence.before if each.host == "server2").outputs["conntrack-stat"].stdout
    total = sum(int(line.split()[4], 16) for line in before.splitlines()[1:])
    assert code(counter(evidence, 4, total + 1)) == INVALID
    still = counter(evidence, 4, total)
    assert code(still) is None
    assert INVALID not in analyze(still).alternatives
    unknown = without_key(evidence, "conntrack-stat")
    assert code(unknown) is None
    assert INVALID in analyze(unknown).alternatives


@pytest.mark.parametrize("name", FIRING)
def test_an_unknown_connection_is_no_invalid_segment(name: str) -> None:
    """Its entry is gone from a table that is known."""
    evidence = recorded(name)
    local = evidence.probe.result.local if evidence.probe else None
    assert local is not None
    assert (
        code(with_state(without_key_before(evidence), "server2", "conntrack", f"sport={local[1]} ", "sport=9 ")) is None
    )
    assert code(without_key(evidence, "conntrack")) == INVALID


def without_key_before(evidence: Evidence) -> Evidence:
    """Before the probe there was no such entry to change."""
    before = tuple(
        replace(each, outputs={k: v for k, v in each.outputs.items() if k != "conntrack"}) for each in evidence.before
    )
    return replace(evidence, before=before)


@pytest.mark.parametrize("name", FIRING)
def test_a_reset_that_was_seen_within_is_not_the_hosts(name: str) -> None:
    """With every point behind the translation blind (or lossy) nothing tells who reset it."""
    evidence = recorded(name)
    within = [each.name for each in evidence.points if each.host == "server2" and each.name != "server2/eth0"]
    assert code(without(evidence, *within)) is None
    for point in within:
        evidence = lossy(evidence, point)
    assert code(evidence) is None


@pytest.mark.parametrize("name", FIRING)
def test_the_segment_is_needed(name: str) -> None:
    """A reset that answers nothing (from a process of the host's, say) is another story."""
    evidence = recorded(name)
    cause = analyze(evidence).cause
    match = re.match(r"frame (\d+)", cause.evidence[0]) if cause else None
    assert match
    table = decode(evidence.packets, evidence.points)
    row = int(np.flatnonzero(evidence.packets.frame == int(match[1]))[0])
    assert code(only(evidence, table.seq != table.seq[row])) is None


def test_drops_that_were_counted_make_it_certain() -> None:
    full = analyze(recorded(FULL)).cause
    assert full is not None
    assert (full.code, full.confidence) == (FULL, Confidence.CERTAIN)
    unknown = analyze(without_key(recorded(FULL), "conntrack-stat")).cause
    assert unknown is not None
    assert (unknown.code, unknown.confidence) == (FULL, Confidence.LIKELY)


def test_fewer_drops_than_lost_packets_are_no_full_table() -> None:
    evidence = recorded(FULL)
    assert code(counter(evidence, 10, 2)) == FULL
    few = counter(evidence, 10, 1)
    assert code(few) is None
    none = counter(evidence, 10, 0)
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
    assert note.remedy == ("conntrack -D -p udp --orig-port-dst 80",)


def test_an_entry_that_ended_meanwhile_is_no_note() -> None:
    """It has to be there at both moments."""
    evidence = recorded(STALE)
    gone = tuple(
        replace(each, outputs={k: replace(v, stdout="") if k == "conntrack" else v for k, v in each.outputs.items()})
        for each in evidence.after
    )
    assert analyze(replace(evidence, after=gone)).findings == ()
