"""A synthetic capture of very many packets, to measure decoding with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def synthetic_pcap(count: int) -> bytes:
    """Return a pcap file of `count` 54-byte TCP packets: handshakes of many clients with one server, 10 µs apart.

    Client n sends SYN, the server SYN-ACK, client ACK; ports and sequence numbers differ by n.
    """
    number = np.arange(count, dtype=np.uint32)
    client, step = number // 3, number % 3
    back = step == 1
    packets = np.zeros((count, 70), np.uint8)
    microseconds = number.astype(np.uint64) * 10
    put(packets, 0, 4, 1_700_000_000 + microseconds // 1_000_000, "<")
    put(packets, 4, 4, microseconds % 1_000_000, "<")
    put(packets, 8, 4, np.full(count, 54), "<")
    put(packets, 12, 4, np.full(count, 54), "<")
    packets[:, 16:30] = np.frombuffer(bytes.fromhex("0200000000020200000000010800"), np.uint8)
    packets[:, 30:42] = np.frombuffer(bytes.fromhex("450000280000400040060000"), np.uint8)
    ends = (0x0A000000 + (client >> 14)).astype(np.uint64), np.full(count, 0xC0A803CA, np.uint64)
    ports = (1024 + client % 16384).astype(np.uint64), np.full(count, 80, np.uint64)
    for side, offset in ((0, 42), (1, 46)):
        put(packets, offset, 4, np.where(back == bool(side), ends[0], ends[1]), ">")
    for side, offset in ((0, 50), (1, 52)):
        put(packets, offset, 2, np.where(back == bool(side), ports[0], ports[1]), ">")
    isn, reply_isn = client.astype(np.uint64) * 1000 + 7, client.astype(np.uint64) * 1000 + 500
    put(packets, 54, 4, np.where(back, reply_isn, isn + (step == 2)), ">")
    put(packets, 58, 4, np.select([step == 0, step == 1], [np.zeros(count, np.uint64), isn + 1], reply_isn + 1), ">")
    packets[:, 62] = 0x50
    packets[:, 63] = np.array([0x02, 0x12, 0x10], np.uint8)[step]
    head = bytes.fromhex("d4c3b2a1 0200 0400 00000000 00000000 00000400 01000000")
    return head + packets.tobytes()


def put(packets: NDArray[np.uint8], offset: int, size: int, values: NDArray[Any], order: str) -> None:
    """Write one integer column into every packet."""
    column = np.ascontiguousarray(values.astype(f"{order}u{size}"))
    packets[:, offset : offset + size] = column.view(np.uint8).reshape(len(values), size)
