"""Several reports for people, one under the other: what ``replay`` of several files prints, and ``explain --all``; or each in one line (``-q``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.commands.outcome import put
from netprobe.commands.show import let_stdout_take_anything, show, show_text, terminal_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Report


def show_reports(
    reports: Sequence[Report], seen: Sequence[tuple[str, Evidence]], *, output: str | None, deep: bool, quiet: bool
) -> None:
    """Print reports as they are asked for: for programs (``output``), a line each (``quiet``), or for people. Else as :func:`show_texts`."""
    if output is not None:
        show(reports, output)
    elif quiet:
        show_lines(reports, seen)
    else:
        show_texts(reports, seen, deep=deep)


def show_texts(reports: Sequence[Report], seen: Sequence[tuple[str, Evidence]], *, deep: bool) -> None:
    """Print several reports for people, each under what it is of; one alone needs no heading.

    Args:
        reports: in order.
        seen: what each is of, and its evidence (for ``deep``).
        deep: dissect its packets, too.
    """
    from netprobe.report.escape import visible

    for number, (report, (name, evidence)) in enumerate(zip(reports, seen, strict=True)):
        if len(reports) > 1:
            put(("\n" if number else "") + visible(f"{name}:") + "\n")
        show_text(report)
        if deep:
            from netprobe.commands.deep import show_deep

            show_deep(evidence, report)


def show_lines(reports: Sequence[Report], seen: Sequence[tuple[str, Evidence]]) -> None:
    """Print a line a report: the verdict and why, as wide as the terminal is, whole into a pipe; of several each begins with what it is of."""
    from netprobe.report.oneline import one_line

    let_stdout_take_anything()
    for report, (name, _) in zip(reports, seen, strict=True):
        put(one_line(report, name=name if len(reports) > 1 else "", columns=terminal_columns()) + "\n")
