"""An HTTP status that counts as a failure, and a port that speaks something else: what decides, on the recorded evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netprobe.model.report import Verdict
from netprobe.pipeline import analyze
from tests.causes.altered import code, recorded, without_key

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Finding, Report

NAME = "http-status"


def asked(evidence: Evidence, *, fail: bool, head: str | None = None) -> Evidence:
    assert evidence.probe is not None
    result = evidence.probe.result
    return replace(
        evidence,
        probe=replace(evidence.probe, fail=fail, result=replace(result, head=result.head if head is None else head)),
    )


def finding(report: Report) -> Finding:
    assert report.cause is not None
    return report.cause


def unread(evidence: Evidence) -> Evidence:
    """As if no byte of a payload had been kept."""
    packets = evidence.packets
    return replace(evidence, packets=replace(packets, caplen=packets.caplen.clip(max=54)))


def test_only_where_it_was_asked_for() -> None:
    report = analyze(asked(recorded(NAME), fail=False))
    assert (report.verdict, report.cause) == (Verdict.WORKS, None)
    assert report.http is not None
    assert report.http.status == 502
    assert "The answer is HTTP 502 Bad Gateway." in report.why
    assert code(asked(recorded("http-status-not-asked"), fail=True)) == NAME


@pytest.mark.parametrize("name", ["http-status-good", "http-status-redirect"])
def test_what_is_below_400_is_no_failure(name: str) -> None:
    report = analyze(recorded(name))
    assert report.verdict is Verdict.WORKS


def test_a_redirect_is_shown_and_not_followed() -> None:
    report = analyze(recorded("http-status-redirect"))
    assert report.http is not None
    assert report.http.status == 301
    assert "which leads to https://shop.test/login?from=web (not followed)." in report.why


def test_without_payload_the_prober_is_the_witness() -> None:
    report = analyze(unread(recorded(NAME)))
    assert report.cause is not None
    assert report.cause.code == NAME
    assert "the prober's word" in report.cause.evidence[0]


def test_a_status_that_nobody_kept_is_not_known() -> None:
    report = analyze(asked(unread(recorded(NAME)), fail=True, head=""))
    assert (report.verdict, report.cause) == (Verdict.UNDETERMINED, None)
    assert "the status of the response was not kept" in report.unknowns
    assert NAME in report.alternatives
    assert analyze(asked(unread(recorded(NAME)), fail=False, head="")).verdict is Verdict.WORKS


def test_who_answered_must_be_known() -> None:
    whole = recorded(NAME)
    report = analyze(replace(whole, before=(), after=(), packets=whole.packets))
    assert report.verdict is not Verdict.WORKS
    assert code(without_key(whole, "nft")) == NAME, "rules decide nothing of it"


def test_the_final_response_counts() -> None:
    found = finding(analyze(recorded("http-interim")))
    assert found.summary.startswith("web answered 503 Busy: ")


def test_what_a_server_that_chooses_by_name_was_asked() -> None:
    found = finding(analyze(recorded("http-status-name")))
    assert "it was asked for GET /a?b=c under the name 192.168.3.202:8080 (Host)" in found.evidence
    assert "by the name that it serves (it was asked by 192.168.3.202:8080)" in found.remedies[0].advice


def test_whom_a_server_with_rules_for_addresses_saw() -> None:
    found = finding(analyze(recorded("http-status-client")))
    assert "web sees the client as 172.17.0.1, not as 127.0.0.1" in found.evidence


def test_what_else_the_port_speaks() -> None:
    found = finding(analyze(recorded("not-http")))
    assert found.summary == "web answers on port 80, and not by HTTP: it speaks SSH there"
    assert '"SSH-2.0-OpenSSH_9.2p1"' in found.evidence[0]
    tls = finding(analyze(recorded("not-http-tls")))
    assert "it speaks TLS there" in tls.summary
    assert "15 03 01 00 02 02 46" in tls.evidence[0]


def test_bytes_that_were_not_kept_prove_no_other_protocol() -> None:
    whole = unread(recorded("not-http"))
    assert "SSH" in finding(analyze(whole)).summary, "the prober's word"
    report = analyze(asked(whole, fail=False, head=""))
    assert report.cause is None
    assert "not-http" in report.alternatives
