from __future__ import annotations

import base64
import struct
from typing import Any

from netprobe.capture.join import join
from netprobe.capture.plan import Point
from netprobe.evidence.model import Place


def pcap(*packets: tuple[int, bytes]) -> str:
    data = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)
    for time_ns, body in packets:
        data += struct.pack("<IIII", time_ns // 10**9, time_ns % 10**9, len(body), len(body)) + body
    return base64.b64encode(data).decode()


def point(name: str) -> Point:
    return Point(name=f"local/{name}", place=Place(host="local"), interface=name, capture_filter="arp")


def report(text: str, **more: Any) -> dict[str, Any]:
    return {"pcap": text, "received": 1, "dropped": 0, "error": "", **more}


def test_streams_are_joined_in_the_order_of_the_points() -> None:
    reports = {"local/b": report(pcap((7, b"bb"))), "local/a": report(pcap((5, b"a1"), (9, b"a2")))}
    captured = join([point("a"), point("b")], reports, {})
    assert [each.name for each in captured.points] == ["local/a", "local/b"]
    assert [captured.packets.raw(row) for row in range(3)] == [b"a1", b"a2", b"bb"]
    assert captured.packets.point.tolist() == [0, 0, 1]
    assert captured.packets.time_ns.tolist() == [5, 9, 7]
    assert captured.points[0].capture_filter == "arp"
    assert captured.limits == ()


def test_what_failed_is_a_limit_and_no_point() -> None:
    reports = {"local/a": report(pcap()), "local/c": report("", error="eth9: No such device"), "local/d": report("!")}
    captured = join(
        [point("a"), point("b"), point("c"), point("d")], reports, {"local/b": "tcpdump was not ready in time"}
    )
    assert [each.name for each in captured.points] == ["local/a"]
    assert {limit.subject: limit.why for limit in captured.limits} == {
        "local/b": "tcpdump was not ready in time",
        "local/c": "eth9: No such device",
        "local/d": "the sniffer wrote nothing",
    }


def test_what_came_before_an_interface_vanished_is_kept() -> None:
    captured = join([point("a")], {"local/a": report(pcap((5, b"a1")), error="The interface disappeared")}, {})
    assert len(captured.packets) == 1
    assert captured.limits[0].why == "sniffed in part: The interface disappeared"


def test_drops_are_said() -> None:
    captured = join([point("a")], {"local/a": report(pcap(), dropped=3)}, {})
    assert captured.points[0].dropped == 3
    assert "dropped 3 packets" in captured.limits[0].why


def test_a_stream_cut_short_is_read_to_the_cut() -> None:
    whole = base64.b64decode(pcap((5, b"a1"), (6, b"a2")))
    captured = join([point("a")], {"local/a": report(base64.b64encode(whole[:-1]).decode())}, {})
    assert len(captured.packets) == 1


def test_nothing_at_all() -> None:
    captured = join([], {}, {})
    assert len(captured.packets) == 0
