"""A listing of flows, for people to choose one from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.report.document import Block, Document, Paragraph, Row, Table, line

if TYPE_CHECKING:
    import pandas as pd

MOST_LISTED = 40
_HEAD = ("#", "flow", "packets", "payload bytes", "first at s", "seen at")


def _carried(tunnel: str) -> str:
    return f" ({tunnel}, not read inside)" if tunnel else ""


def listing(flows: pd.DataFrame) -> Document:
    """Return the table of :func:`netprobe.flows.frame.frame`, the busiest :data:`MOST_LISTED` of it, as a document."""
    from netprobe.flows.frame import busiest

    shown = busiest(flows, MOST_LISTED)
    columns = (
        "#" + shown["number"].map(str),
        shown["src"] + " → " + shown["dst"] + " " + shown["proto"],
        shown["packets"].map(str),
        shown["payload_bytes"].map(str),
        (shown["first_us"] / 1e6).map("{:.3f}".format),
        shown["points"] + shown["carries"].map(_carried),
    )
    rows = tuple(Row(cells=tuple((line(str(cell)),) for cell in cells)) for cells in zip(*columns, strict=True))
    table = Table(head=_HEAD, rows=rows, right=frozenset({0, 2, 3, 4}))
    left = len(flows) - len(shown)
    rest: tuple[Block, ...] = (
        (Paragraph(content=line(f"… and {left} more with fewer packets"), indent=2),) if left else ()
    )
    return Document(sections=((table, *rest),))
