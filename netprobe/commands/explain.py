"""``netprobe explain``: the question to :func:`netprobe.explain`, the report to stdout."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.commands.outcome import say
from netprobe.commands.progress import Progress
from netprobe.commands.show import exit_code, refuse_deep, show, show_text
from netprobe.errors import NetprobeError, UsageFault
from netprobe.report.escape import visible

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Report


def run(
    *,
    target: str,
    source: str | None,
    proto: str | None,
    size: int | None,
    save: str | None,
    force: bool,
    hosts: str | None,
    timeout_s: float,
    predict: bool,
    trace: bool,
    output: str | None,
    deep: bool,
) -> int:
    """Explain one connection, print the report, and return the exit code."""
    from netprobe.interface import explain

    refuse_deep(deep=deep, output=output)
    refuse_stdout(save)
    seen: list[Evidence] = []
    try:
        with Progress(quiet=output is not None) as progress:
            report = explain(
                target,
                source=source,
                proto=proto,
                size=size,
                timeout_s=timeout_s,
                hosts=hosts,
                predict=predict,
                trace=trace,
                save=save,
                force=force,
                progress=progress,
                meanwhile=_import_the_rest,
                keep=lambda _, evidence: seen.append(evidence),
            )
    except (NetprobeError, KeyboardInterrupt) as fault:
        if (file := getattr(fault, "saved", None)) is not None:
            say(f"netprobe: what was captured so far is in {visible(str(file))}")
        raise
    finally:
        if seen and save is not None and Path(save).is_file():
            say(f"netprobe: evidence saved to {visible(save)}")
    return _show(report, seen, output=output, deep=deep)


def refuse_stdout(save: str | None) -> None:
    """Raise a UsageFault where the evidence would go into the report: ``--save /dev/stdout``, or the file that stdout goes to."""
    if save is None:
        return
    try:
        own, there = os.fstat(sys.stdout.fileno()), Path(save).stat()
    except (OSError, ValueError):  # no such file yet, or a stdout without a descriptor
        return
    if os.path.samestat(own, there) and not os.path.samestat(own, Path(os.devnull).stat()):
        raise UsageFault(f"--save: {save} is where the report goes", "give it another name")


def _import_the_rest() -> None:
    """Import what printing takes, while the probe waits."""
    from netprobe.report import text  # noqa: F401


def _show(report: Report, seen: list[Evidence], *, output: str | None, deep: bool) -> int:
    if output is not None:
        show([report], output)
        return exit_code(report)
    show_text(report)
    if deep:
        from netprobe.commands.deep import show_deep

        show_deep(seen[0], report)
    return exit_code(report)
