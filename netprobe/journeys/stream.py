"""What one end of a TCP connection said, put together from its segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netprobe.decode.table import PacketTable
    from netprobe.flows.model import Flow

STREAM_BYTES = 4096  # how much of two streams is compared
LONGEST = 8 << 16  # bytes of a packet: GSO_MAX_SIZE of Linux's linux/netdevice.h


def stream(flow: Flow, table: PacketTable, direction: str, limit: int = STREAM_BYTES, *, filled: bool = False) -> bytes:
    """The first bytes of one direction's payload, in sequence order, retransmissions once.

    A gap ends the stream: what follows it is not returned. So does what the snap length cut off a packet, or, `filled`, zeros stand for it.
    """
    out = bytearray()
    for position, row in _segments(flow, table, direction):
        if position > len(out) or len(out) >= limit:
            break
        part = table.payload(row)
        if filled:
            part += bytes(max(min(int(table.payload_len[row]), LONGEST) - len(part), 0))
        out += part[len(out) - position :]
    return bytes(out[:limit])


def row_at(flow: Flow, table: PacketTable, direction: str, offset: int) -> int | None:
    """The packet that holds this byte of :func:`stream`; None where none does."""
    segments = _segments(flow, table, direction)
    return next((row for start, row in segments if start <= offset < start + int(table.payload_len[row])), None)


def _segments(flow: Flow, table: PacketTable, direction: str) -> list[tuple[int, int]]:
    """Where in the stream each packet with data begins, and its row; in sequence order."""
    rows = flow.forward if direction == "forward" else flow.reverse
    isn = flow.isn if direction == "forward" else flow.reply_isn
    segments = sorted(
        ((int(table.seq[row]) - (isn + 1 if isn is not None else 0)) & 0xFFFFFFFF, row)
        for row in rows.tolist()
        if table.payload_len[row] > 0
    )
    base = 0 if isn is not None or not segments else segments[0][0]
    return [(offset - base, row) for offset, row in segments]
