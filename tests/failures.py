"""What failed, in few lines: first what was other than expected, then where. All of it in a file. A pytest plugin, for ``-p tests.failures --failures FOLDER``.

A log of continuous integration is cut: a report of a hundred lines would hide the one that tells. The folder also gets ``failed.json``: node id -> these lines.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

LIST = "failed.json"
TOLD = 24  # lines of what was other than expected
PRINTED = 8  # lines of what the test printed: netprobe's verdict, why, and the first of the way
WIDTH = 200


class Failures:
    """Shortens what failed where it was run, and lists it where all is known."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.failed: dict[str, str] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed:
            shorten(report, self.folder)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.setdefault(report.nodeid, report.longreprtext)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not hasattr(session.config, "workerinput"):
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / LIST).write_text(json.dumps(self.failed))


def shorten(report: pytest.TestReport, folder: Path) -> None:
    """Write all that a failed report says to a file of the folder, and leave at most some 40 lines in it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{re.sub(r'[^A-Za-z0-9.-]+', '-', report.nodeid)[-150:]}.{report.when}.txt"
    whole = report.longreprtext
    file.write_text("\n".join([report.nodeid, whole, *(f"-- {title}\n{text}" for title, text in report.sections)]))
    printed = [line for title, text in report.sections if "stdout" in title for line in text.splitlines()]
    lines = [*_most(raised(whole), TOLD), *_where(report), *_most(printed, PRINTED), f"all of it: {file}"]
    report.longrepr = "\n".join(line[:WIDTH] for line in lines)
    report.sections = []


def raised(whole: str) -> list[str]:
    """Return what pytest says of the exception: of an assertion the values and their difference; all where it marks nothing as that."""
    lines = whole.splitlines()
    marked = dedent("\n".join(line[1:] for line in lines if line.startswith("E  "))).splitlines()
    return marked or lines


def _where(report: pytest.TestReport) -> list[str]:
    crash = getattr(report.longrepr, "reprcrash", None)
    return [f"at {crash.path}:{crash.lineno}"] if crash is not None else []


def _most(lines: list[str], most: int) -> list[str]:
    left = len(lines) - most
    return [*lines[:most], *([f"… {left} more lines"] if left > 0 else [])]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's option."""
    parser.getgroup("netprobe").addoption(
        "--failures", metavar="FOLDER", help="tell what failed in few lines, and write all of it there"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Do so where it was asked for."""
    folder = config.getoption("failures")
    if folder is not None:
        config.pluginmanager.register(Failures(Path(folder)), "netprobe-failures")
