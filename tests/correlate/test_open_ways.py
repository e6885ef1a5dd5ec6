"""What may go on in another connection's rows, and cannot be told: its path is undetermined, and no other's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from netprobe.correlate.join import join
from netprobe.correlate.judge import judge
from netprobe.correlate.reasons import VERDICTS, Reason
from netprobe.correlate.ways import PATHS
from netprobe.decode.decoder import decode
from netprobe.flows.build import build
from tests.correlate.made import rows_of
from tests.craft import evidence, tcp, udp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from netprobe.evidence.model import CapturePoint
    from netprobe.flowtable.columns import FlowRows
    from tests.craft import Sent

    Told = tuple[str, str, str]  # path, verdict, why

INSIDE, HOST, SERVER = "172.17.0.2:40123", "192.168.3.202:61001", "192.0.2.7:123"


def rows_and_points(sent: Iterable[Sent]) -> tuple[FlowRows, Sequence[CapturePoint]]:
    case = evidence(sent)
    table = decode(case.packets, case.points)
    return rows_of(table, build(table)), case.points


def among(rows: FlowRows, others: int) -> FlowRows:
    """The same beside many clients of other servers that ask with the same bytes at the first point, minutes later."""
    many = np.repeat(rows[rows["point"] == 0][:1], others)
    many["lo"][:, 0] = np.arange(others) + (10 << 24)
    many["lo"][:, 1] = np.arange(others) % 7 + (9 << 24)
    many["head_ip_id"] += np.where(many["head_ip_id"] > 0, np.arange(others)[:, None] + 1, 0)
    later = 300_000_000_000 + np.arange(others) * 1_000_000_000
    for name in ("head_ns", "first_ns", "last_ns"):
        known = rows[name][0] >= 0
        many[name] += np.where(known, later[:, None] if many[name].ndim > 1 else later, 0)
    return np.concatenate([rows, many])


def told(rows: FlowRows, points: Sequence[CapturePoint]) -> list[Told]:
    """Of each row."""
    joined = join(rows, points)
    judged = judge(rows, joined, points)
    of = joined.connection
    return [
        (PATHS[path], VERDICTS[verdict].value, Reason(reason).code)
        for path, verdict, reason in zip(judged.path[of], judged.verdict[of], judged.reason[of], strict=True)
    ]


def asked(client: str, point: str, at_us: float, ttl: int, *, ip_id: int = 0) -> list[Sent]:
    """A question of a few bytes and its answer, as a point saw them."""
    return [
        (point, at_us, udp(client, SERVER, b"\x1b", ttl=ttl, ip_id=ip_id)),
        (point, at_us + 900, udp(SERVER, client, b"\x1c", ttl=120 - ttl, ip_id=0)),
    ]


def test_equal_questions_of_which_nat_rewrote_the_port_are_undetermined() -> None:
    """Hundreds say the same, and the rewritten port is another: that the one goes on in the other is likely, and not sure."""
    rows, points = rows_and_points([*asked(INSIDE, "br0", 0, 64), *asked(HOST, "eth0", 40, 63)])
    found = told(among(rows, 900), points)
    assert found[:2] == [("undetermined", "works", "may-go-on")] * 2
    assert set(found[2:]) == {("none", "works", "")}


def test_an_ip_id_makes_it_sure() -> None:
    rows, points = rows_and_points([*asked(INSIDE, "br0", 0, 64, ip_id=777), *asked(HOST, "eth0", 40, 63, ip_id=777)])
    assert told(among(rows, 900), points)[:2] == [("masquerade", "works", "")] * 2


@pytest.mark.parametrize("ttl", [62, 65])
def test_what_cannot_be_the_same_packet_leaves_nothing_open(ttl: int) -> None:
    """Seen behind more routers than one at the same point, or before it with a lower TTL: no pair."""
    rows, points = rows_and_points([*asked(INSIDE, "br0", 0, 64), *asked(HOST, "br0", 40, ttl)])
    assert told(among(rows, 900), points)[:2] == [("none", "works", "")] * 2


def test_a_flood_at_two_points_is_undetermined_and_at_one_is_not() -> None:
    """More equal questions in a second than one connection has rows: none is told from another."""
    here = [each for n in range(40) for each in asked(f"172.17.0.{n + 2}:40000", "br0", n * 1000.0, 64)]
    there = [each for n in range(40) for each in asked(f"192.168.3.202:{n + 30000}", "eth0", n * 1000.0 + 40, 63)]
    rows, points = rows_and_points([*here, *there])
    assert set(told(rows, points)) == {("undetermined", "works", "may-go-on")}
    alone, points = rows_and_points(here)
    assert set(told(alone, points)) == {("none", "works", "")}


def test_one_number_of_many_leaves_their_way_open() -> None:
    """Every device begins with one number, and neither has a clock or an IP id: two of them at two points may be one."""
    sent = [
        ("br0", 0, tcp(INSIDE, "192.0.2.7:80", "S", 7, ttl=64, ip_id=0)),
        ("eth0", 40, tcp(HOST, "192.0.2.9:80", "S", 7, ttl=63, ip_id=0)),
    ]
    rows, points = rows_and_points(sent)
    found = told(among(rows, 900), points)
    assert {path for path, _, _ in found[:2]} == {"undetermined"}
