"""``netprobe diff``: two saved runs of one question, compared; the answer to stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.commands.outcome import put, say
from netprobe.commands.output import page_to
from netprobe.commands.show import (
    let_stdout_take_anything,
    refuse_force,
    refuse_page,
    terminal_columns,
    wants_colour,
)
from netprobe.commands.stdin import refuse_stdin_twice
from netprobe.errors import EXIT_FAILS, EXIT_UNDETERMINED, EXIT_WORKS
from netprobe.report.escape import visible

if TYPE_CHECKING:
    from netprobe.commands.output import OutputFile
    from netprobe.diff.model import Comparison

EXIT_OF = {"same": EXIT_WORKS, "differs": EXIT_FAILS, "undetermined": EXIT_UNDETERMINED}
"""As diff(1) has it: 0 the same, 1 different; and 3 where that cannot be told."""


def run(*, good: str, bad: str, flow: str | None, whole: bool, as_json: bool, html: str | None, force: bool) -> int:
    """Compare two files, print what was found, and return 0 (the same), 1 (they differ) or 3 (undetermined).

    Raises:
        UsageFault: the files are of different questions, or an option has no meaning.
        EvidenceFault: a file cannot be read.
        SeveralFlows: captures with several connections, and ``flow`` does not single one out.
    """
    from netprobe.flows.model import SeveralFlows
    from netprobe.interface import compare

    refuse_force(force=force, files={"--html": html})
    refuse_page(html, json=as_json)
    refuse_stdin_twice((good, bad))
    to = page_to(html, force=force)
    if to is not None:
        to.check((good, bad))
    try:
        found = compare(good, bad, flow=flow, say=_say)
    except SeveralFlows as several:
        from netprobe.commands.replay import list_flows

        list_flows(several.flows)
        raise
    put_comparison(found, (good, bad), whole=whole, as_json=as_json, to=to)
    return EXIT_OF[found.outcome.value]


def put_comparison(
    comparison: Comparison, names: tuple[str, str], *, whole: bool, as_json: bool, to: OutputFile | None
) -> None:
    """Print a comparison, and write its page where one is asked for."""
    if to is not None:
        from netprobe.report.diff.html import page

        to.write([page(comparison, names).encode()])
        if to.is_stdout:
            return
        say(f"netprobe: page written to {visible(to.path)}")
    if as_json:
        from netprobe.report.diff.json import to_json
        from netprobe.report.json import dumps

        put(dumps(to_json(comparison, names)) + "\n")
        return
    from netprobe.report.diff.text import lay_out
    from netprobe.report.text import printed

    let_stdout_take_anything()
    document = lay_out(comparison, names, whole=whole)
    put(printed(document, columns=terminal_columns(), colour=wants_colour()))


def _say(line: str) -> None:
    say(f"netprobe: {line}")
