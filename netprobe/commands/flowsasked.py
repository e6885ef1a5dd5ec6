"""What ``netprobe flows`` was asked, and what of it does not go together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.commands.show import refuse_force
from netprobe.commands.stdin import refuse_stdin_twice
from netprobe.errors import UsageFault
from netprobe.evidence.files import STDIN
from netprobe.report.flows.outputs import TABLE
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowsAsked:
    """The options of ``netprobe flows``, by the names that they have there.

    Attributes:
        form: ``--format``; None: as ``output`` ends, else a table.
        idle: in s.
        state: an evidence file whose hosts' state is taken; None: that of the files themselves.
    """

    files: tuple[str, ...]
    points: tuple[str, ...] = ()
    where: str | None = None
    match: str | None = None
    failed: bool = False
    sort: str | None = None
    top: int | None = None
    show: int | None = None
    merge: bool = False
    idle: float | None = None
    verdict: bool = True
    form: str | None = None
    output: str | None = None
    force: bool = False
    cluster: str | None = None
    state: str | None = None
    html: str | None = None


def check(asked: FlowsAsked, inputs: Sequence[str]) -> None:
    """Refuse what does not go together, before anything is read.

    Raises:
        UsageFault: it does not.
    """
    from netprobe.flowtable.options import options

    if not inputs:
        raise UsageFault("flows: no file given", "give captures of tcpdump and Wireshark, or files of netprobe --save")
    needs = "--failed" if asked.failed else "--state" if asked.state is not None else ""
    if needs and not asked.verdict:
        raise UsageFault(f"{needs} and --no-verdict do not go together", "leave out one of them")
    options(idle_s=asked.idle)
    refuse_stdin_twice(inputs if asked.state is None else (*inputs, asked.state))
    refuse_force(force=asked.force, files={"-o": asked.output, "--html": asked.html})
    if asked.force and asked.html is None and (asked.output or "").endswith("/"):
        raise UsageFault("--force without a file has nothing to overwrite", "folders are never overwritten")
    twice = "--match" if asked.match is not None else "--show" if asked.show is not None else ""
    if twice and not all(Path(file).is_file() for file in inputs if Path(file).exists() or file == STDIN):
        raise UsageFault(f"{twice} reads the packets twice, which a pipe does not allow", "save them to a file first")
    others = (asked.where, asked.match, asked.sort, asked.top, asked.output, asked.html, asked.failed or None)
    if asked.show is not None and (asked.form not in (None, TABLE) or any(each is not None for each in others)):
        raise UsageFault(
            "--show decodes one connection for people: it goes with no choice of flows, --format, -o or --html",
            "leave them out",
        )
