from __future__ import annotations

import pytest

from netprobe.state.packet import PacketTuple, all_of, any_of, in_ports, invert


def test_three_valued_logic() -> None:
    assert all_of([True, None, False]) is False
    assert all_of([True, None]) is None
    assert all_of([]) is True
    assert any_of([False, None, True]) is True
    assert any_of([False, None]) is None
    assert any_of([]) is False
    assert [invert(each) for each in (True, False, None)] == [False, True, None]


@pytest.mark.parametrize(
    ("spec", "port", "answer"),
    [
        ("80", 80, True),
        ("80,443", 443, True),
        ("80:90", 91, False),
        (":90", 1, True),
        ("8000:", 65535, True),
        ("80", None, None),
        ("http", 80, None),
        ("http,80", 80, True),
        ("", 80, None),
        (":", 80, True),
        ("9" * 5000, 80, None),
    ],
)
def test_ports(spec: str, port: int | None, answer: bool | None) -> None:
    assert in_ports(spec, port) is answer


@pytest.mark.parametrize(
    ("proto", "dst", "carried"),
    [("icmp", "fd00::2", "icmpv6"), ("icmp", "192.0.2.2", "icmp"), ("tcp", "fd00::2", "tcp")],
)
def test_icmp_is_another_protocol_in_ipv6(proto: str, dst: str, carried: str) -> None:
    assert PacketTuple(proto=proto, dst=dst).carried == carried
