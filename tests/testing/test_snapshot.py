"""Snapshots: written where that is asked for, held against after that, and the difference shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import netprobe
from netprobe.model.report import PathCode
from netprobe.testing.snapshot import Snapshots, plain, summary
from tests.mutilation import CAPTURES

if TYPE_CHECKING:
    from pathlib import Path


def test_a_snapshot_is_written_then_held_against(tmp_path: Path) -> None:
    found = netprobe.replay(CAPTURES / "docker-user-drop.pcapng")
    kept = Snapshots(folder=tmp_path / "snapshots" / "test_shop", test="test_it")
    with pytest.raises(AssertionError, match=r"there is no snapshot .* yet: pytest --netprobe-update"):
        kept.hold(found)
    assert not kept.folder.exists()
    replace(kept, update=True).hold(found)
    kept.hold(found)
    kept.hold(replace(found, why="in other words", timing_ms={"probe": 1.0}))
    with pytest.raises(AssertionError) as failed:
        kept.hold(replace(found, path=PathCode.DNAT))
    assert '-  "path": "none",' in str(failed.value)
    assert '+  "path": "dnat",' in str(failed.value)


def test_several_of_one_test_have_names(tmp_path: Path) -> None:
    found = netprobe.replay(CAPTURES / "demo.pcapng")
    Snapshots(folder=tmp_path, test="test_it", update=True).hold(found, "../before noon")
    assert [each.name for each in tmp_path.iterdir()] == ["test_it...-before-noon.json"]


def test_names_are_those_of_files() -> None:
    assert plain("test_x[a/b ../c-\x1b]") == "test_x-a-b-..-c"
    assert len(plain("x" * 4000)) == 150


def test_what_a_report_comes_to_has_its_rule_and_its_hops() -> None:
    told = summary(netprobe.replay(CAPTURES / "docker-user-drop.pcapng"))
    assert told["cause"]["rule"] == "-A DOCKER-USER -s 192.168.3.0/24 -j DROP"
    assert [hop["seen"] for hop in told["hops"]] == [True, True, False, False, False]
    assert told["hops"][2]["packet"] is None
