"""Certificates: one of OpenSSL's, and bytes of any kind."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.decode.x509 import MAX_BYTES, read_certificate
from tests.handshakes import DER


def test_what_it_says() -> None:
    found = read_certificate(DER)
    assert found is not None
    assert found.subject == found.issuer == "C=DE, O=Test Ltd, CN=web"
    assert (found.names, found.addresses) == (("web", "*.shop.test"), ("192.0.2.1", "2001:db8::1"))
    assert (found.not_before, found.not_after) == (1795996852, 2400796852)
    assert found.self_issued
    assert found.is_authority


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("web", True),
        ("WEB.", True),
        ("api.shop.test", True),
        ("a.api.shop.test", False),
        ("shop.test", False),
        ("192.0.2.1", True),
        ("2001:DB8:0::1", True),
        ("192.0.2.2", False),
        ("other", False),
        ("", False),
        (".shop.test", False),
    ],
)
def test_whom_it_is_for(name: str, good: bool) -> None:
    found = read_certificate(DER)
    assert found is not None
    assert found.is_for(name) is good


def test_a_wildcard_for_all_is_none() -> None:
    found = read_certificate(DER)
    assert found is not None
    assert not replace(found, names=("*", "*.test")).is_for("shop.test")


def test_what_is_none() -> None:
    assert read_certificate(b"") is None
    assert read_certificate(DER[:-1]) is None
    assert read_certificate(b"\x30\x84\xff\xff\xff\xff") is None
    assert read_certificate(b"\x30" * (MAX_BYTES + 1)) is None
    assert read_certificate(b"\x30\x80" * 1000) is None


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    read_certificate(data)


@given(st.integers(0, len(DER) - 1), st.binary(max_size=6), st.integers(0, 6))
def test_no_mutation_raises(at: int, text: bytes, cut: int) -> None:
    read_certificate(DER[:at] + text + DER[at + cut :])
