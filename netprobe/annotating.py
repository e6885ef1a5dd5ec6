"""``annotate``: a capture's file again, with what netprobe knows of it as comments, descriptions and names that Wireshark shows.

Of evidence, and of a capture of one connection, the whole story is told (:mod:`netprobe.annotate.story`). Of captures of many connections each flow's first
packet says what came of it (:mod:`netprobe.annotate.flows`): the flow table is made first, then the file is copied, in bounded memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.engine import SMALL, engine_for
from netprobe.errors import UsageFault
from netprobe.evidence.additions import NOTHING_SAID, Additions, KnownComments
from netprobe.evidence.model import LimitKind
from netprobe.evidence.recognise import is_netprobe
from netprobe.evidence.stream.copied import Copied
from netprobe.evidence.stream.source import CaptureFile, KeptFile
from netprobe.evidence.stream.split import Split
from netprobe.flows.model import SeveralFlows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from netprobe.engine import PacketEngine
    from netprobe.evidence.model import CapturePoint, Evidence, Limit
    from netprobe.flows.expression import FlowExpr
    from netprobe.model.details import Details
    from netprobe.model.report import Report
    from netprobe.runs import FileRun

    Say = Callable[[str], object]
    Progress = Callable[[int, int | None], object]

_OWN_HEAD = 1 << 20  # within it netprobe's own blocks begin


def _nothing(*_: object) -> None:
    """Take no notice."""


class Annotation:
    """A file with what is to be said of it.

    Args:
        file: the file; a pipe is kept.
        additions: what is added.
        engine: what reads it.
        cut: whether it is known that it cannot be read to its end.

    Attributes:
        additions: as given.
        placed: comments that the last copy wrote.
        stop: why the file could not be read to its end, ``""`` where it could; once it was copied.
        files: the names of those that :meth:`by_point` made.
    """

    def __init__(self, file: CaptureFile, additions: Additions, engine: PacketEngine, *, cut: bool) -> None:
        self.additions = additions
        self.files: tuple[str, ...] = ()
        self.placed = 0
        self.stop = ""
        self._file = file
        self._engine = engine
        self._cut = cut
        self._copied: Copied | None = None

    def how_far(self) -> tuple[int, int | None]:
        """How many bytes of the file the copy that is being made has read, and of how many (None: that is not known)."""
        return (self._copied.done if self._copied else 0), self._file.size

    def pieces(self) -> Iterator[bytes | memoryview]:
        """The annotated file, some bytes at a time, which are good until the next are asked for.

        Raises:
            EvidenceFault: it can no longer be read.
        """
        copy = self._copy(*self._promised())
        yield from copy.pieces()
        self.placed, self.stop = copy.placed, copy.stop

    def by_point(self) -> Iterator[tuple[str, bytes]]:
        """The annotated file as one for each point with packets: the name of each, and what is to be appended to it.

        Raises:
            EvidenceFault: it can no longer be read.
        """
        copy = self._copy()
        split = Split()
        yield from split.pieces(copy.pieces())
        self.files, self.placed, self.stop = tuple(split.files), copy.placed, copy.stop

    def _copy(self, promised: Sequence[int] = (), ended: str = "") -> Copied:
        engine = self._engine
        self._copied = Copied(
            self._file,
            self.additions,
            walker=engine.walker,
            chunk_bytes=engine.chunk_bytes,
            promised=promised,
            ended=ended,
        )
        return self._copied

    def _promised(self) -> tuple[list[int], str]:
        """What section headers are to say of their sections' lengths, and why the file ends early.

        For that the copy is made twice, where they said it before, or something is missing.
        """
        trial = self._copy()
        needed = self._cut or self._file.size is None or self._file.size <= SMALL
        for _ in trial.pieces():
            if not needed and trial.sections and trial.sections[0][0] < 0:
                return [], ""
        return trial.promises(), trial.stop


def annotation(
    path: str,
    flow: FlowExpr | None = None,
    *,
    point: str | None = None,
    say: Say = _nothing,
    progress: Progress = _nothing,
    judging: Progress = _nothing,
) -> Annotation:
    """Find out what is to be said of a file.

    Args:
        path: the file; ``-`` is standard input.
        flow: the connection whose story is told, of a capture of several; None: the only one, or in short of all.
        point: where it was taken, where that was said.
        say: called with a line for the user.
        progress: called now and then with how many bytes were read, and of how many.
        judging: called now and then, behind that, with how many flows were joined and judged, and of how many.

    Raises:
        EvidenceFault: it cannot be read, or is no capture.
        UsageFault: no connection that ``flow`` asks for, or a point's name for evidence, which names its own.
    """
    from netprobe.runs import runs

    run = runs([path], {} if point is None else {path: point})[0]
    file = run.kept[path] if path in run.kept else CaptureFile(path)
    found = _of_one(run, file, flow, say)
    if found is None:
        found = _of_many(run, say, progress, judging)
    additions, limits = found
    size = file.size
    return Annotation(
        file,
        additions,
        engine_for(size, _nothing),
        cut=any(each.kind is LimitKind.FILE for each in limits),
    )


def _of_one(
    run: FileRun, file: CaptureFile, flow: FlowExpr | None, say: Say
) -> tuple[Additions, Sequence[Limit]] | None:
    """The story of one connection; None where there are several and none is asked for, or none at all."""
    from netprobe.pipeline import analyze_in_detail

    own = is_netprobe(file.peek(_OWN_HEAD))
    whole = run.whole(SMALL)
    if own or flow is not None:
        evidence, asked = run.evidence(flow, say)
    elif whole is not None:
        evidence, asked = whole, None
    else:
        return None
    try:
        report, details = analyze_in_detail(evidence, asked)
    except (SeveralFlows, UsageFault):
        if own or flow is not None:
            raise
        return None
    return additions_of(evidence, report, details), evidence.limits


def _of_many(run: FileRun, say: Say, progress: Progress, judging: Progress) -> tuple[Additions, Sequence[Limit]]:
    """In short of all connections."""
    from netprobe.annotate.flows import FlowComments, points_said, summary
    from netprobe.tabulate import tabulate

    table = tabulate(run.files, run.points, kept=run.kept, progress=progress, judging=judging, say=say)
    additions = Additions(
        section=summary(table),
        interfaces=points_said(table),
        called=_called(table.points),
        comments=FlowComments(table),
    )
    return additions, table.limits


def additions_of(evidence: Evidence, report: Report, details: Details) -> Additions:
    """What is added to the file of some evidence.

    Args:
        evidence: as it was read from that file.
        report: what was found out about it.
        details: what goes with that.
    """
    from netprobe.annotate.names import names
    from netprobe.annotate.story import story
    from netprobe.state.build import build_host

    told = story(report, details, evidence.points)
    return Additions(
        section=told.section,
        interfaces={number: told.points[each.name] for number, each in enumerate(evidence.points)},
        called=_called(evidence.points),
        names=names({state.host: build_host(state) for state in evidence.before}),
        comments=KnownComments(told.frames),
    )


def _called(points: Sequence[CapturePoint]) -> dict[int, str]:
    return {number: each.name for number, each in enumerate(points)}


def annotated(data: bytes, evidence: Evidence, report: Report, details: Details) -> bytes:
    """An evidence file with its own story.

    Args:
        data: the file.
        evidence: as it was read from that.
        report: what was found out about it.
        details: what goes with that.
    """
    file = KeptFile.of_bytes("evidence", data)
    made = Annotation(file, additions_of(evidence, report, details), engine_for(0, _nothing), cut=False)
    return b"".join(map(bytes, made.pieces()))


def bare(data: bytes) -> bytes:
    """An evidence file without what netprobe says in it for Wireshark."""
    file = KeptFile.of_bytes("evidence", data)
    return b"".join(map(bytes, Annotation(file, NOTHING_SAID, engine_for(0, _nothing), cut=False).pieces()))
