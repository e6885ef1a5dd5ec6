"""``netprobe annotate``: a capture's file again, with what is known of it as comments that Wireshark shows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from netprobe.commands.ending import CAPTURE, refuse_file_name
from netprobe.commands.flowsprogress import told, told_judging
from netprobe.commands.outcome import say
from netprobe.commands.output import STDOUT, OutputFile
from netprobe.commands.outputfolder import OutputFolder
from netprobe.commands.points import named_points
from netprobe.commands.progress import Progress
from netprobe.commands.stdin import ctrl_c_is_the_writers
from netprobe.errors import EXIT_WORKS, UsageFault
from netprobe.evidence.files import STDIN, faults, shown
from netprobe.report.escape import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from netprobe.annotating import Annotation

_Piece = TypeVar("_Piece")
_PROFILE = Path(__file__).parent.parent / "annotate" / "profile"
_OUTPUTS = "give -o OUT.pcapng, or --split DIR"


def run(
    *,
    file: str | None,
    output: str | None,
    flow: str | None,
    force: bool,
    split: str | None = None,
    profile: str | None = None,
    points: Sequence[str] = (),
) -> int:
    """Write what was asked for, and return 0: what came of the connection is in it.

    Raises:
        UsageFault: no output, one that may not be written, several files, or no connection that ``flow`` asks for.
        EvidenceFault: the file cannot be read.
        EnvironmentFault: the output cannot be written.
    """
    file, point = _named(file, points)
    settings = None if profile is None else OutputFolder(path=profile, option="--profile")
    whole = (
        None
        if output is None
        else OutputFile(path=output, force=force, what="an annotated capture is", written=CAPTURE)
    )
    parts = None if split is None else OutputFolder(path=split, option="--split")
    _refuse(file, settings, whole, parts, force=force, flow=flow)
    _refuse_names(output, split, profile)
    for to in (settings, whole, parts):
        if to is not None:
            to.check([file] if file is not None else [])
    wanted = whole is not None or parts is not None
    if file is not None and file != STDIN and not wanted:
        with faults(file):
            Path(file).stat()
    made = _told(file, flow, point) if file is not None and wanted else None
    if settings is not None:
        settings.fill([(each.name, each.read_bytes()) for each in sorted(_PROFILE.iterdir())])
        _say(
            f"a profile for Wireshark is in {visible(settings.path)}: wireshark -C {visible(Path(settings.path).name)}"
        )
        if file is not None and not wanted:
            _say(f"{visible(shown(file))} stays as it is: {_OUTPUTS}, to annotate it")
    if made is not None:
        _write(made, whole, parts)
    return EXIT_WORKS


def _write(made: Annotation, whole: OutputFile | None, parts: OutputFolder | None) -> None:
    if whole is not None:
        whole.write(_watched(made, made.pieces()))
        _say(f"{_counted(made.placed, 'comment')} in {'stdout' if whole.is_stdout else visible(whole.path)}")
    if parts is not None:
        parts.fill(_watched(made, made.by_point()))
        _say(f"{_counted(len(made.files), 'file')} in {visible(parts.path)}, one for each point that saw packets")
    if made.stop:
        _say(f"the capture is {made.stop}: what comes behind that is left out")


def _refuse(
    file: str | None,
    settings: OutputFolder | None,
    whole: OutputFile | None,
    parts: OutputFolder | None,
    *,
    force: bool,
    flow: str | None,
) -> None:
    """Refuse options that do not go together.

    Raises:
        UsageFault: they do not.
    """
    wanted = whole is not None or parts is not None
    if file is None and (wanted or flow is not None or settings is None):
        raise UsageFault("annotate: no file given", "give a file of explain --save, tcpdump -w or Wireshark")
    if file is not None and not wanted and (settings is None or flow is not None):
        raise UsageFault("annotate: nowhere to write to", _OUTPUTS)
    if force and (whole is None or whole.is_stdout):
        raise UsageFault("--force without -o FILE has nothing to overwrite", "folders are never overwritten")
    if whole is not None and parts is not None and Path(whole.path).resolve() == Path(parts.path).resolve():
        raise UsageFault("-o and --split name the same place", "give them different names")


def _refuse_names(output: str | None, split: str | None, profile: str | None) -> None:
    """Refuse names that promise something else than what is written.

    Raises:
        UsageFault: one does, or a capture would go to a terminal.
    """
    refuse_file_name("--split", split)
    refuse_file_name("--profile", profile)
    if output == STDOUT and sys.stdout.isatty():
        raise UsageFault(
            "-o -: a capture is nothing for a terminal", "pipe it: netprobe annotate FILE -o - | wireshark -k -i -"
        )


def _named(file: str | None, points: Sequence[str]) -> tuple[str | None, str | None]:
    """The file, and what its point is called where that is said.

    Raises:
        UsageFault: ``--point`` cannot be read, or names another file.
    """
    named = named_points(points, ())
    every = list(dict.fromkeys((*((file,) if file is not None else ()), *named)))
    if len(every) > 1:
        raise UsageFault(
            f"annotate: takes one file, and {len(every)} are given",
            "put them together before (mergecap -w ALL FILE...)",
        )
    return (every[0], named.get(every[0])) if every else (None, None)


def _told(file: str, flow: str | None, point: str | None) -> Annotation:
    from netprobe.annotating import annotation
    from netprobe.flows.expression import FlowExpr

    wanted = None if flow is None else FlowExpr.parse(flow)
    with Progress(quiet=False) as progress, ctrl_c_is_the_writers({file}):
        return annotation(file, wanted, point=point, say=_say, progress=told(progress), judging=told_judging(progress))


def _watched(made: Annotation, pieces: Iterable[_Piece]) -> Iterator[_Piece]:
    """The same, and how far copying is, on a terminal."""
    with Progress(quiet=False) as progress:
        tell = told(progress, "copies")
        for each in pieces:
            yield each
            tell(*made.how_far())


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _say(line: str) -> None:
    say(f"netprobe: {line}")
