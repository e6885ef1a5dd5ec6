"""name-answered-elsewhere: what each of its facts decides, on the recorded evidence with that one fact changed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.pipeline import analyze
from netprobe.state.build import build_host
from tests.causes.names.test_unknown import code, recorded, with_containers

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence, Lookup

CODE = "name-answered-elsewhere"


def looked_up(evidence: Evidence, **changes: Any) -> Evidence:
    assert evidence.probe is not None
    lookup: Lookup = replace(evidence.probe.lookup, **changes)
    return replace(evidence, probe=replace(evidence.probe, lookup=lookup))


@pytest.mark.parametrize(("wildcard", "expected"), [(True, CODE), (False, None), (None, None)])
def test_nobodys_name_is_told_from_a_record_by_the_wildcard(wildcard: bool | None, expected: str | None) -> None:
    report = analyze(looked_up(recorded("name-answered-elsewhere-misspelt"), wildcard=wildcard))
    assert (code(report), report.verdict.value) == (expected, "fails" if expected else "works")


def test_a_containers_own_name_needs_no_wildcard() -> None:
    for wildcard in (True, False, None):
        assert code(analyze(looked_up(recorded("name-answered-elsewhere"), wildcard=wildcard))) == CODE


@pytest.mark.parametrize(
    ("status", "given", "expected"),
    [
        ("restarting", "OWN", None),  # by Docker itself, while it ran for a moment
        ("restarting", "203.0.113.10", CODE),
        ("exited", "OWN", CODE),
    ],
)
def test_docker_itself_answers_for_what_it_starts_again_and_again(
    status: str, given: str, expected: str | None
) -> None:
    def state(box: dict[str, Any]) -> None:
        if box["Name"] == "/db":
            box["State"]["Status"] = status

    evidence = with_containers(recorded("name-answered-elsewhere"), state)
    (network,) = (each for each in build_host(evidence.before[0]).networks or () if each.name == "app")
    address = network.subnets[0].rpartition(".")[0] + ".77" if given == "OWN" else given
    report = analyze(looked_up(evidence, addresses=(address,), answered=""))
    assert (code(report) == CODE) is (expected == CODE)


def test_an_alias_is_a_name_too_and_another_networks_alias_is_none_of_ours() -> None:
    def alias(box: dict[str, Any]) -> None:
        if box["Name"] == "/db":
            box["Name"] = "/postgres-1"
            for endpoint in box["NetworkSettings"]["Networks"].values():
                endpoint["Aliases"] = ["db"]

    report = analyze(with_containers(recorded("name-answered-elsewhere-record"), alias))
    assert code(report) == CODE
    assert "postgres-1, which goes by db, is not running" in report.why

    def elsewhere(box: dict[str, Any]) -> None:
        alias(box)
        networks = box["NetworkSettings"]["Networks"]
        if box["Name"] == "/postgres-1":
            box["NetworkSettings"]["Networks"] = {"foreign": networks["app"]}

    assert analyze(with_containers(recorded("name-answered-elsewhere-record"), elsewhere)).verdict.value == "works"


def test_an_address_that_the_container_has_or_publishes_is_right() -> None:
    def address(box: dict[str, Any]) -> None:
        if box["Name"] == "/db":
            box["NetworkSettings"]["Networks"]["app"]["IPAddress"] = "203.0.113.10"

    assert code(analyze(with_containers(recorded("name-answered-elsewhere-ndots"), address))) is None


def test_a_link_gives_a_name_of_its_own() -> None:
    def linked(box: dict[str, Any]) -> None:
        if box["Name"] == "/client":
            box["HostConfig"]["Links"] = ["/other:/client/db"]

    assert code(analyze(with_containers(recorded("name-answered-elsewhere-record"), linked))) is None


def test_without_the_containers_nobody_knows_whose_name_it_is() -> None:
    for name in ("name-answered-elsewhere", "name-answered-elsewhere-hosts"):
        evidence = recorded(name)

        def bare(states: Any) -> Any:
            return tuple(
                replace(each, outputs={key: out for key, out in each.outputs.items() if key != "containers"})
                for each in states
            )

        report = analyze(replace(evidence, before=bare(evidence.before), after=bare(evidence.after)))
        assert report.verdict.value == "undetermined"
        assert CODE in report.alternatives
        assert any("whether db is a container's name is not known" in each for each in report.unknowns)


def test_names_of_any_bytes_do_no_harm() -> None:
    def hostile(box: dict[str, Any]) -> None:
        box["Config"]["Labels"] = {
            "com.docker.compose.project": "\x1b[2J",
            "com.docker.compose.service": json.dumps(box),
        }
        for endpoint in box["NetworkSettings"]["Networks"].values():
            endpoint["Aliases"] = ["", ".", "\x1b[2J", "db" * 5000]

    assert code(analyze(with_containers(recorded("name-answered-elsewhere"), hostile))) == CODE


def test_the_sources_own_hostname_takes_the_name_of_its_neighbour() -> None:
    """Its /etc/hosts has its own hostname: where that is the service of another container, this one dials itself."""
    evidence = recorded("name-answered-elsewhere-hosts")
    boxes = json.loads(next(each for each in evidence.before if each.host == "server2").outputs["containers"].stdout)
    assert evidence.probe is not None
    name, source = evidence.probe.lookup.name, evidence.probe.source_at.container
    own = next(
        each["IPAddress"]
        for box in boxes
        if box["Name"] == f"/{source}"
        for each in box["NetworkSettings"]["Networks"].values()
    )

    def called(hostname: str | None) -> Any:
        def change(box: dict[str, Any]) -> None:
            if box["Name"] == f"/{source}":
                box["Config"]["Hostname"] = hostname

        return analyze(with_containers(looked_up(evidence, addresses=(own,)), change))

    report = called(name)
    assert code(report) == CODE
    assert f"--hostname {name}" in report.cause.remedy[0]
    assert code(called("c0ffee")) != CODE
