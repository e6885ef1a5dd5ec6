"""Opening capture files: which of them belong together, in which order, and which may not be given together."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from netprobe.errors import EvidenceFault, UsageFault
from netprobe.evidence.files import shown
from netprobe.evidence.stream.fileset import FileSet, RingFile
from netprobe.evidence.stream.glance import Ending, Glance, ending, glance, same
from netprobe.evidence.stream.numbered import numbered_rings
from netprobe.evidence.stream.parts import Parts
from netprobe.evidence.stream.rings import rings, tells
from netprobe.evidence.stream.source import CaptureFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netprobe.evidence.walker import RecordWalker

MAX_OPEN = 256
"""Files that are kept open until their turn comes: a process may have 1,024 by default."""


def file_sets(
    paths: Sequence[str],
    points: Mapping[str, str],
    walker: RecordWalker,
    chunk_bytes: int,
    kept: Mapping[str, CaptureFile],
) -> list[FileSet]:
    """Open the files, sorted into captures.

    Raises:
        EvidenceFault: as :func:`netprobe.evidence.stream.stream.open_stream`.
        UsageFault: a point's name for evidence of netprobe's own.
    """
    if len(set(paths)) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise EvidenceFault(f"{shown(twice)} is given twice", "name it once")
    paths = list(dict.fromkeys((*paths, *points)))
    if not paths:
        raise EvidenceFault("no file was given", "name a pcapng or pcap file")
    with ExitStack() as opened:  # nothing stays open where a file is refused
        members: dict[str, RingFile] = {}
        glances: dict[str, Glance] = {}
        for path in paths:
            file = kept[path] if path in kept else CaptureFile(path)
            opened.callback(file.close)
            members[path] = RingFile(file, Parts(file, walker, chunk_bytes))
            if file.plain and (len(paths) > 1 or points):
                glances[path] = glance(file)
            if len(paths) > MAX_OPEN:
                file.rest()
        files = {path: member.file for path, member in members.items()}
        _refuse_own(files, glances, points)
        _refuse_copies(files, glances)
        known = numbered_rings(
            {path: seen for path, seen in glances.items() if not tells(path)},
            {path: file.size for path, file in files.items()},
            lambda path: _ending(files[path], glances[path], many=len(paths) > MAX_OPEN),
        )
        opened.pop_all()
    return [
        FileSet([members[path] for path in _ordered(ring.paths, glances)], ring.stem, ring.explicit)
        for ring in rings(paths, points, known)
    ]


def _ending(file: CaptureFile, seen: Glance, *, many: bool) -> Ending | None:
    done = file.done
    found = ending(file, seen)
    file.done = done  # it was looked at, not read
    if many:
        file.rest()
    return found


def _ordered(paths: Sequence[str], glances: Mapping[str, Glance]) -> list[str]:
    """By the times of their first packets; those without any last."""

    def begins(path: str) -> tuple[bool, int]:
        first = glances[path].first_ns if path in glances else None
        return first is None, first or 0

    return sorted(paths, key=begins)


def _refuse_own(files: Mapping[str, CaptureFile], glances: Mapping[str, Glance], points: Mapping[str, str]) -> None:
    for path, seen in glances.items():
        if seen.own and path in points:
            raise UsageFault(
                f"--point: {files[path].name} is netprobe's own evidence and names its points itself",
                "give it without --point",
            )
        if seen.own and len(files) > 1:
            raise not_alone(files[path].name)


def not_alone(name: str) -> EvidenceFault:
    """Return what to say of evidence of netprobe's own among other files."""
    return EvidenceFault(
        f"{name} is evidence of one netprobe run and cannot be joined with other files", "give it alone"
    )


def _refuse_copies(files: Mapping[str, CaptureFile], glances: Mapping[str, Glance]) -> None:
    """One capture under two names would look like two points that saw the same frames."""
    known: dict[object, CaptureFile] = {}
    alike: dict[bytes, list[CaptureFile]] = {}
    for path, file in files.items():
        if file.identity is not None and known.setdefault(file.identity, file) is not file:
            raise _copies(known[file.identity], file)
        if path in glances and glances[path].first_ns is not None:
            alike.setdefault(glances[path].head, []).append(file)
    for group in alike.values():
        for number, file in enumerate(group):
            for other in group[number + 1 :]:
                if same(file, other):
                    raise _copies(file, other)


def _copies(one: CaptureFile, other: CaptureFile) -> EvidenceFault:
    return EvidenceFault(f"{one.name} and {other.name} are one and the same capture", "name it once")
