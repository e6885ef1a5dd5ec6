"""Prediction against packets, over everything recorded: they agree, or the report says that they do not."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.causes.catalogue import CAUSES
from netprobe.evidence.stream.whole import read
from netprobe.forward.compare import Observed, differences
from netprobe.forward.model import PredictedOutcome
from netprobe.forward.question import predict_probe
from netprobe.pipeline import analyze
from netprobe.state.build import build_world

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Report

CAPTURES = Path(__file__).parents[2] / "captures"
NAMES = sorted(path.stem for path in CAPTURES.glob("*.pcapng"))


@cache
def whole(name: str) -> Evidence:
    return read((CAPTURES / f"{name}.pcapng").read_bytes())


@cache
def report(name: str) -> Report:
    return analyze(whole(name))


@pytest.mark.each_capture
@pytest.mark.parametrize("name", NAMES)
def test_another_path_than_predicted_is_a_finding(name: str) -> None:
    said = report(name)
    if said.predicted_path is not None and said.predicted_path is not said.path and said.hops:
        explained = said.cause is not None and said.cause.code in {each.code for each in CAUSES if each.beyond_state}
        assert explained or "prediction-differs" in {finding.code for finding in said.findings}


@pytest.mark.whole
def test_most_is_predicted_to_the_end() -> None:
    works = [name for name in NAMES if report(name).verdict.value == "works"]
    told = [name for name in works if report(name).predicted_path is report(name).path]
    assert len(told) > 0.95 * len(works)


def observed(name: str) -> Observed:
    points = frozenset(point.name for point in whole(name).points)
    return Observed(hops=report(name).hops, sniffed=points, good=report(name).verdict.value == "works")


def test_what_goes_another_way_or_ends_otherwise_is_a_difference() -> None:
    seen = observed("truth-tcp-lan-normal")
    told = predict_probe(whole("truth-tcp-lan-normal").probe, build_world(whole("truth-tcp-lan-normal")).before)
    assert told is not None
    assert differences(told, seen) == ()
    assert "does not work" in differences(told, replace(seen, good=False))[0]
    short = replace(seen, hops=seen.hops[:2])
    assert "should have come by server2/docker0" in differences(told, short)[0]
    blind = replace(short, sniffed=frozenset({"server1/eth0"}))
    assert differences(told, blind) == (), "where nobody looked, silence says nothing"
    strange = replace(seen, hops=(replace(seen.hops[0], point="server1/eth9"), *seen.hops))
    assert "server1/eth9" in differences(told, strange)[0]
    unsure = replace(told, outcome=PredictedOutcome.UNKNOWN, hops=told.hops[:2])
    assert differences(unsure, seen) == (), "beyond what the state tells, anything may be"
