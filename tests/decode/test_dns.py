"""DNS messages against scapy's, and hostile ones."""

from __future__ import annotations

import logging
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.decode.dns import DnsMessage, escape_label, parse_message, rcode_name

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.layers.dns import DNS, DNSQR, DNSRR  # noqa: E402

RESPONSE = bytes(
    DNS(
        id=7,
        qr=1,
        rcode=0,
        qd=DNSQR(qname="www.example", qtype="A"),
        an=[
            DNSRR(rrname="www.example", type="CNAME", rdata="demo.example"),
            DNSRR(rrname="demo.example", type="A", rdata="192.0.2.7"),
            DNSRR(rrname="demo.example", type="AAAA", rdata="2001:db8::7"),
            DNSRR(rrname="demo.example", type="TXT", rdata="hi"),
        ],
    )
)


def test_a_response() -> None:
    assert parse_message(RESPONSE) == DnsMessage(
        id=7,
        qr=True,
        rcode="NOERROR",
        questions=(("www.example", "A"),),
        answers=(
            ("www.example", "CNAME", "demo.example"),
            ("demo.example", "A", "192.0.2.7"),
            ("demo.example", "AAAA", "2001:db8::7"),
            ("demo.example", "TXT", "\\# 3 026869"),
        ),
    )


def test_compressed_names() -> None:
    compressed = bytes(DNS(RESPONSE).compress())
    assert len(compressed) < len(RESPONSE)
    assert parse_message(compressed) == parse_message(RESPONSE)


@pytest.mark.parametrize(("rcode", "name"), [(3, "NXDOMAIN"), (2, "SERVFAIL"), (15, "RCODE15")])
def test_response_codes(rcode: int, name: str) -> None:
    message = parse_message(bytes(DNS(qr=1, rcode=rcode, tc=1, qd=DNSQR(qname="x", qtype=65280))))
    assert message is not None
    assert (message.rcode, message.truncated, message.questions) == (name, True, (("x", "TYPE65280"),))
    assert rcode_name(rcode) == name


def query(name: bytes, count: int = 1) -> bytes:
    return struct.pack(">HHHHHH", 1, 0, count, 0, 0, 0) + name + b"\0\1\0\1"


@pytest.mark.parametrize(
    "name",
    [
        b"\xc0\x0c",  # a pointer to itself
        b"\x01a\xc0\x0c",  # a name that continues at its own beginning
        b"\xc0\x20",  # forward
        b"\x80abc\0",  # a label type that was never given out
        b"\x05abc",  # longer than the message
        b"\x3f" + b"a" * 63 + (b"\x3f" + b"a" * 63) * 3 + b"\0",  # longer than a name may be
    ],
)
def test_malformed_names(name: bytes) -> None:
    assert parse_message(query(name)) is None


def test_cut_anywhere_is_none() -> None:
    assert all(parse_message(RESPONSE[:size]) is None for size in range(len(RESPONSE)))


def test_more_records_than_a_message_holds() -> None:
    assert parse_message(query(b"\0", count=65_535)) is None


def test_hostile_labels_are_escaped() -> None:
    message = parse_message(query(b'\x08\x1b[31m.\\"\x03\xc3\xa9 \0'))
    assert message is not None
    assert message.questions == (("\\027[31m\\046\\092\\034.\\195\\169\\032", "A"),)
    assert escape_label(b"demo-1_x") == "demo-1_x"


def test_the_root() -> None:
    message = parse_message(query(b"\0"))
    assert message is not None
    assert message.questions == ((".", "A"),)


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=100), head=st.sampled_from([b"", RESPONSE[:12], RESPONSE[:40]]))
def test_any_bytes(data: bytes, head: bytes) -> None:
    message = parse_message(head + data)
    if message is not None:
        everything = repr((message.questions, message.answers))
        assert everything.isascii()
        assert everything.isprintable()
