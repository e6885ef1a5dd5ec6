"""The arrays that the compiled tracker works on. No numba here: who calls the kernel makes them."""

from __future__ import annotations

import numpy as np

from netprobe.flowtable.index import WORDS

KEY = np.dtype(
    [
        ("words", "u8", (WORDS,)),
        ("mix", "u8"),  # of the words: the seed of its packets' identities (copies.py)
        ("seen_ns", "i8"),  # time of its packet before, copies left out
        ("taken", "i8"),  # its packets
        ("again", "i8"),  # those that repeat an earlier one
        ("flow", "i8"),  # its flow that goes on; -1 none yet
        ("first", "i8"),  # where in the capture its first packet stands, and its last one, copies too
        ("last", "i8"),
    ]
)
"""What is known of a key: one row each."""

SIGHT = np.dtype(
    [
        ("identity", "u8"),
        ("before", "i8"),  # the packet that the chain goes on with, by its position
        ("time_ns", "i8"),
        ("eth_src", "i8"),
        ("eth_dst", "i8"),
        ("ttl", "i8"),
        ("chain", "i8"),  # equal ones in a row up to it
        ("dropped", "i8"),  # how many of them were copies
    ]
)
"""A packet as it is held against others."""

BUCKETS = 1 << 16
"""Chains of packets that are remembered."""

NOWHERE = -(1 << 62)
"""Where a chain ends: far from all positions."""

LOAD = 2
"""Slots of the hash table a key, at least."""

LONGEST = 64
"""How many slots a search may take before another seed is tried, at first."""

FLOWS, KEYS, ERRORS, PACKETS, SEED, LONGEST_NOW, CROWDED, MERGE, DEPTH, ROOM, WANTED, NUMBERS = range(12)
"""Places of the tracker's numbers: how many flows, keys, errors and packets there are; the hash table's seed, its longest search, 1 where one got
longer; 1 where flows are not split; of the packet that is tracked next, how many that are inside of each other were tracked before something was full;
how many flows there is room for; the block of flows that has to be put into its place again, from 1, 0 none. And how many numbers that are."""
