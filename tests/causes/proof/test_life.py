"""Times of an engine and their ages in words."""

from __future__ import annotations

import pytest

from netprobe.causes.proof.life import age, ending, restarts, unix
from netprobe.state.engine.model import Container, ContainerState


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-29T21:30:02Z", 1795987802.0),
        ("2026-11-29T21:30:02.5Z", 1795987802.5),
        ("2026-11-29T21:30:02.123456789Z", 1795987802.123456),
        ("2026-11-29T22:30:02+01:00", 1795987802.0),
        ("2026-11-29T21:30:02", 1795987802.0),
        ("0001-01-01T00:00:00Z", None),
        ("9999-99-99", None),
        ("", None),
        ("\x1b[31m", None),
    ],
)
def test_moments(text: str, seconds: float | None) -> None:
    assert unix(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "less than 1 s"), (1.9, "1 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (864000, "10 days")],
)
def test_ages(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_how_it_ended() -> None:
    gone = Container(name="web", state=ContainerState.RESTARTING, exit_code=137, oom_killed=True, restarts=1)
    assert ending(gone) == ", exit code 137: out of memory (OOMKilled)"
    assert restarts(gone).startswith("restarted once ")
    assert ending(Container(name="web", state=ContainerState.RUNNING, exit_code=0)) == ""
    assert restarts(Container(name="web")) == ""
