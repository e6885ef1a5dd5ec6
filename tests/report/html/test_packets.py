from __future__ import annotations

from netprobe.model.details import PacketLayer, ShownPacket
from netprobe.report.html.packets import packets, time

RAW = bytes(range(60, 80))


def shown(raw: bytes = RAW, size: int = 20) -> ShownPacket:
    layers = (
        PacketLayer(name="Ethernet", start=0, end=14, fields=()),
        PacketLayer(name="IPv4", start=14, end=20, fields=()),
    )
    return ShownPacket(point="h/eth0", frame=7, words="SYN", time_ns=10**18, size=size, layers=layers, raw=raw)


def test_bytes_stand_in_lines_of_sixteen_each_by_its_layer() -> None:
    (packet,) = packets((shown(),))
    assert [line.offset for line in packet.lines] == ["0000", "0010"]
    assert packet.lines[0].pieces == (
        (0, "3c 3d 3e 3f 40 41 42 43 44 45 46 47 48 49", "<=>?@ABCDEFGHI"),
        (1, "4a 4b", "JK"),
    )
    assert packet.lines[1].pieces == ((1, "4c 4d 4e 4f", "LMNO"),)
    assert packet.lines[1].blank == "   " * 12


def test_what_is_no_letter_is_a_dot_and_what_was_cut_is_said() -> None:
    (packet,) = packets((shown(b"\x00\xff\x7fa", size=1500),))
    assert packet.lines[0].pieces[0][2] == "...a"
    assert packet.cut == 1496


def test_a_packet_without_bytes_has_no_lines() -> None:
    assert packets((shown(b"", size=0),))[0].lines == ()


def test_times_are_said_as_far_as_a_calendar_has_them() -> None:
    assert time(1_700_000_000_123_456_789) == "2023-11-14 22:13:20.123456 UTC"
    assert time(10**21) == "1000000000000.000000 s"
