"""Who is meant, and what was dialled for it."""

from __future__ import annotations

from dataclasses import replace

from netprobe.pipeline import analyze
from tests.causes.altered import recorded
from tests.craft import evidence, handshake


def test_an_ipv6_endpoint_is_written_in_brackets() -> None:
    whole = recorded("v6-direct-open")
    assert whole.probe is not None
    assert analyze(whole).dialled == f"[{whole.probe.dialled}]:{whole.probe.dialled_port}/tcp"


def test_captures_from_elsewhere_name_their_own_ends() -> None:
    report = analyze(evidence(handshake("eth0", "10.0.0.1:4000", "10.0.0.2:80", 0)))
    assert (report.source, report.target) == ("10.0.0.1", "10.0.0.2:80/tcp")


def test_a_target_that_is_known_not_to_run_did_not_answer() -> None:
    whole = recorded("demo")
    assert whole.probe is not None
    assert whole.probe.target_at is not None
    probe = replace(whole.probe, target_at=replace(whole.probe.target_at, container="stopped"))
    assert analyze(replace(whole, probe=probe)).verdict.value != "works"
