"""``explain --against GOOD``: the run that was just made, held against one that was saved."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.commands.diff import EXIT_OF, put_comparison
from netprobe.commands.explain import run as explained
from netprobe.commands.explain import show_all
from netprobe.commands.outcome import put
from netprobe.commands.output import page_to
from netprobe.commands.show import refuse_force, refuse_one_file, refuse_page
from netprobe.errors import UsageFault

if TYPE_CHECKING:
    from netprobe.commands.explain import ExplainAsked
    from netprobe.diff.model import RunSide
    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Report

NOW = "this run"


class Against:
    """The saved run, read before anybody is asked anything."""

    def __init__(self, file: str, *, html: str | None, force: bool) -> None:
        """Read it, and find out whether the page may be written.

        Args:
            file: what ``--save`` wrote.
            html: the page of the comparison; None: none.
            force: whether that may replace one that is there.

        Raises:
            UsageFault: the page may not be written.
            EvidenceFault: the file cannot be read, or holds no run of netprobe's.
        """
        from netprobe.interface import saved_run

        self._file = file
        self._to = page_to(html, force=force)
        if self._to is not None:
            self._to.check((file,))
        self._good: RunSide = saved_run(file)

    def refuse_other(self, target: str, source: str | None, proto: str | None) -> None:
        """Refuse another question than the saved one's before it is asked, as far as its words tell.

        Raises:
            UsageFault: it is another one.
        """
        from netprobe.diff.question import words_of

        probe = self._good.probe
        if probe is None:
            raise UsageFault(f"--against: {self._file} is no run of netprobe's", "give a file that --save wrote")
        words = {"target": target, "source": source or "local", "protocol": proto or probe.proto.value}
        saved = words_of(probe)
        asked = words_of(probe, **words)
        other = [f"{name}: {saved[name]} and {asked[name]}" for name in saved if saved[name] != asked[name]]
        if other:
            raise UsageFault(
                f"--against: {self._file} is of another question ({'; '.join(other)})",
                "compare with a run of the same target, port, protocol and source",
            )

    def finish(self, reports: list[Report], seen: list[tuple[str, Evidence]], asked: ExplainAsked) -> int:
        """Print the report, then the comparison (as JSON that alone), and return its exit code, as ``netprobe diff`` does."""
        from netprobe.interface import compare_runs

        on_stdout = self._to is not None and self._to.is_stdout
        if asked.output is None and not on_stdout:
            show_all(reports, seen, asked)
            put("\n")
        found = compare_runs(self._good, seen[-1][1])
        put_comparison(found, (self._file, NOW), whole=False, as_json=asked.output is not None, to=self._to)
        return EXIT_OF[found.outcome.value]


def run(file: str, asked: ExplainAsked) -> int:
    """Explain one connection, compare it with a saved run, and return the comparison's exit code.

    Raises:
        UsageFault: another question than the saved one's, or files that cannot be written.
        EvidenceFault: the saved run cannot be read.
    """
    if asked.target is None:
        return explained(asked)
    if asked.every:
        raise UsageFault("--all and --against do not go together", "a file is one run's: ask one container")
    if asked.save is not None and os.path.realpath(asked.save) == os.path.realpath(file):
        raise UsageFault("--save and --against name one file", "give each a name of its own")
    refuse_force(force=asked.force, files={"--save": asked.save, "--html": asked.html})
    refuse_page(asked.html, json=asked.output is not None, q=asked.quiet, deep=asked.deep)
    refuse_one_file(asked.save, asked.html)
    earlier = Against(file, html=asked.html, force=asked.force)
    earlier.refuse_other(asked.target, asked.source, asked.proto)
    saving = asked.force and asked.save is not None
    return explained(replace(asked, html=None, force=saving), earlier.finish)
