"""Pages of flows, of recorded runs and of a capture of many, made once."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from flow_capture import Shape, write

from netprobe.ladders import ladders_of
from netprobe.report.html.flows import PageOfFlows, flows_page, to_be_told
from netprobe.tabulate import tabulate
from tests.report.html.pages import CAPTURES

if TYPE_CHECKING:
    from netprobe.flowtable.table import FlowTable

FLOWS = (
    "app-not-listening-via-proxy",  # docker-proxy's two connections, refused
    "docker-user-drop",  # nobody answers
    "dns-client-asks",  # 22, of several kinds
    "dns-default-bridge",  # a name that is not found
    "truth-udp-lan-normal",  # datagrams; all works
    "conntrack-invalid-rst-answer",  # undetermined: captured in part
)
MANY = Shape(flows=5000, packets=10, points=3, failing=37)


def page_of_file(file: str) -> str:
    """The page of a file's flows, as the command makes it."""
    table = tabulate([file], {})
    return page_of_table(table, file)


def page_of_table(table: FlowTable, file: str = "") -> str:
    """The page of a table's connections; with the ladders that the file has."""
    rows = first_rows(table)
    ladders = ladders_of(table, to_be_told(table, rows).tolist(), [file], {}, lambda *_: None) if file else {}
    return flows_page(table, rows, PageOfFlows(files=(Path(file or "made.pcap").name,), ladders=ladders))


def first_rows(table: FlowTable) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The first row of each connection."""
    if table.connection is None:
        return np.arange(len(table), dtype=np.int64)
    return np.sort(np.unique(table.connection, return_index=True)[1])


@cache
def flows_page_of(name: str) -> str:
    """That of a recorded run."""
    return page_of_file(str(CAPTURES / f"{name}.pcapng"))


def many(folder: Path) -> Path:
    """The page of 5,000 connections, of which 135 fail; and its capture beside it."""
    capture, file = folder / "many.pcapng", folder / "many.html"
    if not file.exists():
        write(capture, MANY)
        file.write_text(page_of_file(str(capture)))
    return file
