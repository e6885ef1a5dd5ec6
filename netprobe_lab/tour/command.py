"""``netprobe lab tour``: the tutorial carried out, printed as it goes, its claims judged, and one page of it all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.commands.outcome import put
from netprobe.commands.show import let_stdout_take_anything, terminal_columns, wants_colour
from netprobe.errors import EXIT_FAILS, EXIT_WORKS
from netprobe.report.text import printed
from netprobe_lab.commands import announce, require_up
from netprobe_lab.engine import engine_version
from netprobe_lab.layout import SERVER2
from netprobe_lab.tour.carry import stops
from netprobe_lab.tour.model import TESTED_ENGINES, Seen
from netprobe_lab.tour.rulings import ClaimRuling, judge
from netprobe_lab.tour.show import ending, step_document
from netprobe_lab.tour.tutorial import TUTORIAL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netprobe.report.document import Document
    from netprobe_lab.layout import Lab


def run(lab: Lab, progress: Callable[[str], None], *, save: str | None = None) -> int:
    """Carry the tour out and print it; return the exit code: 0 when every claim is judged as declared for the lab's engine, else 1.

    Args:
        lab: the lab.
        progress: told what is removed first, and what is not as declared.
        save: a new folder for the evidence of every question.

    Raises:
        LabError: the lab is not up, or a step could not be carried out.
    """
    require_up(lab)
    folder = None if save is None else _made(save)
    version = engine_version(lab, SERVER2) or "unknown"
    announce(lab, progress)
    let_stdout_take_anything()
    seen, rulings = Seen(), list[ClaimRuling]()
    for stop in stops(lab, TUTORIAL, seen, folder, details=False):
        found = [judge(claim, seen) for claim in stop.step.claims]
        rulings += found
        _print(step_document(stop, found, seen))
        put("\n")
    _print(ending(rulings, seen))
    return _held_against(rulings, version, progress)


def _made(save: str) -> Path:
    folder = Path(save)
    folder.mkdir()
    return folder


def _print(document: Document) -> None:
    put(printed(document, columns=terminal_columns(), colour=wants_colour()))


def _held_against(rulings: Sequence[ClaimRuling], version: str, progress: Callable[[str], None]) -> int:
    """Say where a ruling is not the declared one."""
    if version.partition(".")[0] not in TESTED_ENGINES:
        progress(
            f"lab: for Docker Engine {version} no rulings are declared; those of Engine {TESTED_ENGINES[0]} are taken"
        )
    wrong = [each for each in rulings if each.ruling is not each.claim.declared_on(version)]
    for each in wrong:
        progress(f"lab: claim {each.claim.name}: {each.ruling}, declared: {each.claim.declared_on(version)}")
    return EXIT_FAILS if wrong else EXIT_WORKS
