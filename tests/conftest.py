"""For all tests."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests import proved
from tests.progress import Progress
from tests.scheduling import OVER_ALL_CAPTURES, ByScope
from tests.sharing import share

if TYPE_CHECKING:
    from xdist.remote import Producer

# A shell that runs a job in the background has it ignore SIGINT, and children inherit that: tests of Ctrl-C need the default.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long one example takes says more about the machine's other work than about the code.
# The same examples on every run: what new ones find is found on purpose (NETPROBE_FUZZ=1), and never stops somebody else's change.
settings.register_profile("netprobe", deadline=None, derandomize="NETPROBE_FUZZ" not in os.environ)
settings.load_profile("netprobe")


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests over many copies of one capture: what is the same in them is worked out once."""
    share(monkeypatch)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("netprobe")
    group.addoption("--part", metavar="NAME", help="say every few seconds how far this part of the suite is")
    group.addoption(
        "--lab-tests",
        choices=("all", "chosen", "rest"),
        default="all",
        help="chosen: of one of each cause, finding and path with its remedy half, and what tests/proved.json does not hold; rest: all others",
    )
    group.addoption(
        "--copies",
        choices=("all", "chosen", "rest"),
        default="all",
        help="altered copies of captures: chosen: of every fifth (or fifteenth) capture, and of some that tests/proved.json does not hold; rest: those of all others, and no other test",
    )
    group.addoption("--prove", action="store_true", help="write to tests/proved.json which experiments passed")


def pytest_configure(config: pytest.Config) -> None:
    part = config.getoption("part")
    if part and "PYTEST_XDIST_WORKER" not in os.environ:
        config.pluginmanager.register(Progress(part), "netprobe-progress")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the altered copies of captures that were not asked for, and what is `whole` where not all is."""
    which = config.getoption("copies")
    if which == "all":
        return
    captures = {item: _copied(item) for item in items}
    names = {name for name in captures.values() if name}
    unproved = {each.name for each in proved.sample(proved.differing(proved.LIVE, proved.load()))}
    some, few = (proved.one_of(count, names) | unproved for count in (5, 15))
    first = {
        item
        for item, name in captures.items()
        if (name is None or name in (few if item.get_closest_marker("few_captures") else some)) and not _whole(item)
    }
    left = {item for item in items if (item in first) is (which == "rest")}
    config.hook.pytest_deselected(items=[item for item in items if item in left])
    items[:] = [item for item in items if item not in left]


def _whole(item: pytest.Item) -> bool:
    """Whether `make test` leaves it to `make test-all`."""
    return item.get_closest_marker("whole") is not None


def _copied(item: pytest.Item) -> str | None:
    """The capture of which a test makes many altered copies, or that it is once more asked about in another way; None where it is no such test."""
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return None
    altered = "shared" in item.fixturenames and item.nodeid.partition("::")[0] in OVER_ALL_CAPTURES
    over_all = altered or any(map(item.get_closest_marker, ("each_capture", "few_captures")))
    name = item.callspec.params.get("name")
    return name if over_all and isinstance(name, str) else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByScope | None:
    return ByScope(config, log) if config.getoption("dist") == "loadgroup" else None
