"""``netprobe explain``: the question to :func:`netprobe.explain`, the report to stdout."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.commands.ending import CAPTURE, refuse_ending
from netprobe.commands.outcome import say, worst
from netprobe.commands.output import STDOUT
from netprobe.commands.page import Page
from netprobe.commands.show import (
    exit_code,
    refuse_deep,
    refuse_force,
    refuse_one_file,
    refuse_page,
    refuse_quiet,
    refuse_stdout,
)
from netprobe.commands.texts import show_reports
from netprobe.commands.verbose import progress_of
from netprobe.errors import NetprobeError, UsageFault
from netprobe.report.escape import visible
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from netprobe.commands.progress import Progress
    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Report

    Finish = Callable[[list[Report], list[tuple[str, Evidence]], "ExplainAsked"], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainAsked:
    """What ``netprobe explain`` was asked, option by option."""

    target: str | None
    source: str | None = None
    proto: str | None = None
    size: int | None = None
    ipv4: bool = False
    ipv6: bool = False
    save: str | None = None
    html: str | None = None
    force: bool = False
    hosts: str | None = None
    timeout_s: float = 5.0
    every: bool = False
    predict: bool = False
    fail: bool = False
    trace: bool = False
    output: str | None = None
    deep: bool = False
    quiet: bool = False
    verbose: bool = False


def run(asked: ExplainAsked, finish: Finish | None = None) -> int:
    """Explain one connection (with ``every`` one to each container of a service), print the reports, and return the worst exit code.

    ``finish``: what is done with the reports in place of printing them; it returns the exit code.
    """
    from netprobe.interface import containers_of

    target = asked.target
    if target is None:
        from netprobe.commands.choices import refuse_nothing

        raise refuse_nothing(hosts=asked.hosts, source=asked.source, as_json=asked.output is not None)
    _refuse(asked)
    page = Page(asked.html, force=asked.force, beside=(), quiet=asked.quiet)
    targets: tuple[str, ...] = (target,)
    if asked.every:
        targets = containers_of(target, source=asked.source, proto=asked.proto, hosts=asked.hosts)
    seen: list[tuple[str, Evidence]] = []
    told = progress_of(quiet=asked.quiet or asked.output is not None, verbose=asked.verbose)
    with _saying_what_is_saved(seen, None if asked.quiet else asked.save), told as progress:
        reports = [_explained(each, asked, progress, page, seen) for each in targets]
    page.write([name for name, _ in seen])
    return (finish or show_all)(reports, seen, asked)


def show_all(reports: list[Report], seen: list[tuple[str, Evidence]], asked: ExplainAsked) -> int:
    """Print the reports, if their page is not on stdout in their place, and return the worst of their exit codes."""
    if asked.html != STDOUT:
        show_reports(reports, seen, output=asked.output, deep=asked.deep, quiet=asked.quiet)
    return worst(exit_code(report) for report in reports)


def _explained(
    target: str, asked: ExplainAsked, progress: Progress, page: Page, seen: list[tuple[str, Evidence]]
) -> Report:
    from netprobe.interface import explain

    return explain(
        target,
        source=asked.source,
        proto=asked.proto,
        size=asked.size,
        timeout_s=asked.timeout_s,
        hosts=asked.hosts,
        predict=asked.predict,
        fail=asked.fail,
        trace=asked.trace,
        family=4 if asked.ipv4 else 6 if asked.ipv6 else None,
        save=asked.save,
        force=asked.force and asked.save is not None,
        progress=progress,
        doing=progress.doing,
        meanwhile=_import_the_rest,
        keep=lambda *kept: seen.append(kept),
        detail=page.add,
        say=lambda line: None if asked.quiet else say(f"netprobe: {line}"),
    )


def _refuse(asked: ExplainAsked) -> None:
    """Refuse options that do not go together, before anybody is asked anything."""
    refuse_deep(deep=asked.deep, output=asked.output)
    refuse_quiet(quiet=asked.quiet, verbose=asked.verbose, deep=asked.deep, output=asked.output)
    if asked.ipv4 and asked.ipv6:
        raise UsageFault("-4 and -6 exclude each other", "leave out one of them")
    refuse_page(asked.html, json=asked.output is not None, q=asked.quiet, deep=asked.deep)
    _refuse_files(asked.save, asked.html, force=asked.force, every=asked.every)


def _refuse_files(save: str | None, html: str | None, *, force: bool, every: bool) -> None:
    """Refuse files that cannot be written like this, before anybody is asked anything."""
    refuse_force(force=force, files={"--save": save, "--html": html})
    refuse_stdout("--save", save)
    refuse_ending("--save", save, CAPTURE, "evidence is")
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
