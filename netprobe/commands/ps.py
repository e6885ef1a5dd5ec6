"""``netprobe ps``: containers, networks, published ports, and who reaches whom by prediction. Nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.commands.outcome import put
from netprobe.commands.show import let_stdout_take_anything, terminal_columns, wants_colour
from netprobe.commands.verbose import progress_of
from netprobe.errors import EXIT_WORKS, UsageFault

if TYPE_CHECKING:
    from netprobe.commands.progress import Progress
    from netprobe.evidence.model import Evidence

MOST_WITH_ALL = 40
"""Containers that take part in the matrix with ``--all``: some 1,700 predictions."""


def run(
    *,
    file: str | None,
    only: tuple[str, ...],
    hosts: str | None,
    timeout_s: float,
    as_json: bool,
    whole: bool,
    verbose: bool = False,
) -> int:
    """Print them and return 0.

    Raises:
        UsageFault: a host that there is not, or options that exclude each other.
        EvidenceFault: the file cannot be read.
        EnvironmentFault: no host could be asked.
    """
    from netprobe.topology import reach
    from netprobe.topology.build import of_evidence
    from netprobe.topology.only import only_hosts

    if file is not None and hosts is not None:
        raise UsageFault("--hosts has no meaning with a file", "the file has the hosts that it is of")
    most = MOST_WITH_ALL if whole else reach.MOST_ASKED
    with progress_of(quiet=as_json, verbose=verbose) as progress:
        evidence = _evidence(file, hosts, only, timeout_s, most, progress)
    topology = only_hosts(of_evidence(evidence), only)
    found = reach.of_evidence(evidence, {each.name for each in topology.hosts}, most)
    if as_json:
        from netprobe.report.json import dumps
        from netprobe.report.topology.ps import to_json

        put(dumps(to_json(topology, found)) + "\n")
    else:
        from netprobe.report.text import printed
        from netprobe.report.topology.ps import lay_out

        let_stdout_take_anything()
        put(printed(lay_out(topology, found, whole=whole), columns=terminal_columns(), colour=wants_colour()))
    return EXIT_WORKS


def _evidence(
    file: str | None, hosts: str | None, only: tuple[str, ...], timeout_s: float, most: int, progress: Progress
) -> Evidence:
    if file is not None:
        from netprobe.commands.topology import saved

        progress(f"reading {file}")
        return saved(file)
    from netprobe.live.topology import read_for_reach

    return read_for_reach(hosts, only=only, timeout_s=timeout_s, most=most, progress=progress, doing=progress.doing)
