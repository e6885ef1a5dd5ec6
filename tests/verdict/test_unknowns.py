"""What a report says that it does not know."""

from __future__ import annotations

from dataclasses import replace

from netprobe.evidence.model import Limit, LimitKind
from netprobe.pipeline import analyze
from tests.causes.altered import lossy, recorded


def test_what_went_wrong_in_the_same_way_is_one_line() -> None:
    limits = tuple(Limit(kind=LimitKind.POINT, subject=name, why="not permitted") for name in ("a/eth0", "b/eth0"))
    assert "a/eth0, b/eth0: not permitted" in analyze(replace(recorded("demo"), limits=limits)).unknowns


def test_packets_that_a_sniffer_lost_are_said_once() -> None:
    whole = lossy(recorded("demo"), "server2/docker0")
    assert "server2/docker0: 1 packets were lost by the sniffer" in analyze(whole).unknowns
    limit = Limit(kind=LimitKind.PART, subject="server2/docker0", why="it went away")
    said = analyze(replace(whole, limits=(limit,))).unknowns
    assert [line for line in said if line.startswith("server2/docker0")] == ["server2/docker0: it went away"]


def test_without_state_what_packets_do_not_show_is_an_assumption() -> None:
    report = analyze(replace(recorded("demo"), before=(), after=()))
    assert any("host state is not known" in line for line in report.unknowns)
