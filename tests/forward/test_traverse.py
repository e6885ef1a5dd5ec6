from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from netprobe.forward.traverse import Traversal, traverse
from netprobe.state.iptables_parse import parse_iptables
from netprobe.state.packet import PacketTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.state.issues import Issues


def decided(walk: Traversal) -> str:
    assert walk.decided_by is not None
    return str(walk.decided_by.ref)


TO_DEMO = PacketTuple(
    src="192.168.3.201", dst="172.17.0.2", proto="tcp", sport=1, dport=80, in_if="eth0", out_if="docker0", ctstate="NEW"
)


def read(parser: Callable[..., Any], text: str, issues: Issues, **more: str) -> Any:
    """Parse a text that can be read: an unknown value fails the test where it is used."""
    return parser(text, issues, **more)


def test_a_published_port_is_accepted_by_its_rule(server2: Any) -> None:
    walk = traverse(server2.ruleset, "filter", "FORWARD", TO_DEMO)
    assert (walk.verdict, decided(walk), walk.certain) == ("ACCEPT", "filter/DOCKER #2", True)
    assert [str(rule.ref) for rule in walk.taken][:3] == [
        "filter/FORWARD #1",
        "filter/DOCKER-USER #1",
        "filter/FORWARD #2",
    ]


def test_what_is_not_published_falls_to_the_policy(server2: Any) -> None:
    packet = PacketTuple(
        src="192.168.3.201", dst="172.17.0.2", proto="tcp", dport=81, in_if="eth0", out_if="docker0", ctstate="NEW"
    )
    walk = traverse(server2.ruleset, "filter", "FORWARD", packet)
    assert (walk.verdict, walk.stops, decided(walk)) == ("DROP", True, "filter/FORWARD policy")


def test_two_networks_are_kept_apart(server2: Any) -> None:
    packet = PacketTuple(
        src="172.18.0.2",
        dst="172.17.0.2",
        proto="tcp",
        dport=80,
        in_if="br-9243a9026e08",
        out_if="docker0",
        ctstate="NEW",
    )
    walk = traverse(server2.ruleset, "filter", "FORWARD", packet)
    assert (walk.verdict, decided(walk)) == ("DROP", "filter/DOCKER-ISOLATION-STAGE-2 #2")


def test_doubts_are_said(issues: Issues) -> None:
    text = "*filter\n:FORWARD ACCEPT [0:0]\n[0:0] -A FORWARD -m limit --limit 1/s -j DROP\n[0:0] -A FORWARD -m set --match-set x src -j ACCEPT\n"
    walk = traverse(read(parse_iptables, text, issues), "filter", "FORWARD", PacketTuple())
    assert (walk.verdict, walk.certain, len(walk.doubts)) == ("ACCEPT", False, 2)


def test_return_and_goto(issues: Issues) -> None:
    text = """*filter
:FORWARD DROP [0:0]
:A - [0:0]
:B - [0:0]
-A FORWARD -j A
-A FORWARD -j ACCEPT
-A A -g B
-A A -j REJECT
-A B -j LOG
-A B -j RETURN
-A B -j REJECT
"""
    walk = traverse(read(parse_iptables, text, issues), "filter", "FORWARD", PacketTuple())
    assert [str(rule.ref) for rule in walk.taken] == [
        "filter/FORWARD #1",
        "filter/A #1",
        "filter/B #2",
        "filter/FORWARD #2",
    ]
    assert walk.verdict == "ACCEPT"


def test_a_loop_ends(issues: Issues) -> None:
    text = "*filter\n:FORWARD DROP [0:0]\n:A - [0:0]\n-A FORWARD -j A\n-A A -j A\n-A A -g A\n"
    walk = traverse(read(parse_iptables, text, issues), "filter", "FORWARD", PacketTuple())
    assert not walk.certain
    assert traverse(read(parse_iptables, text, issues), "nat", "FORWARD", PacketTuple()).verdict == ""


def test_a_walk_past_very_many_rules_comes_to_its_end(issues: Issues) -> None:
    misses = "-A A -s 10.0.0.1 -j DROP\n" * 25_000
    text = f"*filter\n:FORWARD ACCEPT [0:0]\n:A - [0:0]\n-A FORWARD -j A\n{misses}-A A -j DROP\n"
    walk = traverse(read(parse_iptables, text, issues), "filter", "FORWARD", PacketTuple(src="10.0.0.2"))
    assert walk.certain
    assert walk.verdict == "DROP"


@pytest.mark.parametrize("first", ["-j REJECT", "-j DROP"])
def test_of_two_rules_that_stop_it_the_first_in_doubt_may_be_the_one(issues: Issues, first: str) -> None:
    text = f"*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m limit --limit 1/sec {first}\n-A FORWARD -j REJECT\nCOMMIT\n"
    walk = traverse(read(parse_iptables, text, issues), "filter", "FORWARD", TO_DEMO)
    assert (walk.verdict, [str(each.ref) for each in walk.deciding]) == ("REJECT", ["filter/FORWARD #1"])


def test_a_policy_that_the_kernel_does_not_have_is_not_known(issues: Issues) -> None:
    walk = traverse(parse_iptables("*filter\n:FORWARD QUEUE [0:0]\nCOMMIT\n", issues), "filter", "FORWARD", TO_DEMO)
    assert (walk.stops, walk.certain, walk.unread is not None) == (False, False, True)
