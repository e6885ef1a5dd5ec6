from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.model.endpoint import UNCHOSEN, Endpoint, Ends

PAIRS = [
    (Endpoint("192.0.2.1", 80), "192.0.2.1:80"),
    (Endpoint("2001:db8::1", 80), "[2001:db8::1]:80"),
    (Endpoint("192.0.2.1"), "192.0.2.1"),
    (Endpoint("2001:db8::1"), "2001:db8::1"),
    (Endpoint("192.0.2.1", 0), "192.0.2.1:0"),
    (Endpoint("192.0.2.1", UNCHOSEN), "192.0.2.1:*"),
    (Endpoint("fd00::1", UNCHOSEN), "[fd00::1]:*"),
    (Endpoint("", 80), "?:80"),
    (Endpoint(""), "?"),
]


@pytest.mark.parametrize(("end", "text"), PAIRS)
def test_it_is_read_as_it_is_written(end: Endpoint, text: str) -> None:
    assert str(end) == f"{end}" == text
    assert Endpoint.parse(text) == end


@given(st.ip_addresses().map(str), st.none() | st.integers(0, 65535) | st.just(UNCHOSEN))
def test_every_endpoint_survives(address: str, port: int | None) -> None:
    end = Endpoint(address, port)
    assert Endpoint.parse(str(end)) == end


@given(st.text(max_size=40))
def test_any_text_is_read_as_something(text: str) -> None:
    end = Endpoint.parse(text)
    assert end.port is None or end.port >= UNCHOSEN


@pytest.mark.parametrize("text", ["", "demo", "[fd00::1", "192.0.2.1:http", "a:b:c", "192.0.2.1:٣"])
def test_a_text_without_a_port_is_all_address(text: str) -> None:
    assert Endpoint.parse(text) == Endpoint(text)


def test_brackets_may_stand_without_a_port() -> None:
    assert Endpoint.parse("[fd00::1]") == Endpoint("fd00::1")


def test_the_version_is_the_addresses() -> None:
    assert Endpoint("fd00::1", 80).is_v6
    assert not Endpoint("192.0.2.1", 80).is_v6


def test_both_ends_are_one_text() -> None:
    assert str(Ends(Endpoint("192.0.2.1", UNCHOSEN), Endpoint("fd00::2", 80))) == "192.0.2.1:* → [fd00::2]:80"
