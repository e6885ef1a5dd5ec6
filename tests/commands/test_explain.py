from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

import netprobe.live
from netprobe.annotating import bare
from netprobe.cli import run
from netprobe.errors import EnvironmentFault
from netprobe.evidence.writer import write
from tests.commands.walk import evidence

if TYPE_CHECKING:
    from pathlib import Path

    from netprobe.live import Question

Live = Callable[..., bytes]


class Vanished(EnvironmentFault):
    evidence: bytes | None = None


def fails_with(captured: bytes | None) -> Live:
    def explain(*_: object, **__: object) -> bytes:
        fault = Vanished("server2 went away", "is it up?")
        fault.evidence = captured
        raise fault

    return explain


def test_what_is_shown_is_what_the_saved_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(evidence())
    monkeypatch.setattr(netprobe.live, "observe", lambda *_, then, **__: then(data))
    file = tmp_path / "run.pcapng"
    assert run(["explain", "demo:80", "--save", str(file), "--json"]) == 0
    live, said = capsys.readouterr()
    assert said == f"netprobe: evidence saved to {file}\n"
    assert b"[netprobe] SYN, 2nd copy" in file.read_bytes()
    assert bare(file.read_bytes()) == data
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert run(["replay", str(file), "--json"]) == 0
    assert capsys.readouterr().out == live


def test_evidence_is_kept_without_its_story_where_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(evidence())
    monkeypatch.setattr(netprobe.live, "observe", lambda *_, then, **__: then(data))
    file = tmp_path / "run.pcapng"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(data) + 10, before[1]))
    try:
        assert run(["explain", "demo:80", "--save", str(file)]) == 0
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "saved without comments for Wireshark: cannot write" in capsys.readouterr().err
    assert file.read_bytes() == data
    assert list(tmp_path.iterdir()) == [file]


def test_what_was_captured_before_the_fault_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(netprobe.live, "observe", fails_with(b"so far"))
    file = tmp_path / "run.pcapng"
    assert run(["explain", "demo:80", "--save", str(file)]) == 4
    assert file.read_bytes() == b"so far"
    said = capsys.readouterr().err.splitlines()
    assert said == [
        f"netprobe: what was captured so far is in {file}",
        "netprobe: server2 went away",
        "  is it up?",
    ]


def test_a_fault_with_nothing_captured_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netprobe.live, "observe", fails_with(None))
    file = tmp_path / "run.pcapng"
    file.write_bytes(b"before")
    assert run(["explain", "demo:80", "--save", str(file), "--force"]) == 4
    assert file.read_bytes() == b"before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.pcapng"]


def test_the_place_to_save_is_looked_at_before_the_probe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*_: object, **__: object) -> bytes:
        raise AssertionError("probed")

    monkeypatch.setattr(netprobe.live, "observe", never)
    assert run(["explain", "demo:80", "--save", "/no/such/folder/run.pcapng"]) == 2
    assert "no directory" in capsys.readouterr().err
    assert run(["explain", "demo:80", "--save", "/proc/run.pcapng"]) == 4
    assert "cannot write to /proc" in capsys.readouterr().err
    assert run(["explain", "demo:80", "--save", "x" * 300]) == 2
    assert "name too long" in capsys.readouterr().err.lower()


def test_a_file_that_exists_is_refused_before_the_probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def explain(*_: object, then: Callable[[bytes], netprobe.Report], **__: object) -> netprobe.Report:
        asked.append("once")
        return then(write(evidence()))

    monkeypatch.setattr(netprobe.live, "observe", explain)
    file = tmp_path / "run.pcapng"
    file.write_bytes(b"before")
    assert run(["explain", "demo:80", "--save", str(file)]) == 2
    assert "--force" in capsys.readouterr().err
    assert (asked, file.read_bytes()) == ([], b"before")
    assert run(["explain", "demo:80", "--save", str(file), "--force"]) == 0
    assert (asked, bare(file.read_bytes())) == (["once"], write(evidence()))
    assert run(["explain", "demo:80", "--force"]) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="as root, under sudo")
def test_under_sudo_the_file_belongs_to_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netprobe.live, "observe", lambda *_, then, **__: then(write(evidence())))
    monkeypatch.setenv("SUDO_UID", "65534")
    monkeypatch.setenv("SUDO_GID", "65533")
    file = tmp_path / "run.pcapng"
    assert run(["explain", "demo:80", "--save", str(file)]) == 0
    assert (file.stat().st_uid, file.stat().st_gid) == (65534, 65533)
    monkeypatch.setenv("SUDO_UID", "1; x")
    assert run(["explain", "demo:80", "--save", str(file), "--force"]) == 0
    assert file.stat().st_uid == 0


@pytest.mark.parametrize("save", ["/dev/stdout", "report.txt"])
def test_the_evidence_never_goes_into_the_report(save: str, tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    with report.open("wb") as stdout:
        done = subprocess.run(
            [sys.executable, "-m", "netprobe", "explain", "127.0.0.1:9", "--json", "--save", save, "--force"],
            cwd=tmp_path, stdout=stdout, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert "is where the report goes" in json.loads(report.read_text())["error"]


def test_all_asks_each_container_and_prints_as_replay_of_several_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def observe(question: Question, *, then: Callable[[bytes], netprobe.Report], **_: object) -> netprobe.Report:
        asked.append(question.target)
        return then(write(evidence()))

    monkeypatch.setattr(netprobe.live, "observe", observe)
    monkeypatch.setattr(netprobe.live, "containers_of", lambda *_, **__: ("web-1@a:80", "web-2@a:80"))
    assert run(["explain", "web:80", "--all", "--json"]) == 0
    assert [each["schema"] for each in json.loads(capsys.readouterr().out)] == ["netprobe/report/1"] * 2
    assert run(["explain", "web:80", "--all"]) == 0
    assert asked == ["web-1@a:80", "web-2@a:80"] * 2
    text = capsys.readouterr().out
    assert text.startswith("web-1@a:80:\n")
    assert "\n\nweb-2@a:80:\n" in text
    monkeypatch.setattr(netprobe.live, "containers_of", lambda *_, **__: ("web:80",))
    assert run(["explain", "web:80", "--all", "--json"]) == 0
    assert isinstance(json.loads(capsys.readouterr().out), dict)
    assert run(["explain", "web:80", "--all", "--save", "x.pcapng"]) == 2
    assert "--all and --save" in capsys.readouterr().err
