"""A tunnel's own flows: what is inside of them has flows of its own, and these are what is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import Kind
from netprobe.decode.tunnels import GENEVE_PORT, VXLAN_PORT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.correlate.joined import Joined
    from netprobe.flowtable.blocks import TableRows


def carriers(rows: TableRows, joined: Joined) -> NDArray[np.bool_]:
    """Which connections are a tunnel's own, at a point where tunnels were looked into: bool (c,).

    Either end sends from ports of its own (RFC 7348 section 5, RFC 8926 section 3.3: a hash of what is inside), so that nothing answers there.
    """
    inside = np.unique(rows["point"][rows["tunnel"] >= 0])
    if not len(inside):
        return np.zeros(len(joined), np.bool_)
    first = joined.first_row
    asked = np.where(joined.turned[first], rows["port"][first, 0], rows["port"][first, 1])
    ported = (rows["kind"][first] == Kind.UDP) & np.isin(asked, (VXLAN_PORT, GENEVE_PORT))
    return np.asarray(ported & np.isin(rows["point"][first], inside), np.bool_)
