"""What looks at a packet at one hook, in the kernel's order; and chains of equal priority, whose order no listing shows.

Source: net/netfilter/core.c (nf_hook_entries_grow: of two hooks of equal priority the one that was registered last runs first).
"""

from __future__ import annotations

from itertools import groupby, permutations
from typing import TYPE_CHECKING, TypeAlias

from netprobe.forward.model import Stopped, UnknownHere
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from netprobe.evidence.model import Place
    from netprobe.forward.model import Flying, WalkStep

    Passed: TypeAlias = tuple[Flying, tuple[WalkStep, ...]]

_MOST_ORDERED = 4  # chains of equal priority whose every order is tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One thing that looks at the packet at a hook: its priority, and how it is passed (raises Stopped, UnknownHere)."""

    prio: int
    go: Callable[[Flying], Passed]


def pass_all(place: Place, stages: Iterable[Stage], packet: Flying) -> Passed:
    """Pass every stage, by priority. Raises as :func:`pass_equals`."""
    steps: tuple[WalkStep, ...] = ()
    for group in by_priority(stages):
        try:
            packet, more = pass_equals(place, group, packet)
        except UnknownHere as why:
            raise why.because(packet) from None
        steps += more
    return packet, steps


def by_priority(stages: Iterable[Stage]) -> Iterable[tuple[Stage, ...]]:
    """The stages in order, those of equal priority together."""
    for _, group in groupby(sorted(stages, key=lambda each: each.prio), key=lambda each: each.prio):
        yield tuple(group)


def pass_equals(place: Place, group: Sequence[Stage], packet: Flying) -> Passed:
    """Pass stages of equal priority: in any order, as long as the order does not matter.

    Raises:
        Stopped, UnknownHere: as a stage does; UnknownHere where the order matters.
    """
    if len(group) == 1:
        return group[0].go(packet)
    orders = permutations(group) if len(group) <= _MOST_ORDERED else (group, tuple(reversed(group)))
    ends = [_in_order(order, packet) for order in orders]
    first = ends[0]
    if all(each.key == first.key for each in ends):
        return first.result()
    names = " or ".join(dict.fromkeys(str(each.stopped.obstacle.label) for each in ends if each.stopped))
    what = f"{names} ends it, or what they change matters" if names else "they change the packet"
    rules = [each.stopped.obstacle.rule for each in ends if each.stopped and each.stopped.obstacle.rule]
    raise UnknownHere(
        f"{place}: chains of equal priority meet the packet ({what}), and which of them comes first no listing shows",
        dict.fromkeys(rules),
        place,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """How an order ends."""

    passed: Passed | None = None
    stopped: Stopped | None = None
    unknown: UnknownHere | None = None

    @property
    def key(self) -> object:
        """What makes two ends the same."""
        if self.stopped is not None:
            return self.stopped.obstacle
        return str(self.unknown) if self.unknown is not None else self.passed and self.passed[0]

    def result(self) -> Passed:
        """The packet, or what was raised."""
        if self.stopped is not None:
            raise self.stopped
        if self.passed is None:
            raise self.unknown or UnknownHere("")
        return self.passed


def _in_order(order: Iterable[Stage], packet: Flying) -> _End:
    steps: tuple[WalkStep, ...] = ()
    for stage in order:
        try:
            packet, more = stage.go(packet)
        except Stopped as stopped:
            return _End(stopped=stopped)
        except UnknownHere as why:
            return _End(unknown=why)
        steps += more
    return _End(passed=(packet, steps))
