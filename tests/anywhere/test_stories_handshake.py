"""How a TCP connection began and ended, in captures that lack what they may: told by sequence and acknowledgement numbers."""

from __future__ import annotations

import pytest

from netprobe.flows.model import SeveralFlows
from tests.anywhere.stories import ISN, REPLY, SECOND, WIRE, C, S, client, opened, reset_to_syn, said, server
from tests.craft import Sent, tcp

WORKS, OPEN = "works", "undetermined"
GET = client(100, "PA", 0, 0, b"GET")
ANSWER = server(200, "PA", 0, 3, b"DATA")

#: name -> packets, verdict, words of the sentence.
KINDS: dict[str, tuple[list[Sent], str, str]] = {
    "a whole handshake": (opened(), WORKS, "It was answered"),
    "begins behind the handshake": ([GET, ANSWER, client(300, "A", 3, 4)], WORKS, "begins in the middle"),
    "begins behind it, and neither acknowledges the other": (
        [GET, (WIRE, 200, tcp(S, C, "PA", 77, 99, data=b"DATA"))],
        OPEN,
        "neither acknowledges the other",
    ),
    "begins with the SYN-ACK": (opened()[1:], WORKS, "Its SYN was not captured"),
    "ends with the SYN-ACK": (
        opened()[:2],
        OPEN,
        "It was accepted (SYN-ACK, frame 2), and the capture has nothing of it behind that",
    ),
    "the SYN-ACK twice, a second apart, and nothing behind": (
        [*opened()[:2], server(SECOND, "SA", -1, 0)],
        OPEN,
        "It was accepted (SYN-ACK, 2 times from frame 2 on), and no acknowledgement of that was captured",
    ),
    "the SYN-ACK twice, and the client's acknowledgement": (
        [*opened()[:2], server(SECOND, "SA", -1, 0), client(SECOND + 9, "A", 0, 0)],
        WORKS,
        "It was answered",
    ),
    "a SYN-ACK that acknowledges another number": (
        [opened()[0], server(5, "SA", -1, 5000)],
        OPEN,
        "The SYN was answered with a SYN-ACK that acknowledges another number (frame 2), as by who accepts an older SYN",
    ),
    "a SYN-ACK that acknowledges another number, and the client's reset": (
        [opened()[0], server(5, "SA", -1, 5000), client(10, "R", 5000)],
        OPEN,
        "a SYN-ACK that acknowledges another number (frame 2)",
    ),
    "a SYN-ACK that acknowledges another number, and then one that is due": (
        [
            opened()[0],
            server(5, "SA", -1, 5000),
            client(10, "R", 5000),
            client(SECOND, "S", -1),
            server(SECOND + 5, "SA", 77, 0),
        ],
        OPEN,
        "It was accepted (SYN-ACK, frame 5)",
    ),
    "a SYN-ACK that acknowledges another number, and a whole handshake behind": (
        [opened()[0], server(5, "SA", -1, 5000), client(10, "R", 5000), *opened(SECOND)],
        WORKS,
        "It was answered",
    ),
    "the SYN again behind the SYN-ACK": (
        [*opened()[:2], client(SECOND, "S", -1)],
        OPEN,
        "the client sent its SYN again (frame 3): that answer did not come to it",
    ),
    "no SYN-ACK, and acknowledged all the same": (
        [opened()[0], opened()[2], GET, server(150, "A", 0, 3)],
        WORKS,
        "Its SYN-ACK was not captured",
    ),
    "the server's half alone": (
        [opened()[1], server(120, "A", 0, 3), server(200, "PA", 0, 3, b"DATA")],
        WORKS,
        "The capture holds only what 10.0.0.2:80 sent",
    ),
    "the server's SYN-ACK alone": (
        [opened()[1]],
        OPEN,
        "nothing that the client sent was captured",
    ),
    "the client's half alone": (
        [opened()[0], opened()[2], GET, client(300, "A", 3, 4)],
        WORKS,
        "The capture holds only what 10.0.0.1:40000 sent",
    ),
    "the client's SYNs alone": ([opened()[0], client(SECOND, "S", -1)], OPEN, "nothing answered"),
    "the SYN three times, and answered then": (
        [client(0, "S", -1), client(SECOND, "S", -1), client(3 * SECOND, "S", -1), *opened(3 * SECOND)[1:]],
        WORKS,
        "It was answered",
    ),
    "refused": ([opened()[0], reset_to_syn(5)], OPEN, "It was refused (RST)"),
    "a RST that does not acknowledge the SYN": (
        [opened()[0], (WIRE, 5, tcp(S, C, "RA", 0, 4711))],
        OPEN,
        "answered with a RST that does not acknowledge it (frame 2)",
    ),
    "a challenge ACK": (
        [opened()[0], (WIRE, 5, tcp(S, C, "A", 4711, 4712))],
        OPEN,
        "answered with an ACK of another connection (frame 2)",
    ),
    "a challenge ACK, the client's RST to it, and the SYN again": (
        [opened()[0], (WIRE, 5, tcp(S, C, "A", 4711, 4712)), (WIRE, 9, tcp(C, S, "R", 4712, 0)), *opened(SECOND)],
        WORKS,
        "It was answered",
    ),
    "half open, as a scanner leaves it": (
        [*opened()[:2], client(9, "R", 0)],
        OPEN,
        "the client reset it (frame 3) in place of acknowledging that",
    ),
    "the server resets before an acknowledgement": (
        [*opened()[:2], server(900, "RA", 0, 0)],
        OPEN,
        "the server reset it (frame 3) before it was acknowledged",
    ),
    "accepted, and ended without a byte": (
        [*opened(), server(500, "FA", 0, 0)],
        OPEN,
        "It was accepted and then ended (FIN 495 µs after the SYN-ACK)",
    ),
    "accepted, and reset without a byte": (
        [*opened(), GET, server(500, "RA", 0, 3)],
        OPEN,
        "It was accepted and then ended (RST 495 µs after the SYN-ACK)",
    ),
    "ended, behind bytes that were not captured": ([*opened(), server(500, "FA", 100, 0)], WORKS, "It was answered"),
    "ended at once behind bytes": ([*opened(), ANSWER, server(500, "FA", 4, 3)], WORKS, "It was answered"),
    "bytes that come behind the end they were sent before": (
        [*opened(), server(500, "FA", 4, 0), server(501, "PA", 0, 0, b"DATA")],
        WORKS,
        "It was answered",
    ),
    "the client closes first": (
        [*opened(), client(100, "FA", 0, 0), server(110, "FA", 0, 1)],
        WORKS,
        "It was answered",
    ),
    "the client closes first, and its end stands behind the server's in the file": (
        [*opened(), server(100, "FA", 0, 1), client(110, "FA", 0, 0)],
        WORKS,
        "It was answered",
    ),
    "half closed, and data behind the FIN": (
        [*opened(), client(100, "FA", 0, 0), server(200, "PA", 0, 1, b"DATA"), server(210, "FA", 4, 1)],
        WORKS,
        "It was answered",
    ),
    "both open at once": (
        [client(0, "S", -1), server(3, "S", -1), client(6, "SA", -1, 0), server(9, "SA", -1, 0)],
        WORKS,
        "It was answered",
    ),
    "a SYN with data": (
        [client(0, "S", -1, data=b"GET"), server(5, "SA", -1, 3), client(9, "A", 3, 0)],
        WORKS,
        "It was answered",
    ),
    "a SYN with data, refused": (
        [client(0, "S", -1, data=b"GET"), (WIRE, 5, tcp(S, C, "RA", 0, ISN + 3))],
        OPEN,
        "It was refused (RST)",
    ),
    "a RST alone": (
        [server(0, "R", 0)],
        OPEN,
        "no more of this connection than 1 packet from 10.0.0.2:80 (a RST, frame 1)",
    ),
    "data of one side alone, again and again": (
        [client(0, "PA", 0, 0, b"GET"), client(SECOND, "PA", 0, 0, b"GET"), client(3 * SECOND, "PA", 0, 0, b"GET")],
        OPEN,
        "3 packets from 10.0.0.1:40000 (the same data 3 times, from frame 1 on), and nothing from the other side",
    ),
    "the answer stands before the question": (
        [client(10, "S", -1), server(4, "SA", -1, 0), client(20, "A", 0, 0)],
        WORKS,
        "It was answered",
    ),
    "a reset at the end of the middle": (
        [GET, ANSWER, client(300, "A", 3, 4), server(400, "R", 4)],
        WORKS,
        "begins in the middle",
    ),
    "a reset in the middle, and nothing that was heard": (
        [GET, (WIRE, 200, tcp(S, C, "R", REPLY, 0))],
        OPEN,
        "1 packet from 10.0.0.1:40000 and 1 packet from 10.0.0.2:80 (a RST, frame 2)",
    ),
    "two answers, the second taken": (
        [opened()[0], (WIRE, 4, tcp(S, C, "SA", 4711, ISN)), server(7, "SA", -1, 0), opened()[2], GET, ANSWER],
        WORKS,
        "two different answers came to one SYN: a SYN-ACK and another SYN-ACK",
    ),
    "refused, and accepted behind that": (
        [opened()[0], reset_to_syn(4), server(7, "SA", -1, 0), client(9, "R", 0)],
        OPEN,
        "It was refused (RST; a SYN-ACK came behind it (frame 3))",
    ),
    "accepted and taken, and refused behind that": (
        [*opened()[:2], reset_to_syn(7), opened()[2], GET, ANSWER],
        WORKS,
        "two different answers came to one SYN: a SYN-ACK and a RST",
    ),
}
ONLY_IN_ERROR = ("did not take it", "No packet of this connection", "never acknowledged, though")


@pytest.mark.parametrize("kind", KINDS)
def test_its_story(kind: str) -> None:
    packets, verdict, words = KINDS[kind]
    found = said(packets)
    assert (found.verdict, found.path) == (verdict, "none"), found
    assert words in found.why
    assert not any(each in found.why for each in ONLY_IN_ERROR)
    assert found.may_be == (), "no sign of a container engine"


@pytest.mark.parametrize("kind", KINDS)
def test_its_times_are_since_the_first_packet(kind: str) -> None:
    times = [time for _, time, *_ in said(KINDS[kind][0]).hops if time is not None]
    assert min(times) == 0
    assert max(times) <= 10 * SECOND


def test_the_hop_shows_the_answer_that_counts() -> None:
    assert said(KINDS["refused, and accepted behind that"][0]).of("reply")[0][1] == "RST"
    assert said(KINDS["accepted and taken, and refused behind that"][0]).of("reply")[0][1] == "SYN-ACK"
    assert said(KINDS["a reset at the end of the middle"][0]).of("reply")[0][1] == "ACK"


def test_the_end_of_an_older_connection_is_not_the_new_ones() -> None:
    older: list[Sent] = [(WIRE, 0, tcp(C, S, "FA", 11, 22)), (WIRE, 9, tcp(S, C, "A", 22, 12))]
    with pytest.raises(SeveralFlows):
        said([*older, *opened(SECOND)])
    assert said([server(0, "A", 0, 1), *opened(5)]).verdict == WORKS, "the same connection's, in another order"


def test_numbers_that_wrap_round() -> None:
    high = (1 << 32) - 2
    packets: list[Sent] = [
        (WIRE, 0, tcp(C, S, "S", high)),
        (WIRE, 5, tcp(S, C, "SA", high, high + 1)),
        (WIRE, 9, tcp(C, S, "PA", high + 1, high + 1, data=b"GET")),
        (WIRE, 90, tcp(S, C, "PA", high + 1, 2, data=b"DATA")),
        (WIRE, 99, tcp(S, C, "FA", 3, 2)),
    ]
    assert said(packets).verdict == WORKS
    assert "accepted and then ended" in said([*packets[:3], (WIRE, 99, tcp(S, C, "FA", high + 1, 2))]).why


def test_a_reset_that_nobody_takes_ends_nothing() -> None:
    """One that acknowledges no SYN stands before the SYN-ACK; the server's own comes much later."""
    early = (WIRE, 2, tcp(S, C, "RA", 0, ISN - 1))
    late = server(2 * SECOND, "RA", 0, 3)
    found = said([opened()[0], early, *opened()[1:], GET, server(150, "A", 0, 3), late])
    assert (found.verdict, found.notes) == (WORKS, ("reset-after-data",))
    assert "ended" not in found.why
    at_once = said([*opened(), server(200, "RA", 0, 0)])
    assert "It was accepted and then ended (RST 195 µs after the SYN-ACK)" in at_once.why


def test_two_syns_and_no_acknowledgement() -> None:
    """As where both sides open at once: neither took the other's, as far as the capture shows; one that acknowledges both is one."""
    back = server(5, "S", -1)
    found = said([opened()[0], back, (WIRE, 9, tcp(C, S, "PA", ISN - 1, REPLY - 1, data=b"GET"))])
    assert (found.verdict, found.why) == (
        OPEN,
        "The SYN was answered with a SYN that acknowledges nothing (frame 2), as where both sides open at once, and neither acknowledges the other's.",
    )
    assert said([opened()[0], back, client(6, "SA", -1, 0), server(9, "SA", -1, 0)]).verdict == WORKS
