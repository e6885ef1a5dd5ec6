from __future__ import annotations

from dataclasses import replace

from netprobe.model.endpoint import Endpoint
from netprobe.model.hop import Direction
from netprobe.model.rule import RuleRef
from netprobe.model.trace import KernelDrop, TraceStep, TraceWalk
from netprobe.report.json import to_json
from netprobe.report.text import render
from tests.report.examples import EVIL, WORKS

STEPS = (
    TraceStep(rule=RuleRef(table="nat", chain="DOCKER", number=2, text="-A DOCKER -j DNAT"), verdict="accept"),
    TraceStep(rule=RuleRef(table="filter", chain="FORWARD", policy=True), verdict="drop"),
)
WALK = TraceWalk(
    host="server2",
    direction=Direction.REQUEST,
    leg=1,
    src=Endpoint("192.168.3.201", 41290),
    dst=Endpoint("192.168.3.202", 80),
    info="SYN",
    frame=13,
    count=3,
    steps=STEPS,
)
DROP = KernelDrop(
    host="server2",
    direction=Direction.REQUEST,
    leg=1,
    src=Endpoint("192.168.3.201", 41290),
    dst=Endpoint("172.17.0.2", 80),
    info="SYN",
    reason="NETFILTER_DROP",
    at="nft_do_chain",
    interface="eth0",
    count=3,
)


def test_the_walk_stands_under_the_hops() -> None:
    text = render(replace(WORKS, trace=(WALK, replace(WALK, direction=Direction.REPLY, count=1, steps=()))))
    lines = [" ".join(each.split()) for each in text.splitlines()]
    at = lines.index("traced verdict rule")
    assert lines[at + 1 : at + 6] == [
        "server2: 192.168.3.201:41290 → 192.168.3.202:80 SYN (frame 13), 3 packets",
        "nat/DOCKER #2 accept -A DOCKER -j DNAT",
        "filter/FORWARD policy drop",
        "server2: the answer 192.168.3.201:41290 → 192.168.3.202:80 SYN (frame 13)",
        "no rule was met",
    ]


def test_without_a_trace_nothing_is_said_of_it() -> None:
    assert "traced" not in render(WORKS)
    assert to_json(WORKS)["trace"] is None


def test_json() -> None:
    (walk,) = to_json(replace(WORKS, trace=(WALK,)))["trace"] or (None,)
    assert walk == {
        "host": "server2",
        "direction": "request",
        "leg": 1,
        "src": "192.168.3.201:41290",
        "dst": "192.168.3.202:80",
        "info": "SYN",
        "frame": 13,
        "count": 3,
        "steps": [
            {"component": "nat/DOCKER", "number": 2, "rule": "-A DOCKER -j DNAT", "verdict": "accept"},
            {"component": "filter/FORWARD", "number": None, "rule": None, "verdict": "drop"},
        ],
    }


def test_the_kernels_drop_reasons_stand_under_it() -> None:
    inside = replace(DROP, container="demo", direction=Direction.REPLY, interface="", count=1)
    lines = [" ".join(each.split()) for each in render(replace(WORKS, drops=(DROP, inside))).splitlines()]
    at = lines.index(
        "dropped server2: NETFILTER_DROP in nft_do_chain, eth0: 192.168.3.201:41290 → 172.17.0.2:80 SYN, 3 times"
    )
    said = "demo@server2: NETFILTER_DROP in nft_do_chain: the answer 192.168.3.201:41290 → 172.17.0.2:80 SYN"
    assert lines[at + 1] == said


def test_very_many_drops_are_cut_short() -> None:
    text = render(replace(WORKS, drops=tuple(replace(DROP, at=f"f{number}") for number in range(11))))
    assert "in f7," in text
    assert "in f8," not in text
    assert "and 3 more" in text


def test_none_and_nothing_are_not_the_same_in_json() -> None:
    assert "dropped" not in render(replace(WORKS, drops=()))
    assert (to_json(WORKS)["drops"], to_json(replace(WORKS, drops=()))["drops"]) == (None, [])


def test_a_drop_in_json() -> None:
    (drop,) = to_json(replace(WORKS, drops=(DROP,)))["drops"] or (None,)
    assert drop == {
        "host": "server2",
        "container": None,
        "direction": "request",
        "leg": 1,
        "src": "192.168.3.201:41290",
        "dst": "172.17.0.2:80",
        "info": "SYN",
        "reason": "NETFILTER_DROP",
        "at": "nft_do_chain",
        "interface": "eth0",
        "count": 3,
    }


def test_drops_are_untrusted() -> None:
    evil = replace(DROP, host=EVIL, container=EVIL, src=Endpoint(EVIL, 1), reason=EVIL, at=EVIL, interface=EVIL)
    for columns in (None, 60):
        text = render(replace(WORKS, drops=(evil,)), columns=columns)
        assert "\x1b[31m" not in text
        assert "\u202e" not in text


def test_rules_are_untrusted() -> None:
    evil = replace(
        WALK,
        host=EVIL,
        src=Endpoint(EVIL, 1),
        steps=(TraceStep(rule=RuleRef(family=EVIL, table=EVIL, chain=EVIL, number=1, text=EVIL), verdict=EVIL),),
    )
    for columns in (None, 60):
        text = render(replace(WORKS, trace=(evil,)), columns=columns)
        assert "\x1b[31m" not in text
        assert "\u202e" not in text
