"""A flow table as comments: on the first packet of each flow at each point which connection it is of, what came of that, and where it is seen next.

Texts are made when they are written: of a large capture they are more than the flow table itself.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from netprobe.flowtable.fields import BY_NAME
from netprobe.model.endpoint import Endpoint
from netprobe.model.report import PathCode, Verdict
from netprobe.report.escape import visible
from netprobe.report.flows.cells import cells, constant, joined
from netprobe.report.labels import PATH_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from netprobe.flowtable.series import Series
    from netprobe.flowtable.table import FlowTable

_PATHS = {path.value: words for path, words in PATH_WORDS.items()}


class FlowComments:
    """:class:`~netprobe.evidence.additions.FrameComments` of a table with verdicts, of one file."""

    def __init__(self, table: FlowTable) -> None:
        self._table = table
        self._points = [visible(each.name) for each in table.points]
        first = table.rows["first_frame"]
        self._order = np.argsort(first, kind="stable")
        self._frame = first[self._order]
        connection = table.connection if table.connection is not None else np.arange(len(table))
        order = table.order if table.order is not None else np.argsort(connection, kind="stable")
        turn = np.empty(len(table), np.int64)  # the row's place among those of its connection
        begins = np.flatnonzero(np.diff(connection[order], prepend=-1))
        counts = np.diff(np.append(begins, len(order)))
        turn[order] = np.arange(len(order)) - np.repeat(begins, counts)
        self._turn = turn
        self._count = np.bincount(connection, minlength=1)
        following = np.full(len(table), -1, np.int64)
        same = connection[order[1:]] == connection[order[:-1]]
        following[order[:-1][same]] = order[1:][same]
        self._following = following

    def between(self, low: int, high: int) -> Iterable[tuple[int, Sequence[str]]]:
        """As :class:`~netprobe.evidence.additions.FrameComments` says."""
        begin, end = np.searchsorted(self._frame, (max(low, 1), high)).tolist()
        frames = self._frame[begin:end].tolist()
        found: dict[int, list[str]] = {}
        for frame, text in zip(frames, self._texts(self._order[begin:end]), strict=True):
            found.setdefault(frame, []).append(text)
        return found.items()

    def _texts(self, rows: NDArray[np.int64]) -> list[str]:
        if not len(rows):
            return []
        part = self._table.take(rows)
        following = self._following[rows]
        ends = _servers(self._table, np.maximum(following, 0))
        columns = {
            name: _texts(BY_NAME[name].of(part)) for name in ("connection", "proto", "path", "verdict", "why", "ended")
        }
        phrases = self._phrases()
        point = part.rows["point"].tolist()
        counts = self._count[part.connection].tolist() if part.connection is not None else [1] * len(rows)
        values = zip(*columns.values(), self._turn[rows].tolist(), counts, following.tolist(), ends, point, strict=True)
        return [
            _said(
                f"connection {number} ({proto})" + (f", point {turn + 1} of {count}" if count > 1 else ""),
                path,
                verdict,
                phrases.get(why, ""),
                f"next: {self._points[int(self._table.rows['point'][after])]}, to {end}" if after >= 0 else "",
                here=ended == self._points[at],
            )
            for number, proto, path, verdict, why, ended, turn, count, after, end, at in values
        ]

    def _phrases(self) -> dict[str, str]:
        verdicts = self._table.verdicts
        return dict(zip(verdicts.why.names, verdicts.said, strict=True)) if verdicts is not None else {}


def _said(head: str, path: str, verdict: str, phrase: str, following: str, *, here: bool) -> str:
    if verdict == Verdict.WORKS.value:
        words = _PATHS.get(path, "") if path != PathCode.NONE.value else ""
        return "; ".join(filter(None, (head, f"works, by {words}" if words else "works", following)))
    last = "last seen here" if here else ""
    return "; ".join(filter(None, (head, f"{verdict}: {phrase}" if phrase else verdict, following, last)))


def _servers(table: FlowTable, rows: NDArray[np.int64]) -> list[str]:
    """Whom each flow asks, as its point has it."""
    part = table.take(rows)
    addresses, ports = _texts(BY_NAME["server"].of(part)), _texts(BY_NAME["server_port"].of(part))
    return [str(Endpoint(each, int(port) if port else None)) for each, port in zip(addresses, ports, strict=True)]


def _texts(series: Series) -> list[str]:
    made = cells(series, lambda name: visible(name).encode("utf-8", "backslashreplace"))
    return joined([made, constant(b"\n", len(made))]).decode().split("\n")[:-1]


def summary(table: FlowTable) -> str:
    """What came of the connections, in one line: ``60,000 connections: 59,000 works, 1,000 undetermined``."""
    if table.verdicts is None:
        return f"{len(table):,} flows"
    codes = table.verdicts.verdict
    counts = Counter(codes.codes.tolist())
    said = (f"{counts[number]:,} {name}" for number, name in enumerate(codes.names) if counts[number])
    total = len(codes.codes)
    return (
        f"{total:,} connection{'s' * (total != 1)}: {', '.join(said)}" if total else "no connection that netprobe reads"
    )


def points_said(table: FlowTable) -> dict[int, str]:
    """What is said of each point, by its index."""
    flows = np.bincount(table.rows["point"], minlength=len(table.points))
    packets = np.bincount(table.rows["point"], table.rows["packets"].sum(axis=1), minlength=len(table.points))
    return {
        number: f"{flow:,} flow{'s' * (flow != 1)}, {packet:,} packet{'s' * (packet != 1)} in {'it' if flow == 1 else 'them'}"
        for number, (flow, packet) in enumerate(zip(flows.tolist(), packets.astype(np.int64).tolist(), strict=True))
    }
