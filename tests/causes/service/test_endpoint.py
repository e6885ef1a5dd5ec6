"""app-not-listening: sockets that have the port and do not take what arrived."""

from __future__ import annotations

from netprobe.pipeline import analyze
from tests.causes.altered import recorded, with_state


def test_a_socket_for_ipv6_alone_takes_no_ipv4() -> None:
    """``IPV6_V6ONLY``: ss says v6only:1; without it ``[::]`` takes both, and the refusal is not explained."""
    bound = recorded("app-bound-loopback")
    for options, expected in ((" v6only:1", "app-not-listening"), (" v6only:0", None)):
        end = with_state(bound, "server2", "ns/demo/sockets", "127.0.0.1:80", "[::]:80")
        told = with_state(end, "server2", "ns/demo/sockets", " ino:", f"{options} ino:")
        report = analyze(told)
        assert (report.cause.code if report.cause else None) == expected
        if expected:
            assert "for IPv6 alone (IPV6_V6ONLY)" in report.why
