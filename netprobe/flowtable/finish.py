"""From what was tracked to the flow table: who the client is, states, errors, order. Whoever tracked ends here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.flowtable.blocks import BLOCK, BLOCK_BITS, RowBlocks
from netprobe.flowtable.columns import finish as turn
from netprobe.flowtable.errors import attach
from netprobe.flowtable.keys import pack
from netprobe.flowtable.state import put
from netprobe.flowtable.zeek import conn_states

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from netprobe.decode.chunk import Ints
    from netprobe.flowtable.columns import FlowRows
    from netprobe.flowtable.errors import ErrorRows
    from netprobe.flowtable.state import States

    class TrackedFlows(Protocol):
        """Rows and states of flows by their numbers, wherever they are kept."""

        def take(self, numbers: Ints) -> tuple[FlowRows, States]:
            """Return rows and states, in that order."""

        def first_ns(self, count: int) -> Ints:
            """When each of so many flows began."""

        def drop(self, block: int) -> None:
            """Forget a block of them."""


_WHOLE = 1 << 32
_SOME = 1 << 12  # rows that are moved at a time, at least


def finished(rows: FlowRows, states: States, errors: ErrorRows) -> FlowRows:
    """Return the flow table.

    Args:
        rows: tracked rows, of one key in the order in which its flows began; changed in place.
        states: what was known beside them.
        errors: of the same packets, the earliest first.

    Returns:
        The same rows, sides turned so that 0 is the client, sorted by first packet, point, VLAN, tunnel, kind, version, addresses and ports.
    """
    attach(settled(rows, states), errors)
    return rows


def finished_blocks(tracked: TrackedFlows, count: int, errors: ErrorRows) -> RowBlocks:
    """Return the same table, packed: a block after the other, so that neither all rows nor all states are ever there at once.

    Args:
        tracked: the flows, of one key in the order in which they began; they are forgotten.
        count: how many there are.
        errors: as in :func:`finished`.
    """
    order = _order(tracked.first_ns(count), lambda numbers: tracked.take(numbers)[0])
    left = np.bincount(order >> BLOCK_BITS)
    out = RowBlocks()
    for begin in range(0, count, BLOCK):
        some = order[begin : begin + BLOCK]
        rows, states = tracked.take(some)
        _decide(rows, states)
        out.add(_named(rows))
        blocks, taken = np.unique(some >> BLOCK_BITS, return_counts=True)
        left[blocks] -= taken
        for block in blocks[left[blocks] == 0].tolist():
            tracked.drop(block)
    attach(out, errors)
    return out


def settled(rows: FlowRows, states: States) -> FlowRows:
    """Return the flow table of a part of a capture: :func:`finished` but for the errors, which may quote flows of other parts."""
    _decide(rows, states)
    sort(rows)
    return _named(rows)


def _decide(rows: FlowRows, states: States) -> None:
    """Who the client is, and what else the states tell."""
    taken_up = (states["isn2"] >= 0) & (states["got"] == 2)
    rows["isn"][taken_up] = states["isn2"][taken_up]
    known = rows["next"] >= 0
    rows["next"][known] %= _WHOLE
    opened, answered = states["syn_first"] >= 0, states["reply_first"] >= 0
    rows["client"] = np.where(
        opened, states["syn_first"], np.where(answered, 1 - states["reply_first"], states["guess"])
    )
    rows["guessed"] = (states["turned"] > 0) & ~opened & ~answered


def _named(rows: FlowRows) -> FlowRows:
    """Sides as client and server, and Zeek's states."""
    turn(rows)
    rows["conn_state"] = conn_states(rows)
    return rows


def sort(rows: FlowRows) -> Ints:
    """Sort rows in place: they are nearly in order as a rule, and a second table of all would take as much memory as the first.

    Returns:
        int64 (n,), where each row stood before.
    """
    order = _order(rows["first_ns"], rows.take)
    place = np.arange(len(order))
    ends = np.flatnonzero(np.maximum.accumulate(order) == place) + 1  # what stands before stays before
    start = 0
    while start < len(order):
        stop = int(ends[min(int(np.searchsorted(ends, start + _SOME)), len(ends) - 1)])
        moved = start + np.flatnonzero(order[start:stop] != place[start:stop])
        put(rows, moved, rows.take(order[moved]))
        start = stop
    return order


def _order(first: Ints, rows: Callable[[Ints], FlowRows]) -> Ints:
    """By the times first, which are in order as a rule; by the rest only where they are equal: the smaller end first, whoever is the client."""
    order: Ints = np.argsort(first, kind="stable").astype(np.int64)
    equal = first[order[1:]] == first[order[:-1]]
    tied = np.flatnonzero(np.append(equal, False) | np.append(False, equal)) if len(order) else order
    if len(tied):
        some = rows(order[tied])
        one_hi, one_lo, other_hi, other_lo, ports, _ = pack(some)
        keys = [some[name] for name in ("first_ns", "point", "vlan", "tunnel", "kind", "version")]
        order[tied] = order[tied][np.lexsort([*keys, one_hi, other_hi, one_lo, other_lo, ports][::-1])]
    return order
