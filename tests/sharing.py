"""Many copies of one capture that differ in one thing: what pure functions made of the very same objects is kept, and made anew of what differs.

A copy without one packet has the same hosts; one without one output of a host has the same packets, and the other hosts. Nothing behind the evidence
reads a clock or a file (tests/test_architecture.py), so that the same arguments give the same answer. tests/test_sharing.py holds the two together.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from enum import Enum
from functools import lru_cache
from types import MethodType
from typing import TYPE_CHECKING, Any

from netprobe.causes import case
from netprobe.forward import Request, question
from netprobe.journeys import clocks
from netprobe.state import build, model, outputs, parsed
from netprobe.state.counted import Counters
from netprobe.verdict import gather, observed, target

if TYPE_CHECKING:
    import pytest

MOST = 256  # answers kept of one function: one capture's tests follow one another
ANEW = (model.World, Counters, Request)  # put together anew for each analysis: what is in them counts
VALUES = (str, bytes, int, float, Enum, frozenset, type(None))


def key_of(value: object) -> object:
    """What an argument is known by: itself, what is in it, or which object it is. Of a kind that is not known here, the last: never another one's."""
    if isinstance(value, VALUES):
        return type(value), value
    if isinstance(value, Mapping):
        return dict, tuple((key, key_of(each)) for key, each in value.items())
    if isinstance(value, tuple | list):
        return type(value), tuple(map(key_of, value))
    if isinstance(value, MethodType):
        return value.__func__, key_of(value.__self__)
    if isinstance(value, ANEW):
        return type(value), tuple(key_of(getattr(value, each.name)) for each in fields(value))
    return id(value)


class Kept:
    """A pure function that keeps its last answers, and the arguments that they are known by (so that no other object gets their id).

    Args:
        function: which.
        of: parameter -> what of that argument counts, where that is not all of it.
    """

    def __init__(self, function: Callable[..., Any], of: Mapping[str, Callable[[Any], object]] | None = None) -> None:
        self._function = function
        self._parameters = inspect.signature(function)
        self._of = of or {}
        self._answers: OrderedDict[object, tuple[Any, object]] = OrderedDict()

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        given = self._parameters.bind(*arguments, **named).arguments
        counts = {name: self._of[name](each) if name in self._of else each for name, each in given.items()}
        key = key_of(counts)
        if key in self._answers:
            self._answers.move_to_end(key)
            return self._answers[key][0]
        answer = self._function(*arguments, **named)
        self._answers[key] = answer, counts
        if len(self._answers) > MOST:
            self._answers.popitem(last=False)
        return answer

    @property
    def kept(self) -> int:
        """How many answers are kept."""
        return len(self._answers)

    def forget(self) -> None:
        """Keep nothing of what was asked so far."""
        self._answers.clear()


# Where a function is called: the module, and its name there.
CALLED: tuple[tuple[Any, str], ...] = (
    (build, "build_host"),
    (observed, "decode"),
    (observed, "on_one_clock"),
    (observed, "build"),
    (observed, "connections"),
    (question, "predict_probe"),
    (gather, "predict_probe"),
    (case, "predict_probe"),
    (target, "predict_probe"),
    (gather, "itinerary"),
)
# Of the hosts' state, the clocks need whose the link addresses are, and no more.
OF = {"on_one_clock": {"hosts": clocks.by_link_address}}


def _kept() -> Iterator[tuple[Any, str, Callable[..., Any]]]:
    """Yield (module, name there, what stands in for it)."""
    yield outputs, "understood", lru_cache(1024)(parsed.understood)
    answers: dict[Any, Kept] = {}
    for module, name in CALLED:
        function = getattr(module, name)
        yield module, name, answers.setdefault(function, Kept(function, OF.get(name)))


KEPT = tuple(_kept())


def share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the analyses of one test, and of those that follow it, share their work."""
    for module, name, kept in KEPT:
        monkeypatch.setattr(module, name, kept)
