"""nftables' family bridge: what it stops of a connection over a bridge, at which of its hooks, and by which ports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from netprobe.forward import Barrier, PredictedOutcome, Request
from netprobe.forward.bridged import Crossing, around
from netprobe.forward.frame import Tap
from netprobe.model.rule import Hook
from tests.forward.test_discovery import ASK, ASKED, ASKING, DROP, FROM_HOST, HOST, nft, world
from tests.forward.test_walk import points, predicted

TO_HOST = Request(source=ASKING, dialled="fd00:27::1", port=None, proto="icmp")


def match(left: dict[str, Any], right: object) -> dict[str, Any]:
    return {"match": {"op": "==", "left": left, "right": right}}


PORT = match({"payload": {"protocol": "tcp", "field": "dport"}}, 80)
ECHO = match({"payload": {"protocol": "icmpv6", "field": "type"}}, "echo-request")


@pytest.mark.parametrize(
    ("hook", "asks", "seen"),
    [
        ("prerouting", ASK, ["server2/client/eth0", "server2/veth"]),
        ("forward", ASK, ["server2/client/eth0", "server2/veth"]),
        ("postrouting", ASK, ["server2/client/eth0", "server2/veth"]),
        ("output", FROM_HOST, ["server2/br"]),
        ("postrouting", FROM_HOST, ["server2/br"]),
    ],
)
def test_it_stops_what_passes_the_bridge(hook: str, asks: Request, seen: list[str]) -> None:
    told = predicted(world({"nft": nft("bridge", hook, [PORT, DROP])}), asks)
    met = told.obstacles[0]
    assert (met.barrier, met.place, met.label, met.hook) == (
        Barrier.RULE,
        HOST,
        "bridge t/c handle 5",
        Hook(hook.upper()),
    )
    found = points(replace(told, hops=tuple(each for each in told.hops if each.seen)))
    assert [name.partition("/br-")[0] + ("/br" if "/br-" in name else "") for name in found] == seen


def test_what_comes_up_into_the_host_passes_prerouting_and_input_alone() -> None:
    for hook in ("prerouting", "input"):
        assert predicted(world({"nft": nft("bridge", hook, [ECHO, DROP])}), TO_HOST).outcome is PredictedOutcome.STOPPED
    for hook in ("forward", "output", "postrouting"):
        told = predicted(world({"nft": nft("bridge", hook, [ECHO, DROP])}), TO_HOST)
        assert told.outcome is PredictedOutcome.WORKS


def test_by_its_ports_and_its_bridge() -> None:
    other = match({"meta": {"key": "iifname"}}, "veth-of-somebody")
    assert predicted(world({"nft": nft("bridge", "forward", [other, DROP])}), ASK).outcome is PredictedOutcome.WORKS
    bridge = match({"meta": {"key": "ibrname"}}, "br-somewhere")
    assert predicted(world({"nft": nft("bridge", "forward", [bridge, DROP])}), ASK).outcome is PredictedOutcome.WORKS


def test_what_connection_tracking_says_there_is_not_known() -> None:
    state = match({"ct": {"key": "state"}}, "established")
    told = predicted(world({"nft": nft("bridge", "forward", [state, DROP])}), ASK)
    assert (told.outcome, told.doubtful[0][0]) == (PredictedOutcome.UNKNOWN, HOST)


def test_the_points_before_and_behind_it() -> None:
    names = ("eth0", "veth1", "br0", "veth2")
    taps = [Tap(point=name, place=ASKED if name == "eth0" else HOST, interface=name) for name in names]
    across = Crossing(host=HOST, bridge="br0", near="veth1", far="veth2")
    parts = [[each.interface for each in part] for part in around(taps, across)]
    assert parts == [["eth0", "veth1", "br0"], ["veth2"]]
    up = [[each.interface for each in part] for part in around(taps[:3], replace(across, far=""))]
    assert up == [["eth0", "veth1"], ["br0"]]
    assert around(taps, None) == (taps, [])
    assert (across.back.near, across.switched, replace(across, near="").switched) == ("veth2", True, False)
