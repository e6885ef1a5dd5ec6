"""The pytest plugin (entry point ``pytest11``): one fixture, and one option. It imports nothing of netprobe before the fixture is used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from netprobe.testing.explained import ExplainCapture, Explained


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's option."""
    parser.getgroup("netprobe").addoption(
        "--netprobe-update", action="store_true", help="write the snapshots of assert_snapshot anew; read what changed"
    )


@pytest.fixture
def explain_capture(request: pytest.FixtureRequest) -> ExplainCapture:
    """Replay saved evidence or captures: ``explain_capture(FILE…, points=…, flow=…)`` returns an :class:`~netprobe.testing.Explained`.

    A relative file is looked for beside the test's file first, then in pytest's root folder. Arguments and exceptions are those of
    :func:`netprobe.replay`.
    """
    from netprobe.interface import replay
    from netprobe.testing.explained import Explained
    from netprobe.testing.snapshot import Snapshots, plain

    here, root = request.path.parent, request.config.rootpath
    snapshots = Snapshots(
        folder=here / "snapshots" / request.path.stem,
        test=plain(request.node.name),
        update=bool(request.config.getoption("--netprobe-update")),
    )

    def explained(
        *files: str | os.PathLike[str], points: Mapping[str, str] | None = None, flow: str | None = None
    ) -> Explained:
        __tracebackhide__ = True
        named = {str(_found(file, here, root)): name for file, name in (points or {}).items()}
        report = replay(*(_found(file, here, root) for file in files), points=named, flow=flow)
        return Explained(report=report, snapshots=snapshots)

    return explained


def _found(file: str | os.PathLike[str], here: Path, root: Path) -> Path:
    """Where a file is: beside the test; else in the root folder; else as it is named, so that the message is about that."""
    every = (folder / file for folder in (here, root))
    return next((each for each in every if each.exists()), Path(file))
