"""The lab that these tests run in: brought up once, taken down at the end, apart from any lab that is in use."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from netprobe_lab.errors import LabImpossible
from netprobe_lab.layout import OVERRIDE, Lab, this_lab
from netprobe_lab.lifecycle import check_possible, down, up
from netprobe_lab.steps import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

# Another lab than the checkout's own, so that nobody's containers are removed by a test run. Set here, before any test,
# so that netprobe commands that tests start find it too.
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")  # each has a lab of its own
_TEST_LAB = f"{this_lab().id[:10]}t{_WORKER}"
_NEEDING = pytest.StashKey[int]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs the lab; where no lab can exist, leave one of them to say so in one line, instead of hundreds."""
    needing = [item for item in items if "possible" in getattr(item, "fixturenames", ())]
    for item in needing:
        item.add_marker(pytest.mark.lab)
    try:
        check_possible()
    except LabImpossible:
        rest = needing[1:]
        config.hook.pytest_deselected(items=rest)
        items[:] = [item for item in items if item not in set(rest)]
        config.stash[_NEEDING] = len(needing)


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
    if os.environ.get("CI") == "true":
        pytest.fail(text, pytrace=False)
    pytest.skip(text)
