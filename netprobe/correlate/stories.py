"""What is said of single connections: ``10.0.0.5:41000 → 192.0.2.7:8080 ⇒ 172.17.0.2:80, dnat, works, 0.41 ms``. Made for those that are shown alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.correlate.judge import whose
from netprobe.correlate.parts import part_of
from netprobe.correlate.reasons import Reason
from netprobe.correlate.steps import ways
from netprobe.correlate.view import JoinedRows
from netprobe.correlate.ways import PATHS, ends_of
from netprobe.decode.table import Kind
from netprobe.model.report import Verdict
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.correlate.joined import Joined
    from netprobe.correlate.judge import Judged
    from netprobe.correlate.steps import Steps
    from netprobe.evidence.model import CapturePoint
    from netprobe.flowtable.columns import FlowRows
    from netprobe.model.endpoint import Endpoint

_SHORT_MS = 10.0  # is told with two digits


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowStory:
    """One connection.

    Attributes:
        proto: ``tcp``, ``udp``, ``icmp``; ``ip`` for others.
        client, dialled: who asked whom, where it was seen first.
        reached: to whom it was addressed where it was seen last.
        path, reason: as :class:`~netprobe.correlate.judge.Judged` has them.
        after_ms: time until the first answer, where it was seen first; None without one.
        last: the name of the point where the request was seen last, as the file has it: it has to be escaped; ``""`` where it was not seen.
    """

    proto: str
    client: Endpoint
    dialled: Endpoint
    reached: Endpoint
    path: str
    reason: Reason
    after_ms: float | None
    last: str

    def __str__(self) -> str:
        """One line, without the newline."""
        proto = "" if self.proto == "tcp" else f"/{self.proto}"
        on = f" ⇒ {self.reached}" if self.reached != self.dialled else ""
        verdict = self.reason.verdict
        said = verdict.value + (f": {self.reason.phrase}" if self.reason else "")
        parts = [f"{self.client} → {self.dialled}{proto}{on}", self.path, said]
        if self.after_ms is not None:
            parts.append(f"{self.after_ms:.2g} ms" if self.after_ms < _SHORT_MS else f"{self.after_ms:.0f} ms")
        if verdict is not Verdict.WORKS and self.last:
            parts.append(f"last seen at {self.last}")
        return ", ".join(parts)


def stories(
    rows: FlowRows, joined: Joined, judged: Judged, points: Sequence[CapturePoint], connections: Sequence[int]
) -> list[FlowStory]:
    """Return the story of each of these connections; of a proxy's inner one, and of an answer from another address, that of what it belongs to."""
    asked = whose(joined)[np.asarray(connections, np.int64)]
    part = part_of(joined, asked)
    view = JoinedRows(rows=rows, at=part.rows, joined=part.joined)
    way, _ = ways(view)
    return [
        _story(view, way, judged, points, int(np.searchsorted(part.connections, number)), number)
        for number in asked.tolist()
    ]


def _story(
    view: JoinedRows, way: Steps, judged: Judged, points: Sequence[CapturePoint], place: int, number: int
) -> FlowStory:
    steps = way.row[way.begin[place] : way.begin[place + 1]].tolist()
    first = steps[0] if steps else int(view.joined.first_row[place])
    proto, client, dialled = ends_of(view, first)
    return FlowStory(
        proto=proto,
        client=client,
        dialled=dialled,
        reached=ends_of(view, steps[-1])[2] if steps else dialled,
        path=PATHS[judged.path[number]],
        reason=Reason(int(judged.reason[number])),
        after_ms=_after_ms(view, first),
        last=points[int(view.column("point")[steps[-1]])].name if steps else "",
    )


def _after_ms(view: JoinedRows, row: int) -> float | None:
    """From the SYN to the SYN-ACK, from the first question to the first answer."""
    if view.column("kind")[row] == Kind.TCP:
        asked, answered = int(view.column("syn_ns")[row]), int(view.column("syn_ack_ns")[row])
    else:
        asked, answered = int(view.asking("head_ns")[row]), int(view.answering("head_ns")[row])
    return (answered - asked) / 1e6 if asked >= 0 and answered >= asked else None
