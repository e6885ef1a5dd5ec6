from __future__ import annotations

import base64
import os
import socket
import struct
from typing import Any

import pytest

from netprobe.capture.plan import Point
from netprobe.capture.sniff import Sniffing, join
from netprobe.errors import EnvironmentFault
from netprobe.evidence.model import Place
from netprobe.hosts.session import Session
from netprobe.inventory.hosts import HostEntry

HERE = Place(host="local")


def pcap(*packets: tuple[int, bytes]) -> str:
    data = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)
    for time_ns, body in packets:
        data += struct.pack("<IIII", time_ns // 10**9, time_ns % 10**9, len(body), len(body)) + body
    return base64.b64encode(data).decode()


def point(name: str, capture_filter: str = "arp") -> Point:
    return Point(name=f"local/{name}", place=HERE, interface=name, capture_filter=capture_filter)


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


@pytest.mark.skipif(os.geteuid() != 0, reason="sniffing needs root")
def test_loopback_is_really_sniffed() -> None:
    session = Session(HostEntry(name="local"), 30)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            number = sock.getsockname()[1]
            points = [point("lo", f"udp port {number}"), point("none9")]
            sniffing = Sniffing({"local": session}, points, 20.0)
            sniffing.start()
            sniffing.wait()
            sock.sendto(b"hello sniffer", ("127.0.0.1", number))
            sniffing.settle()
            captured = sniffing.stop()
    finally:
        session.close()
    assert [each.name for each in captured.points] == ["local/lo"]
    assert len(captured.packets) == 1
    assert captured.packets.raw(0).endswith(b"hello sniffer")
    assert captured.points[0].dropped == 0
    assert [limit.subject for limit in captured.limits] == ["local/none9"]


@pytest.mark.parametrize(
    ("why", "says", "hint"),
    [
        ("tcpdump: not installed", "local: tcpdump: not installed", "install the package tcpdump"),
        ("lo: You don't have permission to perform this capture on that device", "permission", "as root"),
    ],
)
def test_the_environments_faults(why: str, says: str, hint: str) -> None:
    with pytest.raises(EnvironmentFault) as fault:
        Sniffing._check("local", why)
    assert says in fault.value.message
    assert hint in fault.value.hint
