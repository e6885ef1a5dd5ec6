"""Addresses as text and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.decode.address import mac, parse, text

if TYPE_CHECKING:
    import ipaddress


@given(st.ip_addresses())
def test_there_and_back(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    version, hi, lo = parse(str(address))
    assert version == address.version
    assert parse(text(version, hi, lo)) == (version, hi, lo)
    if version == 4 or hi or lo >> 32 != 0xFFFF:
        assert text(version, hi, lo) == str(address)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),
        ("::FFFF:a00:1", "::ffff:10.0.0.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::", "::"),
        ("1::0:2", "1::2"),
    ],
)
def test_ipv6_forms(written: str, plain: str) -> None:
    assert text(*parse(written)) == plain


@pytest.mark.parametrize("bad", ["", "demo", "1.2.3", "1.2.3.4.5", "01.2.3.4", "::1::", "1.2.3.4/8", "\x1b[0m"])
def test_what_is_no_address(bad: str) -> None:
    with pytest.raises(ValueError, match="address"):
        parse(bad)


def test_no_version_no_text() -> None:
    assert text(0, 0, 0) == ""


@given(st.integers(0, (1 << 48) - 1))
def test_macs(value: int) -> None:
    assert int(mac(value).replace(":", ""), 16) == value
    assert len(mac(value)) == 17


def test_no_mac() -> None:
    assert mac(0x0242AC110002) == "02:42:ac:11:00:02"
    assert mac(-1) == ""
