"""``netprobe hosts``: the inventory, and what can be done with each host of it."""

from __future__ import annotations

from netprobe.commands.outcome import put
from netprobe.commands.show import let_stdout_take_anything, terminal_columns, wants_colour
from netprobe.commands.verbose import progress_of
from netprobe.errors import EXIT_ENVIRONMENT, EXIT_WORKS


def run(*, hosts: str | None, timeout_s: float, as_json: bool, verbose: bool = False) -> int:
    """Look at every host, print what was found, and return 0 if each can be used, else 4."""
    from netprobe.live.survey import survey

    with progress_of(quiet=as_json, verbose=verbose) as progress:
        found = survey(hosts, timeout_s, progress, progress.doing)
    if as_json:
        from netprobe.report.hosts import to_json
        from netprobe.report.json import dumps

        put(dumps(to_json(found)) + "\n")
    else:
        from netprobe.report.hosts import lay_out
        from netprobe.report.text import printed

        let_stdout_take_anything()
        put(printed(lay_out(found), columns=terminal_columns(), colour=wants_colour()))
    return EXIT_WORKS if found.all_usable else EXIT_ENVIRONMENT
