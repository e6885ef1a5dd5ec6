"""From files to the rows of their flows, by the workers of a cluster."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from netprobe.cluster import work
from netprobe.cluster.address import cluster_address
from netprobe.cluster.scheduler import connected
from netprobe.errors import EvidenceFault
from netprobe.evidence.stream.partition import partitions
from netprobe.flowtable.index import KeyIndex
from netprobe.flowtable.partial import Selection, merged, shared, wanted
from netprobe.flowtable.track import Tracker
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from netprobe.cluster.scheduler import DaskWorkers
    from netprobe.evidence.model import CapturePoint, Limit
    from netprobe.evidence.state import HostState
    from netprobe.evidence.stream.partition import Partitioned, Walk, Walked
    from netprobe.flowtable.columns import FlowRows
    from netprobe.flowtable.index import Words
    from netprobe.flowtable.options import TrackOptions
    from netprobe.flowtable.partial import Partial, Selected

    Progress = Callable[[int, int | None], object]

PIECES = 4
"""A worker, at least: the last one is waited for less long, and what a worker that dies had done is less."""


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
        if not Path(path).is_file():
            raise EvidenceFault(f"{file}: a cluster reads files alone, no pipes and folders", "ask without --cluster")
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


def _walked(workers: DaskWorkers, walks: Sequence[Walk]) -> list[Walked]:
    """What the files came to, each walked through by one worker."""
    found = dict(workers.done(work.walk, [(walk,) for walk in walks]))
    return [found[number] for number in range(len(walks))]


def _rows(workers: DaskWorkers, planned: Partitioned, options: TrackOptions, progress: Progress) -> FlowRows:
    jobs = [work.Job(part=part, points=planned.points, options=options) for part in planned.parts]
    partials = _tracked(workers, jobs, progress)
    chosen = _selected(workers, jobs, partials, shared(partials))
    return merged(Tracker(options), partials, chosen, planned.points)


def _tracked(workers: DaskWorkers, jobs: Sequence[work.Job], progress: Progress) -> list[Partial]:
    """Each piece by itself."""
    found: dict[int, Partial] = {}
    done, size = 0, sum(job.part.size for job in jobs)
    for number, tracked in workers.done(work.track, [(job,) for job in jobs]):
        found[number] = tracked
        done += jobs[number].part.size
        progress(done, size)
    return [found[number] for number in range(len(jobs))]


def _selected(
    workers: DaskWorkers, jobs: Sequence[work.Job], partials: Sequence[Partial], keys: Words
) -> list[Selected]:
    """Of each piece the packets of keys that others hold, too."""
    chosen = [Selection(keys, np.zeros((2, 0), np.int64)).selected() for _ in jobs]
    asked = []
    for number, tracked in enumerate(partials):
        places = wanted(tracked, keys)
        if places.size:
            asked.append((number, (jobs[number], _held(tracked, keys), places)))
    for which, selected in workers.done(work.select, [given for _, given in asked]):
        chosen[asked[which][0]] = selected
    return chosen


def _held(tracked: Partial, keys: Words) -> Words:
    """Such of some keys as a piece has."""
    index = KeyIndex()
    index.find(keys)
    return tracked.words[:, index.look_up(tracked.words) >= 0]
