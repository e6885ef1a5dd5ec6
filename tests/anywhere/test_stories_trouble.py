"""What works and is not well: the capture holds the trouble, and the report tells it. Each beside a twin without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6

from netprobe.causes.catalogue import CAUSES, TRAFFIC
from netprobe.causes.explanation import HEADINGS, explanation_of
from tests.anywhere.stories import SECOND, WIRE, C, S, client, dns, opened, reset_to_syn, said, server, too_big
from tests.causes.test_explanation import OPENS
from tests.craft import Sent, echo, tagged, tcp, udp, unreachable

if TYPE_CHECKING:
    from netprobe.causes.base import Cause

BIG = b"x" * 1400
DATA = client(100, "PA", 0, 0, BIG)
HEARD = server(200, "A", 0, 1400)
AGAIN = [client(3e5, "PA", 0, 0, BIG, id=2), client(9e5, "PA", 0, 0, BIG, id=3)]
U, V, R = "10.0.0.1:5000", "10.0.0.2:9999", "10.0.0.53:53"
PINGS: list[Sent] = [(WIRE, number * SECOND, echo("10.0.0.1", "10.0.0.2", seq=number)) for number in range(4)]
PONGS: list[Sent] = [
    (WIRE, number * SECOND + 50, echo("10.0.0.2", "10.0.0.1", "echo-reply", seq=number)) for number in range(4)
]
SHUT = [*opened(), DATA, server(200, "A", 0, 1400, window=0)]
LATE = udp(V, U, b"late")
TAGGED: list[Sent] = [(point, at, tagged(10, packet)) for point, at, packet in (opened()[0], opened()[2], DATA)]
UNTAGGED = [opened()[1], HEARD]

#: code -> a capture that has it, words of its report's sentence, and twins that do not.
TROUBLE: dict[str, tuple[list[Sent], str, list[list[Sent]]]] = {
    "two-answers": (
        [opened()[0], (WIRE, 4, tcp(S, C, "SA", 4711, opened()[0][2][TCP].seq + 1)), server(7, "SA", -1, 0), opened()[2], DATA, HEARD],
        "two different answers came to one SYN",
        [
            [*opened()[:2], server(SECOND, "SA", -1, 0, id=2), client(SECOND + 9, "A", 0, 0)],
            [opened()[0], reset_to_syn(5)],
            [client(0, "S", -1), server(3, "S", -1), client(6, "SA", -1, 0), server(9, "SA", -1, 0)],
        ],
    ),
    "syn-repeated": (
        [client(-3 * SECOND, "S", -1), *opened(), DATA, HEARD],
        "the SYN was sent 2 times in 3 s before it was accepted",
        [
            [*opened(), DATA, HEARD],
            [opened()[0], client(3, "S", -1, id=2), *opened()[1:], DATA, HEARD],
            [*opened(), client(SECOND, "S", -1, id=2), server(SECOND + 5, "A", 0, 0), DATA, HEARD],
        ],
    ),
    "two-vlans": (
        [*TAGGED, *UNTAGGED],
        "what 10.0.0.1:40000 sends is in VLAN 10, and what comes back is untagged",
        [[*opened(), DATA, HEARD], [(point, at, tagged(10, packet)) for point, at, packet in (*opened(), DATA, HEARD)], TAGGED],
    ),
    "fragmentation-needed": (
        [*opened(), DATA, too_big(200, DATA[2]), *AGAIN],
        "what 10.0.0.1:40000 sends does not fit a link of an MTU of 1300 bytes, says 10.9.9.9, and 1400 bytes of it were never acknowledged",
        [[*opened(), DATA, too_big(200, DATA[2]), client(300, "A", 0, 0, BIG[:1200]), client(301, "PA", 1200, 0, BIG[1200:]), server(400, "A", 0, 1400)]],
    ),
    "data-unacknowledged": (
        [*opened(), DATA, *AGAIN],
        "1400 bytes that 10.0.0.1:40000 sent were never acknowledged, though it sent them 3 times",
        [
            [*opened(), DATA, *AGAIN, server(9e5 + 9, "A", 0, 1400)],
            [*opened(), DATA],
            [*opened(), DATA, HEARD, client(SECOND, "A", 1399, 0), client(2 * SECOND, "A", 1399, 0), server(2 * SECOND + 9, "A", 0, 1400)],
            [opened()[0], opened()[2], DATA, *AGAIN],
        ],
    ),
    "zero-window": (
        [*SHUT, client(5e5, "A", 1399, 0), server(5e5 + 9, "A", 0, 1400, window=0), server(2 * SECOND, "A", 0, 1400, window=9000)],
        "10.0.0.2:80 had no room for more data (a window of 0) for 2 s",
        [
            [*opened(), DATA, HEARD],
            [*opened(), DATA, HEARD, server(300, "PA", 0, 1400, b"DATA"), client(310, "FA", 1400, 4), server(320, "FA", 4, 1401), client(330, "R", 1401, window=0)],
            [*opened(), DATA, HEARD, server(300, "FA", 0, 1400), client(310, "FA", 1400, 1), server(320, "A", 1, 1401, window=0)],
        ],
    ),
    "reset-after-data": (
        [*opened(), DATA, HEARD, server(300, "PA", 0, 1400, b"DATA"), client(400, "RA", 1400, 0)],
        "10.0.0.1:40000 reset the connection (RST), and 4 bytes that were sent to it were not acknowledged by then",
        [
            [*opened(), DATA, server(200, "PA", 0, 1400, b"DATA"), client(300, "A", 1400, 4), server(301, "FA", 4, 1400), client(400, "RA", 1400, 5)],
            [*opened(), DATA, HEARD, (WIRE, 400, tcp(S, C, "R", 4711, 0))],
            [*opened(), client(100, "FA", 0, 0), server(110, "FA", 0, 1), client(120, "A", 1, 1)],
        ],
    ),
    "ended-unanswered": (
        [*opened(), DATA, HEARD, server(60 * SECOND, "FA", 0, 1400), client(60 * SECOND + 9, "FA", 1400, 1)],
        "10.0.0.2:80 ended the connection 60 s after the client's first of 1400 bytes, and had not sent one",
        [
            [*opened(), DATA, server(200, "PA", 0, 1400, b"DATA"), server(60 * SECOND, "FA", 4, 1400)],
            [*opened(), DATA, HEARD, server(60 * SECOND, "FA", 4, 1400)],
            [*opened(), DATA, HEARD, client(300, "FA", 1400, 0), server(400, "FA", 0, 1401)],
            [*opened(), server(60 * SECOND, "FA", 0, 0)],
        ],
    ),
    "data-unanswered": (
        [*opened(), DATA, HEARD, client(30 * SECOND, "FA", 1400, 0), server(30 * SECOND + 9, "A", 0, 1401)],
        "10.0.0.2:80 acknowledged 1400 bytes of the client's, and sent none in 30 s, until the client ended the connection",
        [
            [*opened(), DATA, HEARD, client(300, "FA", 1400, 0), server(400, "A", 0, 1401)],
            [*opened(), DATA, HEARD, server(9 * SECOND, "PA", 0, 1400, b"DATA"), client(30 * SECOND, "FA", 1400, 4)],
            [*opened(), DATA, HEARD],
            [*opened()[1:], DATA, client(30 * SECOND, "FA", 1400, 0)],
            [*opened(), DATA, client(30 * SECOND, "FA", 1400, 0)],
        ],
    ),
    "dns-errors": (
        [
            dns(0, U, R, id=7, name="a.example"), dns(1, U, R, id=8), dns(900, R, U, id=7, qr=1, rcode=2, name="a.example"),
            dns(950, R, U, id=8, qr=1, answer="192.0.2.7"),
        ],
        "10.0.0.53 could not find out about a.example (SERVFAIL)",
        [
            [
                dns(0, U, R, id=7, kind="AAAA"), dns(1, U, R, id=8), dns(900, R, U, id=7, qr=1, ra=1, kind="AAAA"),
                dns(950, R, U, id=8, qr=1, answer="192.0.2.7"),
            ],
        ],
    ),
    "questions-unanswered": ([*PINGS, *PONGS[:1], *PONGS[3:]], "2 of 4 echo requests were not answered", [[*PINGS, *PONGS], [*PINGS, *PONGS[:3]]]),
    "icmp-error-beside": (
        [(WIRE, 0, udp(U, V)), (WIRE, 9, udp(V, U)), (WIRE, 20, LATE), (WIRE, 30, unreachable("10.0.0.1", "10.0.0.2", LATE))],
        "ICMP port unreachable came from 10.0.0.1 about a packet of 10.0.0.2:9999",
        [[(WIRE, 0, udp(U, V)), (WIRE, 9, udp(V, U)), (WIRE, 30, unreachable("10.0.0.1", "10.0.0.2", udp("10.0.0.2:1", U)))]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", TROUBLE)
def test_it_is_told(code: str) -> None:
    packets, words, _ = TROUBLE[code]
    found = said(packets)
    assert (found.verdict, found.path) == ("works", "none")
    assert f"But {words}" in found.why
    assert found.notes == (code,)


@pytest.mark.parametrize(
    ("code", "number"), [(code, number) for code in TROUBLE for number in range(len(TROUBLE[code][2]))]
)
def test_a_twin_has_none(code: str, number: int) -> None:
    found = said(TROUBLE[code][2][number])
    assert code not in found.notes
    assert found.verdict == "works" or found.cause == ""


def test_an_ipv6_router_tells_the_size_too() -> None:
    def six(at: float, src: str, dst: str, flags: str, seq: int, ack: int, data: bytes = b"") -> Sent:
        ports = {"sport": 40000, "dport": 80} if src.endswith("1") else {"sport": 80, "dport": 40000}
        return WIRE, at, IPv6(src=src, dst=dst) / TCP(flags=flags, seq=seq, ack=ack, **ports) / data

    c, s = "2001:db8::1", "2001:db8::2"
    syn = [six(0, c, s, "S", 9, 0), six(5, s, c, "SA", 99, 10), six(9, c, s, "A", 10, 100)]
    big = [six(at, c, s, "PA", 10, 100, BIG) for at in (100, 3e5, 9e5)]
    error: Any = IPv6(src="2001:db8::9", dst=c) / ICMPv6PacketTooBig(mtu=1280) / bytes(big[0][2])[:100]
    found = said([*syn, big[0], (WIRE, 200, error), *big[1:]])
    assert "does not fit a link of an MTU of 1280 bytes, says 2001:db8::9" in found.why
    assert said([*syn, big[0], (WIRE, 200, error), six(400, s, c, "A", 100, 10 + len(BIG))]).notes == ()


def test_the_error_about_an_echo_that_was_never_answered() -> None:
    ping: Any = IP(src="10.0.0.1", dst="10.0.0.2", flags="DF") / ICMP(id=5, seq=1) / BIG
    found = said([(WIRE, 0, ping), too_big(9, ping)])
    assert (found.verdict, found.notes) == ("undetermined", ())
    assert "It was answered with ICMP fragmentation needed" in found.why


def test_a_reset_behind_packets_that_nobody_answered() -> None:
    from netprobe.pipeline import analyze
    from tests.craft import evidence

    alive = [client(n * SECOND, "A", 1399, 0) for n in range(60, 70)]
    notes = analyze(evidence([*opened(), DATA, HEARD, *alive, client(71 * SECOND, "RA", 1400, 0)])).findings
    assert [note.code for note in notes] == ["reset-after-data", "data-unanswered"]
    note = notes[0]
    assert "10 packets that it sent before, in 11 s, got no answer: frames 6, 7, 8, 9" in note.evidence


def test_a_redirect_is_no_answer() -> None:
    advice: Any = IP(src="10.0.0.9", dst="10.0.0.1") / ICMP(type=5, code=1, gw="10.0.0.8") / bytes(opened()[0][2])[:28]
    found = said([opened()[0], (WIRE, 9, advice)])
    assert ("nothing answered" in found.why, found.of("reply")) == (True, ())


def test_keep_alives_are_no_trouble() -> None:
    alive = [client(n * SECOND, "A", 1399, 0) for n in range(2, 5)]
    answers = [server(n * SECOND + 9, "A", 0, 1400) for n in range(2, 5)]
    assert said([*opened(), DATA, HEARD, *alive, *answers]).notes == ()


def test_what_packets_tell_is_never_said_of_a_run_of_our_own() -> None:
    assert {each.code for each in TRAFFIC} == {*TROUBLE, "dns-error-response"}
    assert not {each.code for each in TRAFFIC} & {each.code for each in CAUSES}


@pytest.mark.parametrize("cause", TRAFFIC, ids=lambda cause: cause.code)
def test_it_is_explained(cause: Cause) -> None:
    words = explanation_of(cause)
    assert words.summary.endswith(".")
    assert [heading for heading, _ in words.sections] == list(HEADINGS)
    assert OPENS.search(dict(words.sections)["Source"])


def expired(at: float, packet: Any, router: str = "10.9.9.9") -> Sent:
    return WIRE, at, IP(src=router, dst=packet[IP].src) / ICMP(type=11, code=0) / bytes(packet)[:28]


def test_what_traceroute_asks_is_answered_by_the_routers() -> None:
    """Echo requests that a router sends an error about are answered, and not by silence."""
    routers = ["10.9.9.9", "10.9.9.9", "10.9.9.8"]
    errors = [expired(at + 50, ping, who) for (_, at, ping), who in zip(PINGS[:3], routers, strict=True)]
    found = said([*PINGS, *errors, PONGS[3]])
    assert found.notes == ("icmp-error-beside",)
    assert (
        "ICMP time exceeded came from 10.9.9.9 about a packet of 10.0.0.1, and 2 more errors from 2 senders"
        in found.why
    )
    silent = said([*PINGS, *errors[:1], PONGS[3]])
    assert "2 of 4 echo requests were not answered" in silent.why


@pytest.mark.parametrize(
    ("opens", "words", "not_said"),
    [
        (
            server(5e5, "A", 0, 1400, window=9000),
            "for 0.5 s: its application read more slowly than the data came",
            "does not",
        ),
        (client(30 * SECOND, "A", 1399, 0), "to the end of the capture: its application does not read", "slowly"),
        (client(300, "A", 1399, 0), "(a window of 0) when the capture ended", "application"),
    ],
)
def test_a_window_that_is_shut_says_no_more_than_how_long(opens: Sent, words: str, not_said: str) -> None:
    found = said([*SHUT, opens])
    assert words in found.why
    assert not_said not in found.why


def test_one_byte_is_one() -> None:
    again = [client(at, "PA", 0, 0, b"x", id=number) for number, at in enumerate((100, 3e5, 9e5))]
    assert (
        "But 1 byte that 10.0.0.1:40000 sent was never acknowledged, though it sent that 3 times."
        in said([*opened(), *again]).why
    )


def test_who_accepted_and_gives_up_is_no_second_answer() -> None:
    """Its reset has the number behind its SYN-ACK's; who refuses a SYN has none."""
    tries = [server(at * SECOND, "SA", -1, 0, id=int(at)) for at in (1, 3, 7)]
    gone = said([opened()[0], *tries, server(15 * SECOND, "RA", 0, 0)])
    assert gone.notes == ()
    assert "the server reset it (frame 5) before it was acknowledged" in gone.why
    assert said([opened()[0], *tries, reset_to_syn(15 * SECOND)]).notes == ("two-answers",)


def test_a_server_that_hangs_to_the_end_of_the_capture() -> None:
    other = [
        (WIRE, 9 * SECOND, echo("10.0.0.1", "10.0.0.2")),
        (WIRE, 9 * SECOND + 50, echo("10.0.0.2", "10.0.0.1", "echo-reply")),
    ]
    assert "sent none in 9 s, to the end of the capture" in said([*opened(), DATA, HEARD, *other], flow=":80").why


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (reset_to_syn(-SECOND / 2), "before it was accepted, and refused at first (RST)"),
        ((WIRE, -SECOND / 2, tcp(S, C, "A", 77, 99)), "and answered at first by an ACK of an older connection"),
    ],
)
def test_a_syn_that_was_accepted_when_it_came_again(first: Sent, words: str) -> None:
    """Windows sends a refused SYN again; who still has an older connection between the ports answers by an ACK (RFC 9293 section 3.10.7.4)."""
    found = said([client(-SECOND, "S", -1), first, *opened(), DATA, HEARD])
    assert (found.verdict, found.notes) == ("works", ("syn-repeated",))
    assert words in found.why


def test_a_window_that_is_shut_for_microseconds() -> None:
    assert "for 100 µs: its application read more slowly" in said([*SHUT, server(300, "A", 0, 1400, window=900)]).why
