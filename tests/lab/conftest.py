"""The lab that these tests run in: brought up once, taken down at the end, apart from any lab that is in use."""

from __future__ import annotations

import os
import sys
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import pytest

from netprobe_lab.cures import representatives
from netprobe_lab.errors import LabImpossible
from netprobe_lab.experiments import EXPERIMENTS
from netprobe_lab.experiments.model import Experiment
from netprobe_lab.layout import OVERRIDE, Lab, this_lab
from netprobe_lab.lifecycle import check_possible, down, up
from netprobe_lab.selection import one_of_each
from netprobe_lab.steps import clean
from tests import proved

if TYPE_CHECKING:
    from collections.abc import Iterator
# Another lab than the checkout's own, so that nobody's containers are removed by a test run. Set here, before any test,
# so that netprobe commands that tests start find it too.
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")  # each has a lab of its own
_TEST_LAB = f"{this_lab().id[:10]}t{_WORKER}"
_NEEDING = pytest.StashKey[int]()


_WORKS = "test_netprobe_says_what_is_declared["


@cache
def chosen() -> frozenset[str]:
    """The experiments that `make test` runs: half of one of each cause (with its remedy), finding and path, and what is not proved as it stands, of others some."""
    every = {each.name for each in (*one_of_each(proved.LIVE), *representatives("20").values())}
    unproved = every & {each.name for each in changed()}
    return frozenset({*proved.one_of(2, every), *unproved, *(each.name for each in proved.sample(changed()))})


@cache
def changed() -> list[Experiment]:
    return proved.differing(proved.LIVE, proved.load())


def pytest_sessionstart(session: pytest.Session) -> None:
    """Say what is left to `make test-all`."""
    here = session.config.getoption("lab_tests") == "chosen" and not _WORKER
    more = len(changed()) - proved.SAMPLE
    if here and changed():
        rest = f"; {more} of them are left to `make test-all`" if more > 0 else ""
        sys.stderr.write(f"{len(changed())} experiments are not proved as they stand (tests/proved.json){rest}\n")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs the lab; leave what was not asked for; where no lab can exist, one of them says so in one line, instead of hundreds."""
    needing = [item for item in items if "possible" in getattr(item, "fixturenames", ())]
    for item in needing:
        item.add_marker(pytest.mark.lab)
    which = config.getoption("lab_tests")
    if which != "all":
        _leave(config, items, {item for item in items if _is_chosen(item) is (which == "rest")})
    try:
        check_possible()
    except LabImpossible:
        config.stash[_NEEDING] = len(needing)
        _leave(config, items, set(needing[1:]))


def _is_chosen(item: pytest.Item) -> bool:
    """Whether `make test` runs it; the rest is `make test-all`'s."""
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    experiment = parameters.get("experiment")
    return not item.get_closest_marker("whole") and (
        not isinstance(experiment, Experiment) or experiment.name in chosen()
    )


def _leave(config: pytest.Config, items: list[pytest.Item], left: set[pytest.Item]) -> None:
    config.hook.pytest_deselected(items=[item for item in items if item in left])
    items[:] = [item for item in items if item not in left]


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("prove") and not _WORKER:
        config.pluginmanager.register(Proving(), "netprobe-proving")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count how the remedies ended."""
    ended = [report for key in ("passed", "failed") for report in terminalreporter.getreports(key)]
    how = Counter(value for report in ended for name, value in report.user_properties if name == "cured")
    if how:
        terminalreporter.write_line("remedies: " + ", ".join(f"{how[each]} {each}" for each in sorted(how)))


class Proving:
    """Notes which experiments passed, and writes it down at the end."""

    def __init__(self) -> None:
        self.failed: dict[str, bool] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.partition(_WORKS)[2].partition("]")[0]
        if name and not report.skipped:
            self.failed[name] = self.failed.get(name, False) or report.failed

    def pytest_sessionfinish(self) -> None:
        known = {each.name: each for each in EXPERIMENTS}
        passed = [known[name] for name, failed in self.failed.items() if not failed]
        proved.note(passed, (name for name, failed in self.failed.items() if failed), known)


@pytest.fixture(scope="session")
def possible(pytestconfig: pytest.Config) -> None:
    """Skip where no lab can exist; with CI=true that is a failure."""
    try:
        check_possible()
    except LabImpossible as why:
        _step_aside(why, pytestconfig.stash.get(_NEEDING, 1))


@pytest.fixture(scope="session")
def lab(possible: None, pytestconfig: pytest.Config) -> Iterator[Lab]:
    """The running lab of this test session."""
    os.environ[OVERRIDE] = _TEST_LAB
    here = this_lab()
    os.environ["NETPROBE_HOSTS"] = str(here.hosts_file)
    try:
        up(here, lambda _: None)
    except LabImpossible as why:
        _step_aside(why, pytestconfig.stash.get(_NEEDING, 1))
    yield here
    down(here, lambda _: None)
    del os.environ[OVERRIDE], os.environ["NETPROBE_HOSTS"]


@pytest.fixture
def clean_lab(lab: Lab) -> Lab:
    """The running lab without containers, custom networks or foreign rules."""
    clean(lab)
    return lab


def _step_aside(why: LabImpossible, number: int) -> None:
    text = f"{number} lab tests need a lab, and none can be here: {why.message}"
    if "NETPROBE_LAB_MUST_BE" in os.environ or os.environ.get("CI") == "true":
        pytest.fail(text, pytrace=False)
    pytest.skip(text)
