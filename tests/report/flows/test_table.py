from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from netprobe.evidence.model import CapturePoint
from netprobe.flowtable.blocks import unpacked
from netprobe.report.escape import width
from netprobe.report.flows.table import amount, lasting, lay_out, one_a_connection, plain
from netprobe.report.text import printed
from netprobe.tabulate import tabulate
from tests.commands.test_replay import plain as plain_file
from tests.commands.walk import CLIENT, DIALLED, segment
from tests.flowtable.rows import every, several
from tests.report.flows.test_csv import HOSTILE

if TYPE_CHECKING:
    from pathlib import Path

    from netprobe.flowtable.table import FlowTable


def only_ipv4(count: int) -> FlowTable:
    table = several(count)
    unpacked(table.rows)["version"], unpacked(table.rows)["hi"] = 4, 0
    return table


@pytest.mark.parametrize("columns", [80, 100, 120, 200])
def test_it_fits_a_terminal(columns: int) -> None:
    table = only_ipv4(40)
    text = printed(lay_out(table, every(table), columns=columns), columns=columns, colour=False)
    lines = text.splitlines()
    assert max(map(width, lines)) <= columns
    assert len(lines) == 21  # a line a connection, and the head
    assert {"#", "client", "server", "proto"} <= set(lines[0].split())


def test_the_more_room_the_more_columns() -> None:
    table = only_ipv4(40)
    heads = [len(lay_out(table, every(table), columns=each).sections[0][0].head) for each in (60, 80, 120, 300)]  # type: ignore[union-attr]
    assert heads == sorted(heads)
    assert heads[0] < heads[-1]


def test_a_pipe_gets_every_line_and_column() -> None:
    table = several(40)
    lines = list(plain(table, every(table)))
    assert len(lines) == 21
    assert lines[0].split() == [
        "#",
        "client",
        "server",
        "proto",
        "state",
        "history",
        "packets",
        "bytes",
        "rtt",
        "first",
        "at",
        "s",
        "points",
    ]
    assert any("[fd00::a00:" in line for line in lines)


def test_what_is_left_out_is_said() -> None:
    table = several(40)
    text = printed(lay_out(table, every(table), columns=None, most=3), columns=None, colour=False)
    assert "… and 17 more: --top N shows so many, --format csv all" in text
    assert len(text.splitlines()) == 5


def test_the_first_row_chosen_stands_for_its_connection_and_all_its_points_are_named() -> None:
    table = several(8)
    unpacked(table.rows)["point"] = [0, 1, 2, 2, 1, 0, 0, 0]
    assert one_a_connection(table, np.array([5, 1, 0, 4])).tolist() == [5, 1]
    lines = list(plain(table, np.array([1, 2])))
    assert lines[1].rstrip().endswith("server2/eth0, server2/docker0")
    assert lines[2].rstrip().endswith("  eth0")


def test_a_hostile_point_reaches_no_terminal() -> None:
    table = several(2, points=(CapturePoint(name=HOSTILE, interface="x"),))
    lines = list(plain(table, every(table)))
    assert len(lines) == 2
    assert "\\x1b[31m\\u202e" in lines[1]
    assert not {"\x1b", "\u202e", "\x00"} & {*"".join(lines)}


def test_verdicts_have_colours_and_words(tmp_path: Path) -> None:
    frames = [
        segment(CLIENT, DIALLED, "S", 7, 0),
        segment(DIALLED, CLIENT, "RA", 0, 8),
        segment((CLIENT[0], 5), DIALLED, "A", 7, 9),
    ]
    table = tabulate([plain_file(tmp_path / "a.pcap", *frames)], {})
    text = printed(lay_out(table, every(table), columns=120), columns=120, colour=True)
    assert "\x1b[1;31mrefused (RST)" in text
    assert "\x1b[1;33mcaptured in part" in text


def test_no_flows() -> None:
    assert [line.split()[0] for line in plain(several(0), every(several(0)))] == ["#"]


def test_amounts_and_durations() -> None:
    assert [amount(each) for each in (0, 999, 1000, 1234, 99_499, 99_600, 999_499, 999_500, 12 * 10**18)] == [
        *("0 B", "999 B", "1 kB", "1.23 kB", "99.5 kB", "100 kB", "999 kB", "1 MB", "12 EB"),
    ]
    assert [lasting(each) for each in (-1, 0, 412_345, 12_500_000_000)] == ["", "0 ms", "0.412 ms", "12.5 s"]
