from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netprobe.state.address import covers, ip, is_any, is_loopback, overlaps, prefix, same


def test_covers() -> None:
    assert covers("10.0.0.0/8", "10.1.2.3") is True
    assert covers("10.0.0.0/255.0.0.0", "11.1.2.3") is False
    assert covers("0.0.0.0/0", "::1") is False
    assert covers("10.0.0.0/255.0.255.0", "10.7.0.1") is True
    assert covers("10.0.0.0/255.0.255.0", "10.7.1.1") is False
    assert covers("0.0.0.2/0.0.0.255", "192.0.2.2") is True  # a host mask, for ipaddress
    assert covers("0.0.0.2/0.0.0.255", "0.0.0.3") is False
    assert covers("10.0.0.0/8", "x") is None


def test_overlaps() -> None:
    assert overlaps("172.17.0.0/16", "172.17.3.0/24")
    assert not overlaps("172.17.0.0/16", "172.18.0.0/16")
    assert not overlaps("10.0.0.0/8", "::/0")
    assert not overlaps("x", "10.0.0.0/8")


def test_the_same_address_in_other_words() -> None:
    assert same("::ffff:10.0.0.1", "10.0.0.1")
    assert same("fe80::1%eth0", "FE80:0::1")
    assert not same("x", "y")
    assert is_loopback("127.9.9.9")
    assert not is_loopback("x")
    assert is_any("*")
    assert not is_any("10.0.0.0")


@given(st.text())
def test_any_text(text: str) -> None:
    ip(text)
    prefix(text)
