"""``netprobe replay``: the files to :func:`netprobe.replay_each`, the reports to stdout."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from netprobe.commands.outcome import say, worst
from netprobe.commands.show import exit_code, refuse_deep, show
from netprobe.commands.texts import show_texts
from netprobe.errors import UsageFault
from netprobe.evidence.files import STDIN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from netprobe.evidence.model import Evidence
    from netprobe.flows.model import FlowSummary


def run(*, files: Sequence[str], points: Sequence[str], flow: str | None, output: str | None, deep: bool) -> int:
    """Explain what the files hold, print the reports, and return the worst of their exit codes.

    Raises:
        UsageFault: nothing to read, an unreadable option, or several connections and no ``--flow``.
    """
    from netprobe.flows.model import SeveralFlows
    from netprobe.interface import replay_each

    refuse_deep(deep=deep, output=output)
    named = _named_points(points, files)
    seen: list[tuple[str, Evidence]] = []
    try:
        with _ctrl_c_is_the_writers({*files, *named}):
            reports = replay_each(*files, points=named, flow=flow, keep=lambda *each: seen.append(each))
    except SeveralFlows as several:
        if output is None:
            _list(several.flows)
        raise
    if output is not None:
        show(reports, output)
    else:
        show_texts(reports, seen, deep=deep)
    return worst(exit_code(report) for report in reports)


@contextmanager
def _ctrl_c_is_the_writers(files: Collection[str]) -> Iterator[None]:
    """While stdin is read, leave the first Ctrl-C to who writes there: tcpdump then hands out what it held back, and ends.

    The terminal tells all of a pipeline.
    """
    before = signal.getsignal(signal.SIGINT)
    if STDIN not in files or not callable(before):
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: signal.signal(signal.SIGINT, before))
    if sys.stderr.isatty() and sys.stdin and not sys.stdin.isatty():
        say("netprobe: reads stdin to its end (Ctrl-C ends who writes there; pressed again, netprobe too)")
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _named_points(options: Iterable[str], files: Sequence[str]) -> dict[str, str]:
    """Return path -> point name of all ``--point NAME=FILE``."""
    named: dict[str, str] = {}
    for option in options:
        name, sign, file = option.partition("=")
        if not (name and sign and file):
            raise UsageFault(
                f"--point: cannot read {option!r}", "it is NAME=FILE, such as server2/docker0=docker0.pcap"
            )
        if file in named or file in files:
            raise UsageFault(f"--point: {file} is given twice", "give each file once")
        named[file] = name
    return named


def _list(flows: Sequence[FlowSummary]) -> None:
    from netprobe.flows.frame import frame
    from netprobe.report.listing import listing
    from netprobe.report.plain import to_plain

    say(to_plain(listing(frame(flows))).rstrip("\n"))
