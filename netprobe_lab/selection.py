"""Choosing few experiments that show much. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe_lab.experiments.model import Expected, Experiment

Facet = tuple[str, str]


def facets(expected: Expected) -> set[Facet]:
    """Return what a report of that kind is an example of: ``("cause", CODE)``, ``("finding", CODE)``; if it works, ``("path", CODE)``."""
    found = {("finding", code) for code in expected.findings}
    if expected.cause is not None:
        found.add(("cause", expected.cause))
    if expected.verdict == "works":
        found.add(("path", expected.path))
    return found


def one_of_each(experiments: Iterable[Experiment]) -> list[Experiment]:
    """Return, in their order, experiments in which every cause, finding and path of them all occurs.

    What the lab can make comes before what is built by hand (`Experiment.edits`), and otherwise the earlier one.
    """
    every = list(experiments)
    chosen: set[str] = set()
    seen: set[Facet] = set()
    for experiment in sorted(every, key=lambda each: bool(each.edits)):
        new = facets(experiment.expected) - seen
        if new:
            chosen.add(experiment.name)
            seen |= new
    return [each for each in every if each.name in chosen]
