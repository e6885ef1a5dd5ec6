"""ARP exchanges: who asked, who answered, where, and whose the addresses are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from scapy.layers.l2 import ARP, Dot1Q, Ether

from netprobe.decode.decoder import decode
from netprobe.journeys.arp import exchanges, with_names
from netprobe.state.engine.model import Network
from tests.craft import Sent, evidence
from tests.worlds import container, host, world

if TYPE_CHECKING:
    from netprobe.model.report import ArpExchange

ASKER, BEARER, OTHER = "02:42:ac:15:00:0b", "02:42:ac:15:00:0c", "02:42:ac:15:00:0d"
MINE, THEIRS = "172.21.0.11", "172.21.0.12"


def request(mac: str = ASKER, asker: str = MINE, asked: str = THEIRS, tag: int | None = None) -> Any:
    head = Ether(src=mac, dst="ff:ff:ff:ff:ff:ff")
    return (head / Dot1Q(vlan=tag) if tag else head) / ARP(op=1, hwsrc=mac, psrc=asker, pdst=asked)


def answer(mac: str = BEARER, to: str = MINE, owner: str = THEIRS) -> Any:
    return Ether(src=mac, dst=ASKER) / ARP(op=2, hwsrc=mac, psrc=owner, hwdst=ASKER, pdst=to)


def found(sent: list[Sent], asked: set[str] | None = None) -> tuple[ArpExchange, ...]:
    case = evidence(sent)
    return exchanges(decode(case.packets, case.points), case.points, asked)


def test_a_question_its_copies_and_its_answer_are_one_exchange() -> None:
    sent: list[Sent] = [("s1/c11/eth0", 0, request()), ("s1/eth1", 1, request(tag=1)), ("s1/c11/eth0", 5, answer())]
    (one,) = found(sent)
    assert (one.asker, one.asked, one.bearers, one.times) == (MINE, THEIRS, (BEARER,), 1)
    assert [(each.point, each.vlan, each.time_us) for each in one.requests] == [
        ("s1/c11/eth0", None, 0.0),
        ("s1/eth1", 1, 1.0),
    ]
    assert [(each.mac, each.to_mac, each.frame) for each in one.answers] == [(BEARER, ASKER, 3)]


def test_nobody_answers_and_how_often_it_was_asked() -> None:
    sent: list[Sent] = [(name, us, request()) for us in (0, 1e6, 2e6) for name in ("s1/c11/eth0", "s1/eth1")]
    (one,) = found(sent)
    assert (one.answers, one.bearers, one.times) == ((), (), 3)


def test_two_that_answer_are_both_told() -> None:
    (one,) = found([("s1/eth1", 0, request()), ("s1/eth1", 2, answer()), ("s1/eth1", 3, answer(OTHER))])
    assert one.bearers == (BEARER, OTHER)


def test_an_announcement_is_no_question_and_other_addresses_are_left_out() -> None:
    sent: list[Sent] = [("s1/eth1", 0, request(asker=MINE, asked=MINE)), ("s1/eth1", 1, request(asked="172.21.0.99"))]
    assert [each.asked for each in found(sent)] == ["172.21.0.99"]
    assert found(sent, {THEIRS}) == ()


def test_an_answer_whose_question_nobody_saw_counts() -> None:
    (one,) = found([("s1/eth1", 0, answer())])
    assert (one.asker, one.requests, one.times, one.bearers) == (MINE, (), 0, (BEARER,))


def test_names_are_told_where_state_leaves_one_bearer() -> None:
    net = Network(name="mac_net1", id="d" * 12, driver="macvlan", parent="eth1", subnets=("172.21.0.0/24",))
    box, twin = (container(name, THEIRS, network=net) for name in ("c12", "twin"))
    box, twin = (
        replace(each, networks={name: replace(end, mac=BEARER) for name, end in each.networks.items()})
        for each in (box, twin)
    )
    exchange = found([("s2/eth1", 0, request()), ("s2/eth1", 2, answer())])
    (one,) = with_names(exchange, world(host("s2", "192.168.3.202", box)))
    assert (one.names, one.asker_name) == ({BEARER: "c12@s2"}, None)
    (both,) = with_names(exchange, world(host("s2", "192.168.3.202", box, twin)))
    assert both.names == {}
    (away,) = with_names(exchange, world(host("s1", "192.168.3.201", box)))
    assert away.names == {}
