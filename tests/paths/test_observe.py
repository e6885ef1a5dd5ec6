"""The packets' story."""

from __future__ import annotations

from typing import Any

import pytest

from netprobe.evidence.model import Place, Proto
from netprobe.journeys.model import Journey
from netprobe.paths.observe import observe
from netprobe.paths.story import Answerer, Intent, Observation, Symptom
from netprobe.paths.tls import Handshake
from tests.craft import Sent, echo, evidence, handshake, joined, tcp, udp, unreachable
from tests.handshakes import talk

CLIENT, HOST, INSIDE = "192.168.3.201:41000", "192.168.3.202:80", "172.17.0.2:80"
DEMO = Place(host="s", container="demo")
HELD = 300_000.0  # µs: after the 200 ms


def story(sent: list[Sent], legs: int = 1, snaplen: int = 262144, **intent: object) -> Observation:
    table, found = joined(sent, snaplen)
    wanted = Intent(**{"target": DEMO, "proto": Proto.TCP, "probed": True, **intent})  # type: ignore[arg-type]
    return observe(Journey(legs=found[:legs]), table, evidence(sent).points, wanted)


def through(at: float = 0) -> list[Sent]:
    return [*handshake("s/eth0", CLIENT, HOST, at), *handshake("s/demo/eth0", CLIENT, INSIDE, at + 1, ttl=63)]


def test_a_handshake_that_the_target_answered_works() -> None:
    found = story(through())
    assert (found.symptom, found.answerer, found.reached) == (Symptom.OK, Answerer.TARGET, True)


def test_nothing_seen() -> None:
    table, _ = joined([])
    assert observe(None, table, (), Intent()).symptom is Symptom.NO_PACKETS


def test_silence_needs_patience() -> None:
    once: list[Sent] = [("s/eth0", 0, tcp(CLIENT, HOST)), ("s/demo/eth0", 9, tcp("10.9.9.9:1", "10.9.9.8:2", seq=3))]
    found = story(once, probed=False)
    assert (found.symptom, found.patient, found.reached) == (Symptom.SILENCE, False, False)
    assert story([*once, ("s/eth0", 1e6, tcp(CLIENT, HOST))], probed=False).patient


def test_a_reset_of_the_host_and_of_the_target_are_told_apart() -> None:
    at_host: list[Sent] = [
        ("s/eth0", 0, tcp(CLIENT, HOST)),
        ("s/eth0", 5, tcp(HOST, CLIENT, "RA", 0, 1001)),
        ("s/demo/eth0", 9, tcp("10.9.9.9:1", "10.9.9.8:2", seq=3)),
    ]
    assert (story(at_host).symptom, story(at_host).answerer) == (Symptom.REFUSED, Answerer.HOST)
    inside: list[Sent] = [
        ("s/eth0", 0, tcp(CLIENT, HOST)),
        ("s/demo/eth0", 1, tcp(CLIENT, INSIDE, ttl=63)),
        ("s/demo/eth0", 2, tcp(INSIDE, CLIENT, "RA", 0, 1001)),
        ("s/eth0", 3, tcp(HOST, CLIENT, "RA", 0, 1001)),
    ]
    assert (story(inside).symptom, story(inside).answerer) == (Symptom.REFUSED, Answerer.TARGET)


@pytest.mark.parametrize(
    ("flags", "at", "symptom"), [("FA", 900, Symptom.CLOSED), ("RA", 900, Symptom.CLOSED), ("FA", HELD, Symptom.OK)]
)
def test_a_close_within_200_ms(flags: str, at: float, symptom: Symptom) -> None:
    assert story([*through(), ("s/eth0", at, tcp(HOST, CLIENT, flags, 6001, 1001))]).symptom is symptom


def test_the_clients_own_close_is_none() -> None:
    ends: list[Sent] = [
        ("s/eth0", 900, tcp(CLIENT, HOST, "FA", 1001, 6001)),
        ("s/eth0", 905, tcp(HOST, CLIENT, "FA", 6001, 1002)),
    ]
    assert story([*through(), *ends]).symptom is Symptom.OK


def test_the_inner_leg_of_docker_proxy_decides() -> None:
    outer = handshake("s/lo", "127.0.0.1:4000", "127.0.0.1:80", 0)
    refused: list[Sent] = [
        ("s/demo/eth0", 100, tcp("172.17.0.1:5000", INSIDE, "S", 77, ts=90)),
        ("s/demo/eth0", 101, tcp(INSIDE, "172.17.0.1:5000", "RA", 0, 78)),
    ]
    found = story([*outer, *refused], legs=2)
    assert (found.symptom, found.leg, found.answerer) == (Symptom.REFUSED, 2, Answerer.TARGET)


def test_http_needs_a_whole_response() -> None:
    assert story(through(), proto=Proto.HTTP).symptom is Symptom.NO_RESPONSE
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    answered: list[Sent] = [("s/eth0", 100, tcp(HOST, CLIENT, "PA", 6001, 1050, data=data))]
    assert story([*through(), *answered], proto=Proto.HTTP).symptom is Symptom.OK
    cut: list[Sent] = [("s/eth0", 100, tcp(HOST, CLIENT, "PA", 6001, 1050, data=data[:-1]))]
    assert story([*through(), *cut], proto=Proto.HTTP).symptom is Symptom.NO_RESPONSE


def test_what_a_response_says() -> None:
    get = b"GET /a HTTP/1.1\r\nHost: shop.test\r\n\r\n"
    moved = b"HTTP/1.1 302 Found\r\nLocation: https://shop.test/b\r\nContent-Length: 0\r\n\r\n"
    sent: list[Sent] = [
        ("s/eth0", 90, tcp(CLIENT, HOST, "PA", 1001, 6001, data=get)),
        ("s/eth0", 100, tcp(HOST, CLIENT, "PA", 6001, 1001 + len(get), data=moved)),
    ]
    for how in ({"proto": Proto.HTTP}, {"plain": True}):
        found = story([*through(), *sent], **how)
        assert found.symptom is Symptom.OK
        assert found.http is not None, how
        assert (found.http.status, found.http.location) == (302, "https://shop.test/b")
        assert (found.http.request, found.http.host) == ("GET /a", "shop.test")
        assert found.http.frame == max(found.frames) + 5, "of the packet that begins the response"
    assert story([*through(), *sent]).http is None, "a TCP probe asks nothing"


def secured(client: bytes, server: bytes, end: str = "") -> list[Sent]:
    """A TLS exchange through to the target: both streams whole, at both points."""
    sent: list[Sent] = []
    for at, name, far in ((90, "s/eth0", HOST), (91, "s/demo/eth0", INSIDE)):
        sent += [(name, at, tcp(CLIENT, far, "PA", 1001, 6001, data=client))] if client else []
        sent += [(name, at + 100, tcp(far, CLIENT, "PA", 6001, 1001 + len(client), data=server))] if server else []
        sent += [(name, at + 200, tcp(far, CLIENT, end, 6001 + len(server), 1001 + len(client)))] if end else []
    return [*through(), *sent]


def test_https_needs_the_handshake_and_the_probers_word() -> None:
    whole = secured(*talk())
    assert story(whole, proto=Proto.HTTPS, answered=True).symptom is Symptom.OK
    assert story(whole, proto=Proto.HTTPS).symptom is Symptom.NO_RESPONSE
    assert story(whole, proto=Proto.HTTPS, alerted=True).symptom is Symptom.NO_HANDSHAKE
    assert story(whole, proto=Proto.TCP).tls is None
    found = story(whole, plain=True)
    assert (found.symptom, found.tls is not None and found.tls.handshake) == (Symptom.OK, Handshake.DONE)


def test_a_tls_handshake_that_fails() -> None:
    hello, _ = talk()
    hello = hello[: 5 + int.from_bytes(hello[3:5], "big")]
    alert = b"\x15\x03\x01\x00\x02\x02\x28"
    for server, end, how in (
        (alert, "FA", Handshake.REFUSED),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "FA", Handshake.FOREIGN),
        (b"", "RA", Handshake.ENDED),
        (b"", "FA", Handshake.ENDED),
    ):
        for more in ({"proto": Proto.HTTPS}, {"plain": True}):
            found = story(secured(hello, server, end), **more)
            assert (found.symptom, found.tls is not None and found.tls.handshake) == (Symptom.NO_HANDSHAKE, how)
            assert len(found.frames) >= 3
    silent = story(secured(hello, b""), proto=Proto.HTTPS)
    assert (silent.symptom, silent.detail) == (Symptom.NO_RESPONSE, "no byte of an answer to the ClientHello")
    assert story(secured(hello, talk()[1][:300]), proto=Proto.HTTPS).symptom is Symptom.NO_RESPONSE


def test_https_to_somebody_who_hangs_up_before_the_target() -> None:
    hello, _ = talk()
    sent: list[Sent] = [
        *handshake("s/eth0", CLIENT, HOST, 0),
        ("s/eth0", 90, tcp(CLIENT, HOST, "PA", 1001, 6001, data=hello)),
        ("s/eth0", 100, tcp(HOST, CLIENT, "FA", 6001, 1001 + len(hello))),
        ("s/demo/eth0", 9, tcp("10.9.9.9:1", "10.9.9.8:2", seq=3)),
    ]
    assert story(sent, proto=Proto.HTTPS).symptom is Symptom.CLOSED


def test_of_tls_whose_bytes_were_not_kept_the_prober_tells() -> None:
    whole = secured(*talk())
    assert story(whole, snaplen=80, proto=Proto.HTTPS, answered=True).symptom is Symptom.OK
    assert story(whole, snaplen=80, proto=Proto.HTTPS, alerted=True).symptom is Symptom.NO_HANDSHAKE
    assert story(whole, snaplen=80, proto=Proto.HTTPS).symptom is Symptom.NO_RESPONSE


def test_another_protocol_is_no_response_that_is_not_complete() -> None:
    greeting: Sent = ("s/eth0", 100, tcp(HOST, CLIENT, "PA", 6001, 1050, data=b"SSH-2.0-OpenSSH_9.2\r\n"))
    found = story([*through(), greeting], proto=Proto.HTTP)
    assert (found.symptom, found.begins) == (Symptom.NO_RESPONSE, b"SSH-2.0-OpenSSH_9.2\r\n")
    assert found.detail == "21 bytes of something that is not HTTP"


def test_what_the_snap_length_cut_off_a_body_counts_by_its_length() -> None:
    head = b"HTTP/1.1 200 OK\r\n%b\r\n\r\n"
    for length, whole in ((3000, True), (3001, False)):
        first = head % b"Content-Length: %d" % length + bytes(2000)
        parts: list[Sent] = [
            ("s/eth0", 100, tcp(HOST, CLIENT, "PA", 6001, 1050, data=first)),
            ("s/eth0", 110, tcp(HOST, CLIENT, "PA", 6001 + len(first), 1050, data=bytes(1000))),
        ]
        found = story([*through(), *parts], snaplen=200, proto=Proto.HTTP)
        assert (found.symptom is Symptom.OK) is whole, found
        assert found.http is not None
        assert found.http.status == 200
        assert found.detail == ("" if whole else f"{len(first) + 1000} bytes of a response that is not complete")
    chunks = head % b"Transfer-Encoding: chunked" + b"3e8\r\n" + bytes(1000) + b"\r\n"
    last: Sent = ("s/eth0", 110, tcp(HOST, CLIENT, "PA", 6001 + len(chunks), 1050, data=b"0\r\n\r\n"))
    for more, symptom in (([], Symptom.NO_RESPONSE), ([last], Symptom.OK)):
        begun: Sent = ("s/eth0", 100, tcp(HOST, CLIENT, "PA", 6001, 1050, data=chunks))
        assert story([*through(), begun, *more], snaplen=200, proto=Proto.HTTP).symptom is symptom


def test_bytes_that_were_sent_are_not_bytes_that_came() -> None:
    """The whole response left the container, and its end was lost on the way: the client's own point tells."""
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhalf"
    asked = [*handshake("c/eth0", CLIENT, HOST, 0), *through(1)]
    left: list[Sent] = [
        ("s/demo/eth0", 100, tcp(INSIDE, CLIENT, "PA", 6001, 1050, data=data[:-2])),
        ("s/demo/eth0", 110, tcp(INSIDE, CLIENT, "PA", 6001 + len(data) - 2, 1050, data=data[-2:])),
    ]
    came: Sent = ("c/eth0", 101, tcp(HOST, CLIENT, "PA", 6001, 1050, data=data[:-2]))
    found = story([*asked, *left, came], proto=Proto.HTTP, source=Place(host="c"))
    assert (found.symptom, found.detail) == (Symptom.NO_RESPONSE, "40 bytes of a response that is not complete")
    elsewhere = story([*asked, *left, came], proto=Proto.HTTP, source=Place(host="not-sniffed"))
    assert elsewhere.symptom is Symptom.OK


def test_what_comes_after_a_reset_is_not_heard() -> None:
    """A host between reset it: the container goes on, and its client is gone."""
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhalf"
    half: list[Sent] = [
        (name, at, tcp(server, CLIENT, "PA", 6001, 1050, data=data[:-2]))
        for name, at, server in (("s/demo/eth0", 100, INSIDE), ("s/eth0", 101, HOST))
    ]
    rest: list[Sent] = [
        (name, at, tcp(server, CLIENT, "PA", 6001 + len(data) - 2, 1050, data=data[-2:]))
        for name, at, server in (("s/demo/eth0", 120, INSIDE), ("s/eth0", 121, HOST))
    ]
    reset: Sent = ("s/eth0", 110, tcp(HOST, CLIENT, "R", 6001 + len(data) - 2))
    assert story([*through(), *half, *rest], proto=Proto.HTTP).symptom is Symptom.OK
    found = story([*through(), *half, reset, *rest], proto=Proto.HTTP)
    assert (found.symptom, found.detail) == (
        Symptom.NO_RESPONSE,
        "40 bytes of a response that is not complete, then a RST",
    )
    late: Sent = ("s/eth0", 130, tcp(HOST, CLIENT, "R", 6001 + len(data)))
    assert story([*through(), *half, *rest, late], proto=Proto.HTTP).symptom is Symptom.OK


def test_udp_reply_error_delivery_and_silence() -> None:
    asked: Sent = ("s/eth0", 0, udp(CLIENT, HOST))
    inside: Sent = ("s/demo/eth0", 1, udp(CLIENT, INSIDE, ttl=63))
    intent: dict[str, Any] = {"proto": Proto.UDP}
    assert story([asked, inside, ("s/eth0", 5, udp(HOST, CLIENT, b"yes"))], **intent).symptom is Symptom.OK
    assert story([asked, inside], **intent).symptom is Symptom.DELIVERED
    refused = story(
        [asked, inside, ("s/demo/eth0", 3, unreachable("172.17.0.2", "192.168.3.201", inside[2]))], **intent
    )
    assert (refused.symptom, refused.answerer) == (Symptom.REFUSED, Answerer.TARGET)
    prohibited = story(
        [asked, ("s/eth0", 3, unreachable("192.168.3.202", "192.168.3.201", asked[2], code=13))], **intent
    )
    assert prohibited.symptom is Symptom.UNREACHABLE
    other: Sent = ("s/demo/eth0", 9, udp("10.9.9.9:1", "10.9.9.8:2", b"x"))
    assert story([asked, other], **intent).symptom is Symptom.SILENCE


def test_an_echo_reply_that_was_sent_and_did_not_come() -> None:
    client, server = CLIENT.partition(":")[0], HOST.partition(":")[0]
    asked: list[Sent] = [("c/eth0", 0, echo(client, server)), ("s/eth0", 1, echo(client, server))]
    sent: Sent = ("s/wg0", 2, echo(server, client, kind="echo-reply"))
    found = story([*asked, sent], proto=Proto.ICMP, source=Place(host="c"))
    assert (found.symptom, found.detail) == (Symptom.SILENCE, "an answer that did not come")
    came: Sent = ("c/eth0", 3, echo(server, client, kind="echo-reply"))
    assert story([*asked, sent, came], proto=Proto.ICMP, source=Place(host="c")).symptom is Symptom.OK


def test_an_echo_reply() -> None:
    sent: list[Sent] = [("s/demo/eth0", 0, echo("172.17.0.3", "172.17.0.2"))]
    assert story(sent, proto=Proto.ICMP).symptom is Symptom.SILENCE
    sent.append(("s/demo/eth0", 1, echo("172.17.0.2", "172.17.0.3", "echo-reply")))
    assert story(sent, proto=Proto.ICMP).symptom is Symptom.OK
