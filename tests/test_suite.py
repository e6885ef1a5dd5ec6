"""The suite asks once more what failed in the lab, and says so; what failed is told in few lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import suite

from tests import failures
from tests.spread import spread

if TYPE_CHECKING:
    from pathlib import Path

TWICE = "tests/twice.py::test_right_at_the_second_time"


@pytest.fixture
def flag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.setenv("NETPROBE_TWICE", str(tmp_path / "flag"))
    monkeypatch.setattr(suite, "FAILURES", tmp_path / "failures")
    monkeypatch.setattr(suite, "take_down", lambda: None)
    return tmp_path / "flag"


def part(*names: str, again: bool = True) -> suite.Part:
    return suite.Part(name="live, some", arguments=tuple(f"tests/twice.py::{name}" for name in names), again=again)


@pytest.mark.parametrize("where", spread(["CI", "at hand"], 2))
def test_what_is_right_at_the_second_time_passes_and_is_said(
    where: str, flag: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CI", "true") if where == "CI" else monkeypatch.delenv("CI", raising=False)
    some = part("test_always_right", "test_right_at_the_second_time")
    assert suite.run(some)
    printed = capfd.readouterr()
    assert f"== RIGHT ONLY AT THE SECOND TIME: {TWICE}; at the first:\nAssertionError: the first time" in printed.err
    assert "== live, some: passed in" in printed.err
    assert f"live, some: FAILED {TWICE}\n" in printed.err, "at once, not at the end"
    assert printed.out.count("what a test prints") == failures.PRINTED
    told = json.loads((suite.folder(some) / failures.LIST).read_text())[TWICE].splitlines()
    assert told[0] == "AssertionError: the first time"
    assert told[1].startswith("assert [0, 1, 2")
    assert len(told) <= 40
    assert max(map(len, told)) <= failures.WIDTH
    whole = next(suite.folder(some).glob("*.txt"))
    assert told[-1] == f"all of it: {whole}"
    assert whole.read_text().count("what a test prints\n") >= 100


def test_what_is_wrong_twice_fails(flag: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert not suite.run(part("test_never_right", "test_right_at_the_second_time"))
    assert flag.exists()
    assert "SECOND TIME" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("failed", "again", "code", "calls"),
    [
        (1, True, 1, 2),
        (suite.AGAIN_AT_MOST, True, 1, 2),
        (suite.AGAIN_AT_MOST + 1, True, 1, 1),  # no accident
        (1, False, 1, 1),  # without a lab
        (1, True, 2, 1),  # interrupted: what else would have failed is not known
    ],
)
def test_what_is_asked_again(
    flag: Path, monkeypatch: pytest.MonkeyPatch, failed: int, again: bool, code: int, calls: int
) -> None:
    called: list[suite.Part] = []

    def run_pytest(which: suite.Part) -> int:
        called.append(which)
        suite.folder(which).mkdir(parents=True)
        (suite.folder(which) / failures.LIST).write_text(json.dumps({f"test_{n}": "" for n in range(failed)}))
        return code if len(called) == 1 else 0

    monkeypatch.setattr(suite, "pytest", run_pytest)
    assert suite.run(part("test_always_right", again=again)) is (calls == 2)
    assert len(called) == calls
    assert called[-1].arguments == (tuple(f"test_{n}" for n in range(failed)) if calls == 2 else called[0].arguments)


def test_only_the_labs_tests_are_asked_again() -> None:
    assert all(each.again is each.name.startswith("live") for parts in suite.SUITES.values() for each in parts())
