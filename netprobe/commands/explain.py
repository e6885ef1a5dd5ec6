"""``netprobe explain``: the question to :func:`netprobe.explain`, the report to stdout."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.commands.outcome import say, worst
from netprobe.commands.progress import Progress
from netprobe.commands.show import exit_code, refuse_deep, show
from netprobe.commands.texts import show_texts
from netprobe.errors import NetprobeError, UsageFault
from netprobe.report.escape import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    every: bool,
    predict: bool,
    fail: bool,
    trace: bool,
    output: str | None,
    deep: bool,
) -> int:
    """Explain one connection (with ``every`` one to each container of a service), print the reports, and return the worst exit code."""
    from netprobe.interface import containers_of, explain

    refuse_deep(deep=deep, output=output)
    refuse_stdout(save)
    if every and save is not None:
        raise UsageFault("--all and --save do not go together", "a file is one run's: ask one container, and save that")
    targets = containers_of(target, source=source, proto=proto, hosts=hosts) if every else (target,)
    seen: list[tuple[str, Evidence]] = []
    with _saying_what_is_saved(seen, save), Progress(quiet=output is not None) as progress:
        reports = [
            explain(
                each,
                source=source,
                proto=proto,
                size=size,
                timeout_s=timeout_s,
                hosts=hosts,
                predict=predict,
                fail=fail,
                trace=trace,
                save=save,
                force=force,
                progress=progress,
                meanwhile=_import_the_rest,
                keep=lambda *kept: seen.append(kept),
            )
            for each in targets
        ]
    return _show(reports, seen, output=output, deep=deep)


@contextmanager
def _saying_what_is_saved(seen: list[tuple[str, Evidence]], save: str | None) -> Iterator[None]:
    """Say which file holds the evidence, also what a run that failed had captured."""
    try:
        yield
    except (NetprobeError, KeyboardInterrupt) as fault:
        if (file := getattr(fault, "saved", None)) is not None:
            say(f"netprobe: what was captured so far is in {visible(str(file))}")
        raise
    finally:
        if seen and save is not None and Path(save).is_file():
            say(f"netprobe: evidence saved to {visible(save)}")


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


def _show(reports: list[Report], seen: list[tuple[str, Evidence]], *, output: str | None, deep: bool) -> int:
    if output is not None:
        show(reports, output)
    else:
        show_texts(reports, seen, deep=deep)
    return worst(exit_code(report) for report in reports)
