"""Every format that flows are printed in, in one list; the table for people is :mod:`table`."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format.

    Attributes:
        load: imports what writes it.
        binary: whether a terminal is the wrong place for it.
        package: the distribution that it takes beside those that are always there, ``""`` none.
    """

    load: Callable[[], Write]
    binary: bool = False
    package: str = ""


OUTPUTS: dict[str, Format] = {
    "csv": Format(load=_csv),
    "json": Format(load=_json),
    "jsonl": Format(load=_jsonl),
    "parquet": Format(load=_parquet, binary=True, package="pyarrow"),
    "arrow": Format(load=_arrow, binary=True, package="pyarrow"),
}
"""By the name of ``--format``, which is the ending of a file's name, too."""
