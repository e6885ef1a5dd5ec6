"""The truth table, measured now: row by column, over one protocol, as Markdown."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netprobe_lab.compare import seen_by_target
from netprobe_lab.experiments.truth import COLUMN_TITLES, COLUMNS, ROWS, cells
from netprobe_lab.runner import outcomes

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe_lab.experiments.model import Protocol
    from netprobe_lab.layout import Lab


def measure(lab: Lab, protocol: Protocol, progress: Callable[[str], None]) -> tuple[str, list[str]]:
    """Measure the table over one protocol.

    Returns:
        The table as Markdown, and one line for each disagreement with the declared table.
    """
    texts: dict[str, str] = {}
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="netprobe-") as directory:
        for outcome in outcomes(lab, cells(protocol), Path(directory)):
            name = outcome.experiment.name
            texts[name] = cell_text(outcome.answer.report)
            progress(f"{name}: {texts[name]}")
            wrong += [f"{name}: {line}" for line in outcome.disagreements]
    return _markdown(texts, protocol), wrong


def cell_text(report: dict[str, Any]) -> str:
    """Return what a cell of the table says about one report."""
    if report.get("verdict") == "works":
        source = seen_by_target(report)
        return f"{report.get('path')}, source {source}" if source else str(report.get("path"))
    cause = report.get("cause") or {}
    return f"{report.get('verdict')}: {cause.get('code')}" if cause else str(report.get("verdict"))


def _markdown(texts: dict[str, str], protocol: Protocol) -> str:
    lines = [
        f"| {protocol}, from → to | " + " | ".join(COLUMN_TITLES[column] for column in COLUMNS) + " |",
        "|" + "---|" * (len(COLUMNS) + 1),
    ]
    for row in ROWS:
        names = [f"truth-{protocol}-{row.name}-{column}" for column in COLUMNS]
        if names[0] in texts:
            lines.append(f"| {row.title} | " + " | ".join(texts[name] for name in names) + " |")
    return "\n".join(lines)
