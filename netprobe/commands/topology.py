"""``netprobe topology``: hosts' state, live or of a saved file, to a picture of the network. Nothing is sent."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.commands.ending import refuse_ending
from netprobe.commands.outcome import put
from netprobe.commands.output import OutputFile, file_or_stdout
from netprobe.commands.show import let_stdout_take_anything, refuse_force
from netprobe.commands.verbose import progress_of
from netprobe.errors import EXIT_WORKS, UsageFault
from netprobe.report.topology.outputs import ENDINGS, OUTPUTS, form_of

if TYPE_CHECKING:
    from netprobe.commands.progress import Progress
    from netprobe.evidence.model import Evidence

_NAME = re.compile(r"[A-Za-z0-9_-]+")
"""What is a host's or a container's name rather than a file's."""


def run(
    *,
    file: str | None,
    only: tuple[str, ...],
    hosts: str | None,
    timeout_s: float,
    form: str | None,
    output: str | None,
    force: bool,
    whole: bool,
    verbose: bool = False,
) -> int:
    """Print the topology and return 0.

    Raises:
        UsageFault: a host that there is not, options that exclude each other, or a file that may not be written.
        EvidenceFault: the file cannot be read.
        EnvironmentFault: no host could be asked, or the output cannot be written.
    """
    from netprobe.topology.build import of_evidence
    from netprobe.topology.only import only_hosts

    if file is not None and hosts is not None:
        raise UsageFault("--hosts has no meaning with a file", "the file has the hosts that it is of")
    refuse_force(force=force, files={"-o": output})
    output = file_or_stdout(output)
    made = form_of(form, output)
    to = OutputFile(path=output, force=force) if output is not None else None
    if to is not None:
        to.check((file,) if file is not None else ())
    _refuse_ending(form, output, made)
    with progress_of(quiet=made == "json", verbose=verbose) as progress:
        evidence = saved(file) if file is not None else _live(hosts, only, timeout_s, progress)
    topology = only_hosts(of_evidence(evidence), only)
    text = OUTPUTS[made](topology, whole)
    if to is not None:
        to.write([text.encode()])
    else:
        let_stdout_take_anything()
        put(text)
    return EXIT_WORKS


def _refuse_ending(asked: str | None, output: str | None, made: str) -> None:
    endings = [each for each, form in ENDINGS.items() if form == made]
    if asked is None:
        every = ", ".join(f".{each}" for each in ENDINGS)
        refuse_ending("-o", output, endings, "a topology is", f"--format says it, or the name's ending: {every}")
    else:
        refuse_ending("-o", output, endings, f"what --format {asked} prints is")


def saved(file: str) -> Evidence:
    """Read a saved file: evidence, or a capture, which tells its points alone. Raises an EvidenceFault where it cannot be read."""
    from netprobe.engine import engine_for, size_of

    if _NAME.fullmatch(file) and not Path(file).exists():
        raise UsageFault(
            f"there is no file {file}",
            f"FILE is what explain --save wrote, or a capture; a host is named by --host {file}",
        )
    return engine_for(size_of([file]), lambda _: None).beside_packets(os.fspath(file))


def _live(hosts: str | None, only: tuple[str, ...], timeout_s: float, progress: Progress) -> Evidence:
    from netprobe.live.topology import read_hosts

    return read_hosts(hosts, only=only, timeout_s=timeout_s, progress=progress, doing=progress.doing)
