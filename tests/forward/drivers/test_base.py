"""A driver that is not known is unknown, never guessed; and one more is one class, registered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.evidence.model import Place
from netprobe.forward import PredictedOutcome, Request, drivers, predict
from netprobe.forward.drivers.base import Driver
from netprobe.forward.frame import Arrival, Frame
from netprobe.forward.plan import itinerary
from netprobe.state.routes import Route
from tests.forward.drivers.test_macvlan import NET, PARENT, a_host

if TYPE_CHECKING:
    import pytest

    from netprobe.forward.frame import Onto
    from netprobe.state.engine.model import Container, EndpointSettings, Network
    from netprobe.state.model import Host

TUNNEL = replace(NET, driver="tunnel", parent="")


class Tunnel(Driver):
    """Straight into whichever host's container has the address."""

    name = "tunnel"

    def leave(self, frame: Frame, container: Container, endpoint: EndpointSettings, network: Network) -> Arrival | Onto:
        for host in frame.hosts.values():
            for found, _, theirs in frame.with_address(host):
                if theirs.driver == self.name:
                    place = Place(host=host.name, container=found.name)
                    frame.passes(place, "eth0")
                    return Arrival(into=place, in_if="eth0")
        return super().leave(frame, container, endpoint, network)


def hosts() -> dict[str, Host]:
    found = {}
    for name, address in (("a", "172.21.0.11"), ("b", "172.21.0.12")):
        host = a_host(name, address, network=TUNNEL, links=(PARENT,))
        inside = host.namespaces["c0"]
        inside.__dict__.update(routes=(Route(dst="172.21.0.0/24", dev="eth0", src=address),), rules=None, ruleset=None)
        found[name] = host
    return found


PING = Request(source=Place(host="a", container="c0"), dialled="172.21.0.12", port=None, proto="icmp")


def test_what_is_not_known_ends_the_prediction_and_is_a_stop_all_the_same() -> None:
    told = predict(PING, hosts())
    assert told.outcome is PredictedOutcome.UNKNOWN
    assert "tunnel" in told.unknown
    assert itinerary(hosts(), PING).points == ("a/c0/eth0",)


def test_one_more_driver_serves_the_prediction_and_the_choice_of_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(drivers._BY_NAME, "tunnel", Tunnel())
    told = predict(PING, hosts())
    assert (told.outcome, told.arrives) == (PredictedOutcome.WORKS, Place(host="b", container="c0"))
    assert itinerary(hosts(), PING).points == ("a/c0/eth0", "b/c0/eth0")
