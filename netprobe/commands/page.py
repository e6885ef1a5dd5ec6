"""``--html FILE``: the reports of a command as one page that needs nothing else, written whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.commands.outcome import say
from netprobe.commands.output import page_to
from netprobe.report.escape import visible

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from netprobe.model.details import Details
    from netprobe.model.report import Report


class Page:
    """A page that is being made; without a file it is none, and nothing is worked out for it.

    Attributes:
        is_stdout: it goes to stdout, in place of the reports.
    """

    def __init__(self, path: str | None, *, force: bool, beside: Collection[str], quiet: bool = False) -> None:
        """Find out before the work whether the file may be written.

        Args:
            path: its name; None: no page was asked for.
            force: whether one that is there may be replaced.
            beside: the files that the command reads or writes besides.
            quiet: do not say which file was written.

        Raises:
            UsageFault: it may not.
        """
        self._to = page_to(path, force=force)
        self._quiet = quiet
        self.is_stdout = self._to is not None and self._to.is_stdout
        self._parts: list[tuple[Report, Details]] = []
        self.add = None if self._to is None else self._add
        if self._to is not None:
            self._to.check(beside)

    def _add(self, report: Report, details: Details) -> None:
        self._parts.append((report, details))

    def write(self, names: Sequence[str] = ()) -> None:
        """Write all that was added.

        Args:
            names: what each report is of, where there are several.

        Raises:
            EnvironmentFault: it cannot be written.
        """
        if self._to is None:
            return
        from netprobe.report.html.page import page

        # "surrogateescape" of a name that is no UTF-8 was made visible by the printer: what is left can be encoded
        self._to.write([page(self._parts, names).encode()])
        if not (self._quiet or self.is_stdout):
            say(f"netprobe: page written to {visible(self._to.path)}")
