"""``netprobe lab tour``: the tutorial carried out, printed as it goes, its claims judged, and one page of it all."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.commands.ending import refuse_file_name
from netprobe.commands.outcome import put, say
from netprobe.commands.output import STDOUT, page_to
from netprobe.commands.show import (
    let_stdout_take_anything,
    refuse_force,
    refuse_stdout,
    terminal_columns,
    wants_colour,
)
from netprobe.errors import EXIT_FAILS, EXIT_WORKS, UsageFault
from netprobe.report.escape import visible
from netprobe.report.text import printed
from netprobe_lab.commands import announce, require_up
from netprobe_lab.engine import engine_version
from netprobe_lab.layout import SERVER2
from netprobe_lab.tour.carry import Stop, stops
from netprobe_lab.tour.model import TESTED_ENGINES, Seen
from netprobe_lab.tour.rulings import ClaimRuling, judge
from netprobe_lab.tour.show import ending, step_document
from netprobe_lab.tour.tutorial import TUTORIAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from netprobe.commands.output import OutputFile
    from netprobe.report.document import Document
    from netprobe_lab.layout import Lab
    from netprobe_lab.tour.model import TourPart


def run(
    lab: Lab, progress: Callable[[str], None], *, save: str | None = None, html: str | None = None, force: bool = False
) -> int:
    """Carry the tour out and print it; return the exit code: 0 when every claim is judged as declared for the lab's engine, else 1.

    Args:
        lab: the lab.
        progress: told what is removed first, and what is not as declared.
        save: a new folder for the evidence of every question.
        html: a file for the page; a new one, unless ``force``.
        force: let ``html`` overwrite a file that exists.

    Raises:
        LabError: the lab is not up, or a step could not be carried out.
    """
    refuse_force(force=force, files={"--html": html})
    refuse_stdout("--html", html)
    refuse_file_name("--save", save)
    if save == STDOUT:
        raise UsageFault("--save: a folder cannot go to stdout", "give the name of a new folder")
    to = page_to(html, force=force)
    if to is not None:
        to.check(())
    require_up(lab)
    folder = None if save is None else _made(save)
    version = engine_version(lab, SERVER2) or "unknown"
    announce(lab, progress)
    let_stdout_take_anything()
    seen, done, rulings = Seen(), list[Stop](), list[ClaimRuling]()
    for stop, found in judged(lab, seen, folder, details=to is not None):
        done.append(stop)
        rulings += found
        _print(step_document(stop, found, seen))
        put("\n")
    _print(ending(rulings, seen))
    if to is not None:
        _write(to, done, rulings, seen, version)
    if version.partition(".")[0] not in TESTED_ENGINES:
        progress(f"lab: for Docker Engine {version} no rulings are declared; those of {TESTED_ENGINES[0]} are taken")
    wrong = other_than_declared(rulings, version)
    for each in wrong:
        progress(f"lab: {each}")
    return EXIT_FAILS if wrong else EXIT_WORKS


def judged(
    lab: Lab, seen: Seen, folder: Path | None = None, *, details: bool = False, parts: Sequence[TourPart] = TUTORIAL
) -> Iterator[tuple[Stop, list[ClaimRuling]]]:
    """Carry the tour out, and judge the claims of each step. Arguments and errors are those of :func:`netprobe_lab.tour.carry.stops`."""
    with closing(
        stops(lab, parts, seen, folder, details=details)
    ) as steps:  # so that the lab is clean, whatever ends it
        for stop in steps:
            yield stop, [judge(claim, seen) for claim in stop.step.claims]


def other_than_declared(rulings: Sequence[ClaimRuling], version: str) -> list[str]:
    """Return a line for each claim that is judged otherwise than is declared for the engine of that version."""
    return [
        f"claim {each.claim.name}: {each.ruling}, declared: {each.claim.declared_on(version)}"
        for each in rulings
        if each.ruling is not each.claim.declared_on(version)
    ]


def _write(to: OutputFile, done: list[Stop], rulings: list[ClaimRuling], seen: Seen, version: str) -> None:
    from netprobe_lab.tour.page import page

    to.write([page(done, {each.claim.name: each for each in rulings}, seen, version).encode()])
    say(f"netprobe: page written to {visible(to.path)}")


def _made(save: str) -> Path:
    """Make the folder for the evidence."""
    folder = Path(save)
    try:
        folder.mkdir()
    except FileExistsError:
        raise UsageFault(f"--save: {save} exists", "give the name of a new folder") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageFault(f"--save: cannot make {save}: {why}", "give the name of a new folder") from None
    return folder


def _print(document: Document) -> None:
    put(printed(document, columns=terminal_columns(), colour=wants_colour()))
