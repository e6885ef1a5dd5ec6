from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

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


def test_a_tshark_that_fails_is_a_note_not_a_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "tshark"
    broken.write_text("#!/bin/sh\necho sorry >&2\nexit 2\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    lines, note = application_layers(chosen(evidence(), report()))
    assert not lines
    assert note.startswith("application layer: ")


def test_the_temporary_file_is_a_pcap_with_nanoseconds() -> None:
    frames = chosen(evidence(), report())
    data = pcap(1, frames)
    assert data[:4] == bytes.fromhex("4d3cb2a1")
    assert len(data) == 24 + sum(16 + len(frame.raw) for frame in frames)
