"""The connection tracking table: lines as the kernel writes them, and lines of any other form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.state.conntrack import parse_conntrack, parse_conntrack_stat
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


FILE = """\
entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new
00000003  00000000 00000000 00000000 0000000a 00000000 00000000 00000000 00000000 00000000 00000001 00000000 00000000  00000000
00000003  00000000 00000000 00000000 00000006 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000  00000000
"""
COMMAND = """\
cpu=0   \tfound=0 invalid=10 insert=0 insert_failed=0 drop=1 early_drop=0 error=0 search_restart=0
cpu=1   \tfound=0 invalid=6 insert=0 insert_failed=0 drop=0 early_drop=0 error=0 search_restart=0
"""


@pytest.mark.parametrize("text", [FILE, COMMAND])
def test_counters_are_summed_over_processors(text: str) -> None:
    issues = Issues("conntrack-stat")
    found = parse_conntrack_stat(text, issues)
    assert (found["invalid"], found["drop"]) == (16, 1)
    assert not issues.found


@pytest.mark.parametrize(
    "text", [FILE + "0000\n", FILE.replace("0a", "0g"), COMMAND.replace("=10", "=ten"), COMMAND + "x"]
)
def test_counters_of_another_form_are_unknown(text: str) -> None:
    issues = Issues("conntrack-stat")
    assert parse_conntrack_stat(text, issues) == {}
    assert issues.found


@given(st.text(alphabet="0123456789abcdef= \nxyz\u0663"))
def test_any_counters_are_read(text: str) -> None:
    parse_conntrack_stat(text, Issues("conntrack-stat"))
