"""``netprobe explain``: the question to :func:`netprobe.explain`, the report to stdout."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.commands.outcome import say, worst
from netprobe.commands.page import Page
from netprobe.commands.progress import Progress
from netprobe.commands.show import exit_code, refuse_deep, refuse_force, refuse_one_file, refuse_stdout, show
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
    html: str | None = None,
) -> int:
    """Explain one connection (with ``every`` one to each container of a service), print the reports, and return the worst exit code."""
    from netprobe.interface import containers_of, explain

    refuse_deep(deep=deep, output=output)
    _refuse_files(save, html, force=force, every=every)
    page = Page(html, force=force, beside=())
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
                force=force and save is not None,
                progress=progress,
                meanwhile=_import_the_rest,
                keep=lambda *kept: seen.append(kept),
                detail=page.add,
            )
            for each in targets
        ]
    page.write([name for name, _ in seen])
    return _show(reports, seen, output=output, deep=deep)


def _refuse_files(save: str | None, html: str | None, *, force: bool, every: bool) -> None:
    """Refuse files that cannot be written like this, before anybody is asked anything."""
    refuse_force(force=force, files={"--save": save, "--html": html})
    refuse_stdout("--save", save)
    refuse_stdout("--html", html)
    refuse_one_file(save, html)
    if every and save is not None:
        raise UsageFault("--all and --save do not go together", "a file is one run's: ask one container, and save that")


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


def _import_the_rest() -> None:
    """Import what printing takes, while the probe waits."""
    from netprobe.report import text  # noqa: F401


def _show(reports: list[Report], seen: list[tuple[str, Evidence]], *, output: str | None, deep: bool) -> int:
    if output is not None:
        show(reports, output)
    else:
        show_texts(reports, seen, deep=deep)
    return worst(exit_code(report) for report in reports)
