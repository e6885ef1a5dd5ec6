"""Every format that flows are printed in, in one list; the table for people is :mod:`table`."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from netprobe.flowtable.table import FlowTable

    Write = Callable[[FlowTable, NDArray[np.int64]], Iterator[bytes]]


def _csv() -> Write:
    from netprobe.report.flows.csv import write

    return write


def _json() -> Write:
    from netprobe.report.flows.json import write

    return write


def _jsonl() -> Write:
    from netprobe.report.flows.json import write_lines

    return write_lines


def _parquet() -> Write:
    from netprobe.report.flows.parquet import write

    return write


def _arrow() -> Write:
    from netprobe.report.flows.arrow import write

    return write


def _arrow_file() -> Write:
    from netprobe.report.flows.arrow import write_file

    return write_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format.

    Attributes:
        load: imports what writes it.
        load_file: the same for a file whose name ends with one of ``file_endings``, where that has a form of its own.
        file_endings: those.
        binary: whether a terminal is the wrong place for it.
        package: the distribution that it takes beside those that are always there, ``""`` none.
    """

    load: Callable[[], Write]
    load_file: Callable[[], Write] | None = None
    file_endings: tuple[str, ...] = ()
    binary: bool = False
    package: str = ""


TABLE = "table"
OUTPUTS: dict[str, Format] = {
    "csv": Format(load=_csv),
    "json": Format(load=_json),
    "jsonl": Format(load=_jsonl),
    "parquet": Format(load=_parquet, binary=True, package="pyarrow"),
    "arrow": Format(
        load=_arrow, load_file=_arrow_file, file_endings=("arrow", "feather"), binary=True, package="pyarrow"
    ),
}
"""By the name of ``--format``."""
ENDINGS = {
    "csv": "csv",
    "json": "json",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "parquet": "parquet",
    "arrow": "arrow",
    "arrows": "arrow",
    "feather": "arrow",
    "txt": TABLE,
}
"""How names of files end -> the format that says so (Arrow's two: the media types that Arrow has registered with IANA)."""


def ending_of(name: str) -> str:
    """Return how a file's name ends, in lower case, without the dot."""
    return PurePath(name).suffix.removeprefix(".").lower()


def writer_of(form: str, output: str | None) -> Write:
    """Return what writes a format.

    Args:
        form: one of ``OUTPUTS``.
        output: the file's name; None: stdout.
    """
    made = OUTPUTS[form]
    if made.load_file is not None and output is not None and ending_of(output) in made.file_endings:
        return made.load_file()
    return made.load()
