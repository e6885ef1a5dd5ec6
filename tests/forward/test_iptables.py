"""Chains that call each other without end, over one chain, a whole walk and the whole analysis: an answer or a named unknown, in bounded time."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.forward import PredictedOutcome
from netprobe.forward.traverse import traverse
from netprobe.pipeline import analyze
from netprobe.report.text import render
from netprobe.state.iptables_parse import parse_iptables
from netprobe.state.issues import Issues
from netprobe.state.packet import PacketTuple
from tests.forward.test_walk import changed, normal, predicted

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 10_000
SECONDS = 10.0  # on a busy machine; each takes a fraction of one on an idle one
NAMES = [f"k{number}" for number in range(6)]
SYN = PacketTuple(
    src="192.0.2.1", dst="192.0.2.2", proto="tcp", sport=1, dport=80, in_if="eth0", out_if="eth1", ctstate="NEW", mark=0
)


def test_a_policy_of_another_word_is_named() -> None:
    evidence = changed(
        normal(), "server2", "iptables", lambda saved: saved.replace(":POSTROUTING ACCEPT", ":POSTROUTING MAYBE")
    )
    got = predicted(evidence)
    assert got.outcome is PredictedOutcome.UNKNOWN
    assert "nat/POSTROUTING policy" in got.unknown
    assert "MAYBE is not understood" in got.unknown


def chains(text: str) -> Callable[[str], str]:
    """Lines of iptables-save before FORWARD's rules."""
    return lambda saved: re.sub(r"(?m)^(\[\d+:\d+\] -A FORWARD )", lambda met: f"{text}{met[0]}", saved, count=1)


COUNT = 300


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ("".join(f"-A k{n} -m limit --limit 1/sec -j k{(n * 7 + m) % COUNT}\n" for n in range(COUNT) for m in range(30)), "filter/k"),
        ("".join(f"-A k{n} -j k{(n + 1) % COUNT}\n" for n in range(COUNT)), "filter/k63 #1"),
        ("".join(f"-A k{n} -g k{(n + 1) % COUNT}\n" for n in range(COUNT)), "call each other without end"),
        ("".join(f"-A k0 -m limit --limit {n}/sec -j DROP\n" for n in range(MOST)), "filter/k0 #"),
        (f"-A k0 {'-m ' * 100_000}-j DROP\n", "filter/k0 #1"),
    ],
)  # fmt: skip
def test_chains_without_end_are_named(lines: str, named: str) -> None:
    began = time.process_time()
    evidence = changed(normal(), "server2", "iptables", chains(f"-A FORWARD -j k0\n{lines}"))
    got = predicted(evidence)
    assert got.outcome is PredictedOutcome.UNKNOWN
    assert named in got.unknown
    assert render(analyze(evidence))
    assert time.process_time() - began < SECONDS


LINES = st.lists(
    st.tuples(
        st.sampled_from(["FORWARD", *NAMES]),
        st.sampled_from(["", "-m limit --limit 1/sec", "-m odd --odder", "-p tcp", "! -i eth7", "-m mark --mark 1"]),
        st.sampled_from(["-j", "-g"]),
        st.sampled_from([*NAMES, "DROP", "RETURN", "ACCEPT", "NFQUEUE", "nowhere", "MARK --set-mark 1"]),
    ).map(lambda each: f"-A {' '.join(each)}\n"),
    max_size=60,
)


@settings(max_examples=150)
@given(LINES)
def test_so_do_those_of_iptables(lines: list[str]) -> None:
    began = time.process_time()
    ruleset = parse_iptables(f"*filter\n:FORWARD ACCEPT [0:0]\n{''.join(lines)}COMMIT\n", Issues("iptables"))
    assert ruleset is not None
    walk = traverse(ruleset, "filter", "FORWARD", SYN)
    assert walk.given_up or walk.verdict
    assert time.process_time() - began < 5
