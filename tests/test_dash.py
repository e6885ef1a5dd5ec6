"""``-`` behind an option: stdout where that is all that stdout has, else it is refused; never a file called ``-``."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.cli import run

if TYPE_CHECKING:
    from collections.abc import Sequence

CAPTURES = Path(__file__).parents[1] / "captures"
FILE = str(CAPTURES / "docker-user-drop.pcapng")
GOOD = str(CAPTURES / "demo.pcapng")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def netprobe(*words: str, stdin: str | None = None) -> subprocess.CompletedProcess[bytes]:
    with Path(stdin or os.devnull).open("rb") as given:
        return subprocess.run(
            [sys.executable, "-m", "netprobe", *words],
            stdin=given,
            capture_output=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(CAPTURES.parent)},
        )


def test_an_annotated_capture_goes_through_pipes(here: Path) -> None:
    assert run(["annotate", FILE, "-o", "told.pcapng"]) == 0
    done = netprobe("annotate", "-", "-o", "-", stdin=FILE)
    assert (done.returncode, done.stderr) == (0, b"netprobe: 11 comments in stdout\n")
    assert done.stdout == (here / "told.pcapng").read_bytes()
    assert [each.name for each in here.iterdir()] == ["told.pcapng"]


@pytest.mark.parametrize(
    "words", [["topology", FILE], ["topology", FILE, "--format", "svg"], ["flows", FILE], ["flows", FILE, "--json"]]
)
def test_what_goes_to_stdout_anyway(words: list[str], here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = run(words)
    plain = capsys.readouterr().out
    assert run([*words, "-o", "-"]) == status == 0
    assert capsys.readouterr().out == plain
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "status"), [(["replay", FILE], 1), (["diff", GOOD, FILE], 1), (["flows", FILE], 0), (["replay", GOOD], 0)]
)
def test_a_page_stands_in_place_of_the_report(words: list[str], status: int, here: Path) -> None:
    done = netprobe(*words, "--html", "-")
    assert (done.returncode, done.stderr) == (status, b"")
    assert run([*words, "--html", "page.html"]) == status
    assert done.stdout == (here / "page.html").read_bytes()


def test_rows_go_to_a_file_beside_a_page_on_stdout(here: Path) -> None:
    done = netprobe("flows", FILE, "-o", "rows.csv", "--html", "-")
    assert done.stdout.lower().startswith(b"<!doctype html>")
    assert (here / "rows.csv").read_text().startswith("flow,")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["explain", "demo:80", "--save", "-"], "--save: stdout (-) is where the report goes"),
        (["annotate", FILE, "--split", "-"], "--split: a folder cannot go to stdout"),
        (["annotate", FILE, "--profile", "-"], "--profile: a folder cannot go to stdout"),
        (["lab", "tour", "--html", "-"], "--html: stdout (-) is where the report goes"),
        (["lab", "tour", "--save", "-"], "--save: a folder cannot go to stdout"),
        (["replay", FILE, "--html", "-", "--deep"], "--html - and --deep do not go together"),
        (["replay", FILE, "--html", "-", "-q"], "--html - and -q do not go together"),
        (["explain", "demo:80", "--html", "-", "-q"], "--html - and -q do not go together"),
        (["flows", FILE, "--html", "-", "--format", "csv"], "--html - and --format do not go together"),
        (["topology", FILE, "-o", "-", "--force"], "--force without -o has nothing to overwrite"),
        (["flows", FILE, "-o", "-", "--force"], "--force without -o or --html has nothing to overwrite"),
        (["replay", FILE, "--html", "-", "--force"], "--force without --html has nothing to overwrite"),
        (["annotate", FILE, "-o", "-", "--force"], "--force without -o FILE has nothing to overwrite"),
        (["flows", FILE, "--force"], "--force without -o or --html has nothing to overwrite"),
        (["flows", FILE, "-o", "x/", "--force"], "--force without a file has nothing to overwrite"),
        (["topology", FILE, "--force"], "--force without -o has nothing to overwrite"),
        (["diff", "-", "-"], "stdin is given twice, and can be read once"),
        (["flows", "-", "--state", "-"], "stdin is given twice, and can be read once"),
        (["flows", FILE, "--show", "1", "-o", "x"], "--show decodes one connection for people"),
    ],
)
def test_what_stdout_or_stdin_cannot_be(
    words: Sequence[str], said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert (out, err.count("\n")) == ("", 2)
    assert list(here.iterdir()) == []


def test_json_and_a_page_are_both_for_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["replay", FILE], ["diff", GOOD, FILE], ["explain", "demo:80"]):
        assert run([*words, "--json", "--html", "-"]) == 2
        assert '"error": "--html - and --json do not go together: both are for stdout"' in capsys.readouterr().out


def test_a_capture_is_nothing_for_a_terminal() -> None:
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-m", "netprobe", "annotate", FILE, "-o", "-"]
    try:
        done = subprocess.run(
            argv,
            stdout=theirs,
            stderr=subprocess.PIPE,
            check=False,
            env={**os.environ, "PYTHONPATH": str(CAPTURES.parent)},
        )
    finally:
        os.close(theirs)
        os.close(ours)
    assert done.returncode == 2
    assert b"a capture is nothing for a terminal" in done.stderr


def test_a_pipe_given_twice_is_no_two_captures(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo("pipe")
    assert run(["diff", "pipe", "./pipe"]) == 2
    assert "pipe is given twice, and can be read once" in capsys.readouterr().err
