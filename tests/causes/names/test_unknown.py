"""dns-no-shared-network across hosts: what each of its facts decides, on the recorded evidence with that one fact changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.evidence.reader import read
from netprobe.pipeline import analyze

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Report

CAPTURES = Path(__file__).parents[3] / "captures"
CODE = "dns-no-shared-network"


def recorded(name: str) -> Evidence:
    return read((CAPTURES / f"{name}.pcapng").read_bytes())


def code(report: Report) -> str | None:
    return report.cause.code if report.cause else None


def with_containers(evidence: Evidence, change: Callable[[dict[str, Any]], None]) -> Evidence:
    """The evidence with every container of every host changed, before and after the probe."""

    def state(states: Any) -> Any:
        out = []
        for each in states:
            outputs = dict(each.outputs)
            if "containers" in outputs:
                boxes = json.loads(outputs["containers"].stdout)
                for box in boxes:
                    change(box)
                outputs["containers"] = replace(outputs["containers"], stdout=json.dumps(boxes))
            out.append(replace(each, outputs=outputs))
        return tuple(out)

    return replace(evidence, before=state(evidence.before), after=state(evidence.after))


def test_on_one_segment_a_hosts_line_cures_it() -> None:
    cause = analyze(recorded("dns-macvlan-elsewhere")).cause
    assert cause is not None
    assert (cause.code, cause.confidence.value) == (CODE, "likely")
    assert cause.remedy[0] == "docker exec c11 sh -c 'echo 172.21.0.12 c12 >> /etc/hosts'"
    assert any("explain c12@server2:80 --from c11@server1" in line for line in cause.remedy)


def test_where_no_segment_is_shared_the_published_port_is_the_way() -> None:
    cause = analyze(recorded("dns-other-host")).cause
    assert cause is not None
    assert (cause.code, cause.confidence.value) == (CODE, "certain")
    assert all(line.startswith("# ") for line in cause.remedy)
    assert any("explain demo@server2:80 --from client@server1" in line for line in cause.remedy)


@pytest.mark.parametrize("name", ["dns-macvlan-elsewhere", "dns-other-host"])
def test_a_network_that_spans_both_hosts_has_names(name: str) -> None:
    def overlay(box: dict[str, Any]) -> None:
        for endpoint in box["NetworkSettings"]["Networks"].values():
            endpoint["NetworkID"] = "f" * 64

    assert code(analyze(with_containers(recorded(name), overlay))) is None


def test_an_unanswered_name_with_a_dot_may_be_anybodys() -> None:
    def dotted(box: dict[str, Any]) -> None:
        if box["Name"] == "/c12":
            box["Name"] = "/c12.lan"

    evidence = with_containers(recorded("dns-macvlan-elsewhere"), dotted)
    assert evidence.probe is not None
    lookup = replace(evidence.probe.lookup, name="c12.lan")
    report = analyze(replace(evidence, probe=replace(evidence.probe, lookup=lookup)))
    assert (report.verdict.value, code(report)) == ("undetermined", None)
    assert CODE in report.alternatives


def test_a_misspelt_name_of_another_host_is_written_with_its_host() -> None:
    def renamed(box: dict[str, Any]) -> None:
        if box["Name"] == "/demo":
            box["Name"] = "/dema"

    cause = analyze(with_containers(recorded("dns-other-host"), renamed)).cause
    assert cause is not None
    assert (cause.code, cause.remedy) == ("name-unknown", ("# did you mean dema@server2?",))


@pytest.mark.parametrize(
    ("rcode", "name", "expected"),
    [("REFUSED", None, "name-unknown"), ("REFUSED", "db.example", None), ("SERVFAIL", None, None)],
)
def test_a_server_that_refuses_a_name_of_one_label(rcode: str, name: str | None, expected: str | None) -> None:
    """The embedded DNS server hands on what it does not know; a name with a dot may be one that another server has."""
    evidence = recorded("name-unknown")
    assert evidence.probe is not None
    lookup = replace(evidence.probe.lookup, rcode=rcode, name=name or evidence.probe.lookup.name)
    report = analyze(replace(evidence, probe=replace(evidence.probe, lookup=lookup)))
    assert code(report) == expected
    if expected and report.cause is not None:
        assert (report.cause.confidence.value, "answers REFUSED" in report.why) == ("likely", True)
