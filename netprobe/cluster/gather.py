"""From files to the rows of their flows, by the workers of a cluster."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from operator import getitem
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np

from netprobe.cluster import work
from netprobe.cluster.address import cluster_address
from netprobe.cluster.progress import TOPIC, HowFar, Saying
from netprobe.cluster.scheduler import connected
from netprobe.engine import LARGE
from netprobe.errors import EvidenceFault
from netprobe.evidence.files import STDIN
from netprobe.evidence.stream.partition import partitions
from netprobe.evidence.stream.source import CaptureFile
from netprobe.flowtable.partial import GrowingTable, shared, wanted
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from netprobe.cluster.progress import Progress
    from netprobe.cluster.scheduler import DaskWorkers
    from netprobe.correlate.alone import ToldAlone
    from netprobe.evidence.model import CapturePoint, Limit
    from netprobe.evidence.state import HostState
    from netprobe.evidence.stream.partition import Partitioned, Walk, Walked
    from netprobe.flowtable.columns import FlowRows
    from netprobe.flowtable.options import TrackOptions
    from netprobe.flowtable.partial import Mixes, Partial

    Say = Callable[[str], object]

PIECES = 4
"""A worker, at least: the last one is waited for less long, and what a worker that dies had done is less."""

MANY = 1 << 12
"""Keys that several pieces hold: fewer are one worker's."""


def _nothing(_line: str) -> None:
    """Take no notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What the files came to.

    Attributes:
        rows: finished flows.
        points, limits: of all files.
        states: what evidence has of its hosts, before the packets.
        alone: what workers say of each row as a connection of its own; None: they were not asked.
    """

    rows: FlowRows
    points: tuple[CapturePoint, ...]
    limits: tuple[Limit, ...]
    states: tuple[HostState, ...] = ()
    alone: ToldAlone | None = None


def gathered(
    cluster: str,
    files: Sequence[str],
    points: Mapping[str, str],
    options: TrackOptions,
    progress: Progress,
    say: Say = _nothing,
    *,
    judged: bool = False,
) -> Gathered:
    """Track the files' flows on a cluster.

    Args:
        cluster: ``tcp://HOST:PORT`` or ``local:N``.
        files: captures; all workers see them under the same path.
        points: path -> the point's name, where one was given.
        options: what ends a flow.
        progress: called now and then with how many bytes are done, and of how many.
        say: called with a line for the user.
        judged: whether workers judge flows, too, as far as they can: by packets alone, and where evidence has no state of hosts.

    Raises:
        UsageFault: it is no address of a cluster.
        EvidenceFault: a file cannot be read, or is none: a pipe is read by one process.
        EnvironmentFault: the cluster cannot be reached, has no workers or others, or they fail.
    """
    address = cluster_address(cluster)
    paths = {file: str(Path(file).absolute()) for file in dict.fromkeys((*files, *points))}
    for file in paths:
        _check_file(file)
    sizes = {file: Path(file).stat().st_size for file in paths}
    run = uuid4().hex
    with connected(address) as workers:
        workers.check_files(
            {paths[file]: size for file, size in sizes.items()}, {path: file for file, path in paths.items()}
        )
        if sum(sizes.values()) >= LARGE:
            _say_what_is_slow(workers, say)
        far = HowFar(run, progress, sum(sizes.values()))
        workers.hear(TOPIC, far.hear)
        planned = partitions([*paths], points, PIECES * workers.count, each=partial(_walked, workers, paths, far))
        jobs = _jobs(planned, paths, options, run, judged=judged and not planned.notes.before)
        rows, alone = _rows(workers, jobs, far)
        return Gathered(
            rows=rows,
            alone=alone,
            points=planned.points,
            limits=planned.limits,
            states=tuple(planned.notes.before.values()),
        )


def _jobs(
    planned: Partitioned, paths: Mapping[str, str], options: TrackOptions, run: str, *, judged: bool
) -> list[work.Job]:
    """A job a piece. Workers have the files under their whole paths, and call them what the user does."""
    return [
        work.Job(
            part=replace(part, path=paths[part.path]),
            name=part.path,
            points=planned.points,
            options=options,
            judged=judged,
            saying=Saying(run=run, number=number),
        )
        for number, part in enumerate(planned.parts)
    ]


def _check_file(file: str) -> None:
    """Refuse what workers cannot read, before any is asked."""
    path = Path(file)
    if file != STDIN and (path.is_dir() or not path.exists()):
        CaptureFile(file).close()  # which says what is wrong
    if not path.is_file():
        raise EvidenceFault(f"{file}: a cluster reads files alone, no pipes", "ask without --cluster")


def _say_what_is_slow(workers: DaskWorkers, say: Say) -> None:
    """As without a cluster: large captures take longer where machine code is missing."""
    missing = workers.without_code()
    for worker, why in [*missing.items()][:1]:
        others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        say(
            f"no compiled code at the worker {worker}{others}, so that large captures take longer: {why} (netprobe flows --compile makes it there)"
        )


def _walked(workers: DaskWorkers, paths: Mapping[str, str], far: HowFar, walks: Sequence[Walk]) -> list[Walked]:
    """What the files came to, each walked through by one worker, which has it under its whole path."""
    found: dict[int, Walked] = {}
    asked = [(replace(walk, path=paths[walk.path]), walk.path) for walk in walks]
    for number, walked in workers.done(work.walk, asked):
        found[number] = walked
        far.walked(Path(walks[number].path).stat().st_size)
    return [found[number] for number in range(len(walks))]


def _rows(workers: DaskWorkers, jobs: Sequence[work.Job], far: HowFar) -> tuple[FlowRows, ToldAlone | None]:
    """The whole table's rows, and what is said of each where workers were asked."""
    far.begin([job.part.size for job in jobs])
    whole, told = _tracked(workers, jobs, far)
    keys = shared(whole.partials)
    rows = whole.finish(_again(workers, jobs, whole.partials, keys) if len(keys) else ())
    if not told:
        return rows, None
    from netprobe.correlate.alone import together

    return rows, together(told).at(whole.origin)


def _tracked(workers: DaskWorkers, jobs: Sequence[work.Job], far: HowFar) -> tuple[GrowingTable, list[ToldAlone]]:
    """Each piece by itself; put together in their order as they come."""
    whole = GrowingTable()
    told: list[ToldAlone] = []
    waiting: dict[int, work.TrackedPiece] = {}
    for number, tracked in workers.done(work.track, [(job,) for job in jobs], far.show):
        waiting[number] = tracked
        while (following := len(whole.partials)) in waiting:
            piece = waiting.pop(following)
            whole.add(piece.partial)
            if piece.alone is not None:
                told.append(piece.alone)
        far.ended(number)
    return whole, told


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
