from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from netprobe.commands import tshark
from netprobe.commands.tshark import MISSING, application_layers, pcap
from netprobe.report.deep import chosen
from tests.commands.walk import evidence, report

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


@needs_tshark
def test_http_is_decoded_and_nothing_is_left_running() -> None:
    frames = chosen(evidence(), report())
    lines, note = application_layers(frames)
    assert note == ""
    assert set(lines) == set(frames[2:])
    assert "http:" in lines[frames[2]]
    assert any("Request URI: /index.html" in line for line in lines[frames[2]])
    assert any("Status Code: 200" in line for line in lines[frames[3]])
    children = subprocess.run(["ps", "--ppid", str(_pid()), "-o", "comm="], capture_output=True, text=True, check=False)
    assert "tshark" not in children.stdout


def _pid() -> int:
    return int(Path("/proc/self").resolve().name)


def test_without_tshark_one_line_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert application_layers(chosen(evidence(), report())) == ({}, MISSING)


def in_place_of_tshark(monkeypatch: pytest.MonkeyPatch, folder: Path, *lines: str) -> None:
    program = folder / "tshark"
    program.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("echo sorry >&2; exit 2", "exit code 2: sorry"),
        ("exit 1", "exit code 1: it said nothing"),
        ("echo '<pdml></pdml>'", "0 of 4 packets came back"),
        ("for n in 1 2 3 4; do echo '<packet></packet>'; done", "AttributeError"),
    ],
)
def test_a_tshark_that_fails_is_a_note_not_a_traceback(
    does: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_place_of_tshark(monkeypatch, tmp_path, does)
    lines, note = application_layers(chosen(evidence(), report()))
    assert not lines
    assert note.startswith("application layer: tshark could not decode it (")
    assert said in note


def test_a_tshark_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    in_place_of_tshark(monkeypatch, tmp_path, f"echo $$ >{pid}", "exec sleep 60")
    monkeypatch.setattr(tshark, "TIME_LIMIT_S", 0.5)
    _, note = application_layers(chosen(evidence(), report()))
    assert "no end after 0.5 s" in note
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()


def test_the_temporary_file_is_a_pcap_with_nanoseconds() -> None:
    frames = chosen(evidence(), report())
    data = pcap(1, frames)
    assert data[:4] == bytes.fromhex("4d3cb2a1")
    assert len(data) == 24 + sum(16 + len(frame.raw) for frame in frames)
