from __future__ import annotations

import pytest

from netprobe.report.flows.table import fates
from netprobe.report.html.flowfates import UNTOLD, by_fate, by_path
from netprobe.report.labels import PATH_WORDS
from netprobe.tabulate import tabulate
from tests.report.html.flowpages import FLOWS, first_rows
from tests.report.html.pages import CAPTURES


@pytest.mark.parametrize("name", FLOWS)
def test_each_connection_counts_once(name: str) -> None:
    table = tabulate([str(CAPTURES / f"{name}.pcapng")], {})
    part = table.take(first_rows(table))
    what = fates(part)
    assert sum(each.count for each in by_fate(part, what)) == len(part)
    assert sum(each.every for each in by_path(part, what)) == len(part)
    assert {each.words for each in by_path(part, what)} <= {*PATH_WORDS.values(), *UNTOLD.values()}


def test_what_failed_stands_first() -> None:
    table = tabulate([str(CAPTURES / "app-not-listening-via-proxy.pcapng")], {})
    part = table.take(first_rows(table))
    (told,) = by_fate(part, fates(part))
    assert (told.words, told.css, told.count) == ("refused (RST)", "fails", 2)
    (way,) = by_path(part, fates(part))
    assert (way.words, way.works, way.fails) == ("docker-proxy", 0, 2)


def test_flows_that_nobody_judged_are_told_by_protocol() -> None:
    table = tabulate([str(CAPTURES / "truth-udp-lan-normal.pcapng")], {}, verdicts=False)
    assert by_fate(table, fates(table)) == []
    assert {each.words for each in by_path(table, fates(table))} == {"udp"}
