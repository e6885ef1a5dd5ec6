"""Recorded state as hosts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.evidence.model import Evidence
from netprobe.evidence.state import CommandOutput, HostState
from netprobe.state.build import build_world
from netprobe.state.issues import Issues

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.state.model import Host, World

SAMPLES = Path(__file__).parent / "samples"


def host_state(host: str, folder: str) -> HostState:
    """A folder of samples: a file is a command's output, its path the key."""
    base = SAMPLES / folder
    files = sorted(path for path in base.rglob("*") if path.is_file())
    outputs = {str(path.relative_to(base)): CommandOutput(argv=("sample",), stdout=path.read_text()) for path in files}
    return HostState(host=host, outputs=outputs)


@pytest.fixture(scope="session")
def evidence() -> Evidence:
    return Evidence(
        before=(host_state("server1", "server1"), host_state("server2", "server2")),
        after=(host_state("server2", "server2-after"),),
    )


@pytest.fixture
def world(evidence: Evidence) -> World:
    return build_world(evidence)


@pytest.fixture
def server2(world: World) -> Host:
    return world.before["server2"]


@pytest.fixture
def lab() -> dict[str, Host]:
    states = tuple(host_state(name, f"lab/{name}") for name in ("server1", "server2", "outside"))
    return dict(build_world(Evidence(before=states)).before)


@pytest.fixture
def issues() -> Issues:
    return Issues("test")


@pytest.fixture
def sample() -> Callable[[str], str]:
    return lambda key: (SAMPLES / key).read_text()
