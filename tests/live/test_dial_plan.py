"""When a look-up may be sent before the probe is: the state before the probe is read after it then."""

from __future__ import annotations

import pytest

from netprobe.evidence.model import Place
from netprobe.live.dial_plan import may_look_up
from netprobe.probe.target import parse_target
from netprobe.state.build import build_world
from tests.mutilation import evidence

SERVER1, CLIENT = Place(host="server1"), Place(host="server2", container="client")


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (SERVER1, "demo:80", False),
        (SERVER1, "server2:80", False),
        (SERVER1, "192.168.3.202:80", False),
        (SERVER1, "www.outside.test:80", True),
        (CLIENT, "demo:80", True),
        (CLIENT, "demo@server2:80", False),
        (CLIENT, "172.17.0.2:80", False),
    ],
)
def test_a_look_up_may_come_first(source: Place, target: str, expected: bool) -> None:
    hosts = build_world(evidence("demo")).before
    assert may_look_up(hosts, source, parse_target(target)) is expected
