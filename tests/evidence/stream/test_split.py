from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from netprobe.evidence import additions as a
from netprobe.evidence.pcapng import read_pcapng
from netprobe.evidence.stream.split import Split

if TYPE_CHECKING:
    from netprobe.evidence.walker import ByteOrder


def interface(order: ByteOrder, name: str) -> bytes:
    return a.block_bytes(
        1, struct.pack(order + "HHI", 1, 0, 65535) + a.options_bytes([(2, name.encode())], order), order
    )


def packet(order: ByteOrder, at: int, number: int, kind: int = 6) -> bytes:
    where = struct.pack(order + ("HH" if kind == 2 else "I"), *((at, 7) if kind == 2 else (at,)))
    return a.block_bytes(kind, where + struct.pack(order + "IIII", 0, number, 4, 4) + bytes([number & 255]) * 4, order)


def parted(*whole: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name, piece in Split().pieces(whole):
        found[name] = found.get(name, b"") + piece
    return found


@pytest.mark.parametrize("order", ["<", ">"])
def test_each_interface_has_its_packets_and_what_all_share(order: ByteOrder) -> None:
    secrets = a.block_bytes(10, struct.pack(order + "II", 0x544C534B, 4) + b"keys", order)
    note = a.block_bytes(0xBAD, struct.pack(order + "I", 32473) + b"netprobe/1 limits json\n[]", order)
    counts = a.block_bytes(5, struct.pack(order + "III", 2, 0, 0), order)
    head = a.section_bytes(order, 1234, ["said"])
    first = head + interface(order, "a/eth0") + interface(order, "unused") + interface(order, "../b\x1b") + note
    rest = (
        packet(order, 0, 1) + packet(order, 2, 2) + packet(order, 2, 3, kind=2) + secrets + packet(order, 0, 4) + counts
    )
    again = head + interface(order, "a/eth0") + packet(order, 0, 5)
    found = parted(first, rest, again)
    assert list(found) == ["01-a_eth0.pcapng", "03-b.pcapng", "04-a_eth0.pcapng"]
    times = {name: read_pcapng(data).rows.time_ns.tolist() for name, data in found.items()}
    assert list(times.values()) == [[1000, 4000], [2000, 3000], [5000]]
    for data in found.values():
        capture = read_pcapng(data)
        assert (capture.stop, len(capture.interfaces), capture.notes) == ("", 1, ())
        assert b"[netprobe] said" in data
    assert [data.count(secrets) for data in found.values()] == [1, 1, 0]
    assert found["03-b.pcapng"].endswith(a.block_bytes(5, struct.pack(order + "III", 0, 0, 0), order))


def test_a_thousand_interfaces() -> None:
    data = a.section_bytes("<", -1, ()) + b"".join(interface("<", f"h{number}/eth0") for number in range(1000))
    data += b"".join(packet("<", number % 1000, number) for number in range(3000))
    found = parted(data)
    assert len(found) == 1000
    assert {len(read_pcapng(each).rows.offset) for each in found.values()} == {3}


def test_bytes_that_are_no_blocks() -> None:
    for tail in (b"\0", b"\xff" * 40, struct.pack("<II", 6, 8), b"\n\r\r\n\0\0"):
        data = a.section_bytes("<", -1, ()) + interface("<", "a") + packet("<", 0, 1) + packet("<", 9, 2) + tail
        (only,) = parted(data).values()
        assert read_pcapng(only).rows.time_ns.tolist() == [1000]
