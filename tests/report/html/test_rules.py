from __future__ import annotations

from netprobe.model.details import Mark, PacketWalk, RuleStep
from netprobe.model.hop import Direction
from netprobe.report.html.rules import walks
from tests.report.examples import FAILS, WORKS

RULE = "-A DOCKER-USER -s 192.168.3.0/24 -j DROP"


def walk(*steps: RuleStep) -> PacketWalk:
    return PacketWalk(place="server2", direction=Direction.REPLY, steps=steps)


def test_what_stops_a_packet_decides() -> None:
    (found,) = walks((walk(RuleStep(where="routing"), RuleStep(where="FORWARD", mark=Mark.STOPS)),), WORKS)
    assert [step.deciding for step in found.steps] == [False, True]
    assert found.packet == "the answer"


def test_the_causes_own_rule_decides_whatever_it_does() -> None:
    steps = RuleStep(where="", text=RULE, what="continue"), RuleStep(where="", text="", what="accept")
    assert [step.deciding for step in walks((walk(*steps),), FAILS)[0].steps] == [True, False]
    assert not any(step.deciding for step in walks((walk(*steps),), WORKS)[0].steps)
