"""Which tests go to one worker, one after the other: those that share what is costly to make. For ``-n N --dist loadgroup``.

By name, not by xdist's marks: those are lost under pytest 9.2 (pytest-xdist 3.8 writes them into a node id that pytest does not read any more).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from xdist.scheduler import LoadScopeScheduling

from netprobe_lab.experiments import EXPERIMENTS
from netprobe_lab.runner import grouped

if TYPE_CHECKING:
    from collections import OrderedDict

OVER_ALL_CAPTURES = ("tests/test_replay.py", "tests/test_mutilated.py", "tests/test_remedies.py")
FIRST = (  # few tests that take long: nothing else would be left to do beside them
    "tests/test_install.py",
    "tests/lab/test_nft_kernel.py",
)


class ByScope(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Hands scopes out: what takes long first, then the one with the most tests."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)

    def _assign_work_unit(self, node: object) -> None:
        long_ones_first(self.workqueue)
        super()._assign_work_unit(node)


def long_ones_first(scopes: OrderedDict[str, Any]) -> None:
    """Put what takes long at the head of the queue."""
    for scope in reversed(FIRST):
        if scope in scopes:
            scopes.move_to_end(scope, last=False)


def scope_of(nodeid: str) -> str:
    """Return what a test shares: an experiment its situation in one lab, a capture's tests what was read of it, others their file."""
    file, _, test = nodeid.partition("::")
    parameters = test.partition("[")[2].rpartition("]")[0]
    if file in OVER_ALL_CAPTURES and parameters:
        return f"capture {_capture_of(parameters)}"
    if file.startswith("tests/lab/") and parameters in _situations():
        return f"{file} situation {_situations()[parameters]}"
    return file


@cache
def _situations() -> dict[str, int]:
    """The number of each experiment's situation, by its name."""
    return {each.name: number for number, group in enumerate(grouped(EXPERIMENTS)) for each in group}


def _capture_of(parameters: str) -> str:
    """Of "shift-NAME" or "failed-NAME", the NAME: what the longest of the experiments' names ends it with."""
    if parameters in _situations():
        return parameters
    return max((name for name in _situations() if parameters.endswith(name)), key=len, default=parameters)
