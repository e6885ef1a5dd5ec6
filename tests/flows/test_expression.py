from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.errors import UsageFault
from netprobe.flows.expression import End, FlowExpr

Five = tuple[str, str, int | None, str, int | None]
WEB: Five = ("tcp", "192.168.3.201", 41290, "192.168.3.202", 80)
WEB6: Five = ("udp", "fd00::1", 5000, "fd00::2", 53)
ECHO: Five = ("icmp", "10.0.0.1", None, "10.0.0.2", None)


def fits(text: str, flow: Five) -> bool:
    proto, src, sport, dst, dport = flow
    return FlowExpr.parse(text).matches(proto=proto, src=src, sport=sport, dst=dst, dport=dport)


@pytest.mark.parametrize(
    "text",
    [
        "192.168.3.201:41290>192.168.3.202:80/tcp",
        "192.168.3.201:41290 → 192.168.3.202:80 tcp",
        "192.168.3.201->192.168.3.202",
        "192.168.3.202",
        "192.168.3.201:41290",
        ":80",
        ">:80",
        ":41290>",
        "TCP",
        ":80/tcp",
        " 192.168.3.202:80 /tcp ",
    ],
)
def test_it_fits(text: str) -> None:
    assert fits(text, WEB)


@pytest.mark.parametrize(
    "text",
    ["udp", ":81", ":80>", ">192.168.3.201", "192.168.3.202>192.168.3.201", ":80/udp", "192.168.3.201:80", "10.0.0.1"],
)
def test_it_does_not_fit(text: str) -> None:
    assert not fits(text, WEB)


@pytest.mark.parametrize(
    "text", ["[fd00::1]:5000>[fd00::2]:53/udp", "fd00::1", "[fd00:0::2]", "[fd00::2]:53", ">FD00::2"]
)
def test_ipv6(text: str) -> None:
    assert fits(text, WEB6)


def test_icmp_has_no_ports() -> None:
    assert fits("10.0.0.2/icmp", ECHO)
    assert not fits(":80", ECHO)


@pytest.mark.parametrize(
    "text", ["", " ", "x", "1.2.3", ":65536", ":-1", ":8 0", "1.2.3.4:", "[::1", "a>b>c", "tcp/udp", ":²"]
)
def test_what_is_none_is_refused(text: str) -> None:
    if text == "1.2.3.4:":
        assert FlowExpr.parse(text).either == End(address="1.2.3.4")
        return
    with pytest.raises(UsageFault) as refused:
        FlowExpr.parse(text)
    assert refused.value.hint


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(UsageFault):
        FlowExpr.parse(text)
