"""How far a run is, from what workers say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.cluster import progress as module
from netprobe.cluster.progress import WALKING, HowFar, Saying

if TYPE_CHECKING:
    import pytest


def told() -> tuple[HowFar, list[int]]:
    done: list[int] = []
    return HowFar("run", lambda at, _size: done.append(at), 1000), done


def test_walking_is_a_part_of_it_and_the_end_is_all() -> None:
    far, done = told()
    far.walked(400)
    far.walked(600)
    far.begin([300, 690])
    far.ended(1)
    far.ended(0)
    assert done[:3] == [int(WALKING * 400), int(WALKING * 1000), int(WALKING * 1000)]
    assert done == sorted(done)
    assert done[-1] == 1000


def test_pieces_count_while_they_are_worked_on() -> None:
    far, done = told()
    far.begin([500, 500])
    far.hear((0.0, ("run", 1, 0.5)))
    far.show()
    assert done[-1] == int(WALKING * 1000 + (1 - WALKING) * 250)
    far.hear((0.0, ("run", 1, 0.25)))  # another worker does it again
    far.hear((0.0, ("other", 0, 0.9)))
    far.show()
    assert done[-1] == done[-2]


def test_a_worker_says_it_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[list[object]] = []
    now = iter([0.0, 0.1, 0.3, 0.4, 0.6])
    monkeypatch.setattr(module, "monotonic", lambda: next(now))
    monkeypatch.setattr(module, "_say", said.append)
    tell = Saying(run="run", number=3).teller(100)
    for packets in (10, 20, 30, 40):
        tell(packets)
    assert said == [["run", 3, 0.2], ["run", 3, 0.4]]


def test_without_a_worker_nothing_is_said() -> None:
    tell = Saying(run="run", number=0).teller(1)
    module._say(["run", 0, 1.0])
    tell(1)
