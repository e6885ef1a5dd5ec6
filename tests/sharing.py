"""Many copies of one capture that differ in one thing: what pure functions made of the very same objects is kept, and made anew of what differs.

A copy without one packet has the same hosts; one without one output of a host has the same packets, and the other hosts. Nothing behind the evidence
reads a clock or a file (tests/test_architecture.py), so that the same arguments give the same answer. tests/test_sharing.py holds the two together.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from netprobe.causes import case
from netprobe.forward import question
from netprobe.journeys import clocks
from netprobe.state import build, model
from netprobe.verdict import gather, observed

if TYPE_CHECKING:
    import pytest

MOST = 256  # answers kept of one function: one capture's tests follow one another


class Kept:
    """A pure function that keeps its last answers, by the identity of its arguments (which are kept too, so that no other gets it)."""

    def __init__(self, function: Callable[..., Any], key: Callable[..., Any]) -> None:
        self._function = function
        self._key = key
        self._answers: OrderedDict[Any, tuple[Any, Any]] = OrderedDict()

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        key = self._key(*arguments, **options)
        if key in self._answers:
            self._answers.move_to_end(key)
            return self._answers[key][0]
        answer = self._function(*arguments, **options)
        self._answers[key] = (answer, (arguments, options))
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


def _same(*arguments: object) -> tuple[int, ...]:
    return tuple(map(id, arguments))


def _each(values: Any) -> tuple[Any, ...]:
    """Of what is put together anew every time: what is in it."""
    return tuple(
        (key, id(each)) for key, each in (values.items() if isinstance(values, Mapping) else enumerate(values))
    )


def _aligned(table: Any, points: Any, reference: Any, hosts: Any) -> tuple[Any, ...]:
    """Of the hosts' state, the clocks need whose the link addresses are, and no more."""
    return id(table), _each(points), reference, tuple(clocks.by_link_address(hosts).items())


def _state(state: Any, earlier: Any = None, words: Any = None) -> tuple[Any, ...]:
    return (*_same(state, earlier), *_each(words or {}))


def _decoded(packets: Any, points: Any) -> tuple[Any, ...]:
    return id(packets), _each(points)


def _predicted(probe: Any, hosts: Any, without: Any = frozenset(), still: Any = None) -> tuple[Any, ...]:
    """``still`` is a method of both moments' counters."""
    counters = (_each(still.__self__.world.before), _each(still.__self__.world.after)) if still is not None else ()
    return id(probe), _each(hosts), without, counters


def _stops(hosts: Any, asked: Any, target: Any) -> tuple[Any, ...]:
    return _each(hosts), asked, target


def _kept() -> Iterator[tuple[Any, str, Callable[..., Any]]]:
    """Yield (module, name there, what stands in for it)."""
    yield model, "understood", lru_cache(1024)(model.understood)
    answers: dict[Any, Kept] = {}
    for module, name, key in (
        (build, "build_host", _state),
        (observed, "decode", _decoded),
        (observed, "on_one_clock", _aligned),
        (observed, "build", _same),
        (observed, "connections", _same),
        (question, "predict_probe", _predicted),
        (gather, "predict_probe", _predicted),
        (case, "predict_probe", _predicted),
        (gather, "itinerary", _stops),
    ):
        function = getattr(module, name)
        yield module, name, answers.setdefault(function, Kept(function, key))


KEPT = tuple(_kept())


def share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the analyses of one test, and of those that follow it, share their work."""
    for module, name, kept in KEPT:
        monkeypatch.setattr(module, name, kept)
