"""A packet that one capture holds twice is one packet; one that was sent again is two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.l2 import Dot1Q, Ether

from netprobe.errors import UsageFault
from tests.anywhere.stories import SECOND, WIRE, C, S, client, opened, said, server
from tests.craft import Sent, echo, tcp, udp, unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

GET = client(100, "PA", 0, 0, b"GET")
U, V = "10.0.0.1:5000", "10.0.0.2:9999"


def again(sent: Sent, after: float, **fields: int) -> Sent:
    """A packet once more."""
    name, at, packet = sent
    made = packet.copy()
    for field, value in fields.items():
        setattr(made, field, value)
    return name, at + after, made


def frame(sent: Sent, source: str) -> Sent:
    """A packet as another interface sends it on."""
    name, at, packet = sent
    return name, at, Ether(src=source, dst="02:00:00:00:00:09") / packet


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(lambda one: again(one, 3), id="both directions of lo"),
        pytest.param(lambda one: again(one, 30_000, ttl=63), id="behind a router"),
        pytest.param(lambda one: frame(again(one, 30_000), "02:00:00:00:00:07"), id="from another interface"),
    ],
)
def test_a_packet_that_a_capture_holds_twice(second: Callable[[Sent], Sent]) -> None:
    sent = [*opened(), GET, server(200, "A", 0, 3)]
    doubled = said([each for one in sent for each in (one, second(one))])
    once = said(sent)
    assert doubled.verdict == "works"
    assert [count for *_, count in doubled.of("request") + doubled.of("reply")] == [1, 1]
    assert (doubled.why, doubled.notes) == (once.why, once.notes)


def test_what_was_sent_again_is_counted() -> None:
    syns = [client(0, "S", -1), client(SECOND, "S", -1, id=2), client(3 * SECOND, "S", -1, id=3)]
    assert said(syns).of("request") == ((0, "SYN", 3),)
    doubled = [each for one in syns for each in (one, again(one, 2))]
    assert said(doubled).of("request") == ((0, "SYN", 3),), "each of the three is held twice"


def test_a_copy_is_no_second_try() -> None:
    unheard = "the capture may have ended before an answer came"
    syn = client(0, "S", -1)
    assert unheard in said([syn, again(syn, 2)]).unknowns
    assert unheard not in said([syn, again(syn, SECOND, id=2)]).unknowns


def test_data_that_is_held_twice_was_not_sent_twice() -> None:
    sent = [*opened(), GET, server(150, "A", 0, 0)]
    assert said([*sent, again(GET, 2)]).notes == ()
    assert said([*sent, again(GET, 300_000, id=2)]).notes == ("data-unacknowledged",)


def test_both_sides_of_nat_at_one_point_are_one_packet() -> None:
    sent = [*opened(), GET, server(200, "PA", 0, 3, b"DATA")]
    inside = []
    for name, at, packet in sent:
        ours = packet[IP].src == "10.0.0.1"
        made = packet.copy()
        setattr(made, "dst" if ours else "src", "192.168.7.2")
        made.ttl = 63 if ours else 65
        inside.append((name, at + (3 if ours else -3), made))
    found = said([*sent, *inside])
    assert (found.verdict, found.path, found.notes) == ("works", "dnat", ())
    beyond = said([*sent, *inside, again(sent[4], 300_000, id=9), again(inside[4], 300_000, id=9)])
    assert beyond.notes == ("data-unacknowledged",)
    assert "though it sent them 2 times" in beyond.why


def test_datagrams() -> None:
    one: Sent = (WIRE, 0, udp(U, V))
    assert said([one, again(one, 2)]).of("request")[0][2] == 1
    assert said([one, again(one, SECOND)]).of("request")[0][2] == 2
    many = [again((WIRE, 0, udp(U, V)), 5 * number) for number in range(20)]
    for _, _, packet in many:
        packet[IP].id = 0
    assert said(many).of("request")[0][2] == 20, "a sender that repeats itself"


def test_other_datagrams_are_no_copies() -> None:
    assert said([(WIRE, 0, udp(U, V, b"one")), (WIRE, 2, udp(U, V, b"two"))]).of("request")[0][2] == 1
    pings = [(WIRE, number * SECOND, echo("10.0.0.1", "10.0.0.2", seq=number)) for number in range(3)]
    assert said(pings).of("request")[0][2] == 1


def test_an_answer_with_the_questions_own_bytes_is_no_copy() -> None:
    found = said([(WIRE, 0, udp(U, V)), (WIRE, 20, udp(V, U))])
    assert (found.verdict, len(found.of("reply"))) == ("works", 1)


def test_an_error_that_is_held_twice() -> None:
    error: Sent = (WIRE, 9, unreachable("10.0.0.2", "10.0.0.1", udp(U, V)))
    assert said([(WIRE, 0, udp(U, V)), error, again(error, 2)]).of("reply") == ((9, "ICMP port unreachable", 1),)


def test_later_fragments_alone_are_said_to_be_such() -> None:
    parts = fragment(IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=5000, dport=9999) / bytes(3000), fragsize=1400)
    with pytest.raises(UsageFault) as fault:
        said([(WIRE, number, part) for number, part in enumerate(parts[1:])])
    assert "later fragments, of which it has 2, have no ports" in fault.value.hint


def test_vlan_and_no_vlan_are_two_sightings_of_one_packet() -> None:
    tagged = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / Dot1Q(vlan=7) / tcp(C, S)
    hops = said([(WIRE, 0, tcp(C, S)), (WIRE, 2, tagged)]).of("request")
    assert [count for *_, count in hops] == [1, 1]
