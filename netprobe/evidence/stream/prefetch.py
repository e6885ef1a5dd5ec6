"""Reading ahead: a file is read and walked in a thread of its own while what was read is worked on."""

from __future__ import annotations

import threading
from queue import Empty, Queue
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

DEPTH = 2
"""Chunks that are ready at most: more would not be sooner, and each takes memory."""


def prefetched(chunks: Iterator[T]) -> Iterator[T]:
    """Yield what an iterator yields. It goes on in a thread of its own meanwhile, by at most :data:`DEPTH` steps, and its exception is raised here.

    Reading, and compiled code, does not hold Python's lock: so both sides work at once. Where the caller stops early, the thread ends behind the step
    that it is at; nobody waits for it, for that step may wait for a pipe.
    """
    ready: Queue[tuple[T, None] | tuple[None, BaseException | None]] = Queue(DEPTH)
    stopped = threading.Event()
    threading.Thread(target=_work, args=(chunks, ready, stopped), name="read ahead", daemon=True).start()
    try:
        while True:
            chunk, fault = ready.get()
            if fault is not None:
                raise fault
            if chunk is None:
                return
            yield chunk
    finally:
        stopped.set()
        _empty(ready)


def _work(
    chunks: Iterator[T],
    ready: Queue[tuple[T, None] | tuple[None, BaseException | None]],
    stopped: threading.Event,
) -> None:
    try:
        for chunk in chunks:
            ready.put((chunk, None))
            if stopped.is_set():
                return
    except BaseException as fault:  # noqa: BLE001  (raised where the chunks are wanted)
        ready.put((None, fault))
    else:
        ready.put((None, None))


def _empty(ready: Queue[tuple[T, None] | tuple[None, BaseException | None]]) -> None:
    """Make room, so that the thread does not wait for it."""
    try:
        while True:
            ready.get_nowait()
    except Empty:
        return
