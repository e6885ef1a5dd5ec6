"""``netprobe replay``: the files to :func:`netprobe.replay_each`, the reports to stdout."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from netprobe.commands.outcome import say, worst
from netprobe.commands.page import Page
from netprobe.commands.points import named_points
from netprobe.commands.show import exit_code, refuse_deep, refuse_force, refuse_page, refuse_quiet
from netprobe.commands.stdin import ctrl_c_is_the_writers
from netprobe.commands.texts import show_reports
from netprobe.commands.verbose import progress_of
from netprobe.report.escape import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.commands.progress import Progress
    from netprobe.evidence.model import Evidence
    from netprobe.flows.model import FlowSummary


def run(
    *,
    files: Sequence[str],
    points: Sequence[str],
    flow: str | None,
    output: str | None,
    deep: bool,
    html: str | None = None,
    force: bool = False,
    quiet: bool = False,
    verbose: bool = False,
) -> int:
    """Explain what the files hold, print the reports, and return the worst of their exit codes.

    Raises:
        UsageFault: nothing to read, an unreadable option, or several connections and no ``--flow``.
    """
    from netprobe.flows.model import SeveralFlows
    from netprobe.interface import replay_each

    refuse_deep(deep=deep, output=output)
    refuse_quiet(quiet=quiet, verbose=verbose, deep=deep, output=output)
    named = named_points(points, files)
    refuse_force(force=force, files={"--html": html})
    refuse_page(html, json=output is not None, q=quiet, deep=deep)
    page = Page(html, force=force, beside={*files, *named}, quiet=quiet)
    seen: list[tuple[str, Evidence]] = []
    try:
        # which connection a capture holds is told in no time: there is no progress to show without -v
        with progress_of(quiet=True, verbose=verbose) as progress, ctrl_c_is_the_writers({*files, *named}):
            progress(f"reading {', '.join(dict.fromkeys((*files, *named)))}")
            reports = replay_each(
                *files,
                points=named,
                flow=flow,
                keep=partial(_keep, seen, progress),
                detail=page.add,
                say=_say,
            )
    except SeveralFlows as several:
        if output is None:
            list_flows(several.flows)
        raise
    page.write([name for name, _ in seen])
    if not page.is_stdout:
        show_reports(reports, seen, output=output, deep=deep, quiet=quiet)
    return worst(exit_code(report) for report in reports)


def _keep(seen: list[tuple[str, Evidence]], progress: Progress, name: str, evidence: Evidence) -> None:
    """Take in what was read, before it is explained."""
    seen.append((name, evidence))
    hosts = ", ".join(each.host for each in evidence.before) or "no host"
    of = f"{len(evidence.packets)} packets at {len(evidence.points)} points, state of {hosts}"
    progress(f"explaining {name}: {of}")


def _say(line: str) -> None:
    say(visible(f"netprobe: {line}"))


def list_flows(flows: Sequence[FlowSummary]) -> None:
    """Say which connections there are, for ``--flow``."""
    from netprobe.flows.frame import frame
    from netprobe.report.listing import listing
    from netprobe.report.plain import to_plain

    say(to_plain(listing(frame(flows))).rstrip("\n"))
