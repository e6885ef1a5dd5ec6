"""Evidence built by hand: one text changed at both moments, all else as it was recorded."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from netprobe.evidence.stream.whole import read
from netprobe_lab.edit import edit, edited
from netprobe_lab.errors import LabError
from netprobe_lab.experiments.model import Edit

CAPTURE = Path(__file__).parent.parent.parent / "captures" / "link-name.pcapng"
VERSION = Edit(host="server2", key="docker-version", pattern=r'"Version": "[^"]*"', text='"Version": "29.0.2"')


def test_one_text_changes() -> None:
    whole = read(CAPTURE.read_bytes())
    changed = edited(whole, (VERSION,))
    for state, was in zip(changed.before, whole.before, strict=True):
        other = {key for key in state.outputs if state.outputs[key] != was.outputs[key]}
        assert other == ({"docker-version"} if state.host == "server2" else set())
    assert changed.points == whole.points


def test_a_file_keeps_its_packets(tmp_path: Path) -> None:
    copy = tmp_path / CAPTURE.name
    shutil.copy(CAPTURE, copy)
    edit(copy, (VERSION,))
    one, other = read(CAPTURE.read_bytes()), read(copy.read_bytes())
    assert (
        '"Version": "29.0.2"'
        in next(each for each in other.before if each.host == "server2").outputs["docker-version"].stdout
    )
    assert [one.packets.raw(row) for row in range(len(one.packets))] == [
        other.packets.raw(row) for row in range(len(other.packets))
    ]


def test_the_text_after_the_probe_alone() -> None:
    whole = read(CAPTURE.read_bytes())
    wanted = Edit(host="server2", key="neigh", pattern="^", text=" ", after=True)
    changed = edited(whole, (wanted,))
    assert changed.before == whole.before
    assert changed.after != whole.after
    with pytest.raises(LabError, match="was not found"):
        edited(whole, (replace(VERSION, after=True),))  # not asked again


def test_nothing_to_change_is_an_error() -> None:
    with pytest.raises(LabError, match="was not found"):
        edited(read(CAPTURE.read_bytes()), (Edit(host="server1", key="docker-version", pattern="20", text="29"),) * 2)
