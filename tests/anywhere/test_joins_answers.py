"""Equal questions of two clients that one point saw, each beside its twin that a router handed on: what came back tells them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.craft import choices, dns, echo, tcp, told, udp

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tests.craft import Sent

CLIENT, OTHER, SERVER = "10.1.0.5", "10.1.0.6", "10.9.0.1"


def lookup(client: str, ttl: int, back: int) -> tuple[Any, Any]:
    ends = f"{client}:5000", f"{SERVER}:53"
    return udp(*ends, dns(b"demo", 7), ttl, 0), udp(*ends[::-1], dns(b"demo", 7, answer=True), back, 0)


def ping(client: str, ttl: int, back: int) -> tuple[Any, Any]:
    """Busybox: one identifier (its process is 1 in each container), one number, no IP id."""
    return echo(client, SERVER, ttl=ttl, ip_id=0), echo(SERVER, client, "echo-reply", ttl=back, ip_id=0)


def opened(client: str, ttl: int, back: int) -> tuple[Any, Any]:
    """A stack with fixed initial sequence numbers, and a server with one."""
    ends = f"{client}:4000", f"{SERVER}:80"
    return tcp(*ends, "S", 1000, ttl=ttl, ts=0), tcp(*ends[::-1], "SA", 5000, 1001, ttl=back, ts=0)


KINDS = pytest.mark.parametrize("kind", [lookup, ping, opened])


def seen(kind: Callable[[str, int, int], tuple[Any, Any]], ttls: tuple[int, int], *, inner_first: bool) -> list[Sent]:
    """Both questions, the second with a lower TTL, and both answers: their TTLs, and which of them was seen first."""
    first, second = kind(CLIENT, 64, ttls[0]), kind(OTHER, 63, ttls[1])
    answers = (second[1], first[1]) if inner_first else (first[1], second[1])
    return [("any", n * 30.0, packet) for n, packet in enumerate((first[0], second[0], *answers))]


@KINDS
def test_what_a_router_handed_on_comes_back_through_it(kind: Callable[[str, int, int], tuple[Any, Any]]) -> None:
    assert told(seen(kind, (59, 60), inner_first=True))[1] == "masquerade"


@KINDS
@pytest.mark.parametrize(
    ("ttls", "inner_first"), [((60, 60), True), ((60, 60), False), ((60, 59), True), ((59, 60), False)]
)
def test_two_clients_that_ask_alike_and_are_answered_alike(
    kind: Callable[[str, int, int], tuple[Any, Any]], ttls: tuple[int, int], inner_first: bool
) -> None:
    sent = seen(kind, ttls, inner_first=inner_first)
    assert len(choices(sent)) == 2
    assert {told(sent, number)[1] for number in ("#1", "#2")} == {"none"}


def test_a_forwarder_that_keeps_the_message_id() -> None:
    """dnsmasq asks by itself: its answer is another packet, with a TTL of its own."""
    question, answer = dns(b"demo", 7), dns(b"demo", 7, answer=True)
    sent: list[Sent] = [
        ("any", 0, udp(f"{CLIENT}:5000", "10.1.0.1:53", question, 65, 0)),
        ("any", 80, udp("192.168.3.9:33000", f"{SERVER}:53", question, 64, 0)),
        ("any", 900, udp(f"{SERVER}:53", "192.168.3.9:33000", answer, 60, 0)),
        ("any", 950, udp("10.1.0.1:53", f"{CLIENT}:5000", answer, 64, 0)),
    ]
    assert len(choices(sent)) == 2
    handed_on = [*sent[:3], ("any", 950.0, udp("10.1.0.1:53", f"{CLIENT}:5000", answer, 59, 0))]
    assert told(handed_on)[1] == "dnat-masquerade"


def asked_alone(kind: Callable[[str, int, int], tuple[Any, Any]], ip_id: int) -> list[Sent]:
    """Both questions and no answer; the IP id of both."""
    questions = [kind(client, ttl, 0)[0] for client, ttl in ((CLIENT, 64), (OTHER, 63))]
    for question in questions:
        question["IP"].id = ip_id
    return [("any", n * 30.0, question) for n, question in enumerate(questions)]


@KINDS
def test_unanswered_questions_of_two_clients_and_of_a_router_by_their_ip_id(
    kind: Callable[[str, int, int], tuple[Any, Any]],
) -> None:
    assert len(choices(asked_alone(kind, 0))) == 2
    assert told(asked_alone(kind, 4711))[1] == "masquerade"


@KINDS
def test_what_was_answered_before_it_was_handed_on_was_not_handed_on(
    kind: Callable[[str, int, int], tuple[Any, Any]],
) -> None:
    sent = seen(kind, (59, 60), inner_first=True)
    for *_, packet in sent:
        packet["IP"].id = 4711
    assert told([*sent[:2], sent[2]])[1] == "masquerade"  # the answer was lost on the rest of its way
    assert len(choices([*sent[:2], sent[3]])) == 2


def test_a_flood_of_equal_questions_joins_nothing() -> None:
    """Nine senders of one SYN in a moment, each with a TTL one lower than the last one's; the three at a router are joined."""

    def syns(count: int) -> list[Sent]:
        ends = [(f"10.1.0.{n + 1}:4000", "10.9.0.1:80") for n in range(count)]
        return [("any", n * 30.0, tcp(*each, "S", 1000, ttl=64 - n, ts=0, ip_id=7)) for n, each in enumerate(ends)]

    assert len(choices(syns(9))) == 9
    assert told(syns(3))[1] == "masquerade"
