"""``netprobe diff`` from the command line: exit codes, and one line for what cannot be compared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from netprobe.cli import run
from tests.mutilation import CAPTURES

if TYPE_CHECKING:
    from pathlib import Path


def capture(name: str) -> str:
    return str(CAPTURES / f"{name}.pcapng")


@pytest.mark.parametrize(
    ("good", "bad", "code"), [("demo", "demo", 0), ("demo", "docker-user-drop", 1), ("demo", "masquerade", 2)]
)
def test_the_exit_code_says_whether_they_differ(good: str, bad: str, code: int) -> None:
    assert run(["diff", capture(good), capture(bad)]) == code


def test_two_questions_are_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diff", capture("demo"), capture("masquerade")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[0].startswith("netprobe: the two are of different questions (")


def test_a_file_that_is_no_evidence_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("nothing\n")
    for arguments in (
        [capture("demo"), str(other)],
        [str(other), capture("demo")],
        [capture("demo"), str(tmp_path / "none")],
    ):
        assert run(["diff", *arguments]) == 2
        assert capsys.readouterr().err.startswith("netprobe: ")


def test_json_is_one_value_also_where_the_questions_are_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diff", capture("demo"), capture("docker-user-drop"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["schema"] == "netprobe/diff/1"
    assert run(["diff", capture("demo"), capture("masquerade"), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["schema"] == "netprobe/error/1"


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    made = tmp_path / "page.html"
    both = [capture("demo"), capture("docker-user-drop")]
    assert run(["diff", *both, "--html", str(made)]) == 1
    assert made.read_text().rstrip().endswith("</html>")
    assert run(["diff", *both, "--html", str(made)]) == 2
    assert run(["diff", *both, "--html", str(made), "--force"]) == 1
    assert run(["diff", *both, "--html", both[0]]) == 2
    assert run(["diff", capture("demo"), capture("masquerade"), "--html", str(tmp_path / "none.html")]) == 2
    assert not (tmp_path / "none.html").exists()


def test_a_question_that_is_another_one_is_not_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "demo:81", "--from", "server1", "--against", capture("demo")]) == 2
    assert "is of another question (target: demo:80 and demo:81)" in capsys.readouterr().err
    assert run(["explain", "demo:80", "--from", "server1", "--all", "--against", capture("demo")]) == 2
