from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import netprobe.live
from netprobe.annotating import bare
from netprobe.cli import run
from netprobe.evidence.writer import write
from tests.commands.walk import evidence

if TYPE_CHECKING:
    from collections.abc import Callable

Said = pytest.CaptureFixture[str]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    file = tmp_path / "walk.pcapng"
    file.write_bytes(write(evidence()))
    return file


def test_a_page_is_written_beside_the_report(capture: Path, tmp_path: Path, capsys: Said) -> None:
    assert run(["replay", str(capture)]) == 0
    alone = capsys.readouterr().out
    page = tmp_path / "page.html"
    assert run(["replay", str(capture), "--html", str(page)]) == 0
    out, err = capsys.readouterr()
    assert out == alone
    assert err == f"netprobe: page written to {page}\n"
    assert page.read_text().startswith("<!doctype html>\n")
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


def test_it_goes_with_json(capture: Path, tmp_path: Path, capsys: Said) -> None:
    page = tmp_path / "page.html"
    assert run(["replay", str(capture), "--json", "--html", str(page)]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "netprobe/report/1"
    assert "GET /index.html" in page.read_text()


def test_it_goes_with_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    data = write(evidence())
    monkeypatch.setattr(netprobe.live, "observe", lambda *_, then, **__: then(data))
    page, saved = tmp_path / "page.html", tmp_path / "run.pcapng"
    assert run(["explain", "demo:80", "--save", str(saved), "--html", str(page)]) == 0
    assert bare(saved.read_bytes()) == data
    live = page.read_text()
    capsys.readouterr()
    assert run(["replay", str(saved), "--html", str(page), "--force"]) == 0
    assert page.read_text() == live


def test_several_files_are_one_page(capture: Path, tmp_path: Path) -> None:
    from tests.report.html.pages import CAPTURES

    page = tmp_path / "page.html"
    own = [str(CAPTURES / f"{name}.pcapng") for name in ("demo", "docker-user-drop")]
    assert run(["replay", *own, "--html", str(page)]) == 1
    assert page.read_text().count('class="report"') == 2


REFUSED: list[tuple[str, Callable[[Path, Path], list[str]], str]] = [
    ("exists", lambda capture, page: [str(capture), "--html", str(page.parent / "there")], "exists"),
    ("input", lambda capture, page: [str(capture), "--html", str(capture), "--force"], "is an input"),
    ("folder", lambda capture, page: [str(capture), "--html", str(page.parent)], "is a directory"),
    ("nowhere", lambda capture, page: [str(capture), "--html", str(page / "x")], "there is no directory"),
    ("force", lambda capture, page: [str(capture), "--force"], "--force without --html has nothing to overwrite"),
]


@pytest.mark.parametrize(("arguments", "said"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_a_file_that_may_not_be_written_is_said_before_anything_is_read(
    capture: Path, tmp_path: Path, capsys: Said, arguments: Callable[[Path, Path], list[str]], said: str
) -> None:
    (tmp_path / "there").write_text("old")
    before = capture.read_bytes()
    assert run(["replay", *arguments(capture, tmp_path / "page.html")]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert out == ""
    assert (tmp_path / "there").read_text() == "old"
    assert capture.read_bytes() == before


def test_one_file_cannot_be_both_evidence_and_page(tmp_path: Path, capsys: Said) -> None:
    file = str(tmp_path / "run")
    assert run(["explain", "demo:80", "--save", file, "--html", f"{tmp_path}/../{tmp_path.name}/run"]) == 2
    assert "--save and --html name one file" in capsys.readouterr().err
    assert not Path(file).exists()


def test_the_report_and_the_page_do_not_go_into_one_file(capture: Path, capsys: Said) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "netprobe", "replay", str(capture), "--html", "/dev/stdout"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "is where the report goes" in done.stderr
    assert done.stdout == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_one_line(capture: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "netprobe", "replay", str(capture), "--json", "--html", "/dev/full"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert json.loads(done.stdout)["error"] == "cannot write /dev/full: No space left on device"


def test_what_cannot_be_written_whole_leaves_nothing(
    capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    folder = tmp_path / "out"
    folder.mkdir()
    monkeypatch.setattr(os, "fsync", full)
    assert run(["replay", str(capture), "--html", str(folder / "page.html")]) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0] == f"netprobe: cannot write {folder / 'page.html'}: No space left on device"
    assert list(folder.iterdir()) == []
