"""From what was tracked to the flow table: who the client is, states, errors, order. Whoever tracked ends here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.flowtable.columns import finish as turn
from netprobe.flowtable.errors import attach
from netprobe.flowtable.zeek import conn_states

if TYPE_CHECKING:
    from netprobe.flowtable.columns import FlowRows
    from netprobe.flowtable.errors import ErrorRows
    from netprobe.flowtable.state import States

_WHOLE = 1 << 32


def finished(rows: FlowRows, states: States, errors: ErrorRows) -> FlowRows:
    """Return the flow table.

    Args:
        rows: tracked rows, of one key in the order in which its flows began; changed in place.
        states: what was known beside them.
        errors: of the same packets, the earliest first.

    Returns:
        The rows, sides turned so that 0 is the client, sorted by first packet, point, VLAN, tunnel, kind, version, addresses and ports.
    """
    attach(rows, errors)
    taken_up = (states["isn2"] >= 0) & (states["got"] == 2)
    rows["isn"][taken_up] = states["isn2"][taken_up]
    known = rows["next"] >= 0
    rows["next"][known] %= _WHOLE
    opened, answered = states["syn_first"] >= 0, states["reply_first"] >= 0
    rows["client"] = np.where(
        opened, states["syn_first"], np.where(answered, 1 - states["reply_first"], states["guess"])
    )
    rows["guessed"] = (states["turned"] > 0) & ~opened & ~answered
    rows = rows.take(_order(rows))  # ten times as fast as rows[...], which copies field by field
    turn(rows)
    rows["conn_state"] = conn_states(rows)
    return rows


def _order(rows: FlowRows) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    keys = [rows[name] for name in ("first_ns", "point", "vlan", "tunnel", "kind", "version")]
    keys += [rows[name][:, side] for name in ("hi", "lo", "port") for side in (0, 1)]
    return np.lexsort(keys[::-1]).astype(np.int64)
