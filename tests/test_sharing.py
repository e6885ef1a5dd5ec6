"""Shared work gives what work from scratch gives."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from netprobe.pipeline import analyze
from netprobe.report.json import to_json
from tests.mutilation import evidence, only, without_output, without_point
from tests.sharing import KEPT, Kept, share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.evidence.model import Evidence


def copies(whole: Evidence) -> Iterator[Evidence]:
    """Of every kind that tests/test_mutilated.py and tests/test_replay.py make, and some of them twice."""
    yield whole
    for row in range(0, len(whole.packets), 3):
        yield replace(whole, packets=only(whole.packets, np.arange(len(whole.packets)) != row))
    for index in range(len(whole.points)):
        yield without_point(whole, index)
    for key in sorted({key for state in whole.before for key in state.outputs})[::3]:
        before, after = (
            tuple(without_output(each, key.__eq__, failed=True) for each in states)
            for states in (whole.before, whole.after)
        )
        yield replace(whole, before=before, after=after)
        yield replace(whole, after=after)
    yield whole.without_state()
    yield whole


@pytest.mark.parametrize(
    "name", ["docker-user-drop", "truth-udp-other-bridge-normal", "stale-dnat", "dns-client-cache"]
)
def test_the_same_reports(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = evidence(name)
    alone = [to_json(analyze(each)) for each in copies(whole)]
    share(monkeypatch)
    assert [to_json(analyze(each)) for each in copies(whole)] == alone


def test_every_kept_function_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A room that does not call one by that name any more would go unnoticed otherwise."""
    for module, name, kept in KEPT:
        monkeypatch.setattr(module, name, kept)
        if isinstance(kept, Kept):
            kept.forget()
    analyze(evidence("docker-user-drop"))
    assert [name for _, name, kept in KEPT if isinstance(kept, Kept) and not kept.kept] == []


def test_an_argument_that_is_kept_is_no_other_ones() -> None:
    asked: list[object] = []

    def number(value: object) -> int:
        asked.append(value)
        return len(asked)

    kept = Kept(number)
    one, other = object(), object()
    assert [kept(one), kept(other), kept(one)] == [1, 2, 1]
    assert asked == [one, other]
