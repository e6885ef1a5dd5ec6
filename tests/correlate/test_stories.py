"""One line for one connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from netprobe.correlate.join import join
from netprobe.correlate.judge import judge
from netprobe.correlate.reasons import FAILS, VERDICT_OF, VERDICTS, Reason
from netprobe.correlate.stories import stories
from netprobe.evidence.reader import read
from netprobe.flowtable.options import options
from netprobe.flowtable.track import Tracker

CAPTURES = Path(__file__).parent.parent.parent / "captures"


def lines(name: str) -> list[str]:
    """What is said of every connection of a capture."""
    evidence = read((CAPTURES / f"{name}.pcapng").read_bytes())
    tracker = Tracker(options())
    tracker.take(evidence.packets, evidence.points)
    rows = tracker.finish()
    joined = join(rows, evidence.points)
    judged = judge(rows, joined, evidence.points, evidence.limits)
    return [str(each) for each in stories(rows, joined, judged, evidence.points, range(len(joined)))]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("truth-tcp-lan-normal", "192.168.3.201:58609 → 192.168.3.202:80 ⇒ 172.17.0.2:80, dnat, works, 0.11 ms"),
        ("truth-tcp-loopback-normal", "127.0.0.1:42555 → 127.0.0.1:80 ⇒ 172.17.0.2:80, docker-proxy, works, 0.015 ms"),
        (
            "name-unknown",
            "127.0.0.1:60960 → 127.0.0.11:52682/udp ⇒ 192.168.3.1:53, none, fails: DNS: no such name (NXDOMAIN), last seen at server2/eth0",
        ),
        (
            "app-not-listening",
            "192.168.3.201:42849 → 192.168.3.202:80 ⇒ 172.17.0.2:81, dnat, undetermined: refused (RST), last seen at server2/demo/eth0",
        ),
        ("macvlan-vlan", "172.22.0.21:34061 → 172.22.0.22:80, macvlan-vlan, works, 0.036 ms"),
        (
            "dns-internal-net-and-another",
            "127.0.0.1:38152 → 127.0.0.11:59980/udp ⇒ 192.168.3.1:53, embedded-dns, works",
        ),
    ],
)
def test_the_line_says_who_whom_how_and_how_it_went(name: str, line: str) -> None:
    assert lines(name)[0] == line


def test_a_proxys_inner_connection_has_the_line_of_the_outer_one() -> None:
    outer, inner = lines("truth-tcp-loopback-normal")
    assert outer == inner


def test_every_reason_has_a_phrase_a_code_and_a_verdict() -> None:
    assert len(VERDICT_OF) == len(Reason)
    assert {reason.code for reason in Reason} >= {"", "refused", "no-answer", "nxdomain"}
    for reason in Reason:
        assert bool(reason.phrase) == bool(reason)
        assert VERDICTS[VERDICT_OF[reason]] == reason.verdict
        assert (reason.verdict.value == "fails") == (reason in FAILS)
