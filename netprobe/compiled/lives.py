"""Whether a packet begins another flow of its ends: behind a long silence, and at the SYN of another connection. As :mod:`netprobe.flowtable.begins`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.compiled import row as c
from netprobe.compiled.jit import compiled, inlined
from netprobe.compiled.key import TCP
from netprobe.compiled.sequence import ACK, FIN, RST, SYN
from netprobe.flows.lives import AGAIN_NS, LIFE_NS, NEAR
from netprobe.flowtable.state import PLAIN_SEEN, SYN_ACK_SEEN

if TYPE_CHECKING:
    from typing import Any

    from netprobe.compiled.reads import Row

_STOOD = SYN_ACK_SEEN | PLAIN_SEEN
_FLAGS = 0xFF


@compiled
def begins(x: Any, p: Any, side: int, r: Row, quiet: int, idle: int) -> bool:
    """Tell whether a packet begins another flow than the one that goes on (``x``, and its state ``p``).

    ``quiet`` is how long its ends were silent, ``idle`` how long its kind may be, in ns.
    """
    if quiet > idle:
        return True
    if r[c.KIND] != TCP or r[c.TCP_FLAGS] & (SYN | ACK) != SYN:
        return False
    number = r[c.SEQ]
    if p["syn_side"] < 0:
        return _is_anothers(p["seq"][side], number) or _is_anothers(x["acked"][1 - side], number)
    if number == p["syn_isn"][side]:
        return quiet > AGAIN_NS and (quiet > LIFE_NS or _is_over(p))
    return side == p["syn_side"] or p["bits"] & _FLAGS & ~SYN != 0  # type: ignore[no-any-return]


@inlined
def _is_anothers(known: int, number: int) -> bool:
    return known >= 0 and (known - number) & 0xFFFFFFFF > NEAR


@inlined
def _is_over(p: Any) -> bool:
    """Whether a connection stood and ended."""
    return p["bits"] & _STOOD == _STOOD and p["bits"] & (FIN | RST) != 0  # type: ignore[no-any-return]
