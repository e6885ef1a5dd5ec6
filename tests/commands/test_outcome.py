from __future__ import annotations

import json
from itertools import permutations

import pytest

from netprobe.commands.outcome import EXIT_INTERNAL, EXIT_INTERRUPTED, guarded, worst
from netprobe.errors import EnvironmentFault


def test_worst() -> None:
    for codes in permutations([0, 1, 3, 4]):
        assert worst(codes) == 4
    assert worst([0, 3, 1]) == 1
    assert worst([0, 3]) == 3
    assert worst([0]) == 0


def no_docker() -> int:
    raise EnvironmentFault("Docker is not\nrunning", "systemctl start docker")


def test_a_fault_of_the_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(no_docker, as_json=False) == 4
    assert capsys.readouterr().err == "netprobe: Docker is not running\n  systemctl start docker\n"
    assert guarded(no_docker, as_json=True) == 4
    assert json.loads(capsys.readouterr().out) == {
        "schema": "netprobe/error/1",
        "exit": 4,
        "error": "Docker is not running",
        "hint": "systemctl start docker",
    }


def interrupted() -> int:
    raise KeyboardInterrupt


def test_an_interrupt(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(interrupted, as_json=False) == EXIT_INTERRUPTED
    assert capsys.readouterr().err == "netprobe: interrupted\n"


def interrupted_in_a_class() -> int:
    class Named:
        def __set_name__(self, *_: object) -> None:
            raise KeyboardInterrupt

    type("Made", (), {"name": Named()})
    return 0


def test_an_interrupt_that_became_another_error(capsys: pytest.CaptureFixture[str]) -> None:
    """As Python up to 3.11 does where a class is made; most of a short run is that."""
    assert guarded(interrupted_in_a_class, as_json=False) == EXIT_INTERRUPTED
    assert capsys.readouterr().err == "netprobe: interrupted\n"


def bug() -> int:
    raise ZeroDivisionError("by\x1b[31m")


def test_a_bug_is_one_line_unless_it_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NETPROBE_DEBUG", raising=False)
    assert guarded(bug, as_json=False) == EXIT_INTERNAL
    first, second = capsys.readouterr().err.splitlines()
    assert first == "netprobe: internal error, ZeroDivisionError: by\\x1b[31m"
    assert "report" in second
    monkeypatch.setenv("NETPROBE_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        guarded(bug, as_json=False)
