"""What our hosts' network does, by what was captured on them: `netprobe explain … --save FILE`, or tcpdump's files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from netprobe.testing import ExplainCapture

CAPTURES = sorted((Path(__file__).parent / "captures").glob("*.pcapng"))


def test_the_demo_is_reached_by_its_published_port(explain_capture: ExplainCapture) -> None:
    explain_capture("captures/demo.pcapng").assert_works(path="dnat")


def test_the_firewall_is_why_it_was_not(explain_capture: ExplainCapture) -> None:
    explain_capture("captures/docker-user-drop.pcapng").assert_fails(cause="docker-user-drop", rule="192.168.3.0/24")


def test_a_report_has_everything_that_its_json_has(explain_capture: ExplainCapture) -> None:
    report = explain_capture("captures/docker-user-drop.pcapng").report
    assert report.last_seen == "server2/eth0"
    assert report.cause is not None
    assert report.cause.remedy


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda file: file.stem)
def test_nothing_changed(explain_capture: ExplainCapture, capture: Path) -> None:
    explain_capture(capture).assert_snapshot()
