"""Flows as a pandas table. The one module that imports pandas: only a listing of flows pays for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe.flows.model import FlowSummary

COLUMNS = ("number", "proto", "src", "dst", "packets", "payload_bytes", "points", "first_us", "carries")


def frame(flows: Iterable[FlowSummary]) -> pd.DataFrame:
    """Return one row a flow, in order of first packet; ``first_us`` is in µs since the capture began."""
    rows = [
        (
            flow.number,
            flow.proto,
            str(flow.src),
            str(flow.dst),
            flow.packets,
            flow.payload_bytes,
            ", ".join(flow.points),
            flow.first_us,
            flow.carries,
        )
        for flow in flows
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("first_us", kind="stable", ignore_index=True)


def busiest(flows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return the ``count`` flows with the most packets, still in order of first packet."""
    return flows.nlargest(count, "packets").sort_index()
