"""ARP as a person reads it."""

from __future__ import annotations

from dataclasses import replace

from netprobe.model.report import ArpExchange, ArpFrame
from netprobe.report.arp import said
from netprobe.report.json import to_json
from netprobe.report.text import render
from tests.report.examples import WORKS

ASKER, BEARER = "02:42:ac:15:00:0b", "02:42:ac:15:00:0c"


def frame(point: str, number: int, mac: str, vlan: int | None = None) -> ArpFrame:
    return ArpFrame(point=point, time_us=float(number), mac=mac, to_mac=ASKER, vlan=vlan, frame=number)


ASKED = ArpExchange(
    asker="172.21.0.11",
    asked="172.21.0.12",
    requests=(frame("server1/c11/eth0", 1, ASKER), frame("server1/eth1", 2, ASKER, 1)),
    answers=(frame("server1/eth1", 3, BEARER, 1), frame("server1/c11/eth0", 4, BEARER)),
    names={ASKER: "c11@server1", BEARER: "c12@server2"},
)
UNANSWERED = ArpExchange(
    asker="172.21.0.11", asked="172.21.0.1", requests=tuple(frame("server1/eth1", n, ASKER) for n in (1, 2, 3))
)


def test_an_answer() -> None:
    assert said(ASKED) == (
        "172.21.0.11 (c11@server1) asks for 172.21.0.12: 02:42:ac:15:00:0c (c12@server2) answers, "
        "seen at server1/eth1 (VLAN 1), server1/c11/eth0"
    )


def test_no_answer_says_how_often_and_where() -> None:
    assert said(UNANSWERED) == "172.21.0.11 asks for 172.21.0.1 3 times, seen at server1/eth1: nobody answers"


def test_an_answer_without_its_question() -> None:
    assert "asked at" not in said(replace(ASKED, requests=()))


def test_what_nobody_answered_stands_first() -> None:
    lines = [line for line in render(replace(WORKS, arp=(ASKED, UNANSWERED))).splitlines() if "asks for" in line]
    assert ["172.21.0.1 3 times" in line for line in lines] == [True, False]


def test_nothing_is_shown_where_nothing_was_asked() -> None:
    assert "ARP" not in render(WORKS)


def test_json() -> None:
    value = to_json(replace(WORKS, arp=(ASKED,)))["arp"][0]
    assert list(value) == ["asker", "asked", "requests", "answers", "asker_name", "answerers"]
    assert value["answerers"] == [{"mac": BEARER, "name": "c12@server2"}]
    assert value["asker_name"] == "c11@server1"
    assert value["answers"][0]["vlan"] == 1
