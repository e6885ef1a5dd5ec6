"""A real scheduler and real worker processes, on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from netprobe.cluster import scheduler as scheduling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SECONDS = 90


class Processes:
    """A scheduler, and workers that can be started and ended."""

    def __init__(self, folder: Path, stack: ExitStack, before: str = "") -> None:
        self._stack = stack
        self._file = folder / "scheduler.json"
        self.workers: list[subprocess.Popen[bytes]] = []
        argv = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(self._file)]
        self.scheduler = self._started(
            ["-c", f"{before}\nfrom distributed.cli.dask_scheduler import main; main()", *argv]
        )
        until = time.monotonic() + _SECONDS
        while not self._written():
            assert self.scheduler.poll() is None, "the scheduler ended"
            assert time.monotonic() < until
            self.scheduler_waits()
        self.address: str = json.loads(self._file.read_text())["address"]

    def _written(self) -> bool:
        return self._file.exists() and self._file.read_text().rstrip().endswith("}")

    def scheduler_waits(self) -> None:
        try:
            self.scheduler.wait(0.1)
        except subprocess.TimeoutExpired:
            return

    def worker(self, before: str = "", environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a worker; `before` is Python that it runs first."""
        run = "from distributed.cli.dask_worker import main; main()"
        argv = [self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]
        process = self._started(["-c", f"{before}\n{run}", *argv], environment)
        self.workers.append(process)
        return process

    def _started(self, argv: list[str], environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
        )
        self._stack.callback(_end, process)
        return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@contextmanager
def running(folder: Path, workers: int) -> Iterator[Processes]:
    with ExitStack() as stack:
        processes = Processes(folder, stack)
        for _ in range(workers):
            processes.worker()
        yield processes


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy starts workers late."""
    monkeypatch.setattr(scheduling, "CONNECT_S", _SECONDS)


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[Processes]:
    """A scheduler without workers."""
    with running(tmp_path, 0) as processes:
        yield processes


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """A scheduler with two workers, for all tests that leave them alive."""
    with running(tmp_path_factory.mktemp("cluster"), 2) as processes:
        yield processes
