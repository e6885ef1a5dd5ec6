from __future__ import annotations

from typing import Any

from scapy.layers.l2 import ARP, Dot1Q, Ether

from netprobe.decode import decode
from netprobe.journeys.arp import exchanges
from tests.craft import Sent, evidence

ONE, TWO = "02:00:00:00:00:01", "02:00:00:00:00:02"


def arp(op: str, sender: str, target: str, mac: str = ONE, vlan: int | None = None) -> Any:
    frame = Ether(src=mac, dst="ff:ff:ff:ff:ff:ff" if op == "who-has" else ONE)
    body = ARP(op=op, psrc=sender, pdst=target, hwsrc=mac)
    return frame / Dot1Q(vlan=vlan) / body if vlan is not None else frame / body


def found(sent: list[Sent], asked: set[str] | None = None) -> Any:
    case = evidence(sent)
    return exchanges(decode(case.packets, case.points), case.points, asked)


def test_asked_and_answered_tagged_on_the_wire() -> None:
    (exchange,) = found(
        [
            ("a/eth1.1", 0.0, arp("who-has", "192.0.2.1", "192.0.2.2")),
            ("a/eth1", 1.0, arp("who-has", "192.0.2.1", "192.0.2.2", vlan=1)),
            ("a/eth1", 5.0, arp("is-at", "192.0.2.2", "192.0.2.1", TWO, vlan=1)),
        ]
    )
    assert (exchange.asker, exchange.asked, exchange.bearers) == ("192.0.2.1", "192.0.2.2", (TWO,))
    assert [(frame.point, frame.vlan, frame.mac) for frame in exchange.requests] == [
        ("a/eth1.1", None, ONE),
        ("a/eth1", 1, ONE),
    ]
    assert [(frame.point, frame.to_mac) for frame in exchange.answers] == [("a/eth1", ONE)]


def test_two_that_answer_and_nobody() -> None:
    sent: list[Sent] = [
        ("a/eth0", 0.0, arp("who-has", "192.0.2.1", "192.0.2.2")),
        ("a/eth0", 1.0, arp("is-at", "192.0.2.2", "192.0.2.1", TWO)),
        ("a/eth0", 2.0, arp("is-at", "192.0.2.2", "192.0.2.1", "02:00:00:00:00:03")),
        ("a/eth0", 3.0, arp("who-has", "192.0.2.1", "192.0.2.9")),
    ]
    first, second = found(sent)
    assert len(first.bearers) == 2
    assert (second.asked, second.answers) == ("192.0.2.9", ())
    assert [each.asked for each in found(sent, {"192.0.2.9"})] == ["192.0.2.9"]


def test_an_announcement_is_no_exchange() -> None:
    assert found([("a/eth0", 0.0, arp("who-has", "192.0.2.1", "192.0.2.1"))]) == ()
