from __future__ import annotations

import numpy as np

from netprobe.decode.table import Kind
from netprobe.flowtable.blocks import unpacked
from netprobe.flowtable.fields import BY_NAME, FIELDS, NAMES
from netprobe.flowtable.series import Codes, Numbers, Seconds, Times, known
from tests.flowtable.rows import several


def test_what_every_flow_has_is_always_known() -> None:
    table = several(50)
    assert len(set(NAMES)) == len(NAMES)
    for field in FIELDS:
        assert field.says
        assert all(known(field.of(table))) or not field.always, field.name


def test_an_echo_has_no_ports() -> None:
    table = several(50)
    ports = BY_NAME["client_port"].of(table)
    assert isinstance(ports, Numbers)
    assert ((ports.values < 0) == (table.rows["kind"] == Kind.ICMP)).all()


def test_anomalies_by_name() -> None:
    table = several(3)
    unpacked(table.rows)["anomaly"] = [0, 2, 6]
    series = BY_NAME["anomaly"].of(table)
    assert isinstance(series, Codes)
    assert [series.names[code] if code >= 0 else "" for code in series.codes.tolist()] == [
        "",
        "truncated-net",
        "truncated-net truncated-transport",
    ]


def test_points_of_one_name_are_one() -> None:
    table = several(9)
    double = table.points[0], table.points[1], table.points[0]
    series = BY_NAME["point"].of(type(table)(rows=table.rows, points=double))
    assert isinstance(series, Codes)
    assert series.names == ("server2/eth0", "server2/docker0")
    assert np.array_equal(series.codes, np.array([0, 1, 0])[table.rows["point"]])


def test_times_beyond_what_is_held_are_not_known() -> None:
    table = several(3)
    held = 9_000_000_000 * 10**9
    unpacked(table.rows)["first_ns"] = [5, held - 7, held]
    unpacked(table.rows)["last_ns"] = [held, held - 2, held + 3]
    first, duration = BY_NAME["first"].of(table), BY_NAME["duration"].of(table)
    assert isinstance(first, Times)
    assert isinstance(duration, Seconds)
    assert first.ns.tolist() == [5, held - 7, -1]
    assert duration.ns.tolist() == [-1, 5, -1]


def test_without_a_time_nothing_is_said_of_times() -> None:
    table = several(4)
    year = 366 * 86_400 * 10**9
    unpacked(table.rows)["first_ns"] = unpacked(table.rows)["syn_ns"] = [0, 0, 0, 1]
    unpacked(table.rows)["last_ns"] = unpacked(table.rows)["ack_ns"] = [0, year + 1, 5, 1]
    values = {name: BY_NAME[name].of(table) for name in ("first", "duration", "rtt")}
    assert {name: series.ns.tolist() for name, series in values.items() if isinstance(series, Times | Seconds)} == {
        "first": [-1, -1, 0, 1],
        "duration": [-1, -1, 5, 0],
        "rtt": [-1, -1, 5, 0],
    }
