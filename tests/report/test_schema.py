from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from jsonschema import ValidationError

from netprobe.model.endpoint import Endpoint
from netprobe.model.hop import Direction
from netprobe.model.neighbours import NeighbourExchange, NeighbourFrame
from netprobe.model.report import Clock, Report
from netprobe.model.rule import RuleRef
from netprobe.model.trace import KernelDrop, TraceStep, TraceWalk
from netprobe.pipeline import analyze
from netprobe.report.hosts import to_json as hosts_to_json
from netprobe.report.json import dumps, failure, to_json
from netprobe.report.schema import NAMES, schema
from tests.contract import assert_valid, validator
from tests.mutilation import evidence
from tests.report.examples import FAILS, WORKS
from tests.report.test_hosts import SURVEY

# What few captures have, so that no optional part goes untested.
REQUEST = NeighbourFrame(
    point="server1/eth0", time_us=1.5, mac="02:00:00:00:00:01", to_mac="ff:ff:ff:ff:ff:ff", vlan=1, frame=3
)
FULL = replace(
    FAILS,
    after=(FAILS.cause,) if FAILS.cause else (),
    neighbours=(NeighbourExchange(asker="10.0.0.1", asked="10.0.0.2", requests=(REQUEST,), answers=(REQUEST,)),),
    clocks=(
        Clock(host="server2", against="server1", offset_us=1.0, uncertainty_us=None, frames=5, corrected=True, low_us=0.5),
    ),
    trace=(
        TraceWalk(
            host="server2",
            direction=Direction.REPLY,
            leg=2,
            src=Endpoint(address="10.0.0.1", port=80),
            dst=Endpoint(address="10.0.0.2", port=90),
            steps=(TraceStep(rule=RuleRef(table="nat", chain="DOCKER", policy=True), verdict="accept"),),
        ),
    ),
    drops=(
        KernelDrop(
            host="server2", direction=Direction.REQUEST, leg=1, src=Endpoint(address="10.0.0.1"), dst=Endpoint(address="10.0.0.2"), info="SYN",
            reason="NETFILTER_DROP", at="nft_do_chain",
        ),
    ),
)  # fmt: skip


def printed(value: Any) -> Any:
    return json.loads(dumps(value))


@pytest.mark.parametrize("report", [WORKS, FAILS, FULL, replace(WORKS, sent=False)])
def test_reports(report: Report) -> None:
    assert_valid("report", printed(to_json(report)))


@pytest.mark.parametrize("name", ["demo", "no-route", "docker-user-drop", "name-unknown"])
def test_a_prediction_is_told_from_an_observation(name: str) -> None:
    whole = evidence(name)
    assert whole.probe is not None
    predicted = replace(whole, probe=replace(whole.probe, predict=True))
    for each, sent in ((whole, True), (predicted, False)):
        value = printed(to_json(analyze(each)))
        assert_valid("report", value)
        assert value["sent"] is sent


def test_several_reports_are_an_array() -> None:
    assert_valid("report", printed([to_json(WORKS), to_json(FULL)]))


def test_errors_and_hosts() -> None:
    assert_valid("error", printed(failure(4, "no", "try")))
    assert_valid("hosts", printed(hosts_to_json(SURVEY)))


@pytest.mark.parametrize(
    ("key", "value"),
    [("verdict", "maybe"), ("sent", None), ("hops", None), ("vlan", "1"), ("schema", "netprobe/report/2")],
)
def test_a_schema_refuses_what_the_contract_does_not_allow(key: str, value: object) -> None:
    report = printed(to_json(WORKS))
    with pytest.raises(ValidationError):
        validator("report").validate({**report, key: value})
    del report[key]
    with pytest.raises(ValidationError):
        validator("report").validate(report)


@pytest.mark.parametrize("name", NAMES)
def test_every_key_is_required_and_the_order_is_that_of_the_output(name: str) -> None:
    made = schema(name)
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for definition in made["$defs"].values():
        assert definition["required"] == list(definition["properties"])
        assert "additionalProperties" not in definition  # a key may be added


def test_whatever_a_report_holds_is_in_its_json_or_shown_in_the_text_alone() -> None:
    keys = set(schema("report")["$defs"]["ReportJson"]["properties"]) - {"schema"}
    assert {field.name for field in fields(Report)} - keys == {
        "way",
        "timing_ms",
        "beside",
        "neighbours",
    }  # its parts are arp and ndp
