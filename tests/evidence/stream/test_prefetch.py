"""What is read ahead comes in order, and an early end on either side ends both."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from netprobe.errors import EvidenceFault
from netprobe.evidence.stream.prefetch import DEPTH, prefetched

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG = 10.0  # s: nothing here takes that long


def test_all_comes_in_order() -> None:
    assert list(prefetched(iter(range(100)))) == list(range(100))
    assert list(prefetched(iter(()))) == []


def test_it_works_ahead_and_no_farther_than_it_may() -> None:
    made: list[int] = []
    enough = threading.Semaphore(0)

    def numbers() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            enough.release()
            yield number

    got = prefetched(numbers())
    assert next(got) == 0
    for _ in range(DEPTH + 2):  # one was taken, one waits for room
        assert enough.acquire(timeout=LONG)
    assert len(made) == DEPTH + 2
    assert list(got) == list(range(1, 100))


def test_a_fault_comes_behind_what_was_read_before_it() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise EvidenceFault("the file ends here")

    got = prefetched(broken())
    assert next(got) == 1
    with pytest.raises(EvidenceFault, match="ends here"):
        next(got)


def test_who_stops_early_ends_the_reading() -> None:
    ended = threading.Event()

    def numbers() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            ended.set()

    got = prefetched(numbers())
    assert next(got) == 0
    del got
    assert ended.wait(LONG)
