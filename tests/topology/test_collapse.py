"""What a picture has no room for."""

from __future__ import annotations

from netprobe.topology.build import build
from netprobe.topology.collapse import MOST_BESIDE, MOST_CONTAINERS, collapsed
from tests.topology.large import large_host


def test_the_first_containers_stay_with_their_ports() -> None:
    (host,) = collapsed(build({"big": large_host(200)})).hosts
    assert host.hidden == 200 - MOST_CONTAINERS
    assert len(host.namespaces) == MOST_CONTAINERS
    assert sum(each.master == "docker0" for each in host.own.interfaces) == MOST_CONTAINERS
    assert host.hidden_interfaces == 0


def test_what_a_journey_touches_stays() -> None:
    (host,) = collapsed(build({"big": large_host(200)}), {"big/c150/eth0", "big/eth0"}).hosts
    assert "c150" in {each.owner for each in host.namespaces}
    assert len(host.namespaces) == 1 + MOST_BESIDE
    assert host.own.interface("eth0") is not None


def test_a_small_host_stays_as_it_is() -> None:
    topology = build({"big": large_host(3)})
    assert collapsed(topology) == topology
