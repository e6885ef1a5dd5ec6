"""conntrack-invalid-rst: what each fact decides, on recorded evidence with that one fact changed."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from netprobe.decode.decoder import decode
from netprobe.decode.table import Flag
from netprobe.pipeline import analyze
from tests.causes.altered import code, conntrack_counter, lossy, only, recorded, with_state, without, without_key

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence

INVALID = "conntrack-invalid-rst"
ANSWER = "conntrack-invalid-rst-answer"
FIRING = (INVALID, "conntrack-invalid-rst-download", "conntrack-invalid-rst-masquerade", ANSWER)


def without_key_before(evidence: Evidence) -> Evidence:
    """Before the probe there was no such entry to change."""
    before = tuple(
        replace(each, outputs={k: v for k, v in each.outputs.items() if k != "conntrack"}) for each in evidence.before
    )
    return replace(evidence, before=before)


@pytest.mark.parametrize("name", FIRING)
def test_frames_and_remedy(name: str) -> None:
    """The evidence names the two frames as Wireshark numbers them, and they are what it says."""
    evidence = recorded(name)
    cause = analyze(evidence).cause
    assert cause is not None
    assert (
        cause.remedy[0]
        == f"iptables -I {'DOCKER-USER' if name == ANSWER else 'INPUT'} -m conntrack --ctstate INVALID -j DROP"
    )
    assert cause.remedies[0].host == "server2"
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
    assert code(conntrack_counter(evidence, 4, total + 1)) == INVALID
    still = conntrack_counter(evidence, 4, total)
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


def test_a_stray_that_left_translated_too_was_not_invalid() -> None:
    """The client's RST answers the container's own address; with that segment seen as the dialled one's, nothing went wrong at the host."""
    evidence = recorded(ANSWER)
    table = decode(evidence.packets, evidence.points)
    points = [each.name for each in evidence.points]
    stray = np.flatnonzero((table.payload_len == 10) & (table.packets.point == points.index("server2/eth0")))
    assert len(stray) == 1
    data = bytearray(evidence.packets.data)
    start = int(evidence.packets.offset[stray[0]])
    data[start + 26 : start + 30] = bytes([192, 168, 3, 202])
    assert code(replace(evidence, packets=replace(evidence.packets, data=bytes(data)))) is None


def test_a_users_chain_that_is_not_there_is_not_named() -> None:
    evidence = with_state(recorded(ANSWER), "server2", "iptables", "DOCKER-USER", "MINE")
    cause = analyze(evidence).cause
    assert cause is not None
    assert cause.remedy[0].startswith("iptables -I FORWARD ")
