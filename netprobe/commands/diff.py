"""``netprobe diff``: two saved runs of one question, compared; the answer to stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.commands.outcome import put, say
from netprobe.commands.show import let_stdout_take_anything, terminal_columns, wants_colour
from netprobe.errors import EXIT_FAILS, EXIT_UNDETERMINED, EXIT_WORKS

if TYPE_CHECKING:
    from netprobe.diff.model import Comparison

EXIT_OF = {"same": EXIT_WORKS, "differs": EXIT_FAILS, "undetermined": EXIT_UNDETERMINED}
"""As diff(1) has it: 0 the same, 1 different; and 3 where that cannot be told."""


def run(*, good: str, bad: str, flow: str | None, whole: bool) -> int:
    """Compare two files, print what was found, and return 0 (the same), 1 (they differ) or 3 (undetermined).

    Raises:
        UsageFault: the files are of different questions, or an option has no meaning.
        EvidenceFault: a file cannot be read.
        SeveralFlows: captures with several connections, and ``flow`` does not single one out.
    """
    from netprobe.flows.model import SeveralFlows
    from netprobe.interface import compare

    try:
        found = compare(good, bad, flow=flow, say=_say)
    except SeveralFlows as several:
        from netprobe.commands.replay import list_flows

        list_flows(several.flows)
        raise
    show(found, (good, bad), whole=whole)
    return EXIT_OF[found.outcome.value]


def show(comparison: Comparison, names: tuple[str, str], *, whole: bool) -> None:
    """Print a comparison for people."""
    from netprobe.report.diff.text import lay_out
    from netprobe.report.text import printed

    let_stdout_take_anything()
    document = lay_out(comparison, names, whole=whole)
    put(printed(document, columns=terminal_columns(), colour=wants_colour()))


def _say(line: str) -> None:
    say(f"netprobe: {line}")
