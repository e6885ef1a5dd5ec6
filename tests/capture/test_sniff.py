from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from pathlib import Path

import pytest

from netprobe.capture.plan import Point
from netprobe.capture.sniff import Sniffing
from netprobe.errors import EnvironmentFault
from netprobe.evidence.model import Place
from netprobe.hosts.session import Session
from netprobe.inventory.hosts import HostEntry

HERE = Place(host="local")


def point(name: str, capture_filter: str = "arp") -> Point:
    return Point(name=f"local/{name}", place=HERE, interface=name, capture_filter=capture_filter)


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


def tcpdumps(capture_filter: str) -> list[int]:
    """The tcpdumps with that filter, without the `timeout` above each."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            if words[:1] == [b"tcpdump"] and words[-2:-1] == [capture_filter.encode()]:
                found.append(int(entry.name))
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="sniffing needs root")
def test_what_a_busy_machine_kept_a_sniffer_from_reading_is_not_lost() -> None:
    session = Session(HostEntry(name="local"), 30)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            number = sock.getsockname()[1]
            sniffing = Sniffing({"local": session}, [point("lo", f"udp port {number}")], 20.0)
            sniffing.start()
            sniffing.wait()
            (tcpdump,) = tcpdumps(f"udp port {number}")
            os.kill(tcpdump, signal.SIGSTOP)
            for _ in range(50):
                sock.sendto(b"hello sniffer", ("127.0.0.1", number))
            threading.Timer(0.2, os.kill, (tcpdump, signal.SIGCONT)).start()
            sniffing.settle()
            captured = sniffing.stop()
    finally:
        session.close()
    assert len(captured.packets) == 50


@pytest.mark.skipif(os.geteuid() != 0, reason="sniffing needs root")
def test_points_that_are_added_are_sniffed_like_the_first() -> None:
    session = Session(HostEntry(name="local"), 30)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            number = sock.getsockname()[1]
            sniffing = Sniffing({}, [], 20.0)
            sniffing.start()
            sniffing.add({"local": session}, [point("lo", f"udp port {number}"), point("none9")])
            sniffing.wait()
            sock.sendto(b"hello sniffer", ("127.0.0.1", number))
            sniffing.settle()
            captured = sniffing.stop()
    finally:
        session.close()
    assert [each.name for each in captured.points] == ["local/lo"]
    assert len(captured.packets) == 1
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
