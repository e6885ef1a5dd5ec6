"""From files to the rows of their flows, by the workers of a cluster."""

from __future__ import annotations

from functools import partial
from operator import getitem
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from netprobe.cluster import work
from netprobe.cluster.address import cluster_address
from netprobe.cluster.scheduler import connected
from netprobe.errors import EvidenceFault
from netprobe.evidence.files import STDIN
from netprobe.evidence.stream.partition import partitions
from netprobe.evidence.stream.source import CaptureFile
from netprobe.flowtable.partial import GrowingTable, shared, wanted
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from netprobe.cluster.scheduler import DaskWorkers
    from netprobe.evidence.model import CapturePoint, Limit
    from netprobe.evidence.state import HostState
    from netprobe.evidence.stream.partition import Partitioned, Walk, Walked
    from netprobe.flowtable.columns import FlowRows
    from netprobe.flowtable.options import TrackOptions
    from netprobe.flowtable.partial import Mixes, Partial

    Progress = Callable[[int, int | None], object]

PIECES = 4
"""A worker, at least: the last one is waited for less long, and what a worker that dies had done is less."""

MANY = 1 << 12
"""Keys that several pieces hold: fewer are one worker's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What the files came to.

    Attributes:
        rows: finished flows.
        points, limits: of all files.
        states: what evidence has of its hosts, before the packets.
    """

    rows: FlowRows
    points: tuple[CapturePoint, ...]
    limits: tuple[Limit, ...]
    states: tuple[HostState, ...] = ()


def gathered(
    cluster: str, files: Sequence[str], points: Mapping[str, str], options: TrackOptions, progress: Progress
) -> Gathered:
    """Track the files' flows on a cluster.

    Args:
        cluster: ``tcp://HOST:PORT`` or ``local:N``.
        files: captures; all workers see them under the same path.
        points: path -> the point's name, where one was given.
        options: what ends a flow.
        progress: called now and then with how many bytes are done, and of how many.

    Raises:
        UsageFault: it is no address of a cluster.
        EvidenceFault: a file cannot be read, or is none: a pipe is read by one process.
        EnvironmentFault: the cluster cannot be reached, has no workers or others, or they fail.
    """
    address = cluster_address(cluster)
    every = {file: str(Path(file).absolute()) for file in (*files, *points)}
    for file, path in every.items():
        _check_file(file, Path(path))
    with connected(address) as workers:
        workers.check_files({path: Path(path).stat().st_size for path in every.values()})
        named = {every[file]: name for file, name in points.items()}
        planned = partitions([*every.values()], named, PIECES * workers.count, each=partial(_walked, workers))
        return Gathered(
            rows=_rows(workers, planned, options, progress),
            points=planned.points,
            limits=planned.limits,
            states=tuple(planned.notes.before.values()),
        )


def _check_file(file: str, path: Path) -> None:
    """Refuse what workers cannot read, before any is asked."""
    if file != STDIN and (path.is_dir() or not path.exists()):
        CaptureFile(file).close()  # which says what is wrong
    if not path.is_file():
        raise EvidenceFault(f"{file}: a cluster reads files alone, no pipes", "ask without --cluster")


def _walked(workers: DaskWorkers, walks: Sequence[Walk]) -> list[Walked]:
    """What the files came to, each walked through by one worker."""
    found = dict(workers.done(work.walk, [(walk,) for walk in walks]))
    return [found[number] for number in range(len(walks))]


def _rows(workers: DaskWorkers, planned: Partitioned, options: TrackOptions, progress: Progress) -> FlowRows:
    jobs = [work.Job(part=part, points=planned.points, options=options) for part in planned.parts]
    whole = _tracked(workers, jobs, progress)
    keys = shared(whole.partials)
    return whole.finish(_again(workers, jobs, whole.partials, keys) if len(keys) else ())


def _tracked(workers: DaskWorkers, jobs: Sequence[work.Job], progress: Progress) -> GrowingTable:
    """Each piece by itself; put together in their order as they come."""
    whole = GrowingTable()
    waiting: dict[int, Partial] = {}
    done, size = 0, sum(job.part.size for job in jobs)
    for number, tracked in workers.done(work.track, [(job,) for job in jobs]):
        waiting[number] = tracked
        while (following := len(whole.partials)) in waiting:
            whole.add(waiting.pop(following))
        done += jobs[number].part.size
        progress(done, size)
    return whole


def _again(workers: DaskWorkers, jobs: Sequence[work.Job], partials: Sequence[Partial], keys: Mixes) -> list[Partial]:
    """The flows of keys that several pieces hold. Their packets go from worker to worker, a share of the keys to each."""
    places = [wanted(tracked, keys) for tracked in partials]
    which = [number for number, there in enumerate(places) if there.size]
    shards = workers.count if len(keys) >= MANY else 1
    chosen = workers.promised(work.select, [(jobs[number], keys, places[number], shards) for number in which])
    shares = [workers.promised(getitem, [(some, shard) for some in chosen]) for shard in range(shards)]
    before = np.cumsum([0, *(tracked.packets for tracked in partials)])[which].tolist()
    about = [
        work.Shard(
            number=shard, of=shards, keys=keys, before=tuple(before), points=jobs[0].points, options=jobs[0].options
        )
        for shard in range(shards)
    ]
    return [
        again for _, again in workers.done(work.track_again, [*zip(about, *zip(*shares, strict=True), strict=True)])
    ]
