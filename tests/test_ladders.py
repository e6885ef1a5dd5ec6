from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from netprobe.errors import EvidenceFault
from netprobe.ladders import ladders_of
from netprobe.model.ladder import Arrow
from netprobe.tabulate import tabulate
from tests.report.html.pages import CAPTURES, part_of

if TYPE_CHECKING:
    from pathlib import Path


def told(name: str) -> list[tuple[list[str], list[str]]]:
    """Of each connection of a capture its columns and packets."""
    file = str(CAPTURES / f"{name}.pcapng")
    table = tabulate([file], {})
    assert table.verdicts is not None
    found = ladders_of(table, np.arange(len(table.verdicts.failed)).tolist(), [file], {}, lambda *_: None)
    return [
        (
            [each.point for each in one.ladder.columns],
            [each.info for each in one.ladder.rungs if isinstance(each, Arrow)],
        )
        for one in found.values()
    ]


@pytest.mark.parametrize(
    "name", ["docker-user-drop", "app-not-listening-via-proxy", "dns-host-resolver-rejected", "mtu-blackhole-ping"]
)
def test_a_connection_has_the_packets_that_its_report_has(name: str) -> None:
    ladder = part_of(name)[1].ladder
    assert ladder is not None
    seen = [each.point for each in ladder.columns if each.seen]
    packets = [each.info for each in ladder.rungs if isinstance(each, Arrow)]
    assert (sorted(seen), packets) in [(sorted(columns), rungs) for columns, rungs in told(name)]


def test_a_file_that_is_gone_is_said(tmp_path: Path) -> None:
    file = tmp_path / "run.pcapng"
    file.write_bytes((CAPTURES / "docker-user-drop.pcapng").read_bytes())
    table = tabulate([str(file)], {})
    file.unlink()
    with pytest.raises(EvidenceFault):
        ladders_of(table, [0], [str(file)], {}, lambda *_: None)


def test_nobody_asked_and_nothing_is_read() -> None:
    table = tabulate([str(CAPTURES / "docker-user-drop.pcapng")], {}, verdicts=False)
    assert ladders_of(table, [0], ["not there"], {}, lambda *_: None) == {}
