"""How many flows came to what, and by which way: what a page of flows says first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.flowtable.fields import BY_NAME
from netprobe.model.report import PathCode
from netprobe.report.flows.table import FAILED, UNSURE, WORKED, amount
from netprobe.report.labels import PATH_WORDS
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from netprobe.flowtable.series import Codes
    from netprobe.flowtable.table import FlowTable

    Index = NDArray[np.int64]

UNTOLD = {"undetermined": "undetermined", "": "not told", PathCode.NONE.value: "none that one point shows"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FateCount:
    """What became of some flows: a phrase, how many, the class of it; and what the lines of the table say of it."""

    words: str
    count: int
    css: str
    filters: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PathCount:
    """The flows of one way (or protocol): how many came to what, and how many bytes they are."""

    words: str
    code: str
    works: int
    fails: int
    undetermined: int
    bytes: str

    @property
    def every(self) -> int:
        """All of them."""
        return self.works + self.fails + self.undetermined


def by_fate(part: FlowTable, what: Index) -> list[FateCount]:
    """Return what became of rows, the most frequent failure first, then what is undetermined, then what worked."""
    if part.verdicts is None or part.connection is None:
        return []
    why = part.verdicts.why.codes[part.connection]
    out = []
    for fate, css in ((FAILED, "fails"), (UNSURE, "undetermined"), (WORKED, "works")):
        mine = why[what == fate]
        codes, counts = np.unique(mine, return_counts=True)
        for code, count in sorted(zip(codes.tolist(), counts.tolist(), strict=True), key=lambda each: -each[1]):
            phrase = part.verdicts.said[code] if code >= 0 else "works"
            out.append(FateCount(words=phrase, count=count, css=css, filters=phrase))
    return out


def by_path(part: FlowTable, what: Index) -> list[PathCount]:
    """Return the flows of each way, the most frequent first; where nobody judged them, of each protocol."""
    judged = part.verdicts is not None
    series = BY_NAME["path" if judged else "proto"].of(part)
    codes, names = series.codes, series.names  # type: ignore[union-attr]
    size = part.rows["bytes"].sum(axis=1)
    out = []
    for code in np.unique(codes).tolist():
        mine = codes == code
        name = names[code] if code >= 0 else ""
        good, bad = (int((mine & (what == fate)).sum()) for fate in (WORKED, FAILED))
        rest = int(mine.sum()) - good - bad
        words = _words(name) if judged else name
        out.append(
            PathCount(
                words=words, code=name, works=good, fails=bad, undetermined=rest, bytes=amount(int(size[mine].sum()))
            )
        )
    return sorted(out, key=lambda each: -each.every)


def _words(code: str) -> str:
    return UNTOLD[code] if code in UNTOLD else PATH_WORDS[PathCode(code)]


def reason(part: FlowTable) -> Sequence[str]:
    """Return why each row's connection has its verdict, in words."""
    if part.verdicts is None or part.connection is None:
        return [""] * len(part)
    words = ["works", *part.verdicts.said]
    return [words[code + 1] for code in part.verdicts.why.codes[part.connection].tolist()]


def kinds_of_failure(table: FlowTable, connections: Index) -> Index:
    """Return int64 (n,), a number for why each connection failed."""
    assert table.verdicts is not None  # noqa: S101 - the caller looked
    codes: Codes = table.verdicts.why
    return np.asarray(codes.codes[connections], np.int64)
