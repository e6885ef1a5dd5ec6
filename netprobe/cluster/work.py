"""What workers do: functions of their arguments and of the files alone, so that a worker that dies loses nothing: another one does it again."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe import __version__
from netprobe.compiled import machine
from netprobe.errors import NetprobeError
from netprobe.evidence.memory import keep_freed
from netprobe.evidence.walker import PLAIN
from netprobe.flowtable.partial import Selection, again
from netprobe.flowtable.track import Tracker
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from netprobe.cluster.progress import Saying
    from netprobe.compiled.track import CompiledTracker
    from netprobe.correlate.alone import ToldAlone
    from netprobe.decode.chunk import Ints
    from netprobe.evidence.model import CapturePoint
    from netprobe.evidence.packets import Packets
    from netprobe.evidence.stream.partition import Partition, Walk, Walked
    from netprobe.evidence.walker import RecordWalker
    from netprobe.flowtable.columns import FlowRows
    from netprobe.flowtable.options import TrackOptions
    from netprobe.flowtable.partial import Mixes, Partial, Selected

ROOMS = ("cluster", "compiled", "correlate", "decode", "evidence", "flows", "flowtable", "journeys", "paths")
"""Rooms of this package that decide what a worker finds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A piece of the captures, and how it is tracked.

    Attributes:
        part: the piece.
        name: what messages call its file.
        points: the capture points of all pieces.
        options: what ends a flow.
        judged: whether it is told of each flow, too, what comes of it where it is a connection of its own.
        saying: who is told how far it is.
    """

    part: Partition
    name: str
    points: tuple[CapturePoint, ...]
    options: TrackOptions
    judged: bool = False
    saying: Saying


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedPiece:
    """What becomes of a piece: its flows; and what is said of them, None where nobody asked."""

    partial: Partial
    alone: ToldAlone | None


def walk(file: Walk, name: str) -> Walked:
    """Walk through a file, to find where it can be cut and what its interfaces are.

    Args:
        file: the file.
        name: what messages call it.

    Raises:
        EvidenceFault: it cannot be read, or nothing in it.
    """
    with _called(file.path, name):
        return file.through(walker=_walker())


@contextmanager
def _called(path: str, name: str) -> Iterator[None]:
    """Have faults name a file as the user does: workers stand in other folders, so that its whole path was sent."""
    try:
        yield
    except NetprobeError as fault:
        raise type(fault)(fault.message.replace(path, name), fault.hint.replace(path, name)) from fault


def _walker() -> RecordWalker:
    try:
        from netprobe.compiled.walk import CompiledWalker

        return CompiledWalker()
    except machine.NotUsable:
        return PLAIN


def track(job: Job) -> TrackedPiece:
    """Track a piece by itself. In machine code where this worker has some; the rows are the same.

    Raises:
        EvidenceFault: the piece cannot be read.
    """
    keep_freed()
    tracker, tell, done = _tracker(job.options), job.saying.teller(job.part.packets), 0
    for packets in _chunks(job):
        tracker.take(packets, job.points)
        done += len(packets)
        tell(done)
    partial = tracker.partial()
    return TrackedPiece(partial=partial, alone=_told_alone(partial.rows, job.points) if job.judged else None)


def _told_alone(rows: FlowRows, points: Sequence[CapturePoint]) -> ToldAlone:
    from netprobe.correlate.judge import judge_alone

    return judge_alone(rows, points)


def _chunks(job: Job) -> Iterator[Packets]:
    with _called(job.part.path, job.name):
        yield from job.part.chunks(walker=_walker())


def _tracker(options: TrackOptions) -> Tracker | CompiledTracker:
    try:
        from netprobe.compiled.track import CompiledTracker

        return CompiledTracker(options)
    except machine.NotUsable:
        return Tracker(options)


def select(job: Job, keys: Mixes, places: Ints, shards: int) -> tuple[Selected, ...]:
    """Take the packets of some keys out of a piece, a shard of the keys each.

    Args:
        job: the piece.
        keys: 64 bits of each key, in order.
        places: where their packets may be (``partial.wanted``).
        shards: into how many shares the keys are sorted.

    Raises:
        EvidenceFault: the piece cannot be read.
    """
    selection = Selection(keys, places, shards)
    for packets in _chunks(job):
        if selection.done:
            break
        selection.take(packets, job.points)
    return selection.selected()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A share of the keys that several pieces hold.

    Attributes:
        number, of: which, and of how many.
        keys: 64 bits of each of all these keys, in order.
        before: of each piece that has some, how many packets stand before it.
        points: the capture points of all pieces.
        options: what ends a flow.
    """

    number: int
    of: int
    keys: Mixes
    before: tuple[int, ...]
    points: tuple[CapturePoint, ...]
    options: TrackOptions


def track_again(shard: Shard, *selected: Selected) -> Partial:
    """Track the packets of a share of the keys, of all pieces.

    Args:
        shard: which keys.
        selected: their packets, of each piece in ``shard.before``.
    """
    ordered = [*zip(shard.before, selected, strict=True)]
    return again(Tracker(shard.options), shard.keys, ordered, shard.points, shard=shard.number, shards=shard.of)


@cache
def version() -> str:
    """What must be the same in all processes of a cluster: the version, and what is read, tracked and exchanged, by the sources of these rooms."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for source in sorted(each for room in ROOMS for each in (package / room).rglob("*.py")):
        digest.update(str(source.relative_to(package)).encode() + b"\0" + source.read_bytes())
    return f"{__version__} ({digest.hexdigest()[:8]})"


def without_code() -> str:
    """Why this process has no machine code to read with; ``""`` where it has."""
    try:
        machine.kernels()
    except machine.NotUsable as why:
        return str(why)
    return ""


def sizes(files: Sequence[str]) -> dict[str, int]:
    """How large each file is, of those that are there."""
    return {file: Path(file).stat().st_size for file in files if Path(file).is_file()}
