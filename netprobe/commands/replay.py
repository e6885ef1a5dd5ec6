"""``netprobe replay``: the same analysis on saved files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.commands.outcome import say, worst
from netprobe.commands.show import exit_code, refuse_deep_json, show_json, show_text
from netprobe.errors import UsageFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from netprobe.evidence.model import Evidence
    from netprobe.flows.expression import FlowExpr
    from netprobe.flows.model import FlowSummary
    from netprobe.model.report import Report


def run(*, files: Sequence[str], points: Sequence[str], flow: str | None, as_json: bool, deep: bool) -> int:
    """Explain what the files hold, print the reports, and return the worst of their exit codes.

    Raises:
        UsageFault: nothing to read, an unreadable option, or several connections and no ``--flow``.
    """
    from netprobe.flows.expression import FlowExpr

    refuse_deep_json(deep=deep, as_json=as_json)
    wanted = None if flow is None else FlowExpr.parse(flow)
    named = _named_points(points)
    evidences = load((*files, *named), named)
    reports = [(name, evidence, _analyze(evidence, wanted, quiet=as_json)) for name, evidence in evidences]
    if as_json:
        show_json([report for _, _, report in reports])
    else:
        _show_texts(reports, deep=deep)
    return worst(exit_code(report) for _, _, report in reports)


def load(files: Sequence[str], points: Mapping[str, str]) -> list[tuple[str, Evidence]]:
    """Read all files: each evidence file by itself, the plain captures together as one evidence, at the first one's place.

    Args:
        files: their paths.
        points: path -> the point's name, where one was given.

    Raises:
        UsageFault: no file, one twice, or a point's name for an evidence file, which names its own.
        EvidenceFault: a file cannot be read.
    """
    from netprobe.evidence.files import load as bytes_of
    from netprobe.evidence.reader import is_netprobe, read, read_many

    _check_names(files)
    contents = [(file, bytes_of(file)) for file in files]
    own = {file for file, data in contents if is_netprobe(data)}
    for file in own & points.keys():
        raise UsageFault(
            f"--point: {file} is netprobe's own evidence and names its points itself", "give it without --point"
        )
    plain = [(file, data) for file, data in contents if file not in own]
    loaded: list[tuple[str, Evidence]] = []
    for file, data in contents:
        if file in own:
            loaded.append((file, read(data, name=file)))
        elif file == plain[0][0]:
            loaded.append((", ".join(name for name, _ in plain), read_many(plain, points)))
    return loaded


def _check_names(files: Sequence[str]) -> None:
    if not files:
        raise UsageFault("replay: no file given", "give files of netprobe --save, tcpdump -w or Wireshark")
    for file in files:
        if files.count(file) > 1:
            raise UsageFault(f"replay: {file} is given twice", "give each file once")


def _named_points(options: Iterable[str]) -> dict[str, str]:
    """Return path -> point name of all ``--point NAME=FILE``."""
    named: dict[str, str] = {}
    for option in options:
        name, sign, file = option.partition("=")
        if not (name and sign and file):
            raise UsageFault(
                f"--point: cannot read {option!r}", "it is NAME=FILE, such as server2/docker0=docker0.pcap"
            )
        if file in named:
            raise UsageFault(f"--point: {file} is given twice", "give each file once")
        named[file] = name
    return named


def _analyze(evidence: Evidence, flow: FlowExpr | None, *, quiet: bool) -> Report:
    from netprobe.flows.model import SeveralFlows
    from netprobe.pipeline import analyze

    try:
        return analyze(evidence, flow)
    except SeveralFlows as several:
        if not quiet:
            _list(several.flows)
        raise


def _list(flows: Sequence[FlowSummary]) -> None:
    from netprobe.flows.frame import frame
    from netprobe.report.listing import listing
    from netprobe.report.plain import to_plain

    say(to_plain(listing(frame(flows))).rstrip("\n"))


def _show_texts(reports: Sequence[tuple[str, Evidence, Report]], *, deep: bool) -> None:
    from netprobe.commands.outcome import put
    from netprobe.report.escape import visible

    for number, (name, evidence, report) in enumerate(reports):
        if len(reports) > 1:
            put(("\n" if number else "") + visible(f"{name}:") + "\n")
        show_text(report)
        if deep:
            from netprobe.commands.deep import show_deep

            show_deep(evidence, report)
