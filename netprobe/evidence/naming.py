"""What capture points of files are called: as the file says, else as the file is called; each name once."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import PurePath
from typing import TYPE_CHECKING

from netprobe.evidence.model import CapturePoint, Limit, LimitKind
from netprobe.model.point import PointName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.evidence.capture import Interface

_ENDINGS = frozenset({".gz", ".zst", ".zstd", ".xz", ".bz2"})


def stem(name: str, packed: str) -> str:
    """A file's name without its folder and ending; ``eth0`` of ``eth0.pcap.gz``."""
    path = PurePath(name)
    return PurePath(path.stem).stem if packed and path.suffix in _ENDINGS else path.stem


def named(
    interfaces: Sequence[Interface], stem: str, explicit: str | None
) -> tuple[tuple[CapturePoint, ...], list[Limit]]:
    """Return the points of a file, each with a name of its own, and a limit for each name that several would have.

    Args:
        interfaces: the file's.
        stem: the name of those that have none.
        explicit: the name that the user gave, for all of them.
    """
    points = []
    for item in interfaces:
        given = "" if item.name == "-" else item.name  # what tools write for a pipe
        host, container, interface = PointName.parse(explicit or given or stem)
        points.append(
            CapturePoint(
                name=explicit or given or stem,
                host=host,
                container=container,
                interface=interface,
                linktype=item.linktype,
                capture_filter=item.capture_filter,
                snaplen=item.snaplen,
                received=item.received,
                dropped=item.dropped,
            )
        )
    return unique(points)


def unique(points: Sequence[CapturePoint]) -> tuple[tuple[CapturePoint, ...], list[Limit]]:
    """Return points with names that differ, as :func:`named` does."""
    taken = {point.name for point in points}
    shared: dict[str, list[str]] = {}
    out = []
    for point in points:
        names = shared.setdefault(point.name, [])
        name = point.name
        if names:
            name = next(f"{name}#{k}" for k in count(len(names) + 1) if f"{name}#{k}" not in taken)
            taken.add(name)
        names.append(name)
        out.append(_renamed(point, name))
    return tuple(out), [_clash(names) for names in shared.values() if len(names) > 1]


def _clash(names: Sequence[str]) -> Limit:
    others = ", ".join(names[1:5]) + (", …" if len(names) > 5 else "")
    why = f"{len(names)} interfaces have this name; the others are called {others} (give names with --point NAME=FILE)"
    return Limit(kind=LimitKind.POINT, subject=names[0], why=why)


def _renamed(point: CapturePoint, name: str) -> CapturePoint:
    """The same place under another name; its interface's name follows."""
    if name == point.name:
        return point
    return replace(point, name=name, interface=point.interface + name[len(point.name) :])
