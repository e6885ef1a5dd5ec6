"""What a report says that it does not know."""

from __future__ import annotations

from dataclasses import replace

from netprobe.evidence.model import Limit, LimitKind
from netprobe.pipeline import analyze
from tests.anywhere.stories import SECOND, client, opened
from tests.causes.altered import lossy, recorded
from tests.craft import evidence, point


def test_what_went_wrong_in_the_same_way_is_one_line() -> None:
    limits = tuple(Limit(kind=LimitKind.POINT, subject=name, why="not permitted") for name in ("a/eth0", "b/eth0"))
    assert "a/eth0, b/eth0: not permitted" in analyze(replace(recorded("demo"), limits=limits)).unknowns


def test_packets_that_a_sniffer_lost_are_said_once() -> None:
    whole = lossy(recorded("demo"), "server2/docker0")
    assert "server2/docker0: 1 packets were lost by the sniffer" in analyze(whole).unknowns
    limit = Limit(kind=LimitKind.PART, subject="server2/docker0", why="it went away")
    said = analyze(replace(whole, limits=(limit,))).unknowns
    assert [line for line in said if line.startswith("server2/docker0")] == ["server2/docker0: it went away"]


def test_a_file_without_a_packet_is_said_where_nothing_answered() -> None:
    silent = evidence([client(0, "S", -1), client(SECOND, "S", -1)])
    beside = replace(silent, points=(*silent.points, point("server2/docker0")))
    assert not analyze(silent).unknowns
    (said,) = analyze(beside).unknowns
    assert said.startswith("server2/docker0: no packet at all was captured")
    lost = Limit(kind=LimitKind.FILE, subject="server2/docker0", why="cut short")
    assert analyze(replace(beside, limits=(lost,))).unknowns == ("server2/docker0: cut short",)
    answered = evidence(opened())
    assert not analyze(replace(answered, points=(*answered.points, point("server2/docker0")))).unknowns


def test_without_state_what_packets_do_not_show_is_an_assumption() -> None:
    report = analyze(replace(recorded("demo"), before=(), after=()))
    assert any("host state is not known" in line for line in report.unknowns)
