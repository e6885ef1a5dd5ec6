"""Frames of macvlan containers: inside their host, onto the wire, and what they do not reach."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netprobe.evidence.model import Place
from netprobe.forward.drivers import driver_of
from netprobe.forward.frame import Arrival, Frame
from netprobe.forward.model import Barrier, Stopped
from netprobe.forward.modes import Predicting
from netprobe.forward.wire import carry
from netprobe.model.hop import Direction
from netprobe.state.engine.model import Container, ContainerState, EndpointSettings, Network
from netprobe.state.links import Address, Link
from netprobe.state.model import Host
from netprobe.state.namespace import Namespace

PARENT = Link(name="eth1", ifindex=3, addresses=(Address(address="172.21.0.2", prefixlen=24),))
SHIM = Link(
    name="shim", ifindex=9, kind="macvlan", peer_name="eth1", addresses=(Address(address="172.21.0.3", prefixlen=24),)
)
NET = Network(name="mac", id="m", driver="macvlan", parent="eth1", subnets=("172.21.0.0/24",))


def a_host(name: str, *addresses: str, network: Network = NET, links: tuple[Link, ...] = (PARENT, SHIM)) -> Host:
    """A host with a container ``c0``, ``c1`` … for each address, all of one network."""
    containers, namespaces = [], {}
    for number, address in enumerate(addresses):
        endpoint = EndpointSettings(network=network.name, network_id=network.id, address=address, prefixlen=24)
        containers.append(Container(name=f"c{number}", state=ContainerState.RUNNING, networks={network.name: endpoint}))
        inner = Link(name="eth0", ifindex=5, kind=network.driver, addresses=(Address(address=address, prefixlen=24),))
        namespaces[f"c{number}"] = Namespace.known(links=(inner,), neighbours=())
    host = Host.known(name, containers=tuple(containers), networks=(network,), namespaces=namespaces)
    host.own = Namespace.known(links=links, neighbours=())
    return host


def sent(
    address: str, *hosts: Host, container: str | None = "c0", device: str = "eth0"
) -> tuple[Frame, Arrival, object]:
    """A frame of the first host, carried."""
    frame = Frame(
        hosts={each.name: each for each in hosts},
        place=Place(host=hosts[0].name, container=container),
        device=device,
        address=address,
        direction=Direction.REQUEST,
        mode=Predicting(),
    )
    arrival, end = carry(frame)
    return frame, arrival, end


def stopped_by(end: object) -> Barrier:
    assert isinstance(end, Stopped)
    return end.obstacle.barrier


def test_to_a_sibling_inside_the_host_past_the_parents_taps() -> None:
    frame, arrival, end = sent("172.21.0.12", a_host("a", "172.21.0.11", "172.21.0.12"))
    assert [tap.point for tap in frame.taps] == ["a/c0/eth0", "a/eth1", "a/c1/eth0"]
    assert (arrival.into, arrival.in_if, end) == (Place(host="a", container="c1"), "eth0", None)


@pytest.mark.parametrize("mode", ["private", "vepa"])
def test_a_mode_keeps_siblings_apart(mode: str) -> None:
    _, _, end = sent("172.21.0.12", a_host("a", "172.21.0.11", "172.21.0.12", network=replace(NET, mode=mode)))
    assert stopped_by(end) is Barrier.MODE


def test_across_the_wire_to_another_host() -> None:
    frame, arrival, end = sent("172.21.0.12", a_host("a", "172.21.0.11"), a_host("b", "172.21.0.12", links=(PARENT,)))
    assert [tap.point for tap in frame.taps] == ["a/c0/eth0", "a/eth1", "b/eth1", "b/c0/eth0"]
    assert (arrival.into, end) == (Place(host="b", container="c0"), None)


def test_the_parents_own_address_is_not_reached_and_the_shims_is() -> None:
    host = a_host("a", "172.21.0.11")
    assert stopped_by(sent("172.21.0.2", host)[2]) is Barrier.OWN_PARENT
    _, arrival, end = sent("172.21.0.3", host)
    assert (arrival.into, arrival.in_if, end) == (Place(host="a"), "shim", None)


def test_the_host_reaches_its_containers_by_the_shim_and_not_by_the_parent() -> None:
    host = a_host("a", "172.21.0.11")
    assert stopped_by(sent("172.21.0.11", host, container=None, device="eth1")[2]) is Barrier.OWN_PARENT
    frame, arrival, _ = sent("172.21.0.11", host, container=None, device="shim")
    assert [tap.point for tap in frame.taps] == ["a/shim", "a/eth1", "a/c0/eth0"]
    assert arrival.into == Place(host="a", container="c0")


def test_a_parent_that_is_down_carries_nothing() -> None:
    _, _, end = sent("172.21.0.12", a_host("a", "172.21.0.11", links=(replace(PARENT, up=False),)))
    assert stopped_by(end) is Barrier.LINK_DOWN


def test_without_a_parent_nothing_is_known_beyond() -> None:
    _, arrival, end = sent("172.21.0.12", a_host("a", "172.21.0.11", network=replace(NET, parent="")))
    assert arrival.into is None
    assert "no parent" in str(end)


def test_it_publishes_nothing_and_has_link_addresses_of_its_own() -> None:
    driver = driver_of(NET)
    assert (driver.flat, driver.own_mac, driver.publishes, driver.parents(NET)) == (True, True, False, ("eth1",))
