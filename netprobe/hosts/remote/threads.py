"""Several things at once, none of them for ever."""

from __future__ import annotations

import threading

TYPE_CHECKING = False  # as typing's, which takes as long to load as all of this
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Sequence


def side_by_side(work: Callable[[Any], Any], items: Sequence[Any], most: int) -> List[Any]:
    """Return what ``work`` makes of each item, in the order of the items, with at most ``most`` at the same time.

    Raises:
        Exception: what ``work`` raised for one of them, once all have ended.
    """
    results: Dict[int, Any] = {}
    raised: List[Exception] = []
    left = list(reversed(range(len(items))))
    lock = threading.Lock()

    def worker() -> None:
        while True:
            with lock:
                if not left:
                    return
                number = left.pop()
            try:
                results[number] = work(items[number])
            except Exception as error:  # noqa: BLE001 - raised again below
                raised.append(error)

    threads = [threading.Thread(target=worker, daemon=True) for _ in range(min(most, len(items)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]
    return [results[number] for number in range(len(items))]
