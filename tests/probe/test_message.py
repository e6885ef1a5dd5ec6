"""What each kind of probe sends."""

from __future__ import annotations

import pytest

from netprobe.evidence.model import Proto
from netprobe.probe.message import control, largest, payload
from netprobe.probe.target import parse_target

TAG = "0123456789abcdef"


@pytest.mark.parametrize(
    ("target", "proto", "begins"),
    [
        ("demo:80", None, b""),
        ("demo:53", Proto.UDP, b"netprobe"),
        ("demo", Proto.ICMP, b"\x08\x00"),
        ("http://demo/x", None, b"GET /x HTTP/1.1\r\nHost: demo\r\n"),
        ("http://demo:8080/x", None, b"GET /x HTTP/1.1\r\nHost: demo:8080\r\n"),
    ],
)
def test_what_is_sent(target: str, proto: Proto | None, begins: bytes) -> None:
    sent = payload(parse_target(target, proto), TAG, "172.17.0.2", None)
    assert sent.startswith(begins)
    assert bool(sent) is bool(begins)


def test_an_echo_is_of_its_version() -> None:
    assert payload(parse_target("demo", Proto.ICMP), TAG, "fd00::2", None)[0] == 128


@pytest.mark.parametrize(("size", "told"), [(None, False), (16, False), (4000, True)])
def test_only_what_may_be_too_large_has_a_small_one_beside_it(size: int | None, told: bool) -> None:
    target = parse_target("demo", Proto.ICMP)
    assert bool(control(target, TAG, "172.17.0.2", size)) is told
    assert control(parse_target("demo:80", None), TAG, "172.17.0.2", size) == b""


def test_the_size_of_the_packet_counts_its_headers() -> None:
    target = parse_target("demo", Proto.ICMP)
    assert largest(target, "172.17.0.2", 1472) == 1500
    assert largest(target, "fd00::2", 1452) == 1500
    assert largest(target, "172.17.0.2", None) is None
