"""What a part of the suite is doing and how far it is: a line every few seconds instead of a dot a test. A pytest plugin, for ``--part NAME``."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

EVERY_S = 10.0
CLEAR_LINE = "\r\x1b[K"


class Progress:
    """Counts what ends, with or without workers, and says so on stderr."""

    def __init__(self, part: str) -> None:
        self.part = part
        self.begin = self.said = time.monotonic()
        self.total = 0
        self.ended: dict[str, bool] = {}
        self.on_terminal = sys.stderr.isatty()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.total = max(self.total, len(session.items))

    def pytest_xdist_node_collection_finished(self, node: object, ids: list[str]) -> None:
        self.total = max(self.total, len(ids))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._say_for_good(f"{self.part}: FAILED {report.nodeid}")
        self.ended[report.nodeid] = self.ended.get(report.nodeid, False) or report.failed
        if report.when == "teardown" and time.monotonic() - self.said > (1.0 if self.on_terminal else EVERY_S):
            self.said = time.monotonic()
            self._say(self._line(report.nodeid.rpartition("/")[2]))

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """No dot for what passed or was skipped; what failed keeps its letter."""
        if report.failed:
            return None
        return ("" if report.when != "call" and not report.skipped else report.outcome, "", "")

    def pytest_sessionfinish(self) -> None:
        self._say_for_good(self._line("done"))

    def _line(self, what: str) -> str:
        failed = sum(self.ended.values())
        bad = f", {failed} failed" if failed else ""
        return f"{self.part}: {len(self.ended)} of {self.total}{bad}, {clock(time.monotonic() - self.begin)}: {what}"

    def _say_for_good(self, line: str) -> None:
        """Say what no later line overwrites."""
        self._say(line, end="\n")

    def _say(self, line: str, end: str = "") -> None:
        sys.stderr.write(CLEAR_LINE + line[:150] + end if self.on_terminal else line + "\n")
        sys.stderr.flush()


def clock(seconds: float) -> str:
    """Return a duration as MINUTES:SECONDS."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
