"""Few experiments that show much: each cause, finding and path once, what is built by hand only where nothing else shows it."""

from __future__ import annotations

from dataclasses import replace

from netprobe_lab.experiments import EXPERIMENTS, experiment
from netprobe_lab.selection import facets, one_of_each


def test_every_facet_occurs_and_no_more_than_needed() -> None:
    every = set().union(*(facets(each.expected) for each in EXPERIMENTS))
    chosen = one_of_each(EXPERIMENTS)
    assert set().union(*(facets(each.expected) for each in chosen)) == every
    assert len(chosen) <= len(every)
    assert chosen == [each for each in EXPERIMENTS if each in chosen], "in their order"


def test_the_kinds_of_facets() -> None:
    assert facets(experiment("demo").expected) == {("path", "dnat")}
    fails = replace(experiment("demo").expected, verdict="fails", path="none", cause="proxy-dead", findings=("a",))
    assert facets(fails) == {("cause", "proxy-dead"), ("finding", "a")}


def test_what_the_lab_makes_comes_before_what_is_built_by_hand() -> None:
    by_hand = next(each for each in EXPERIMENTS if each.edits)
    made = replace(by_hand, name="made", edits=())
    assert one_of_each([by_hand, made]) == [made]
    assert one_of_each([by_hand]) == [by_hand]
