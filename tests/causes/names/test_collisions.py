"""dns-alias-collision: whose name it is, on the recorded evidence with one fact changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from netprobe.pipeline import analyze
from tests.causes.names.test_unknown import code, recorded, with_containers

CODE = "dns-alias-collision"
THEIRS = ("dns-alias-collision-project", "dns-alias-collision-names", "dns-alias-collision-unknown")


def labels(box: dict[str, Any], **changed: str) -> None:
    box["Config"]["Labels"] |= {f"com.docker.compose.{key}": value for key, value in changed.items()}


@pytest.mark.parametrize("name", THEIRS)
def test_however_the_addresses_are_ordered_it_is_the_same(name: str) -> None:
    evidence = recorded(name)
    assert evidence.probe is not None
    turned = replace(evidence.probe.lookup, addresses=tuple(reversed(evidence.probe.lookup.addresses)))
    reports = [analyze(evidence), analyze(replace(evidence, probe=replace(evidence.probe, lookup=turned)))]
    first, second = (report.cause for report in reports)
    assert first is not None
    assert first == second
    assert first.code == CODE


def test_one_situation_names_one_stranger_whichever_was_given() -> None:
    theirs, ours = (analyze(recorded(name)) for name in ("dns-alias-collision-project", "dns-alias-collision-own"))
    assert theirs.cause is not None
    (finding,) = ours.findings
    assert theirs.cause.remedy == finding.remedy
    assert theirs.cause.summary == finding.summary
    assert finding.summary.startswith("blog-db-1 should not have db: ")


def test_the_containers_of_one_service_share_its_name_on_purpose() -> None:
    def one(box: dict[str, Any]) -> None:
        if box["Name"] == "/blog-db-1":
            labels(box, project="shop")

    report = analyze(with_containers(recorded("dns-alias-collision-project"), one))
    assert (code(report), report.findings) == ("app-not-listening", ())


def test_without_any_project_the_one_that_refused_gives_the_name_up() -> None:
    cause = analyze(recorded("dns-alias-collision-unknown")).cause
    assert cause is not None
    assert "should not have" not in cause.summary
    assert cause.remedies[1].commands == (("docker", "network", "disconnect", "shared", "two"),)


def test_the_one_that_is_called_so_keeps_its_name() -> None:
    def renamed(box: dict[str, Any]) -> None:
        if box["Name"] == "/one":
            box["Name"] = "/db"

    cause = analyze(with_containers(recorded("dns-alias-collision-unknown"), renamed)).cause
    assert cause is not None
    assert cause.summary.startswith("two should not have db")
    assert any("db is called so; for two it is an alias" in each for each in cause.evidence)


def test_a_fixed_address_and_other_names_are_kept() -> None:
    def fixed(box: dict[str, Any]) -> None:
        if box["Name"] == "/two-db-1":
            endpoint = box["NetworkSettings"]["Networks"]["shared"]
            endpoint["IPAMConfig"] = {"IPv4Address": endpoint["IPAddress"]}
            endpoint["Aliases"] = ["db", "two-db", "-x", "Two-DB"]

    cause = analyze(with_containers(recorded("dns-alias-collision-names"), fixed)).cause
    assert cause is not None
    (command,) = cause.remedies[1].commands
    assert command[3:] == (
        *("--alias", "two-db", "--alias", "-x", "--alias", "Two-DB"),
        *("--ip", "172.28.9.3", "shared", "two-db-1"),
    )


def test_compose_gives_the_name_again_and_the_report_says_so() -> None:
    cause = analyze(recorded("dns-alias-collision-project")).cause
    assert cause is not None
    assert any("rename the service db in blog's compose file" in line for line in cause.remedy)
