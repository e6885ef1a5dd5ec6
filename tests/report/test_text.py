from __future__ import annotations

from dataclasses import replace

import pytest

from netprobe.model.http import HttpAnswer
from netprobe.model.remedy import Remedy
from netprobe.model.report import PathCode, Report, Segment, Verdict
from netprobe.report.text import render
from tests.report.examples import EVIL, FAILS, PROXIED, WORKS


def test_the_first_two_lines_are_the_verdict_and_why() -> None:
    assert render(WORKS).splitlines()[:2] == ["demo:80 from server1: works, by DNAT", WORKS.why]
    assert render(FAILS).splitlines()[:2] == ["demo:80 from server1: fails, docker-user-drop", FAILS.why]


def test_an_http_status_stands_in_the_first_line() -> None:
    http = HttpAnswer(status=404, reason=EVIL)
    assert render(replace(WORKS, http=http)).splitlines()[0] == "demo:80 from server1: works, by DNAT; answered 404"
    first = replace(FAILS, http=replace(http, more=True))
    assert render(first).splitlines()[0].endswith("fails, docker-user-drop; first answered 404")


def test_undetermined_says_where_the_trail_ends_and_what_is_still_possible() -> None:
    text = render(replace(FAILS, verdict=Verdict.UNDETERMINED, cause=None))
    assert text.startswith("demo:80 from server1: undetermined\n")
    assert "last seen   server2/eth0\n" in text
    assert "missing at  server2/docker0\n" in text
    assert "may be   forward-drop: server2: iptables could not be read\n" in text
    assert "would tell: iptables-save -c on server2\n" in text


def test_a_cause_has_its_rule_evidence_and_fix() -> None:
    text = render(FAILS)
    for wanted in (
        "cause     docker-user-drop (certain)",
        "rule      -A DOCKER-USER -s 192.168.3.0/24 -j DROP",
        "evidence  frame 13: the SYN at server2/eth0",
        "fix       iptables -D DOCKER-USER -s 192.168.3.0/24 -j DROP      on server2",
        "          then ask again",
        "assumed  the clocks agree",
        "unknown  server2: nft could not be read",
        "note  firewall-bypassed",
    ):
        assert wanted in text


def test_a_summary_that_says_why_again_is_said_once() -> None:
    assert FAILS.cause is not None
    for why in (FAILS.cause.summary, "A" + FAILS.cause.summary[1:] + "."):
        text = render(replace(FAILS, why=why))
        assert text.casefold().count(FAILS.cause.summary.casefold()) == 1


def test_several_hosts_are_said_in_order() -> None:
    segments = (Segment(host="server1", path=PathCode.MASQUERADE), Segment(host="server2", path=PathCode.DNAT))
    text = render(replace(WORKS, segments=segments))
    assert "path     source NAT (MASQUERADE) on server1, then DNAT on server2" in text


def test_a_vlan_is_named() -> None:
    report = replace(WORKS, path=PathCode.MACVLAN_VLAN, vlan=1)
    assert render(report).splitlines()[0].endswith("works, by macvlan with VLAN tag 1")


def test_the_timing_line_comes_last() -> None:
    assert render(WORKS).splitlines()[-1] == "took 0.4 s: state 120 ms, sniffers ready 48 ms, probe 205 ms"
    assert "took" not in render(replace(WORKS, timing_ms={}))


@pytest.mark.parametrize("report", [WORKS, FAILS, PROXIED])
@pytest.mark.parametrize("columns", [None, 40, 80, 200])
def test_without_colour_there_is_no_escape(report: Report, columns: int | None) -> None:
    text = render(report, columns=columns)
    assert "\x1b" not in text
    assert not [line for line in text.splitlines() if line != line.rstrip()]


@pytest.mark.parametrize("columns", [None, 60, 200])
def test_hostile_text_is_spelt_out_everywhere(columns: int | None) -> None:
    remedy = Remedy(host=EVIL, commands=((EVIL, EVIL),), advice=EVIL)
    cause = replace(FAILS.cause, summary=EVIL, evidence=(EVIL,), remedies=(remedy,), code=EVIL) if FAILS.cause else None
    hop = replace(FAILS.hops[0], point=EVIL)
    report = replace(FAILS, target=EVIL, why=EVIL, cause=cause, hops=(hop,), unknowns=(EVIL,), first_missing=EVIL)
    text = render(report, columns=columns)
    assert text.replace("\n", "").isprintable()
    folded = "".join(text.split())
    assert "[red]evil[/red]" in folded


def test_nothing_is_cut_off_on_a_narrow_terminal() -> None:
    plain = "".join(render(FAILS).split())
    narrow = "".join(render(FAILS, columns=60).split())
    for piece in ("192.168.3.0/24", "server2/docker0", "neverarrivedhere", "docker-user-drop"):
        assert piece in plain
        assert piece in narrow


def test_colour_is_for_terminals_that_want_it() -> None:
    assert "\x1b[" in render(WORKS, columns=100, colour=True)
