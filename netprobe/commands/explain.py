"""``netprobe explain``: probe and sniff, then everything that ``replay`` does, on the bytes just written."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.commands.outcome import say
from netprobe.commands.progress import Progress
from netprobe.commands.show import exit_code, refuse_deep_json, show_json, show_text
from netprobe.errors import EnvironmentFault, NetprobeError, UsageFault
from netprobe.report.escape import visible

if TYPE_CHECKING:
    from netprobe.live import Question


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
    predict: bool,
    trace: bool,
    as_json: bool,
    deep: bool,
) -> int:
    """Explain one connection, print the report, and return the exit code."""
    refuse_deep_json(deep=deep, as_json=as_json)
    if force and save is None:
        raise UsageFault("--force without --save has nothing to overwrite", "give --save FILE, or leave --force out")
    file = None if save is None else Destination(file=_writable(Path(save), force=force), force=force)

    from netprobe.evidence.model import Proto
    from netprobe.live import Question

    question = Question(
        target=target,
        source=source,
        proto=None if proto is None else Proto(proto),
        size=size,
        timeout_s=timeout_s,
        predict=predict,
        trace=trace,
    )
    data = _observe(question, hosts_file=hosts, file=file, quiet=as_json)
    return _report(data, as_json=as_json, deep=deep)


def _observe(question: Question, *, hosts_file: str | None, file: Destination | None, quiet: bool) -> bytes:
    """Return the finished evidence file, saved to ``file`` if there is one; what a failed run captured is saved too."""
    from netprobe.live import explain

    with Progress(quiet=quiet) as progress:
        try:
            data = explain(question, hosts_file=hosts_file, progress=progress, meanwhile=_import_the_rest)
        except (NetprobeError, KeyboardInterrupt) as fault:
            _keep_rest(getattr(fault, "evidence", None), file)
            raise
    _keep(data, file)
    return data


def _import_the_rest() -> None:
    """Import what the report takes, while the probe waits."""
    from netprobe import pipeline  # noqa: F401
    from netprobe.report import text  # noqa: F401


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where the evidence goes, and whether a file that is there may be overwritten."""

    file: Path
    force: bool

    def keep(self, data: bytes) -> None:
        """Write the evidence. With sudo, the file is given to whoever called it: to replay needs no root."""
        from netprobe.evidence.files import save

        save(self.file, data, force=self.force, owner=_caller())


def _caller() -> tuple[int, int] | None:
    """Return the user and group id of the one who called sudo(8), None without it."""
    user, group = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if os.geteuid() != 0 or not (user.isascii() and user.isdigit() and group.isascii() and group.isdigit()):
        return None
    return int(user), int(group)


def _keep(data: bytes, to: Destination | None) -> None:
    if to is not None:
        to.keep(data)
        if to.file.is_file():
            say(f"netprobe: evidence saved to {visible(str(to.file))}")


def _keep_rest(data: bytes | None, to: Destination | None) -> None:
    """Save what a failed run had captured; a file that is there already stays as it is when that is nothing."""
    if data is not None and to is not None:
        to.keep(data)
        say(f"netprobe: what was captured so far is in {visible(str(to.file))}")


def _report(data: bytes, *, as_json: bool, deep: bool) -> int:
    from netprobe.evidence.reader import read
    from netprobe.pipeline import analyze

    evidence = read(data)
    report = analyze(evidence)
    if as_json:
        show_json([report])
        return exit_code(report)
    show_text(report)
    if deep:
        from netprobe.commands.deep import show_deep

        show_deep(evidence, report)
    return exit_code(report)


def _writable(file: Path, *, force: bool) -> Path:
    """Find out before the probe whether FILE can be written, and leave no trace of the question.

    Raises:
        UsageFault: FILE is a directory, its directory does not exist, or FILE exists and may not be overwritten.
        EnvironmentFault: the directory cannot be written to.
    """
    if file.exists() and not (file.is_file() or file.is_dir()):
        return file  # a pipe or a device: written to, not replaced
    if file.is_dir():
        raise UsageFault(f"--save: {file} is a directory", "give the name of a file")
    if file.exists() and not force:
        from netprobe.evidence.files import exists

        raise exists(file)
    if not file.parent.is_dir():
        raise UsageFault(f"--save: there is no directory {file.parent}", "make it, or choose another")
    import tempfile

    try:
        with tempfile.TemporaryFile(dir=file.parent):
            return file
    except OSError as error:
        raise EnvironmentFault(
            f"--save: cannot write to {file.parent}: {error.strerror}", "choose another directory"
        ) from None
