"""``--predict``: the same states as in the captures, and nothing sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.causes.catalogue import CAUSES
from netprobe.evidence.model import Evidence, Lookup, Outcome, ProbeResult, Resolution
from netprobe.evidence.stream.whole import read
from netprobe.evidence.writer import write
from netprobe.pipeline import analyze
from netprobe.report.json import to_json
from netprobe.report.text import render
from netprobe_lab.experiments import EXPERIMENTS
from tests.causes.altered import changed

if TYPE_CHECKING:
    from netprobe.model.report import Report

CAPTURES = Path(__file__).parents[2] / "captures"
DIALLED = {
    each.name: each
    for each in EXPERIMENTS
    if each.expected.resolution != "failed"
    and each.expected.verdict != "undetermined"
    and (CAPTURES / f"{each.name}.pcapng").exists()
}


def unsent(name: str) -> Evidence:
    """A capture's question and state, as a run with --predict has them."""
    whole = read((CAPTURES / f"{name}.pcapng").read_bytes())
    assert whole.probe is not None
    probe = replace(whole.probe, predict=True, result=ProbeResult(outcome=Outcome.NOT_RUN))
    return Evidence(probe=probe, before=whole.before)


def predicted(name: str) -> Report:
    return analyze(unsent(name))


@pytest.mark.each_capture
@pytest.mark.parametrize("name", DIALLED)
def test_what_is_predicted_is_what_happens_or_unknown(name: str) -> None:
    expected = DIALLED[name].expected
    report = predicted(name)
    # Who of two owners of an address answers first is no host's state either.
    beyond_state = expected.cause in {*(each.code for each in CAUSES if each.beyond_state), "macvlan-duplicate-address"}
    if report.verdict.value == "undetermined" or beyond_state:
        return
    assert report.verdict.value == expected.verdict
    if expected.verdict == "works":
        assert report.path.value == expected.path


@pytest.mark.parametrize("name", ["demo", "three-faults", "dns-8888-chosen", "macvlan-vlan"])
def test_a_file_of_it_tells_the_same(name: str) -> None:
    """It is explained without the detour that a run with packets takes."""
    assert to_json(analyze(read(write(unsent(name))))) == to_json(predicted(name))


def test_a_published_port() -> None:
    report = predicted("truth-tcp-lan-normal")
    assert (report.verdict.value, report.path.value, report.sent) == ("works", "dnat", False)
    assert all(hop.seen is None and hop.packet is not None for hop in report.hops)
    assert any("nothing was sent" in line for line in report.assumptions)
    text = render(report)
    assert "would work, by DNAT" in text
    assert "dst by DNAT (nat/DOCKER #3)" in text


def test_what_stands_in_the_way_and_behind_it() -> None:
    report = predicted("three-faults")
    assert report.cause is not None
    assert (report.cause.code, report.cause.confidence.value) == ("ip-forward-off", "likely")
    assert [each.code for each in report.after or ()] == ["docker-user-drop", "container-paused"]
    assert "then docker-user-drop: filter/DOCKER-USER #1" in render(report)


def test_a_name_that_would_have_to_be_asked_for() -> None:
    whole = unsent("masquerade-by-name")
    assert whole.probe is not None
    lookup = Lookup(name="www", how=Resolution.FAILED, steps=("192.0.2.1: www. A: not asked: --predict sends nothing",))
    report = analyze(replace(whole, probe=replace(whole.probe, dialled=None, dialled_port=None, lookup=lookup)))
    assert report.verdict.value == "undetermined"
    assert any("not asked" in line for line in report.unknowns)


def test_without_state_nothing_is_foretold() -> None:
    whole = unsent("truth-tcp-lan-normal")
    report = analyze(replace(whole, before=()))
    assert (report.verdict.value, report.predicted_path, report.hops) == ("undetermined", None, ())


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("forward-drop-nft", "forward-drop"),
        ("input-drop-nft", "input-drop"),
        ("output-drop-container-nft", "output-drop"),
        ("answer-output-drop", "rule-drop"),
        ("accept-queue-full", "accept-queue-full"),
        ("rp-filter-multihomed", "rp-filter-multihomed"),
        ("noproxy-no-route-localnet", "noproxy-no-route-localnet"),
        ("macvlan-parent-down", "macvlan-parent-down"),
    ],
)
def test_an_obstacle_of_one_cause_alone_is_called_by_its_code(name: str, code: str) -> None:
    """``netprobe causes CODE`` explains it then."""
    cause = predicted(name).cause
    assert cause is not None
    assert cause.code == code


def test_a_service_of_which_one_container_would_not_answer() -> None:
    whole = unsent("compose-scaled")
    assert whole.probe is not None
    assert predicted("compose-scaled").verdict.value == "works"
    deaf = tuple(
        changed(each, "ns/shop-web-1/sockets", ":80 ", ":81 ") for each in whole.before if each.host == "server2"
    )
    report = analyze(replace(whole, before=deaf))
    assert report.verdict.value == "undetermined"
    assert "shop-web-1 and shop-web-2" in report.why
