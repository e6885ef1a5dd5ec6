"""Which TLS handshakes failed, by how each side's segments begin: the rules of :mod:`netprobe.paths.tls` as far as that tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.correlate.reasons import Reason
from netprobe.correlate.view import NEVER
from netprobe.flowtable.columns import TlsSign

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from netprobe.correlate.view import Ints, JoinedRows, Mask

_HANDSHAKE = 1 << 16  # bytes


def tls_reasons(view: JoinedRows) -> NDArray[np.uint8]:
    """How TLS went on each connection that stands: :attr:`Reason.NONE` where it was done, still goes on or is no TLS. uint8 (c,)."""
    mine, theirs = view.asking("tls"), view.answering("tls")
    hello = view.any_of(_has(mine, TlsSign.HELLO))
    once = ~view.any_of(view.asking("retransmits") > 0)  # a Finished that is sent again looks like what is behind it
    done = (view.any_of(_has(mine, TlsSign.DATA)) & once) | view.any_of(_much(view.asking) | _much(view.answering))
    other, refused = _has(theirs, TlsSign.OTHER), view.any_of(_has(theirs, TlsSign.ALERT))
    foreign = view.any_of(other & (view.answering("syn_acks") > 0) & (view.answering("gaps") == 0))
    declined, went_on = view.any_of(_has(mine, TlsSign.ALERT)), view.any_of(_has(mine, TlsSign.WENT_ON))
    mine_ns, theirs_ns = _end(view, view.asking), _end(view, view.answering)
    ended = (theirs_ns <= mine_ns) & (theirs_ns != NEVER)
    first = ended & (theirs_ns < mine_ns)
    whole = view.any_of(view.asking("syns") > 0) & ~view.any_of(view.asking("gaps") > 0)
    more = view.any_of(view.asking("payload") > view.asking("data_length"))
    said = view.any_of(view.answering("payload") > 0)
    silent = ~said & view.any_of((view.answering("syn_acks") > 0) & (view.answering("gaps") == 0))  # no ServerHello
    told = np.select(
        [
            ~hello,
            foreign,
            refused | (declined & ~ended),
            first & silent & whole,
            declined,
            done,
            view.any_of(other),  # what was captured first may not be what was said first
            first & ~more & whole,
            ended | (more & ~went_on),
        ],
        [
            *(Reason.NONE, Reason.NOT_TLS, Reason.TLS_ALERT, Reason.TLS_ENDED, Reason.TLS_IN_PART),
            *(Reason.NONE, Reason.TLS_IN_PART, Reason.TLS_ENDED, Reason.TLS_IN_PART),
        ],
        Reason.NONE,
    )
    return told.astype(np.uint8)


def _much(of: Callable[[str], NDArray[Any]]) -> Mask:
    """Whether a side sent application data, and more in all than a handshake takes."""
    return np.asarray(_has(of("tls"), TlsSign.DATA) & (of("payload") > _HANDSHAKE), np.bool_)


def _has(bits: NDArray[np.uint8], sign: TlsSign) -> Mask:
    return np.asarray(bits & int(sign) != 0, np.bool_)


def _end(view: JoinedRows, of: Callable[[str], NDArray[Any]]) -> Ints:
    """When a side ended it (the first FIN or RST at any point), on one clock."""
    times = [np.where(of(name) >= 0, of(name) - view.joined.shift_ns, NEVER) for name in ("fin_ns", "rst_ns")]
    return np.asarray(view.least(np.minimum(*times)), np.int64)
