"""For all tests."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.progress import Progress
from tests.scheduling import ByScope
from tests.sharing import share

if TYPE_CHECKING:
    from xdist.remote import Producer

# A shell that runs a job in the background has it ignore SIGINT, and children inherit that: tests of Ctrl-C need the default.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long one example takes says more about the machine's other work than about the code.
settings.register_profile("netprobe", deadline=None)
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
        help="chosen: one of each cause, finding and path with its remedy, and what tests/proved.json does not hold; rest: all others",
    )
    group.addoption("--prove", action="store_true", help="write to tests/proved.json which experiments passed")


def pytest_configure(config: pytest.Config) -> None:
    part = config.getoption("part")
    if part and "PYTEST_XDIST_WORKER" not in os.environ:
        config.pluginmanager.register(Progress(part), "netprobe-progress")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByScope | None:
    return ByScope(config, log) if config.getoption("dist") == "loadgroup" else None
