"""Exchanges of ARP and neighbour discovery: who asked, who answered, where, and whose the addresses are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether

from netprobe.decode.decoder import decode
from netprobe.journeys.neighbours import exchanges, with_names
from netprobe.state.engine.model import Network
from tests.craft import Sent, evidence
from tests.worlds import container, host, world

if TYPE_CHECKING:
    from netprobe.model.neighbours import NeighbourExchange

ASKER, BEARER, OTHER = "02:42:ac:15:00:0b", "02:42:ac:15:00:0c", "02:42:ac:15:00:0d"
MINE, THEIRS = "172.21.0.11", "172.21.0.12"


def request(mac: str = ASKER, asker: str = MINE, asked: str = THEIRS, tag: int | None = None) -> Any:
    head = Ether(src=mac, dst="ff:ff:ff:ff:ff:ff")
    return (head / Dot1Q(vlan=tag) if tag else head) / ARP(op=1, hwsrc=mac, psrc=asker, pdst=asked)


def answer(mac: str = BEARER, to: str = MINE, owner: str = THEIRS) -> Any:
    return Ether(src=mac, dst=ASKER) / ARP(op=2, hwsrc=mac, psrc=owner, hwdst=ASKER, pdst=to)


def found(sent: list[Sent], asked: set[str] | None = None) -> tuple[NeighbourExchange, ...]:
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


SIX, ITS = "fd00::11", "fd00::12"


def solicitation(mac: str = ASKER, asker: str = SIX, asked: str = ITS) -> Any:
    head = Ether(src=mac, dst="33:33:ff:00:00:12") / IPv6(src=asker, dst="ff02::1:ff00:12", hlim=255)
    message = head / ICMPv6ND_NS(tgt=asked)
    return message if asker == "::" else message / ICMPv6NDOptSrcLLAddr(lladdr=mac)


def advertisement(mac: str = BEARER, to: str = SIX, owner: str = ITS) -> Any:
    asked = to != "ff02::1"
    head = Ether(src=mac, dst=ASKER) / IPv6(src=owner, dst=to, hlim=255)
    return head / ICMPv6ND_NA(tgt=owner, R=0, S=int(asked), O=1) / ICMPv6NDOptDstLLAddr(lladdr=mac)


def test_a_solicitation_and_its_advertisement_are_one_exchange_beside_those_of_arp() -> None:
    sent: list[Sent] = [
        ("s1/c11/eth0", 0, solicitation()),
        ("s1/eth1", 1, solicitation()),
        ("s1/c11/eth0", 5, advertisement()),
        ("s1/c11/eth0", 6, request()),
    ]
    six, four = found(sent)
    assert (six.protocol, six.asker, six.asked, six.bearers, six.times) == ("NDP", SIX, ITS, (BEARER,), 1)
    assert (six.requests[0].mac, six.requests[0].to_mac) == (ASKER, "33:33:ff:00:00:12")
    assert (four.protocol, four.asked) == ("ARP", THEIRS)
    assert found(sent, {ITS}) == (six,)


def test_a_host_that_checks_its_own_address_asks_for_nobody_unless_another_has_it() -> None:
    check: Sent = ("s1/eth1", 0, solicitation(asker="::"))
    announced: Sent = ("s1/eth1", 1, advertisement(ASKER, to="ff02::1"))
    assert found([check, announced]) == ()
    assert found([("s1/eth1", 1, advertisement(to="ff02::1"))]) == ()
    (taken,) = found([check, ("s1/eth1", 1, advertisement(OTHER, to="ff02::1"))])
    assert (taken.asker, taken.asked, taken.bearers, taken.asker_name) == ("::", ITS, (OTHER,), None)


def test_two_that_advertise_one_address_are_both_told() -> None:
    (one,) = found([("e", 0, solicitation()), ("e", 2, advertisement()), ("e", 3, advertisement(OTHER))])
    assert one.bearers == (BEARER, OTHER)


def test_an_advertisement_without_a_link_address_is_its_senders() -> None:
    bare = Ether(src=BEARER) / IPv6(src=ITS, dst=SIX, hlim=255) / ICMPv6ND_NA(tgt=ITS, R=0, S=1, O=1)
    (one,) = found([("e", 0, bare)])
    assert one.bearers == (BEARER,)
