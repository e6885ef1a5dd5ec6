"""Handshakes that fail: what packets and the prober decide, on the recorded evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from netprobe.decode.decoder import decode
from netprobe.model.report import Confidence, Verdict
from netprobe.pipeline import analyze
from netprobe.report.text import render
from tests.causes.altered import code, only, recorded, without

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Finding

NAME = "tls-handshake-failed"


def cause(evidence: Evidence) -> Finding:
    report = analyze(evidence)
    assert report.cause is not None, render(report)
    assert report.cause.code == NAME
    return report.cause


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (NAME, "web's port 443 speaks plain HTTP, not TLS"),
        ("tls-handshake-name", "with the alert unrecognized_name: it has no certificate for the name web"),
        ("tls-handshake-version", "protocol_version: it takes none of the versions that the client offers (TLS 1.3"),
        ("tls-handshake-cipher", "with the alert handshake_failure"),
        ("tls-handshake-client", "certificate_required: it wants a certificate of the client's"),
        ("tls-handshake-ended", "in the middle of the TLS handshake, and sends no alert"),
        ("tls-handshake-foreign", "web's port 443 speaks SMTP or FTP, not TLS"),
    ],
)
def test_what_it_says(name: str, words: str) -> None:
    found = cause(recorded(name))
    assert words in found.summary
    assert found.confidence is Confidence.CERTAIN
    assert found.remedies


def test_the_other_scheme_is_named() -> None:
    assert "ask http://web:443;" in cause(recorded(NAME)).remedies[0].advice


@pytest.mark.parametrize("name", [NAME, "tls-handshake-name", "tls-handshake-ended"])
def test_the_target_must_have_sent_it(name: str) -> None:
    """What somebody on the way sent in its name is no word of the server's."""
    whole = recorded(name)
    assert code(without(whole, "server2/web/eth0")) is None
    table = decode(whole.packets, whole.points)
    inside = next(number for number, each in enumerate(whole.points) if each.name == "server2/web/eth0")
    said = (table.packets.point == inside) & (table.sport == 443)
    said &= (table.payload_len > 0) | (np.asarray(table.tcp_flags) & 0x05 > 0)
    assert said.any()
    report = analyze(only(whole, ~said))
    assert report.verdict is Verdict.UNDETERMINED
    assert NAME in report.alternatives


def test_what_was_not_kept_the_prober_tells() -> None:
    whole = recorded("tls-handshake-name")
    packets = whole.packets
    blind = replace(whole, packets=replace(packets, caplen=packets.caplen.clip(max=54)))
    assert "unrecognized_name" in cause(blind).summary
    assert whole.probe is not None
    result = replace(whole.probe.result, tls=None)
    assert code(replace(blind, probe=replace(whole.probe, result=result))) is None


def test_of_a_capture_from_elsewhere_the_packets_tell() -> None:
    whole = recorded("tls-handshake-name")
    table = decode(whole.packets, whole.points)
    tls = np.asarray((table.sport == 443) | (table.dport == 443))
    found = cause(replace(only(whole, tls).without_state(), probe=None, limits=()))
    assert "unrecognized_name" in found.summary
    assert found.remedies == ()


def test_an_error_of_any_letters_is_printed_escaped() -> None:
    whole = recorded("tls-handshake-client")
    assert whole.probe is not None
    assert whole.probe.result.tls is not None
    odd = replace(whole.probe.result.tls, error="\x1b[31mred\n")
    text = render(analyze(replace(whole, probe=replace(whole.probe, result=replace(whole.probe.result, tls=odd)))))
    assert "\x1b" not in text
