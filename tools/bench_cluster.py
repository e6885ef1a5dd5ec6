"""What a second worker is worth: a set of eight captures by one Dask worker and by two, each one process and one thread, warm."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flow_capture import Shape, write

from netprobe.tabulate import tabulate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FILES = 8
WORKERS = (1, 2)


def cluster(folder: Path | None, runs: int, flows: int = 15_000) -> None:
    """Measure and print.

    Args:
        folder: where captures are written; None: the folder for temporary files.
        runs: of each; the median counts.
        flows: of each file: 15,000 are 111 MB.
    """
    with tempfile.TemporaryDirectory(prefix="netprobe-bench-", dir=folder) as held:
        files = _written(Path(held), flows)
        with ExitStack() as stack:
            addresses = [stack.enter_context(_started(count)) for count in WORKERS]
            for judged in (False, True):
                _compare(addresses, files, runs, FILES * flows, judged=judged)


@contextmanager
def _started(count: int) -> Iterator[str]:
    begin = time.perf_counter()
    with running(count) as address:
        took = time.perf_counter() - begin
        print(f"start-up of a scheduler and {count} worker{'s'[: count - 1]}: {took:.1f} s")
        yield address


def _compare(addresses: Sequence[str], files: Sequence[str], runs: int, flows: int, *, judged: bool) -> None:
    """One worker and two by turns, so that what else the machine does is the same for both; the first turn, which warms them, does not count."""
    times = [[_seconds(address, files, flows, judged=judged) for address in addresses] for _ in range(runs + 1)]
    one, two = zip(*times[1:], strict=True)
    what = f"{FILES} files, {flows * 32 / 1e6:.2f} M packets, {'with verdicts' if judged else 'flows alone'}"
    for name, of in (("median", statistics.median), ("best", min)):
        print(
            f"  {what}, {name}: one worker {of(one):.2f} s, two {of(two):.2f} s, {of(one) / of(two):.2f} times (aim ≥ 1.6)"
        )


def _seconds(address: str, files: Sequence[str], flows: int, *, judged: bool) -> float:
    """How long a cluster takes. What is found is looked at."""
    begin = time.perf_counter()
    table = tabulate(files, {}, cluster=address, verdicts=judged)
    took = time.perf_counter() - begin
    if len(table) != flows:
        raise SystemExit(f"{len(table)} flows of {flows} were found")
    return took


def _written(folder: Path, flows: int) -> list[str]:
    files = [folder / f"set_{number:05}_20260101000000.pcap" for number in range(FILES)]
    for number, file in enumerate(files):
        write(file, Shape(flows=flows, first=number * flows))
    return [str(file) for file in files]


@contextmanager
def running(count: int) -> Iterator[str]:
    """A scheduler with so many workers on loopback; its address."""
    with tempfile.TemporaryDirectory(prefix="netprobe-bench-dask-") as folder, ExitStack() as stack:
        told = Path(folder) / "scheduler.json"
        own = ["--host", "127.0.0.1", "--no-dashboard"]
        stack.enter_context(_process(["dask_scheduler", *own, "--port", "0", "--scheduler-file", str(told)]))
        while not (told.exists() and told.read_text().rstrip().endswith("}")):
            pass
        address: str = json.loads(told.read_text())["address"]
        for _ in range(count):
            stack.enter_context(_process(["dask_worker", address, *own, "--nthreads", "1", "--no-nanny"]))
        from distributed import Client

        with Client(address) as client:
            client.wait_for_workers(count, timeout=60)
        yield address


@contextmanager
def _process(argv: Sequence[str]) -> Iterator[None]:
    command, *arguments = argv
    process = subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{command}", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()
