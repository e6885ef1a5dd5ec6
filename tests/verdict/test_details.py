from __future__ import annotations

from dataclasses import replace

from netprobe.evidence.model import Evidence
from netprobe.model.details import Mark
from netprobe.pipeline import analyze, analyze_in_detail
from netprobe.verdict.details import MOST_PACKETS
from tests.craft import evidence as replayed_from
from tests.craft import handshake
from tests.loading import load
from tests.report.html.pages import CAPTURES, KINDS, part_of


def replayable() -> Evidence:
    return replayed_from(handshake("a", "10.0.0.1:1000", "10.0.0.2:80", 0))


def test_the_report_is_the_same_with_and_without_details() -> None:
    for name in KINDS:
        ((_, evidence),) = load([str(CAPTURES / f"{name}.pcapng")], {})
        assert analyze(evidence) == analyze_in_detail(evidence)[0]


def test_the_walk_by_the_state_ends_at_what_stops_the_packet() -> None:
    _, details = part_of("docker-user-drop")
    last = details.by_state[-1]
    assert (last.place, [step.mark for step in last.steps]) == ("server2", [Mark.CHANGES, Mark.PASSES, Mark.STOPS])
    assert last.steps[0].rule == "nat/DOCKER #2"
    assert last.steps[-1].text == "-A DOCKER-USER -s 192.168.3.0/24 -j DROP"


def test_what_works_is_stopped_by_nothing() -> None:
    _, details = part_of("macvlan-vlan")
    marks = {step.mark for walk in details.by_state for step in walk.steps}
    assert marks == {Mark.PASSES}


def test_the_kernels_walk_says_which_rule_dropped_it() -> None:
    _, details = part_of("traced-docker-user-drop")
    stopped = [step.rule for walk in details.by_kernel for step in walk.steps if step.mark is Mark.STOPS]
    assert set(stopped) == {"filter/DOCKER-USER #1"}


def test_points_of_both_ways_stand_side_by_side_in_order() -> None:
    _, details = part_of("docker-user-drop")
    assert [(each.predicted is not None, each.observed is not None and each.observed.seen) for each in details.compared] == [
        (True, True), (True, True), (False, False), (False, False), (False, False),
    ]  # fmt: skip


def test_packets_are_in_order_each_once_and_few() -> None:
    for name in KINDS:
        report, details = part_of(name)
        keys = [(each.frame, each.point) for each in details.packets]
        assert keys == sorted(set(keys), key=lambda key: key[0])
        assert len(keys) <= MOST_PACKETS
        seen = {(hop.packet.frame, hop.point) for hop in report.hops if hop.seen and hop.packet is not None}
        assert seen <= set(keys)


def test_a_packet_is_whole_down_to_its_bytes() -> None:
    _, details = part_of("truth-http-lan-normal")
    first = details.packets[0]
    assert [layer.name for layer in first.layers] == ["Ethernet", "IPv4", "TCP"]
    assert (first.layers[0].start, first.layers[-1].end) == (0, len(first.raw))
    assert first.words.endswith("SYN")


def test_what_was_not_sent_has_the_walk_alone() -> None:
    ((_, evidence),) = load([str(CAPTURES / "docker-user-drop.pcapng")], {})
    assert evidence.probe is not None
    ahead = Evidence(probe=replace(evidence.probe, predict=True), before=evidence.before)
    _, details = analyze_in_detail(ahead)
    assert (details.ladder, details.packets) == (None, ())
    assert details.by_state[-1].steps[-1].mark is Mark.STOPS
    assert details.topology is not None
    assert [host.name for host in details.topology.hosts] == ["server1", "server2"]


def test_captures_that_do_not_say_where_they_were_taken_have_no_hosts() -> None:
    assert analyze_in_detail(replayable())[1].topology is None
