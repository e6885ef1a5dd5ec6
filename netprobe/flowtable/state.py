"""What is known of a flow only while it is tracked: beside each row of the table a row of this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    States = NDArray[np.void]

SYN_ACK_SEEN, PLAIN_SEEN = (
    0x100,
    0x200,
)  # in `bits`, beside the TCP flags: a SYN-ACK, a segment with neither SYN nor RST

_FIELDS: tuple[tuple[Any, ...], ...] = (
    ("bits", "u2"),  # all TCP flags of both sides or-ed, SYN_ACK_SEEN, PLAIN_SEEN
    ("syn_side", "i1"),  # who sent the last SYN without ACK; -1
    ("syn_first", "i1"),  # who sent the first one; -1
    ("reply_first", "i1"),  # who sent the first SYN-ACK; -1
    ("opener", "i1"),  # whose handshake is timed: the sender of the first SYN, or the receiver of the first SYN-ACK, whichever came first; -1
    ("guess", "i1"),  # the client by the flow's first packet
    ("turned", "i1"),  # 1: that is a guess
    # a side each
    ("rank", "u1", (2,)),  # what its head is: 0 none yet, 1 the first packet, 2 the first SYN-ACK, 3 the first SYN
    ("marks", "u1", (2,)),  # bits of the letters of its history that are written once
    ("of_reply", "u1", (2,)),  # 1: `isn` is of a SYN-ACK
    ("got", "u1", (2,)),  # 1: the other side acknowledged `isn`, 2: `isn2`
    ("syn_isn", "i8", (2,)),  # number of its first SYN without ACK; -1
    ("isn2", "i8", (2,)),  # then: number of its first SYN-ACK with another one; -1
    ("seq", "i8", (2,)),  # number of its last segment; -1
    ("sent", "i8", (2,)),  # where its last segment that took sequence numbers ended, unwrapped as `next` is
    ("resent", "i4", (2,)),  # its retransmissions that had payload
    ("last_syn", "i8", (2,)),  # number of its last SYN or SYN-ACK, FIN (its end), RST in the history; -1
    ("last_fin", "i8", (2,)),
    ("last_rst", "i8", (2,)),
)  # fmt: skip

STATE = np.dtype(list(_FIELDS))
"""One row beside a row of the flow table. ``next`` of that is unwrapped while it is tracked: it does not fall back at 2^32."""

_ZERO = frozenset(("turned", "rank", "marks", "of_reply", "got", "resent", "bits"))


def unknown(count: int) -> States:
    """States of flows of which no packet was seen yet."""
    rows = np.zeros(count, STATE)
    for name in STATE.names or ():
        if name not in _ZERO:
            rows[name] = -1
    return rows


def put(rows: NDArray[np.void], at: NDArray[np.int64] | slice, values: NDArray[np.void]) -> None:
    """``rows[at] = values`` of whole rows: numpy copies those field by field. As ``rows.take(at)`` is ``rows[at]`` in a tenth of the time."""
    whole = np.dtype((np.void, rows.dtype.itemsize))
    rows.view(whole)[at] = values.view(whole)
