"""Small TCP captures: segments in short, ``"S"`` from the client, ``"sa"`` from the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.craft import evidence, tcp
from tests.flowtable.against import tracked

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

    from netprobe.flowtable.columns import FlowRows
    from tests.craft import Sent

CLIENT, SERVER = "10.0.0.1:40000", "10.0.0.2:80"
Short = tuple[Any, ...]  # flags, sequence number behind the SYN's, acknowledged, payload, ms
_ABSENT: Short = ("", 0, 0, b"", None)


def segments(shorts: Iterable[Short]) -> list[Sent]:
    """Segments in order, 1 ms apart where no time is given; small letters are the server's, W is a window of 0."""
    out: list[Sent] = []
    at = 0.0
    for number, short in enumerate(shorts):
        flags, seq, ack, data, ms = (
            short[place] if place < len(short) else other for place, other in enumerate(_ABSENT)
        )
        at = at + 1000 if ms is None else ms * 1000.0
        ends = (CLIENT, SERVER) if flags.isupper() else (SERVER, CLIENT)
        mine, other = (1000, 9000) if flags.isupper() else (9000, 1000)
        shown = flags.upper().replace("W", "")
        made = tcp(*ends, shown, (mine + seq) % (1 << 32), (other + ack) % (1 << 32), data=data, ip_id=number + 1)
        if "W" in flags.upper():
            made["TCP"].window = 0
        out.append(("eth0", at, made))
    return out


def rows(shorts: Iterable[Short]) -> FlowRows:
    """Their flows."""
    case = evidence(segments(shorts))
    return tracked(case.packets, case.points)


def row(*shorts: Short) -> np.void:
    """Their only flow."""
    (only,) = rows(shorts)
    return only  # type: ignore[no-any-return]


HANDSHAKE: list[Short] = [("S",), ("sa", 0, 1), ("A", 1, 1)]
