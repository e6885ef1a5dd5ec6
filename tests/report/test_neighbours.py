"""ARP and neighbour discovery as a person reads them."""

from __future__ import annotations

from dataclasses import replace

from netprobe.model.neighbours import NeighbourExchange, NeighbourFrame
from netprobe.report.json import to_json
from netprobe.report.neighbours import said
from netprobe.report.text import render
from tests.report.examples import WORKS

ASKER, BEARER = "02:42:ac:15:00:0b", "02:42:ac:15:00:0c"


def frame(point: str, number: int, mac: str, vlan: int | None = None) -> NeighbourFrame:
    return NeighbourFrame(point=point, time_us=float(number), mac=mac, to_mac=ASKER, vlan=vlan, frame=number)


ASKED = NeighbourExchange(
    asker="172.21.0.11",
    asked="172.21.0.12",
    requests=(frame("server1/c11/eth0", 1, ASKER), frame("server1/eth1", 2, ASKER, 1)),
    answers=(frame("server1/eth1", 3, BEARER, 1), frame("server1/c11/eth0", 4, BEARER)),
    names={ASKER: "c11@server1", BEARER: "c12@server2"},
)
UNANSWERED = NeighbourExchange(
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
    lines = [line for line in render(replace(WORKS, neighbours=(ASKED, UNANSWERED))).splitlines() if "asks for" in line]
    assert ["172.21.0.1 3 times" in line for line in lines] == [True, False]


def test_nothing_is_shown_where_nothing_was_asked() -> None:
    assert "ARP" not in render(WORKS)


def test_json() -> None:
    value = to_json(replace(WORKS, neighbours=(ASKED,)))["arp"][0]
    assert list(value) == ["asker", "asked", "requests", "answers", "asker_name", "answerers"]
    assert value["answerers"] == [{"mac": BEARER, "name": "c12@server2"}]
    assert value["asker_name"] == "c11@server1"
    assert value["answers"][0]["vlan"] == 1


SIX = NeighbourExchange(asker="fd00::11", asked="fd00::12", requests=(frame("server1/br-x", 1, ASKER),))


def test_neighbour_discovery_stands_under_a_name_of_its_own() -> None:
    report = replace(WORKS, neighbours=(ASKED, SIX))
    text = render(report)
    assert "NDP" in text
    assert "fd00::11 asks for fd00::12, seen at server1/br-x: nobody answers" in text
    value = to_json(report)
    assert ([each["asked"] for each in value["arp"]], [each["asked"] for each in value["ndp"]]) == (
        ["172.21.0.12"],
        ["fd00::12"],
    )


def test_an_address_that_is_taken() -> None:
    taken = replace(SIX, asker="::", answers=(frame("server1/br-x", 2, BEARER),))
    assert said(taken) == f"somebody asks whether fd00::12 is taken: {BEARER} answers, seen at server1/br-x"
