"""upstream-drop: what each of its facts decides, on recorded evidence with that one fact changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netprobe.pipeline import analyze
from tests.causes.altered import code, lossy, only, recorded, with_state

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence

DROP = "upstream-drop"
ALL = (DROP, f"{DROP}-reply", f"{DROP}-egress", f"{DROP}-arp", "macvlan-port-filter")
XDP = '"xdp":{"mode":2,"prog":{"id":494,"tag":"2cf533864d41b9d1","jited":1}},'  # iproute2 6.1, ip -j -d addr
RECEIVER = {DROP: "server2/eth0", f"{DROP}-reply": "server1/eth0", f"{DROP}-egress": "outside/eth0", f"{DROP}-arp": "server2/eth0", "macvlan-port-filter": "server2/eth1"}  # fmt: skip


def with_xdp(evidence: Evidence, point: str) -> Evidence:
    host, interface = point.split("/")
    name = f'"ifname":"{interface}",'
    return with_state(evidence, host, "addr", name, name + XDP)


@pytest.mark.parametrize("name", ALL)
def test_never_more_than_likely(name: str) -> None:
    report = analyze(recorded(name))
    assert report.cause is not None
    assert (report.cause.code, report.cause.confidence.value) == (DROP, "likely")
    assert RECEIVER[name] in report.cause.summary


@pytest.mark.parametrize("name", ALL)
def test_the_receivers_xdp_program_drops_before_any_tap(name: str) -> None:
    """Seen in the lab: an XDP program on server2's eth0 gives the very packets of a lossy network."""
    assert code(with_xdp(recorded(name), RECEIVER[name])) is None


@pytest.mark.parametrize("name", ALL)
def test_a_receiving_sniffer_that_lost_packets(name: str) -> None:
    assert code(lossy(recorded(name), RECEIVER[name])) is None


def test_an_xdp_program_of_the_sender_sees_only_what_comes_in() -> None:
    assert code(with_xdp(recorded(DROP), "server1/eth0")) == DROP


def test_a_frame_for_somebody_elses_mac_need_not_come_in() -> None:
    """The receiving interface has another MAC than the frames carry, and the neighbour table knows it by now."""
    real, other = "02:4e:50:00:00:ca", "02:4e:50:00:00:fe"
    evidence = with_state(recorded(DROP), "server2", "addr", real, other)
    assert code(with_state(evidence, "server1", "neigh", real, other)) is None


def test_one_echo_may_be_lost_by_chance() -> None:
    report = analyze(recorded("one-echo-lost"))
    assert (report.verdict.value, report.cause) == ("undetermined", None)
    assert DROP in report.alternatives


def test_arp_that_was_asked_once_may_be_lost_by_chance() -> None:
    evidence = recorded(f"{DROP}-arp")
    [asked] = [each for each in analyze(evidence).neighbours if each.asked == "192.168.3.202"]
    assert len(asked.requests) == 2
    assert code(only(evidence, evidence.packets.frame != asked.requests[-1].frame)) is None
