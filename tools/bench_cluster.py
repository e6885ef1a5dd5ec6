"""What a second worker is worth: a set of eight captures by one Dask worker and by two, each one process and one thread, warm.

    tools/bench_cluster.py [--runs N] [--flows N] [--folder DIR]     (also: tools/bench_flows.py --only cluster, and make bench)

Each line has the medians of runs by turns, in seconds of the clock, and beside them seconds of processors, which other work on the machine changes
less: of the workers, of this process and of the scheduler. From those comes what two workers can be worth at most: what this process does before
the first piece and after the last one is nobody else's. Last comes what the machine itself gives: the same pieces tracked by one process and by two
without any cluster.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flow_capture import Shape, write

from netprobe.cluster import work
from netprobe.cluster.progress import Saying
from netprobe.evidence.stream.partition import partitions
from netprobe.flowtable.options import options
from netprobe.tabulate import tabulate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FILES = 8
WORKERS = (1, 2)
AIM = 1.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster that runs: the scheduler's address, and the processes' ids."""

    address: str
    scheduler: int
    workers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one run took.

    Attributes:
        wall: seconds of the clock.
        workers, client, scheduler: seconds of processors: of all workers, of this process, of the scheduler.
        alone: of ``client``, before the first piece was begun and behind the last one: no worker has anything to do then.
    """

    wall: float
    workers: float
    client: float
    scheduler: float
    alone: float


def cluster(folder: Path | None, runs: int, flows: int = 15_000) -> None:
    """Measure and print.

    Args:
        folder: where captures are written; None: the folder for temporary files.
        runs: of each; the median counts.
        flows: of each file: 15,000 are 111 MB.
    """
    if why := work.without_code():
        print(f"cluster: without machine code: {why} (netprobe flows --compile makes it)")
    with tempfile.TemporaryDirectory(prefix="netprobe-bench-", dir=folder) as held:
        files = _written(Path(held), flows)
        with ExitStack() as stack:
            clusters = [stack.enter_context(_started(count)) for count in WORKERS]
            for judged in (False, True):
                _compare(clusters, files, runs, FILES * flows, judged=judged)
        _ceiling(files, runs)


@contextmanager
def _started(count: int) -> Iterator[Cluster]:
    begin = time.perf_counter()
    with running(count) as found:
        took = time.perf_counter() - begin
        print(f"start-up of a scheduler and {count} worker{'s'[: count - 1]}: {took:.1f} s", flush=True)
        yield found


def _compare(clusters: Sequence[Cluster], files: Sequence[str], runs: int, flows: int, *, judged: bool) -> None:
    """One worker and two by turns, so that what else the machine does is the same for both; the first turn, which warms them, does not count."""
    costs = [[_cost(each, files, flows, judged=judged) for each in clusters] for _ in range(runs + 1)][1:]
    one, two = zip(*costs, strict=True)
    what = f"{FILES} files, {flows * 32 / 1e6:.2f} M packets, {'with verdicts' if judged else 'flows alone'}"
    for name, of in (("median", statistics.median), ("best", min)):
        walls = [of(cost.wall for cost in some) for some in (one, two)]
        print(
            f"  {what}, {name} of {runs}: one worker {walls[0]:.2f} s, two {walls[1]:.2f} s, {walls[0] / walls[1]:.2f} times (aim ≥ {AIM})"
        )
    for name, some in (("one worker", one), ("two", two)):
        workers, client, scheduler, alone = (
            _median(some, each) for each in ("workers", "client", "scheduler", "alone")
        )
        print(
            f"    seconds of processors, {name}: workers {workers:.2f}, client {client:.2f} ({alone:.2f} of it with no worker at work), scheduler {scheduler:.2f}"
        )
    print(f"    by those, two workers on two cores are worth {_bound(one, two):.2f} times at most", flush=True)


def _median(costs: Sequence[Cost], name: str) -> float:
    values: list[float] = [getattr(cost, name) for cost in costs]
    return statistics.median(values)


def _bound(one: Sequence[Cost], two: Sequence[Cost]) -> float:
    """One worker's time where this process never waits for a core, beside two workers' where no core is ever idle but while this process is alone."""
    alone = _median(two, "alone")
    every = sum(_median(two, each) for each in ("workers", "client", "scheduler"))
    return (_median(one, "workers") + _median(one, "alone")) / ((every - alone) / 2 + alone)


def _cost(cluster: Cluster, files: Sequence[str], flows: int, *, judged: bool) -> Cost:
    """What a run takes. What is found is looked at."""
    marks: list[float] = []

    def reading(done: int, size: int | None) -> None:
        if not marks or done == size:  # a file was walked through, or the last piece is there
            marks.append(time.process_time())

    before, begin, mine = _used(cluster), time.perf_counter(), time.process_time()
    table = tabulate(files, {}, cluster=cluster.address, verdicts=judged, progress=reading)
    wall, client = time.perf_counter() - begin, time.process_time() - mine
    if len(table) != flows:
        raise SystemExit(f"{len(table)} flows of {flows} were found")
    workers, scheduler = (after - former for after, former in zip(_used(cluster), before, strict=True))
    alone = client - (marks[-1] - marks[0])
    return Cost(wall=wall, workers=workers, client=client, scheduler=scheduler, alone=alone)


def _used(cluster: Cluster) -> tuple[float, float]:
    """Seconds of processors so far: of the workers, of the scheduler."""

    def used(pid: int) -> float:
        user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    return sum(map(used, cluster.workers)), used(cluster.scheduler)


def _ceiling(files: Sequence[str], runs: int) -> None:
    """The pieces by one process and by two that share nothing, by turns."""
    walker = work._walker()
    planned = partitions(files, {}, FILES, each=lambda walks: [walk.through(walker=walker) for walk in walks])
    jobs = [
        work.Job(
            part=part, name=part.path, points=planned.points, options=options(), saying=Saying(run="", number=number)
        )
        for number, part in enumerate(planned.parts)
    ]
    with ExitStack() as stack:
        pools = [multiprocessing.get_context("spawn").Pool(count) for count in WORKERS]
        for pool in pools:
            stack.callback(pool.join)
            stack.callback(pool.close)
        shares = [[jobs[number::count] for number in range(count)] for count in WORKERS]
        walls = [
            [_seconds(partial(pool.map, _track, share, 1)) for pool, share in zip(pools, shares, strict=True)]
            for _ in range(runs + 1)
        ][1:]
    one, two = (statistics.median(some) for some in zip(*walls, strict=True))
    print(
        f"  without a cluster, tracking alone, median of {runs}: one process {one:.2f} s, two {two:.2f} s, {one / two:.2f} times: what the machine gives"
    )


def _track(jobs: Sequence[work.Job]) -> int:
    return sum(len(work.track(job).partial.rows) for job in jobs)


def _seconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def _written(folder: Path, flows: int) -> list[str]:
    files = [folder / f"set_{number:05}_20260101000000.pcap" for number in range(FILES)]
    for number, file in enumerate(files):
        write(file, Shape(flows=flows, first=number * flows))
    return [str(file) for file in files]


@contextmanager
def running(count: int) -> Iterator[Cluster]:
    """A scheduler with so many workers on loopback."""
    with tempfile.TemporaryDirectory(prefix="netprobe-bench-dask-") as folder, ExitStack() as stack:
        told = Path(folder) / "scheduler.json"
        own = ["--host", "127.0.0.1", "--no-dashboard"]
        scheduler = stack.enter_context(
            _process(["dask_scheduler", *own, "--port", "0", "--scheduler-file", str(told)])
        )
        while not (told.exists() and told.read_text().rstrip().endswith("}")):
            pass
        address: str = json.loads(told.read_text())["address"]
        workers = [
            stack.enter_context(_process(["dask_worker", address, *own, "--nthreads", "1", "--no-nanny"]))
            for _ in range(count)
        ]
        from distributed import Client

        with Client(address) as client:
            client.wait_for_workers(count, timeout=60)
        yield Cluster(address=address, scheduler=scheduler, workers=tuple(workers))


@contextmanager
def _process(argv: Sequence[str]) -> Iterator[int]:
    command, *arguments = argv
    process = subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{command}", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def _terminated(*_: object) -> None:
    raise SystemExit(143)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="runs of each; the median counts")
    parser.add_argument("--flows", type=int, default=15_000, help="of each of the 8 files: 15,000 are 111 MB a file")
    parser.add_argument("--folder", type=Path, help="where captures are written (default: that for temporary files)")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, _terminated)  # as Ctrl-C: what was written is removed, what was started ends
    cluster(chosen.folder, chosen.runs, chosen.flows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
