"""``netprobe diff`` from the command line: exit codes, and one line for what cannot be compared."""

from __future__ import annotations

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
