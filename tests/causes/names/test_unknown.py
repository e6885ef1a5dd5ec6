"""dns-no-shared-network across hosts: what each of its facts decides, on the recorded evidence with that one fact changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.evidence.stream.whole import read
from netprobe.pipeline import analyze

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Report

CAPTURES = Path(__file__).parents[3] / "captures"
CODE = "dns-no-shared-network"
SERVICE = "compose-no-such-service"  # blog-web-1 asks for worker, which is a service of shop


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


def test_the_sources_own_project_is_meant_first() -> None:
    """Two projects have a service worker, and neither is on blog-web-1's network: blog's is advised, wherever it is listed."""
    for own in ("/shop-web-1", "/shop-worker-1"):

        def change(box: dict[str, Any], own: str = own) -> None:
            labels = box["Config"]["Labels"]
            if box["Name"] != "/blog-web-1":
                labels["com.docker.compose.service"] = "worker"
                labels["com.docker.compose.project"] = "blog" if box["Name"] == own else "shop"
                box["NetworkSettings"]["Networks"]["shop_default"]["Aliases"] = ["worker"]

        cause = analyze(with_containers(recorded(SERVICE), change)).cause
        assert cause is not None
        assert cause.code == CODE
        assert own[1:] in cause.summary


def test_a_common_network_may_not_have_the_name() -> None:
    """Who joins a network by hand has its own name there, and no alias: a Compose service's name is one."""

    def change(box: dict[str, Any]) -> None:
        if box["Name"] == "/shop-worker-1":
            networks = box["NetworkSettings"]["Networks"]
            networks["blog_default"] = {**networks["shop_default"], "Aliases": [], "IPAddress": "172.28.2.3"}

    cause = analyze(with_containers(recorded(SERVICE), change)).cause
    assert cause is not None
    assert cause.code == CODE
    assert cause.summary.endswith("share blog_default, where shop-worker-1 does not have the name worker")
    assert (
        cause.remedy[0]
        == "# ask shop-worker-1 instead of worker, with the same port: blog_default knows it by that name"
    )
    assert "docker network connect --alias worker blog_default shop-worker-1" in cause.remedy[1]


@pytest.mark.parametrize(
    ("mode", "words"), [("host", "server2's own network (--network host)"), ("none", "share no network")]
)
def test_a_service_without_an_alias_is_one(mode: str, words: str) -> None:
    """The engine knows no name of it, and the label of Compose does."""

    def change(box: dict[str, Any]) -> None:
        if box["Name"] == "/shop-worker-1":
            box["HostConfig"]["NetworkMode"] = mode
            box["NetworkSettings"]["Networks"] = {mode: {"Aliases": None, "NetworkID": "0" * 64, "IPAddress": ""}}

    cause = analyze(with_containers(recorded(SERVICE), change)).cause
    assert cause is not None
    assert cause.code == CODE
    assert words in cause.summary


def test_who_bears_the_name_has_to_run_as_well() -> None:
    def change(box: dict[str, Any]) -> None:
        if box["Name"] == "/shop-worker-1":
            box["State"] = {**box["State"], "Status": "exited", "Running": False, "Pid": 0, "ExitCode": 1}

    cause = analyze(with_containers(recorded(SERVICE), change)).cause
    assert cause is not None
    assert cause.code == CODE
    assert any(each.startswith("docker network connect") for each in cause.remedy)
    assert "docker start shop-worker-1" in cause.remedy


def test_a_container_that_asks_for_its_own_host() -> None:
    evidence = recorded("name-unknown")
    assert evidence.probe is not None
    own = evidence.probe.source_at.host
    lookup = replace(evidence.probe.lookup, name=own.upper())
    cause = analyze(replace(evidence, probe=replace(evidence.probe, lookup=lookup))).cause
    assert cause is not None
    assert cause.code == "name-unknown"
    assert f"--add-host={own}:host-gateway" in cause.remedy[0]


def test_who_left_all_networks_gets_the_asked_name_back() -> None:
    """``docker network connect`` alone gives the container's own name: a service's is an alias."""

    def change(box: dict[str, Any]) -> None:
        if box["Name"] == "/shop-worker-1":
            box["NetworkSettings"]["Networks"] = {}

    cause = analyze(with_containers(recorded(SERVICE), change)).cause
    assert cause is not None
    assert cause.code == CODE
    assert "docker network connect --alias worker blog_default shop-worker-1" in cause.remedy
