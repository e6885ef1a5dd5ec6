from __future__ import annotations

from dataclasses import replace

from netprobe.report.json import to_json
from netprobe.report.model import Direction, TraceStep, TraceWalk
from netprobe.report.text import render
from tests.report.examples import EVIL, WORKS

STEPS = (
    TraceStep(component="nat/DOCKER", number=2, rule="-A DOCKER -j DNAT", verdict="accept"),
    TraceStep(component="filter/FORWARD", number=None, rule=None, verdict="drop"),
)
WALK = TraceWalk(
    host="server2",
    direction=Direction.REQUEST,
    leg=1,
    src="192.168.3.201:41290",
    dst="192.168.3.202:80",
    info="SYN",
    frame=13,
    count=3,
    steps=STEPS,
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
    (walk,) = to_json(replace(WORKS, trace=(WALK,)))["trace"]
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


def test_rules_are_untrusted() -> None:
    evil = replace(WALK, host=EVIL, src=EVIL, steps=(replace(STEPS[0], component=EVIL, rule=EVIL, verdict=EVIL),))
    for columns in (None, 60):
        text = render(replace(WORKS, trace=(evil,)), columns=columns)
        assert "\x1b[31m" not in text
        assert "\u202e" not in text
