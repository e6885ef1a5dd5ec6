"""TLS handshakes in captures from elsewhere: who ended what, and when. Each beside a twin that differs in the deciding fact."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
from scapy.layers.inet import TCP

from netprobe.pipeline import analyze
from tests.anywhere.stories import SECOND, client, opened, said, server
from tests.craft import evidence
from tests.handshakes import server_context, talk

if TYPE_CHECKING:
    from tests.craft import Sent

V2, V3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
MIDDLE = "in the middle of the TLS handshake"


def of_version(version: ssl.TLSVersion) -> tuple[list[bytes], list[bytes]]:
    """The records that a client and a server send in a handshake of this version, and behind it."""
    context = server_context()
    context.minimum_version = context.maximum_version = version
    one, other = talk(context)
    return records(one), records(other)


def records(data: bytes) -> list[bytes]:
    found = []
    while data:
        size = 5 + int.from_bytes(data[3:5], "big")
        found.append(data[:size])
        data = data[size:]
    return found


def idle(version: ssl.TLSVersion, *, last: int, ends: float) -> list[Sent]:
    """A handshake of which the client says `last` records (counted from the one that is encrypted first), and the server ends it then."""
    mine, theirs = of_version(version)
    sealed = next(n for n, each in enumerate(mine) if each[0] == 20)  # ChangeCipherSpec
    hello, rest = mine[0], b"".join(mine[1 : sealed + 1 + last])
    flight = next((n for n, each in enumerate(theirs) if each[0] == 20), len(theirs))
    first, second = b"".join(theirs[:flight]), b"".join(theirs[flight : flight + 2])
    said_all = len(hello) + len(rest)
    heard = len(first) + len(second)
    return [
        *opened(),
        client(100, "PA", 0, 0, hello),
        server(200, "PA", 0, len(hello), first),
        client(300, "PA", len(hello), len(first), rest),
        server(400, "PA", len(first), said_all, second),
        server(ends, "FA", heard, said_all),
        client(ends + 9, "FA", said_all, heard + 1),
    ]


@pytest.mark.parametrize("version", [V2, V3])
def test_a_connection_that_is_opened_ahead_and_never_used(version: ssl.TLSVersion) -> None:
    found = said(idle(version, last=1, ends=20 * SECOND))
    assert (found.verdict, found.cause) == ("works", "")


def test_one_that_ends_as_soon_as_finished_came_is_refused_by_it() -> None:
    found = said(idle(V3, last=1, ends=900))
    assert (found.verdict, found.cause) == ("fails", "tls-handshake-failed")
    assert MIDDLE in found.why


@pytest.mark.parametrize("version", [V2, V3])
def test_one_that_ends_late_and_without_finished(version: ssl.TLSVersion) -> None:
    begun = idle(version, last=0, ends=0)[:5]
    heard, said_all = len(begun[4][2][TCP].payload), len(begun[3][2][TCP].payload)
    found = said([*begun, server(20 * SECOND, "FA", heard, said_all)])
    assert (found.verdict, found.cause) == ("fails", "tls-handshake-failed")
    assert MIDDLE in found.why


HELLO = of_version(V2)[0][0]
GREETED = [*opened(), client(100, "PA", 0, 0, HELLO), server(110, "A", 0, len(HELLO))]
LEAVES = client(200, "FA", len(HELLO), 0)
ENDS = server(200, "FA", 0, len(HELLO))


def test_the_client_leaves_first_at_the_same_time() -> None:
    """Captures that are made by programs have one time for all packets: then their order tells."""
    first = [(point, 0.0, packet) for point, _, packet in [*GREETED, LEAVES, server(200, "FA", 0, len(HELLO) + 1)]]
    then = [(point, 0.0, packet) for point, _, packet in [*GREETED, ENDS, client(200, "FA", len(HELLO), 1)]]
    assert said(first).verdict == "works"
    assert MIDDLE in said(then).why


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"\x16\x03\x01\x00\x00\x03\x00\x80\x01", "answers the ClientHello with bytes that are not TLS"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "speaks plain HTTP, not TLS"),
    ],
)
def test_what_is_no_tls(answer: bytes, words: str) -> None:
    found = said([*GREETED, server(300, "PA", 0, len(HELLO), answer), ENDS])
    assert words in found.why
    assert "TLS, not TLS" not in found.why


def alert(level: int, code: int) -> bytes:
    return b"\x15\x03\x03\x00\x02" + bytes([level, code])


def refused(*, wants: bool) -> list[Sent]:
    """A server of TLS 1.2 that sends handshake_failure behind its own flight, in which it asks for a certificate or not."""
    _, theirs = of_version(V2)
    flight = theirs[: next(n for n, each in enumerate(theirs) if each[0] == 20)]
    request = b"\x16\x03\x03\x00\x0c" + b"\x0d\x00\x00\x08\x01\x01\x00\x02\x04\x03\x00\x00"
    whole = b"".join([*flight, *([request] if wants else [])])
    return [
        *GREETED,
        server(300, "PA", 0, len(HELLO), whole),
        client(400, "A", len(HELLO), len(whole)),
        server(500, "PA", len(whole), len(HELLO), alert(2, 40)),
    ]


@pytest.mark.parametrize(
    ("packets", "words"),
    [
        (refused(wants=True), "it asked for a certificate of the client's and got none that it takes"),
        (refused(wants=False), "it had agreed on a version and a cipher suite, and failed behind that"),
        ([*GREETED, server(500, "PA", 0, len(HELLO), alert(2, 40))], "it finds nothing in common with what the client offers"),
    ],
)  # fmt: skip
def test_what_handshake_failure_says_depends_on_when(packets: list[Sent], words: str) -> None:
    report = analyze(evidence(packets))
    assert report.cause is not None
    assert words in report.cause.summary
    assert str(len(packets)) in report.cause.evidence[0].rpartition(":")[2]  # the alert's own frame


def test_the_clients_alert_is_named_by_its_frame() -> None:
    packets = [
        *refused(wants=False)[:-1],
        client(500, "PA", len(HELLO), 0, alert(2, 48)),
    ]
    report = analyze(evidence(packets))
    assert report.cause is not None
    assert (report.cause.code, report.cause.evidence[0]) == (
        "tls-certificate",
        "the client's alert unknown_ca: frames 1, 2, 4, 6, 8",
    )


def test_a_server_that_finished_and_spoke_is_behind_the_handshake() -> None:
    """Whatever the client's records hold (a capture may have another's bytes): up to TLS 1.2 a server says nothing before both sides finished."""
    mine, theirs = of_version(V2)
    sealed = next(n for n, each in enumerate(theirs) if each[0] == 20)
    whole, begun = b"".join(theirs), b"".join(theirs[: sealed + 2])
    for answer, verdict in ((whole, "works"), (begun, "fails")):
        packets = [
            *GREETED,
            server(300, "PA", 0, len(HELLO), answer),
            client(400, "PA", len(HELLO), len(answer), mine[1]),
        ]
        assert said([*packets, server(500, "FA", len(answer), len(HELLO) + len(mine[1]))]).verdict == verdict
