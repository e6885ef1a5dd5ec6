"""Kept addresses: what each deciding fact decides, on recorded evidence with that one fact changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.evidence.stream.whole import read
from netprobe.pipeline import analyze
from netprobe_lab.edit import edited
from netprobe_lab.experiments.model import Edit

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Report

CAPTURES = Path(__file__).parents[3] / "captures"
HOST = "server2"
CACHE = "dns-client-cache"
STALE = "link-env-stale"


def whole(name: str) -> Evidence:
    return read((CAPTURES / f"{name}.pcapng").read_bytes())


def changed(name: str, key: str, pattern: str, text: str) -> Report:
    return analyze(edited(whole(name), (Edit(host=HOST, key=key, pattern=pattern, text=text),)))


def codes(report: Report) -> set[str]:
    return {each.code for each in report.findings} | ({report.cause.code} if report.cause else set())


@pytest.mark.parametrize("name", ["link-stale-name", "link-stale-variable", "link-stale-refused", "link-stale-nobody"])
def test_a_variable_that_names_the_address_is_not_stale(name: str) -> None:
    assert STALE not in codes(changed(name, "containers", r"(_PORT_80_TCP_ADDR=)172.17.0.2", r"\g<1>172.17.0.4"))


def test_a_variable_of_another_alias_says_nothing() -> None:
    assert STALE not in codes(
        changed("link-stale-name", "containers", r'"/demo:/client/nginx"', '"/demo:/client/other"')
    )


def test_who_took_the_address_is_named_and_only_likely_meant() -> None:
    report = analyze(whole("link-stale-refused"))
    assert report.cause is not None
    assert report.cause.confidence.value == "likely"
    assert "demo2 has 172.17.0.2 now" in report.cause.summary


def test_the_finding_names_both_addresses() -> None:
    finding = next(each for each in analyze(whole("link-stale-name")).findings if each.code == STALE)
    assert "172.17.0.4" in finding.summary
    assert "demo2 has 172.17.0.2 now" in finding.summary


@pytest.mark.parametrize(
    ("key", "pattern", "text"),
    [
        ("docker-version", r'"Version": "29', '"Version": "28'),
        ("containers", r'"LinkEnv": \[\]', '"RestartCount": 0'),  # its environment was not read
        ("containers", r'"Links": \["/demo:/client/nginx"\]', '"Links": null'),
    ],
)
def test_absent_variables_need_engine_29_a_link_and_an_environment_that_was_read(
    key: str, pattern: str, text: str
) -> None:
    assert "link-env-absent" in codes(analyze(whole("link-env-absent")))
    assert "link-env-absent" not in codes(changed("link-env-absent", key, pattern, text))


@pytest.mark.parametrize("name", ["dns-client-cache", "dns-client-cache-old-mac", "dns-client-cache-by-name"])
def test_an_attempt_that_began_before_the_backend_moved_is_no_cache(name: str) -> None:
    """The same sockets before and after: nothing shows that any of them began later."""
    evidence = whole(name)
    sockets = {
        state.host: state.outputs["ns/proxy/sockets"]
        for state in evidence.before
        if "ns/proxy/sockets" in state.outputs
    }
    after = tuple(
        replace(state, outputs={**state.outputs, "ns/proxy/sockets": sockets[state.host]})
        if state.host in sockets
        else state
        for state in evidence.after
    )
    assert CACHE in codes(analyze(evidence))
    assert CACHE not in codes(analyze(replace(evidence, after=after)))


def test_unless_the_backend_has_run_for_longer_than_an_attempt_lasts() -> None:
    evidence = whole("dns-client-cache-by-name")
    edits = (
        Edit(host=HOST, key="containers", pattern=r'"StartedAt": "20\d\d', text='"StartedAt": "2001'),
        Edit(host=HOST, key="ns/proxy/sockets", pattern=r"172\.31\.0\.3:\d+", text="172.31.0.3:40000"),
    )
    assert CACHE in codes(analyze(edited(evidence, edits)))
    assert CACHE not in codes(analyze(edited(evidence, edits[1:])))


@pytest.mark.parametrize("name", ["dns-client-cache", "dns-client-cache-old-mac", "dns-client-cache-by-name"])
def test_an_address_that_a_container_has_is_not_kept(name: str) -> None:
    assert CACHE not in codes(changed(name, "containers", r'"172\.31\.0\.9"', '"172.31.0.2"'))


def test_a_mac_that_somebody_has_is_another_story() -> None:
    assert CACHE not in codes(
        changed("dns-client-cache-old-mac", "containers", "02:42:ac:1f:00:09", "02:42:ac:1f:00:02")
    )


def test_one_container_twice_is_no_collision() -> None:
    assert "dns-alias-collision" in codes(analyze(whole("dns-alias-collision")))
    assert "dns-alias-collision" not in codes(changed("dns-alias-collision", "containers", r'"db", ', ""))
