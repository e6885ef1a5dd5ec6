"""What decides where one flow ends and the next one of the same ends begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.decode.table import Kind
from netprobe.errors import UsageFault
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

SECOND = 1_000_000_000
IDLE_NS = {int(Kind.TCP): 300 * SECOND, int(Kind.UDP): 60 * SECOND, int(Kind.ICMP): 60 * SECOND}
MOST_IDLE_S = 10**9
IDLE_OTHERS_NS = 60 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackOptions:
    """How packets become flows.

    Attributes:
        idle_ns: by ``decode.table.Kind``, how long the ends may be silent within one flow, in ns; other kinds: 60 s.
        merge: all packets of the same ends are one flow, as tshark's conversations are: neither silence nor another connection's SYN ends it.
    """

    idle_ns: Mapping[int, int]
    merge: bool = False

    def idle(self, kind: int) -> int:
        """How long flows of a kind may be silent, in ns."""
        return self.idle_ns.get(int(kind), IDLE_OTHERS_NS)


def options(*, merge: bool = False, idle_s: float | None = None) -> TrackOptions:
    """Return the usual ones: TCP 300 s, all else 60 s.

    Args:
        merge: all packets of the same ends are one flow.
        idle_s: how long any flow may be silent, in s; None: as usual.

    Raises:
        UsageFault: ``idle_s`` is less than a nanosecond, more than :data:`MOST_IDLE_S`, or not a number.
    """
    if idle_s is None:
        return TrackOptions(idle_ns=IDLE_NS, merge=merge)
    if not 1 / SECOND <= idle_s <= MOST_IDLE_S:  # neither does NaN
        raise UsageFault(
            f"--idle: {idle_s:g} is no number of seconds that netprobe can wait for",
            f"from 0.000000001 (a nanosecond) to {MOST_IDLE_S} (30 years)",
        )
    return TrackOptions(idle_ns=dict.fromkeys(map(int, Kind), round(idle_s * SECOND)), merge=merge)
