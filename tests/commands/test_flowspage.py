from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from netprobe.cli import run
from netprobe.evidence.writer import write
from tests.commands.walk import evidence
from tests.report.html.pages import CAPTURES

Said = pytest.CaptureFixture[str]
FAILS = str(CAPTURES / "docker-user-drop.pcapng")


def test_a_page_is_written_beside_the_table(tmp_path: Path, capsys: Said) -> None:
    assert run(["flows", FAILS]) == 0
    alone = capsys.readouterr().out
    page = tmp_path / "page.html"
    assert run(["flows", FAILS, "--html", str(page)]) == 0
    out, err = capsys.readouterr()
    assert out == alone
    assert f"netprobe: page written to {page}\n" in err
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert "one connection, which failed" in page.read_text()


def test_it_has_what_was_chosen_and_says_so(tmp_path: Path, capsys: Said) -> None:
    page = tmp_path / "page.html"
    file = str(CAPTURES / "dns-client-asks.pcapng")
    argv = [
        "flows",
        file,
        "--where",
        "proto == 'udp'",
        "--sort",
        "-bytes",
        "--top",
        "2",
        "--format",
        "csv",
        "--html",
        str(page),
    ]
    assert run(argv) == 0
    text = page.read_text()
    assert text.count('<tr id="c') == 2
    for words in ("where proto == &#39;udp&#39;", "sorted by -bytes", "the first 2", "2 of 22"):
        assert words in text
    assert run(["flows", file, "--failed", "--html", str(page), "--force"]) == 0
    assert "those that failed" in page.read_text()
    assert 'class="works" data-k' not in page.read_text()
    assert capsys.readouterr().out


def test_a_page_that_cannot_be_written_is_refused_before_anything_is_read(tmp_path: Path, capsys: Said) -> None:
    there = tmp_path / "there.html"
    there.write_text("mine")
    own = tmp_path / "own.pcapng"
    own.write_bytes(write(evidence()))
    for path, words in (
        (there, "exists"),
        (own, "is an input"),
        (tmp_path, "is a directory"),
        (tmp_path / "no" / "x", "there is no directory"),
    ):
        assert run(["flows", str(own), "--html", str(path)]) == 2, words
        out, err = capsys.readouterr()
        assert words in err
        assert out == ""
    same = str(tmp_path / "same.csv")
    assert run(["flows", str(own), "--html", same, "-o", same]) == 2
    assert run(["flows", str(own), "--html", same, "--show", "1"]) == 2
    assert there.read_text() == "mine"
    assert not Path(same).exists()


def test_a_full_disk_is_said_and_nothing_is_left(capsys: Said) -> None:
    assert run(["flows", FAILS, "--html", "/dev/full"]) == 4
    out, err = capsys.readouterr()
    assert "cannot write /dev/full" in err
    assert out == ""


def test_packets_of_a_pipe_are_gone(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    argv = [sys.executable, "-m", "netprobe", "flows", "-", "--html", str(page)]
    done = subprocess.run(argv, input=Path(FAILS).read_bytes(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "came through a pipe" in page.read_text()
