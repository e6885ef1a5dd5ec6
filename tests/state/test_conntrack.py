"""The connection tracking table: lines as the kernel writes them, and lines of any other form."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netprobe.state.conntrack import parse_conntrack
from netprobe.state.issues import Issues

PLAIN = (
    "ipv4     2 udp      17 23 src=192.168.3.201 dst=192.168.3.202 sport=59891 dport=80 [UNREPLIED] "
    "src=192.168.3.202 dst=192.168.3.201 sport=80 dport=59891 mark=0 zone=0 use=2\n"
)


def test_an_entry() -> None:
    [entry] = parse_conntrack(PLAIN, Issues("conntrack"))
    assert (entry.proto, entry.src, entry.sport, entry.dst, entry.dport) == (
        "udp",
        "192.168.3.201",
        59891,
        "192.168.3.202",
        80,
    )
    assert not entry.translated


def test_dnat_shows_in_the_answer() -> None:
    [entry] = parse_conntrack(PLAIN.replace("src=192.168.3.202", "src=172.17.0.2"), Issues("conntrack"))
    assert entry.translated


def test_without_ports_there_is_no_entry() -> None:
    line = "ipv4 2 icmp 1 29 src=192.0.2.1 dst=192.0.2.2 type=8 code=0 id=7 src=192.0.2.2 dst=192.0.2.1 type=0 code=0 id=7\n"
    assert parse_conntrack(line + "nonsense\n" + PLAIN.replace("dport=80", "dport=99999999"), Issues("conntrack")) == ()


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    parse_conntrack(text, Issues("conntrack"))
