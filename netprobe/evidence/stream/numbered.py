"""Files of a ring of tcpdump whose names tell nothing but a number (``file0``, ``file1`` …): one capture only where the files themselves say so.

tcpdump -C N -W M -w NAME begins another file before the first packet that it would write behind N million bytes, and the first file again after the
last (tcpdump(1)). So each file but the newest is longer than N million bytes by its last packet at most, none begins before the one before it ends,
and their order in time is that of their numbers, begun anywhere. ``eth0`` and ``eth1`` of two interfaces are not so, but for one pair in a thousand
that were captured one after the other, each to its end.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from netprobe.evidence.stream.glance import Ending, Glance

UNIT = 1_000_000
"""Bytes of a million of tcpdump's -C."""
MAX_RECORD = 16 + 262_144
"""Bytes of a record with the longest packet that tcpdump keeps."""

_NUMBER = re.compile(r"(?<=\D)\d{1,9}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedFile:
    """A file of such a name.

    Attributes:
        path: the file.
        number: what its name ends with.
        size: its bytes.
        glance: its beginning.
    """

    path: str
    number: int
    size: int
    glance: Glance


def stem_of(path: str) -> str:
    """Return a file's path without the number that it ends with."""
    return _NUMBER.sub("", path)


def numbered_rings(
    glances: Mapping[str, Glance], sizes: Mapping[str, int | None], ending: Callable[[str], Ending | None]
) -> dict[str, str]:
    """Return the files that are one ring each by what is in them: path -> the name without its number.

    Args:
        glances: the beginnings of the files, by path.
        sizes: their bytes, by path; None: not known.
        ending: looks at the end of a file; None where that cannot be told.
    """
    groups: dict[str, list[NumberedFile]] = {}
    for path, seen in glances.items():
        found, size = _NUMBER.search(PurePath(path).name), sizes[path]
        if found and size and seen.form is not None and seen.first_ns is not None:
            groups.setdefault(stem_of(path), []).append(
                NumberedFile(path=path, number=int(found[0]), size=size, glance=seen)
            )
    return {each.path: stem for stem, group in groups.items() if _is_ring(group, ending) for each in group}


def _is_ring(group: Sequence[NumberedFile], ending: Callable[[str], Ending | None]) -> bool:
    if len(group) < 2 or len({each.glance.head[:24] for each in group}) > 1:
        return False
    by_time = sorted(group, key=lambda each: each.glance.first_ns or 0)
    return _goes_round([each.number for each in by_time]) and _are_cut(by_time, ending)


def _goes_round(numbers: Sequence[int]) -> bool:
    """Whether they are all from the least to the greatest, in that order, begun anywhere."""
    count = max(numbers) - min(numbers) + 1
    return [(each - numbers[0]) % count for each in numbers] == list(range(count))


def _are_cut(by_time: Sequence[NumberedFile], ending: Callable[[str], Ending | None]) -> bool:
    """Whether each file ends where tcpdump cuts, before the next one begins."""
    fits: set[int] | None = None  # sizes that -C may have named
    for each, after in pairwise(by_time):
        end = ending(each.path)
        if end is None or end.last_ns > (after.glance.first_ns or 0):
            return False
        least = -(-(each.size - end.record) // UNIT) * UNIT
        here = {size for size in range(least, each.size, UNIT) if size}
        fits = here if fits is None else fits & here
    return bool(fits) and by_time[-1].size <= max(fits or ()) + MAX_RECORD
