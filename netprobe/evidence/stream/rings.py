"""Which files are one capture that was cut into pieces, by their names: ring buffers and rotated files. Those whose names do not tell: :mod:`numbered`.

Source: dumpcap(1) -b and editcap(1) -c (``NAME_00001_20261130120000.pcapng``, with ``nametimenum:2`` the time before the number), tcpdump(1) -C and -W
(``NAME.pcap``, ``NAME.pcap1`` …; ``NAME.pcap00`` …) and -G (a time in the name, by strftime(3)).
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PACKED = re.compile(r"\.(gz|zst|zstd|xz|bz2)$")
_NUMBERED = re.compile(r"_(\d{5,10}_\d{14}|\d{14}_\d{5,10})(?=$|\.\w+$)")
_COUNTED = re.compile(r"(?<=\.)(pcapng|pcap|ntar|cap|dmp|dump|trc)(?P<number>\d{1,9})$", re.IGNORECASE)
_TIME = re.compile(
    r"(?<!\d)((19|20)\d\d-?[01]\d-?[0-3]\d([-_T. ]?[0-2]\d[-_:.h]?[0-5]\d([-_:.m]?[0-6]\d)?)?|1\d{9})(?!\d)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """Files that are one capture; as a rule it is one file.

    Attributes:
        paths: the files, as given.
        stem: what several are called together.
        explicit: what the user called their point, None: nothing.
    """

    paths: tuple[str, ...]
    stem: str = ""
    explicit: str | None = None


def rings(paths: Sequence[str], points: Mapping[str, str], known: Mapping[str, str] | None = None) -> list[Ring]:
    """Sort files into captures, in the order of each one's first file.

    Args:
        paths: the files.
        points: path -> point name, where the user gave one. It is that of the file's whole ring, unless that was given several; files of one
            such name are one capture.
        known: path -> name of the ring that it is one of, by what is in it (:mod:`numbered`).
    """
    known = known or {}
    keys = {path: ("#", known[path]) if path in known else _key(path) for path in paths}
    counted = {key for path, key in keys.items() if _COUNTED.search(_unpacked(path))}
    members: dict[tuple[str, str], list[str]] = {}
    for path, key in keys.items():
        alone = key == _whole(path) and key not in counted
        members.setdefault(("", path) if alone else key, []).append(path)
    named: dict[tuple[str, str], list[str]] = {}
    for key, together in members.items():
        names = {points[path] for path in together if path in points}
        for path in together:
            name = next(iter(names)) if len(names) == 1 else points.get(path)
            named.setdefault(key if name is None else ("=", name), []).append(path)
    return [_ring(key, together) for key, together in named.items()]


def tells(path: str) -> bool:
    """Whether a name says that the file is one of a ring."""
    return _key(path) != _whole(path) or bool(_COUNTED.search(_unpacked(path)))


def _ring(key: tuple[str, str], paths: Sequence[str]) -> Ring:
    explicit = key[1] if key[0] == "=" else None
    stem = PurePath(key[1]).name if key[0] == "#" else _stem(paths[0])
    return Ring(paths=tuple(paths), stem=stem if len(paths) > 1 else "", explicit=explicit)


def _key(path: str) -> tuple[str, str]:
    """Folder and name of a file without what differs between the files of a ring."""
    folder, name = _whole(path)
    if _NUMBERED.search(name):
        return folder, _NUMBERED.sub("_*", name)
    return folder, _TIME.sub("*", _COUNTED.sub(r"\1", name))


def _whole(path: str) -> tuple[str, str]:
    return f"{PurePath(path).parent}/", _unpacked(path)


def _unpacked(path: str) -> str:
    return _PACKED.sub("", PurePath(path).name)


def _stem(path: str) -> str:
    name = PurePath(_NUMBERED.sub("", _COUNTED.sub(r"\1", _unpacked(path))))
    return _TIME.sub("", name.name.removesuffix(name.suffix)).strip("-_. ")
