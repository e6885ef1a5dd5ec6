"""Certificates that clients refuse: what the certificate, the name and the time decide, on the recorded evidence."""

from __future__ import annotations

import ssl
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.decode.x509 import read_certificate
from netprobe.model.report import Verdict
from netprobe.pipeline import analyze
from netprobe.report.text import render
from tests.causes.altered import recorded
from tests.craft import evidence as evidence_of
from tests.craft import handshake, tcp
from tests.handshakes import DER, server_context, talk

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence, TlsSession

NAME = "tls-certificate"
GOOD = "tls-certificate-good"


def session(evidence: Evidence) -> TlsSession:
    assert evidence.probe is not None
    assert evidence.probe.result.tls is not None
    return evidence.probe.result.tls


def shown(evidence: Evidence, *, started_ns: int | None = None, **changes: object) -> Evidence:
    """The same run, whose server showed something else, or at another time."""
    probe, tls = evidence.probe, replace(session(evidence), **changes)  # type: ignore[arg-type]
    assert probe is not None
    result = replace(probe.result, tls=tls, started_ns=started_ns or probe.result.started_ns)
    return replace(evidence, probe=replace(probe, result=result))


def note(evidence: Evidence) -> str:
    report = analyze(evidence)
    assert report.verdict is Verdict.WORKS
    return next((each.summary for each in report.findings if each.code == NAME), "")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (NAME, "it expired on"),
        ("tls-certificate-name", "it is for shop.test, www.shop.test, not for web"),
        ("tls-certificate-self", "it is signed by itself, and nobody vouches for it"),
        ("tls-certificate-authority", "its signer is not among those that server2 trusts (CN=other authority)"),
        ("tls-certificate-early", "it is valid from"),
        ("tls-certificate-proxied", "it is for web, not for 127.0.0.1"),
        (GOOD, ""),
    ],
)
def test_what_it_says(name: str, words: str) -> None:
    said = note(recorded(name))
    assert words in said
    assert bool(said) is bool(words)


def test_the_time_is_that_of_the_probe() -> None:
    good = recorded(GOOD)
    own = read_certificate(session(good).certificates[0])
    assert own is not None
    assert "it expired on" in note(shown(good, started_ns=(own.not_after + 1) * 10**9))
    assert note(shown(good, started_ns=own.not_after * 10**9)) == ""
    assert "later" in note(shown(good, started_ns=(own.not_before - 1) * 10**9))


def test_without_a_judgement_the_authority_is_not_blamed() -> None:
    assert note(shown(recorded("tls-certificate-authority"), verified=None, verified_why="not judged")) == ""
    assert note(shown(recorded("tls-certificate-self"), verified=0)) == ""


def test_an_intermediate_may_be_left_out() -> None:
    report = analyze(shown(recorded(GOOD), verified=20, verified_why="unable to get local issuer certificate"))
    advice = report.findings[0].remedies[0].advice
    assert "if there is an intermediate certificate, have the server send it, too" in advice


def test_a_name_in_the_subject_alone_is_said_to_count_for_nothing() -> None:
    bare = DER.replace(b"\x55\x1d\x11", b"\x55\x1d\x63")  # subjectAltName's OID becomes one that nobody knows
    assert bare != DER
    assert "it has no subjectAltName (its subject, " in note(shown(recorded(GOOD), certificates=(bare,)))


def test_the_first_line_says_that_clients_refuse_it() -> None:
    """The probe goes on where a browser stops: "works" alone would be read as that nothing is wrong."""
    first, good = (render(analyze(recorded(each))).splitlines()[0] for each in (NAME, GOOD))
    assert first.endswith("; answered 200; but clients refuse its certificate")
    assert good.endswith("; answered 200")


def test_what_cannot_be_read_says_nothing() -> None:
    assert note(shown(recorded(GOOD), certificates=(b"\x30\x03\x02\x01\x01",))) == ""
    assert note(shown(recorded(GOOD), certificates=())) == ""


def test_names_of_any_bytes_are_printed_escaped() -> None:
    odd = DER.replace(b"\x82\x03web", b"\x82\x03\x1b[m")
    assert odd != DER
    report = analyze(shown(recorded(GOOD), certificates=(odd,)))
    assert report.findings
    text = render(report)
    assert "\x1b" not in text
    assert "https://\x1b" not in str(report.findings[0].remedies)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, len(DER) - 1), st.binary(max_size=6), st.integers(0, 6))
def test_no_certificate_raises(at: int, text: bytes, cut: int) -> None:
    assert analyze(shown(HEALTHY, certificates=(DER[:at] + text + DER[at + cut :],))).verdict is Verdict.WORKS


HEALTHY = recorded(GOOD)


def test_a_client_that_refuses_says_so_in_its_capture() -> None:
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    server = server_context()
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    for context, words in (
        (server, "does not trust who signed it (C=DE, O=Test Ltd, CN=web)"),
        (None, "does not trust who signed it"),
    ):
        one, other = talk(context, client)
        ends = ("192.0.2.1:41000", "192.0.2.2:443")
        sent = [
            *handshake("eth0", *ends, 0),
            ("eth0", 90.0, tcp(*ends, "PA", 1001, 6001, data=one)),
            ("eth0", 190.0, tcp(*ends[::-1], "PA", 6001, 1001 + len(one), data=other)),
        ]
        report = analyze(evidence_of(sent))
        assert report.cause is not None
        assert report.cause.code == NAME
        assert words in report.cause.summary
