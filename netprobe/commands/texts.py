"""Several reports for people, one under the other: what ``replay`` of several files prints, and ``explain --all``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.commands.outcome import put
from netprobe.commands.show import show_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Report


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
