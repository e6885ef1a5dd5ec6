"""Every saved capture, replayed: the expected report, and what must hold when evidence is taken away.

captures/NAME.pcapng is real evidence of the lab; NAME.expected.json holds the stable fields of its report, checked against the experiment's own
declaration when it was recorded.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from netprobe.evidence.stream.whole import read, read_many
from netprobe.evidence.writer import write
from netprobe.flows.expression import FlowExpr
from netprobe.pipeline import analyze
from netprobe.report.json import dumps, to_json
from netprobe_lab.experiments import EXPERIMENTS
from netprobe_lab.stable import proof, stable
from tests.contract import assert_valid
from tests.mutilation import (
    CAPTURES,
    NAMES,
    assert_not_another,
    evidence,
    expected,
    only,
    proved,
    reported,
    without_point,
    works,
)

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.evidence.state import HostState

shares_work = pytest.mark.usefixtures("shared")  # many copies of one capture; all else is worked out from scratch

MAX_BYTES = 100 * 1024
NOTHING_SENT = {
    "ndp-blocked",
    "no-route",
    "internal-network",
    "subnet-overlap",
    "netns-owner-restarted",
    "noproxy-no-route-localnet",
    "macvlan-parent-down",
    "output-drop",
    "dns-client-cache",
    "link-env-stale",
}
WORKING = [name for name in NAMES if works(name)]


def test_every_experiment_has_its_capture() -> None:
    assert sorted(each.name for each in EXPERIMENTS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_report_is_the_expected_one(name: str) -> None:
    report = reported(name)
    assert stable(report) == expected(name)
    assert proof(report) == proved(name)
    assert_valid("report", json.loads(dumps(report)))


@pytest.mark.parametrize("name", NAMES)
def test_small_and_in_the_index(name: str) -> None:
    assert (CAPTURES / f"{name}.pcapng").stat().st_size <= MAX_BYTES
    assert f"{name}.pcapng" in (CAPTURES / "INDEX.md").read_text()


@pytest.mark.each_capture
@pytest.mark.parametrize("name", NAMES)
def test_a_written_and_read_file_gives_the_same_report(name: str) -> None:
    again = read(write(evidence(name)))
    assert to_json(analyze(again)) == reported(name)


def shares(name: str) -> bool:
    """Whether the target was named, and is in another container's namespace: whose socket it is, only host state tells."""
    probe = evidence(name).probe
    return bool(
        probe
        and probe.target_at
        and probe.target_at.container
        and probe.lookup.how.value == "inventory"
        and probe.lookup.name not in {probe.target_at.container, probe.target_at.host}
    )


def answered_outside(name: str) -> bool:
    """Whether a search domain or a hosts line answered: whether a container has the name, only host state tells."""
    probe = evidence(name).probe
    outside = probe is not None and (probe.target_at is None or probe.target_at.container is None)
    line = probe is not None and probe.lookup.how.value == "hosts-file" and "." not in (probe.lookup.name or "")
    return bool(probe and probe.source_at.container and (probe.lookup.answered or (line and outside)))


# Its server accepts nothing and says nothing, as a paused one: packets alone do not tell them apart.
# Nor who it is that has an address behind somebody's static NAT.
SAYS_NOTHING = {
    "accept-queue-room",
    "hairpin-there",
    "hairpin-neighbour-dials",
    "hairpin-router-masquerades",
    "static-nat",
}


@pytest.mark.parametrize("name", [name for name in WORKING if not shares(name) and not answered_outside(name)])
def test_packets_decide_without_state(name: str) -> None:
    report = analyze(evidence(name).without_state())
    verdict = "undetermined" if name in SAYS_NOTHING else "works"
    assert (report.verdict.value, report.path.value) == (verdict, expected(name)["path"])
    assert report.assumptions or report.unknowns


@pytest.mark.each_capture
@pytest.mark.parametrize("name", NAMES)
def test_without_packets_nothing_is_determined(name: str) -> None:
    report = analyze(evidence(name).without_packets())
    cause = expected(name)["cause"]
    if cause and cause["code"] in NOTHING_SENT and not expected(name)["hops"]:
        # The source's kernel refused to send, and the prober was told so: there is no packet to take away.
        assert_not_another(name, report)
        return
    assert report.verdict.value == "undetermined"
    assert report.cause is None


@shares_work
@pytest.mark.parametrize("name", NAMES)
def test_taking_a_point_away_never_gives_another_answer(name: str) -> None:
    """The verdict stays, or becomes undetermined; never another cause, never works for fails."""
    whole = evidence(name)
    for index in range(len(whole.points)):
        assert_not_another(name, analyze(without_point(whole, index)))


@shares_work
@pytest.mark.few_captures
@pytest.mark.parametrize("name", NAMES)
def test_taking_any_packet_away_never_gives_another_answer(name: str) -> None:
    whole = evidence(name)
    for row in range(len(whole.packets)):
        keep = np.arange(len(whole.packets)) != row
        assert_not_another(name, analyze(replace(whole, packets=only(whole.packets, keep))))


@pytest.mark.each_capture
@pytest.mark.parametrize("name", NAMES)
def test_zeroed_ip_ids_change_nothing(name: str) -> None:
    whole = evidence(name)
    data = bytearray(whole.packets.data)
    for row in range(len(whole.packets)):
        start = int(whole.packets.offset[row])
        if data[start + 12 : start + 15] == b"\x08\x00\x45":
            data[start + 18 : start + 20] = b"\0\0"
    report = analyze(replace(whole, packets=replace(whole.packets, data=bytes(data))))
    assert stable(to_json(report)) == expected(name)


# Sent by the host to an address that nat OUTPUT translates: that comes before every point.
TRANSLATED_AS_SENT = {"noproxy-localhost", "noproxy-no-route-localnet-address"}


@pytest.mark.parametrize("name", [name for name in WORKING if "own" not in name and name not in TRANSLATED_AS_SENT])
def test_plain_captures_together_tell_the_same_way(name: str) -> None:
    """The same packets as tcpdump would have saved them, a file a point: no question, no state."""
    whole = evidence(name)
    assert whole.probe is not None
    if whole.probe.proto.value == "dns":
        pytest.skip("a lookup is not what a plain capture is asked about")
    files = [(f"{number}.pcap", pcap(whole, number)) for number in range(len(whole.points))]
    names = {f"{number}.pcap": point.name for number, point in enumerate(whole.points)}
    plain = read_many(files, names)
    local = whole.probe.result.local
    flow = None
    if whole.probe.lookup.name is not None and local is not None:
        flow = FlowExpr.parse("icmp" if whole.probe.proto.value == "icmp" else f":{local[1]}")
    report = analyze(plain, flow)
    path = expected(name)["path"]
    # That the last host itself answered is not in the packets: nothing was done to them there. Then its bridge looks like any other.
    allowed = {"none", "bridge"} if path == "local" else {path}
    assert report.verdict.value == "works"
    assert report.path.value in allowed
    assert report.assumptions


def pcap(whole: Evidence, index: int) -> bytes:
    """One point's packets as a nanosecond pcap file."""
    packets = whole.packets
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, whole.points[index].linktype)]
    for row in np.flatnonzero(packets.point == index).tolist():
        raw, time = packets.raw(row), int(packets.time_ns[row])
        out.append(struct.pack("<IIII", time // 10**9, time % 10**9, len(raw), int(packets.origlen[row])) + raw)
    return b"".join(out)


SHIFTS = {
    "3 s behind": lambda time, start: time - 3 * 10**9,
    "3 s ahead": lambda time, start: time + 3 * 10**9,
    "a year ahead": lambda time, start: time + 365 * 86400 * 10**9,
    "200 ppm fast": lambda time, start: time + (time - start) // 5000,
    "1 % slow, and 3 s ahead": lambda time, start: time + 3 * 10**9 - (time - start) // 100,
}
TWO_HOSTS = [name for name in NAMES if len({point.host for point in evidence(name).points}) > 1]


def shifted(whole: Evidence, rows: np.ndarray[Any, np.dtype[np.bool_]], shift: str) -> Evidence:
    times = whole.packets.time_ns.copy()
    if len(times):
        times[rows] = SHIFTS[shift](times[rows], times.min())
    return replace(whole, packets=replace(whole.packets, time_ns=times))


def engine_shifted(whole: Evidence, host: str, shift: str) -> Evidence:
    """What the engine of a host said of starts and ends, by the same other clock as that host's packets."""
    start = int(whole.packets.time_ns.min()) if len(whole.packets) else 0

    def moved(found: re.Match[str]) -> str:
        then = datetime.fromisoformat(found[2])
        ns = int(SHIFTS[shift](int(then.timestamp() * 1e9), start))
        return f'{found[1]}"{datetime.fromtimestamp(ns / 1e9, UTC).isoformat()}"' if then.year > 1 else found[0]

    def state(each: HostState) -> HostState:
        said = each.outputs.get("containers")
        if said is None or each.host != host:
            return each
        return replace(
            each, outputs={**each.outputs, "containers": replace(said, stdout=_WHEN.sub(moved, said.stdout))}
        )

    return replace(whole, before=tuple(map(state, whole.before)), after=tuple(map(state, whole.after)))


_WHEN = re.compile(r'("(?:StartedAt|FinishedAt)": )"([^"]+)"')


@shares_work
@pytest.mark.few_captures
@pytest.mark.parametrize("name", TWO_HOSTS)
def test_one_host_with_another_clock_changes_nothing(name: str) -> None:
    whole = evidence(name)
    host_of = np.array([point.host for point in whole.points])[whole.packets.point]
    for host in sorted(set(host_of.tolist())):
        for shift in SHIFTS:
            report = analyze(engine_shifted(shifted(whole, host_of == host, shift), host, shift))
            assert stable(to_json(report)) == expected(name), (host, shift)
            if any(clock.corrected for clock in report.clocks):
                assert any("the clocks of" in line for line in report.assumptions)


@pytest.mark.each_capture
@pytest.mark.parametrize("name", TWO_HOSTS)
def test_another_clock_changes_nothing_in_the_file_that_it_sorted(name: str) -> None:
    """Packets are saved in order of time: with one clock wrong, in another order than they went."""
    whole = evidence(name)
    host_of = np.array([point.host for point in whole.points])[whole.packets.point]
    for host in sorted(set(host_of.tolist())):
        behind = "3 s behind"
        again = read(write(engine_shifted(shifted(whole, host_of == host, behind), host, behind)))
        assert stable(to_json(analyze(again))) == expected(name), host


@shares_work
@pytest.mark.parametrize("name", TWO_HOSTS)
def test_another_clock_changes_nothing_without_state(name: str) -> None:
    whole = evidence(name).without_state()
    host_of = np.array([point.host for point in whole.points])[whole.packets.point]
    as_it_was = stable(to_json(analyze(whole)))
    for host in sorted(set(host_of.tolist())):
        for shift in ("3 s ahead", "200 ppm fast"):  # 1 % would hide the microsecond between a router's two frames
            assert stable(to_json(analyze(shifted(whole, host_of == host, shift)))) == as_it_was, (host, shift)


@shares_work
@pytest.mark.parametrize("name", TWO_HOSTS)
def test_a_clock_that_is_set_meanwhile_never_gives_another_answer(name: str) -> None:
    whole = evidence(name)
    host_of = np.array([point.host for point in whole.points])[whole.packets.point]
    for host in sorted(set(host_of.tolist())):
        rows = np.flatnonzero(host_of == host)
        for step in (-(10**9) // 2, 10**9 // 2):
            times = whole.packets.time_ns.copy()
            times[rows[len(rows) // 2 :]] += step
            assert_not_another(name, analyze(replace(whole, packets=replace(whole.packets, time_ns=times))))


@pytest.mark.parametrize("name", [name for name in TWO_HOSTS if name in WORKING and "own" not in name])
@pytest.mark.parametrize("shift", ["3 s ahead", "a year ahead"])
def test_plain_captures_of_hosts_with_another_clock(name: str, shift: str) -> None:
    whole = evidence(name)
    assert whole.probe is not None
    if whole.probe.proto.value == "dns" or whole.probe.result.local is None:
        pytest.skip("a lookup is not what a plain capture is asked about")
    host_of = np.array([point.host for point in whole.points])[whole.packets.point]
    moved = shifted(whole, host_of != whole.probe.source_at.host, shift)
    files = [(f"{number}.pcap", pcap(moved, number)) for number in range(len(moved.points))]
    names = {f"{number}.pcap": point.name for number, point in enumerate(moved.points)}
    flow = FlowExpr.parse("icmp" if whole.probe.proto.value == "icmp" else f":{whole.probe.result.local[1]}")
    report = analyze(read_many(files, names), flow)
    path = expected(name)["path"]
    assert (report.verdict.value, report.path.value) == ("works", "none" if path == "local" else path)
