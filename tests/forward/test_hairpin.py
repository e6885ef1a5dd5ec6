"""What DNAT leads back into the bridge that it came by: what the bridge's own tap sees of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netprobe.forward.question import predict_probe
from netprobe.state.build import build_world
from tests.causes.altered import changed, recorded

ENTRY = '[{"dst":"172.17.0.2","dev":"docker0","lladdr":"02:42:ac:11:00:02","state":["%s"]}]'


def seen_at_the_bridge(name: str, state: str = "") -> bool | None:
    evidence = recorded(name)
    if state:
        before = (
            changed(each, "neigh", "[]", ENTRY % state) if each.host == "server2" else each for each in evidence.before
        )
        evidence = replace(evidence, before=tuple(before))
    told = predict_probe(evidence.probe, build_world(evidence).before)
    assert told is not None
    found: list[bool | None] = [hop.seen for hop in told.hops if hop.point == "server2/docker0"]
    return found[0]


@pytest.mark.parametrize(("state", "seen"), [("", True), ("STALE", True), ("REACHABLE", None), ("PERMANENT", None)])
def test_it_passes_the_bridge_itself_while_its_neighbour_is_not_confirmed(state: str, seen: bool | None) -> None:
    assert seen_at_the_bridge("hairpin-missing", state) is seen


def test_it_is_handed_up_to_be_refused_where_the_host_does_not_forward() -> None:
    assert seen_at_the_bridge("ip-forward-off-same-bridge", "REACHABLE") is True


def test_what_gets_on_by_another_port_may_be_seen_and_need_not() -> None:
    assert seen_at_the_bridge("hairpin-neighbour-dials") is None
    assert seen_at_the_bridge("hairpin-there") is None
