"""Exchanges of datagrams: DNS whose answers are errors or nobody's, answers alone, groups, and which exchange a capture is about."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.dns import DNSRROPT

from netprobe.flows.model import SeveralFlows
from tests.anywhere.stories import SECOND, WIRE, dns, opened, said
from tests.craft import Sent, echo, udp, unreachable

U, V, R = "10.0.0.1:5000", "10.0.0.2:9999", "10.0.0.53:53"
ASKED = dns(0, U, R, id=7)
WELL = dns(900, R, U, id=7, qr=1, answer="192.0.2.7")
NO_NAME = dns(900, R, U, id=7, qr=1, rcode=3)


def error(code: int, **more: Any) -> Sent:
    return dns(900, R, U, id=7, qr=1, rcode=code, **more)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (NO_NAME, "10.0.0.53 says that web.example does not exist (NXDOMAIN)."),
        (
            error(2),
            "10.0.0.53 could not find out about web.example (SERVFAIL): it, or a server that it asks, is at fault.",
        ),
        (
            error(5),
            "10.0.0.53 refuses to answer for web.example (REFUSED): it does not serve that client, or that zone.",
        ),
        (error(1), "10.0.0.53 does not understand the question for web.example (FORMERR)."),
        (error(9), "10.0.0.53 answers the question for web.example with NOTAUTH."),
        (error(0, ra=1), "10.0.0.53 says that web.example exists, and has no A record."),
    ],
)
def test_an_answer_without_a_record_fails(answer: Sent, words: str) -> None:
    found = said([ASKED, answer])
    assert (found.verdict, found.cause, found.path) == ("fails", "dns-error-response", "none")
    assert found.why == words
    assert said([answer]).cause == "dns-error-response", "the answer alone holds its question"


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ([ASKED, WELL], "It was answered, and no point saw it change on the way."),
        ([WELL], "The capture holds only what 10.0.0.53:53 sent"),
        ([ASKED, dns(900, R, U, id=7, qr=1, tc=1)], "The answer is truncated: the client has to ask again over TCP."),
        ([ASKED, NO_NAME, WELL], "It was answered, and no point saw it change on the way."),
        ([dns(0, U, R, id=7, rd=0), dns(900, R, U, id=7, qr=1, rd=0)], "It was answered"),
    ],
)
def test_an_answer_with_a_record_works(sent: list[Sent], words: str) -> None:
    found = said(sent)
    assert (found.verdict, found.cause, found.notes) == ("works", "", ())
    assert words in found.why


def test_an_answer_with_another_id_is_none() -> None:
    found = said([ASKED, dns(900, R, U, id=8, qr=1, answer="192.0.2.7")])
    assert found.verdict == "undetermined"
    assert "id 0x0007) was not answered: what came has another id (0x0008, frame 2)" in found.why


def test_an_error_beside_no_answer() -> None:
    found = said([ASKED, (WIRE, 9, unreachable("10.0.0.53", "10.0.0.1", ASKED[2]))])
    assert (found.verdict, "ICMP port unreachable" in found.why) == ("undetermined", True)


def test_answers_alone() -> None:
    for packets in ([(WIRE, 0, udp("10.0.0.2:443", U))], [(WIRE, 0, echo("10.0.0.2", "10.0.0.1", "echo-reply"))]):
        found = said(packets)
        assert found.verdict == "works"
        assert "the question that it answers was not captured" in found.why
        assert found.of("reply")[0][0] == 0, "no Unix time"
    for packets in ([(WIRE, 0, udp(U, V))], [(WIRE, 0, echo("10.0.0.1", "10.0.0.2"))]):
        found = said(packets)
        assert (found.verdict, "nothing answered" in found.why) == ("undetermined", True)
        assert found.unknowns == ("the capture may have ended before an answer came",)


@pytest.mark.parametrize("to", ["224.0.0.251:5353", "255.255.255.255:6771", "239.255.255.250:1900"])
def test_nobody_has_to_answer_what_goes_to_a_group(to: str) -> None:
    found = said([(WIRE, 0, udp("10.0.0.2:5353", to))])
    assert found.verdict == "undetermined"
    assert "of which nobody has to answer" in found.why
    assert found.unknowns == ()


def test_an_unanswered_exchange_stays_in_the_choice() -> None:
    web = opened(2000)
    for silent in ([ASKED], [ASKED, NO_NAME], [ASKED, dns(900, R, U, id=8, qr=1, answer="192.0.2.7")]):
        with pytest.raises(SeveralFlows) as several:
            said([*silent, *web])
        assert [flow.proto for flow in several.value.flows] == ["udp", "tcp"]
    assert said([ASKED, WELL, *web]).why == "It was answered, and no point saw it change on the way."
    searched = [dns(0, "10.0.0.1:5001", R, id=6, name="web.lan"), dns(9, R, "10.0.0.1:5001", id=6, qr=1, rcode=3)]
    assert said([*searched, ASKED, WELL, *web]).verdict == "works", "the last of a search list counts"


def test_packets_without_a_time_stand_where_the_file_has_them() -> None:
    from dataclasses import replace

    import numpy as np

    from netprobe.pipeline import analyze
    from tests.craft import evidence

    case = evidence([*opened(), (WIRE, 9 * SECOND, opened()[2][2])])
    times = case.packets.time_ns.copy()
    times[[0, 2]] = 0
    report = analyze(replace(case, packets=replace(case.packets, time_ns=times)))
    assert [hop.time_us for hop in report.hops] == [0, 0]
    none = analyze(replace(case, packets=replace(case.packets, time_ns=np.zeros_like(times))))
    assert [hop.time_us for hop in none.hops] == [0, 0]


GROUP = "224.0.0.252:5355"


def test_who_is_asked_as_one_of_a_group_answers_from_its_own_address() -> None:
    found = said([(WIRE, 0, udp(U, GROUP)), (WIRE, 9, udp("10.0.0.7:5355", U))])
    assert found.verdict == "works"
    assert "It was sent to a group (224.0.0.252), and 10.0.0.7 answered." in found.why


def test_an_answer_from_an_address_that_was_not_asked() -> None:
    """Its client waits for one of whom it asked: whether it took the other the packets do not tell."""
    found = said([(WIRE, 0, udp(U, V)), (WIRE, 9, udp("10.0.0.7:9999", U))], flow="#1")
    assert found.verdict == "undetermined"
    assert "10.0.0.2 did not answer; what came back came from 10.0.0.7 (frame 2)" in found.why
    asked = said([dns(0, U, R, id=7), dns(900, "10.0.0.54:53", U, id=7, qr=1, answer="192.0.2.7")], flow="#1")
    assert "10.0.0.53 did not answer; what came back came from 10.0.0.54 (frame 2)" in asked.why
    symmetric = said(
        [(WIRE, 0, udp("10.0.0.1:137", "10.0.0.2:137")), (WIRE, 9, udp("10.0.0.7:137", "10.0.0.1:137"))], flow="#1"
    )
    assert "nothing answered" in symmetric.why


def test_a_datagram_is_no_answer_to_itself() -> None:
    found = said([(WIRE, 0, udp("127.0.0.1:500", "127.0.0.1:500"))])
    assert (found.verdict, found.of("reply")) == ("undetermined", ())
    assert "nothing answered" in found.why


def test_a_truncated_answer_alone() -> None:
    found = said([dns(900, R, U, id=7, qr=1, tc=1)])
    assert "the question that it answers was not captured. The answer is truncated" in found.why


def test_how_many_answers_hold_nothing() -> None:
    names = ("a.example", "b.example", "c.example")
    asked = [dns(number, U, R, id=number, name=name) for number, name in enumerate(names)]
    codes: tuple[dict[str, Any], ...] = ({"rcode": 3}, {"rcode": 3}, {"ra": 1})
    answers = [
        dns(900 + n, R, U, id=n, qr=1, name=name, **code)
        for n, (name, code) in enumerate(zip(names, codes, strict=True))
    ]
    assert (
        said([*asked, *answers]).why
        == "10.0.0.53 says that a.example does not exist (NXDOMAIN), and 2 more of its answers are errors or empty."
    )
    assert said([*asked[:2], *answers[:2]]).why.endswith("and 1 more of its answers are errors.")


def test_an_error_whose_code_needs_the_bits_of_edns() -> None:
    """RFC 6891 section 6.1.3: the header alone says NOERROR."""
    bits = {"ar": DNSRROPT(extrcode=1), "arcount": 1}
    assert (
        "does not speak the version of EDNS in which it was asked for web.example (BADVERS)"
        in said([ASKED, error(0, **bits)]).why
    )
    assert "has no A record" in said([ASKED, error(0, ra=1, ar=DNSRROPT(), arcount=1)]).why


@pytest.mark.parametrize("port", [1900, 5355])
def test_an_answer_to_a_group_alone(port: int) -> None:
    """Chosen by itself it is an answer, and no question that nobody answered."""
    found = said([(WIRE, 9, udp(f"10.0.0.7:{port}", U))])
    assert (found.verdict, "the question that it answers was not captured" in found.why) == ("works", True)
    assert "nothing answered" in said([(WIRE, 0, udp(U, f"10.0.0.7:{port}"))]).why
