"""Which answers a socket takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netprobe.evidence.model import Place
from netprobe.forward.model import Flying
from netprobe.forward.sockets import answers_by, asked_elsewhere, taken
from netprobe.state.links import Address, Link
from netprobe.state.model import Host
from netprobe.state.namespace import Namespace
from netprobe.state.sockets import Socket

ASKED = Flying(src="192.0.2.7", sport=40000, dst="198.51.100.2", dport=53, proto="udp")
HERE = Place(host="client")


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_a_socket_takes_answers_from_where_it_dialled_to_where_it_did(proto: str) -> None:
    asked = replace(ASKED, proto=proto)
    assert asked_elsewhere(HERE, asked.back(), [asked]) is None
    other = asked_elsewhere(HERE, replace(asked.back(), src="198.51.100.9"), [asked])
    assert other is not None
    assert other.text == "the answer comes from 198.51.100.9:53, not from 198.51.100.2:53"
    moved = asked_elsewhere(HERE, replace(asked.back(), dst="192.0.2.8"), [asked])
    assert moved is not None
    assert moved.text == "the answer is sent to 192.0.2.8, not to 192.0.2.7"


@pytest.mark.parametrize("port", [3000, None])
def test_an_answer_to_a_port_that_nat_chose_is_nobodys(port: int | None) -> None:
    other = asked_elsewhere(HERE, replace(ASKED.back(), dport=port), [ASKED])
    assert other is not None
    assert other.text == "the answer is sent to 192.0.2.7, and not to the port that asked"


def test_an_echo_is_answered_by_whom_it_was_sent_to() -> None:
    asked = replace(ASKED, proto="icmp", sport=None, dport=None)
    assert asked_elsewhere(HERE, asked.back(), [asked]) is None
    assert asked_elsewhere(HERE, replace(asked.back(), src="198.51.100.9"), [asked]) is not None


def test_a_bound_socket_takes_answers_by_its_interface_alone() -> None:
    asked = replace(ASKED, device="wg0")
    assert asked_elsewhere(HERE, asked.back(), [asked], "wg0") is None
    other = asked_elsewhere(HERE, asked.back(), [asked], "eth0")
    assert other is not None
    assert other.text == "the answer comes in by eth0, the socket is bound to wg0"


BOUND = Socket(proto="udp", state="UNCONN", local="*", port=53, device="virbr0", process="dnsmasq")
ANY = replace(BOUND, device="")
ROUTER = Place(host="router")


def host(*sockets: Socket) -> Host:
    own = Link(name="eth0", ifindex=2, addresses=(Address(address=ASKED.dst, prefixlen=24),))
    return Host.known(name="router", own=Namespace.known(links=(own,), sockets=sockets))


@pytest.mark.parametrize(
    ("sockets", "in_if", "takes", "by"),
    [
        ((BOUND,), "virbr0", True, "virbr0"),
        ((BOUND,), "eth0", False, ""),
        ((ANY,), "eth0", True, ""),
        ((ANY, BOUND), "virbr0", True, "virbr0"),
        ((ANY, BOUND), "eth0", True, ""),
    ],
)
def test_a_listener_takes_what_comes_by_its_interface_and_answers_by_it(
    sockets: tuple[Socket, ...], in_if: str, takes: bool, by: str
) -> None:
    there = host(*sockets)
    found = taken(there, there.own, ROUTER, ASKED, in_if)
    assert found is not None
    assert found.refused is not takes
    assert answers_by(there.own, ASKED, in_if) == by
    if not takes:
        assert found.obstacle is not None
        assert found.obstacle.text.endswith("for what comes in by eth0: it is bound to virbr0")
