"""Carrying the tour out: every command on the lab's hosts, every question by netprobe. The lab is left clean, however it ends."""

from __future__ import annotations

import re
import shlex
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import netprobe
from netprobe.errors import EnvironmentFault, NetprobeError
from netprobe.model.report import Verdict
from netprobe_lab.errors import LabError
from netprobe_lab.settled import wait_until_settled
from netprobe_lab.steps import carry_out, clean, container_addresses, in_namespace_of, on_host
from netprobe_lab.tour.model import LookAt, Seen, TourQuestion

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from netprobe.model.details import Details
    from netprobe.model.report import Report
    from netprobe_lab.layout import Lab
    from netprobe_lab.tour.model import Action, TourPart, TourStep

_ASKED_AT_MOST = 3
_PASSING = ("the kernel dropped", "connection to it broke during the run", "timed out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Where the tour has come to: a step is done. ``part`` is given with the first step of one."""

    part: TourPart | None
    step: TourStep


def stops(
    lab: Lab, parts: Sequence[TourPart], seen: Seen, save: Path | None, *, details: bool
) -> Generator[Stop, None, None]:
    """Carry the parts out, step by step; what is seen goes into `seen`.

    Args:
        lab: it is up.
        parts: in order; each begins with a clean lab.
        seen: filled as the tour goes on.
        save: a folder for the evidence of each question, NAME.pcapng; None: it is not kept.
        details: also work out what a page shows beside a report.

    Raises:
        LabError: a step could not be carried out.
        NetprobeError: netprobe gave no report.
    """
    with _folder(save) as folder:
        try:
            for part in parts:
                clean(lab)
                for number, step in enumerate(part.steps):
                    _do(lab, step.actions, seen, folder, details=details)
                    yield Stop(part=part if number == 0 else None, step=step)
        finally:
            clean(lab)


@contextmanager
def _folder(save: Path | None) -> Iterator[Path]:
    if save is not None:
        yield save
        return
    with tempfile.TemporaryDirectory(prefix="netprobe-") as made:
        yield Path(made)


def _do(lab: Lab, actions: Sequence[Action], seen: Seen, folder: Path, *, details: bool) -> None:
    changed = False
    for action in actions:
        if isinstance(action, TourQuestion):
            if changed:  # what the hosts still resolve of it would be part of the answer
                wait_until_settled(lab)
            changed = False
            seen.reports[action.name] = _asked(lab, action, seen, folder / f"{action.name}.pcapng", details=details)
        elif isinstance(action, LookAt):
            seen.outputs[action.name] = _printed(lab, action)
        else:
            carry_out(lab, action)
            changed = True


def _printed(lab: Lab, look: LookAt) -> str:
    inside = in_namespace_of(lab, look.host, look.container)
    done = on_host(lab, look.host, [*inside, *shlex.split(look.command)], check=False)
    lines = [line.rstrip() for line in (done.stdout + done.stderr).splitlines() if re.search(look.keep, line)]
    return "\n".join(lines)


def _asked(lab: Lab, question: TourQuestion, seen: Seen, file: Path, *, details: bool) -> Report:
    """Ask; and again where a busy machine was in the way: that makes the tour slower, not wrong."""
    target = question.target.format_map({**_addresses(lab, question), **seen.outputs}).strip()
    for attempt in range(1, _ASKED_AT_MOST + 1):
        try:
            report = _explained(lab, question, target, file, seen, details=details)
        except EnvironmentFault as fault:
            if attempt == _ASKED_AT_MOST or "does not answer" not in fault.message:
                raise
        except NetprobeError as fault:
            raise LabError(f"netprobe explain {target}: {fault.message}", fault.hint) from fault
        else:
            if report.verdict is not Verdict.UNDETERMINED or not _in_vain(report):
                break
    return report


def _addresses(lab: Lab, question: TourQuestion) -> dict[str, str]:
    return container_addresses(lab, "server2") if "{" in question.target else {}


def _explained(lab: Lab, question: TourQuestion, target: str, file: Path, seen: Seen, *, details: bool) -> Report:
    def keep(_: Report, found: Details) -> None:
        seen.details[question.name] = found

    return netprobe.explain(
        target,
        source=question.source,
        proto=question.proto,
        timeout_s=question.timeout_s,
        hosts=lab.hosts_file,
        save=file,
        force=True,
        detail=keep if details else None,
    )


def _in_vain(report: Report) -> bool:
    """Whether nothing was determined for one of the reasons that pass: packets were lost, a host did not answer in time, a next hop was still being resolved."""
    lost = any(each in said for said in report.unknowns for each in _PASSING)
    return lost or (not report.hops and "EHOSTUNREACH" in report.why)
