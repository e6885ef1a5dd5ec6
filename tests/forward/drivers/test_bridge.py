"""Frames of bridge containers, over recorded state of a real host."""

from __future__ import annotations

from typing import Any

from netprobe.evidence.model import Place
from netprobe.forward.drivers import driver_of
from netprobe.forward.frame import Frame
from netprobe.forward.model import Barrier, Stopped
from netprobe.forward.modes import Predicting
from netprobe.forward.wire import carry
from netprobe.model.hop import Direction
from netprobe.state.engine.model import Network
from tests.state.conftest import evidence, issues, sample, server2, world  # noqa: F401 - fixtures


def out_of(hosts: Any, container: str | None, device: str, address: str) -> Frame:
    return Frame(
        hosts=hosts,
        place=Place(host="server2", container=container),
        device=device,
        address=address,
        direction=Direction.REQUEST,
        mode=Predicting(),
    )


def test_what_is_switched_the_bridges_own_tap_does_not_see(world: Any) -> None:  # noqa: F811
    frame = out_of(world.before, "c1", "eth0", "172.17.0.2")
    arrival, end = carry(frame)
    assert (arrival.into, arrival.in_if, arrival.bridge, end) == (
        Place(host="server2", container="demo"), "eth0", "docker0", None,
    )  # fmt: skip
    assert [tap.point for tap in frame.taps if not tap.observable] == ["server2/docker0"]
    assert len(frame.taps) == 5


def test_what_is_for_the_gateway_comes_up_into_the_host(world: Any) -> None:  # noqa: F811
    frame = out_of(world.before, "c1", "eth0", "172.17.0.1")
    arrival, _ = carry(frame)
    assert (arrival.into, arrival.in_if, arrival.bridge) == (Place(host="server2"), "docker0", "")
    assert all(tap.observable for tap in frame.taps)


def test_the_host_reaches_its_containers_by_the_bridge_and_nobody_else_there(world: Any) -> None:  # noqa: F811
    arrival, end = carry(out_of(world.before, None, "docker0", "172.17.0.2"))
    assert (arrival.into, end) == (Place(host="server2", container="demo"), None)
    _, end = carry(out_of(world.before, None, "docker0", "172.17.0.99"))
    assert isinstance(end, Stopped)
    assert end.obstacle.barrier is Barrier.NO_NEIGHBOUR


def test_a_driver_that_is_not_known_knows_nothing(world: Any) -> None:  # noqa: F811
    strange = driver_of(Network(name="n", driver="weave"))
    assert (strange.flat, strange.publishes) == (False, None)
    assert driver_of(Network(name="bridge", driver="bridge")).publishes
