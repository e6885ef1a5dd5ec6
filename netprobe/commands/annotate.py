"""``netprobe annotate``: a capture's file again, with what is known of it as comments that Wireshark shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.commands.outcome import say
from netprobe.commands.output import OutputFile
from netprobe.commands.stdin import ctrl_c_is_the_writers
from netprobe.errors import EXIT_WORKS, UsageFault
from netprobe.report.escape import visible

if TYPE_CHECKING:
    from netprobe.annotating import Annotation


def run(*, file: str, output: str | None, flow: str | None, force: bool) -> int:
    """Write the annotated file, and return 0: what came of the connection is in it.

    Raises:
        UsageFault: no output, one that may not be written, or no connection that ``flow`` asks for.
        EvidenceFault: the file cannot be read.
        EnvironmentFault: the output cannot be written.
    """
    if output is None:
        raise UsageFault("annotate: no output", "give -o OUT.pcapng")
    to = OutputFile(path=output, force=force)
    to.check([file])
    from netprobe.annotating import annotation
    from netprobe.flows.expression import FlowExpr

    wanted = None if flow is None else FlowExpr.parse(flow)
    with ctrl_c_is_the_writers({file}):
        made = annotation(file, wanted, say=_say)
    to.write(made.pieces())
    _conclude(made, output)
    return EXIT_WORKS


def _conclude(made: Annotation, output: str) -> None:
    if made.stop:
        _say(f"the capture is {made.stop}: what comes behind that is left out")
    _say(f"{made.placed:,} comment{'s' * (made.placed != 1)} in {visible(output)}")


def _say(line: str) -> None:
    say(f"netprobe: {line}")
