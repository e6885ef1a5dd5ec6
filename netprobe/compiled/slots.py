"""A hash table from keys to their numbers: open addressing, linear probing, no deletion (Knuth, TAOCP 3, section 6.4).

A slot holds the upper half of its key's mix and, below it, the key's number, from 1; 0 is an empty slot. The lower bits of the mix say where a search
begins. Whoever makes a capture knows this code, and can make keys that all begin at one place; so a search that gets long makes the table mix by
another seed, and lets searches be twice as long from then on: each seed has to be met anew, by twice as many keys. Nothing but time depends on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.compiled.jit import compiled, inlined
from netprobe.compiled.key import mixed
from netprobe.flowtable.index import WORDS

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from netprobe.compiled.key import KeyRows, Words

    Slots = NDArray[np.uint64]

TOO_LONG = -1

_LOW = np.uint64(0xFFFFFFFF)
_HIGH = np.uint64(0xFFFFFFFF00000000)


@inlined
def _is(key: Any, words: Words) -> bool:
    for word in range(WORDS):  # noqa: SIM110  (numba has no all())
        if key["words"][word] != words[word]:
            return False
    return True


@compiled
def find(slots: Slots, words: Words, code: np.uint64, longest: int, keys: KeyRows) -> int:
    """Return the slot that holds a key whose mix is ``code``, or the empty one where it belongs; :data:`TOO_LONG` where neither is near."""
    mask = len(slots) - 1
    tag, at = code & _HIGH, int(np.int64(code)) & mask
    for _ in range(longest):
        held = slots[at]
        if held == 0 or (held & _HIGH == tag and _is(keys[np.int64(held & _LOW) - 1], words)):
            return at
        at = (at + 1) & mask
    return TOO_LONG


@inlined
def number(slots: Slots, at: int) -> int:
    """Return the number of the key in a slot; -1 where it is empty."""
    return int(slots[at] & _LOW) - 1


@inlined
def put(slots: Slots, at: int, code: np.uint64, key: int) -> None:
    """Let a slot hold a key, by its number."""
    slots[at] = (code & _HIGH) | np.uint64(key + 1)


@compiled
def refill(keys: KeyRows, count: int, slots: Slots, seed: int, longest: int) -> int:
    """Put keys into an empty table. Returns 1; 0 where a search gets too long."""
    for key in range(count):
        words = keys[key]["words"]
        code = mixed(words, seed)
        at = find(slots, words, code, longest, keys)
        if at == TOO_LONG:
            return 0
        put(slots, at, code, key)
    return 1
