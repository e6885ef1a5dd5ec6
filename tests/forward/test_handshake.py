"""What completes a handshake, and what stops that alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netprobe.evidence.model import Place
from netprobe.forward import Barrier, PredictedOutcome, Request
from netprobe.pipeline import analyze
from tests.forward.test_walk import changed, normal, points, predicted, rule, saved

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence

FROM_LAN = "-A DOCKER-USER -i eth0"
NEW = f"{FROM_LAN} -m conntrack --ctstate NEW -j ACCEPT"
FOLLOWING = f"{FROM_LAN} -m conntrack --ctstate ESTABLISHED -j ACCEPT"


def filtered(*lines: str, evidence: Evidence | None = None) -> Evidence:
    """The published port's host with these rules, in order, before DOCKER-USER's own."""
    found = evidence or normal()
    for line in reversed(lines):
        found = changed(found, "server2", "iptables", rule(line))
    return found


def test_a_rule_lets_the_first_packet_in_and_not_what_follows_it() -> None:
    told = predicted(filtered(NEW, f"{FROM_LAN} -j DROP"))
    (obstacle,) = told.obstacles
    assert (told.outcome, told.beyond) == (PredictedOutcome.STOPPED, PredictedOutcome.WORKS)
    assert (obstacle.barrier, obstacle.label, obstacle.later) == (Barrier.RULE, "filter/DOCKER-USER #2", True)
    assert obstacle.passed == {"server1/eth0", "server2/eth0"}
    assert points(told)[-1] == "server2/demo/eth0"
    assert told.hops[-1].point == "server1/eth0"
    assert told.arrives == Place(host="server2", container="demo")


@pytest.mark.parametrize(
    ("line", "stops"),
    [
        ("-p tcp -m tcp ! --tcp-flags SYN,RST,ACK SYN -j DROP", True),
        ("-p tcp -m conntrack --ctstatus ASSURED -j DROP", True),
        ("-p tcp -m conntrack --ctstate ESTABLISHED --ctdir REPLY -j ACCEPT", False),
        ("-p tcp -m tcp --tcp-option 2 -j ACCEPT", False),
        ("-m conntrack --ctstate INVALID -j DROP", False),
    ],
)
def test_what_tells_them_apart(line: str, stops: bool) -> None:
    told = predicted(filtered(f"{FROM_LAN} {line}"))
    assert told.outcome is (PredictedOutcome.STOPPED if stops else PredictedOutcome.WORKS)


def test_nothing_stops_a_connection_that_is_let_in_whole() -> None:
    assert predicted(filtered(NEW, FOLLOWING, f"{FROM_LAN} -j DROP")).outcome is PredictedOutcome.WORKS


def test_a_datagram_completes_nothing() -> None:
    """A lookup of the host's own name server: rules for what follows a TCP handshake are not asked."""
    question = Request(source=Place(host="server1"), dialled="192.168.3.202", port=None, proto="icmp")
    told = predicted(filtered(NEW, f"{FROM_LAN} -j DROP"), question)
    assert told.outcome is PredictedOutcome.WORKS


def test_packets_that_were_seen_behind_the_rule_outweigh_it() -> None:
    """In this capture the acknowledgment came to the container: then the rules are not what they were read as."""
    dropped = f"{FROM_LAN} -j DROP"
    before = filtered(NEW, dropped)
    counted = changed(before, "server2", "iptables", lambda text: text.replace(f"[0:0] {dropped}", f"[1:52] {dropped}"))
    report = analyze(replace(before, after=counted.before))
    assert report.verdict == "works"
    assert "prediction-differs" in {each.code for each in report.findings}


def test_a_proxy_that_has_not_accepted_dials_nobody() -> None:
    line = "[0:0] -A INPUT -i eth0 -p tcp -m tcp --dport 80 -m conntrack --ctstate ESTABLISHED -j DROP\n"
    whole = saved("truth-tcp-lan-dnat-deleted")
    told = predicted(
        changed(
            whole, "server2", "iptables", lambda text: text.replace("[0:0] -A FORWARD", f"{line}[0:0] -A FORWARD", 1)
        )
    )
    assert predicted(whole).arrives == Place(host="server2", container="demo")
    assert (told.outcome, told.arrives) == (PredictedOutcome.STOPPED, Place(host="server2"))
    assert {hop.leg for hop in told.hops} == {1}
