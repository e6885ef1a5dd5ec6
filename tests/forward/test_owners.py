"""Who has an address depends on who asks."""

from __future__ import annotations

from typing import Any

import pytest

from netprobe.evidence.model import Place
from netprobe.forward.owners import owner_of_address
from netprobe.state.model import Host
from netprobe.state.namespace import Namespace
from netprobe.state.routes import Route

HOST = Place(host="server2")


def at(container: str, host: str = "server2") -> Place:
    return Place(host=host, container=container)


@pytest.mark.parametrize(
    ("source", "address", "owner"),
    [
        (at("c1"), "172.17.0.2", at("demo")),
        (HOST, "172.17.0.2", at("demo")),
        (at("c1"), "172.17.0.3", at("c1")),
        (at("side"), "127.0.0.1", at("demo")),
        (at("hostish"), "127.0.0.1", HOST),
        (at("c1"), "172.17.0.1", HOST),
        (at("c1"), "192.168.3.202", HOST),
        (at("c1"), "192.168.3.201", Place(host="server1")),
        (Place(host="server1"), "172.17.0.2", None),
        (Place(host="server1"), "172.17.0.1", None),
        (Place(host="server1"), "192.168.3.202", HOST),
        (at("c1"), "172.21.0.11", None),
        (HOST, "172.21.0.11", None),
        (at("c1"), "172.17.0.99", None),
        (Place(host="nobody"), "172.17.0.2", None),
    ],
)
def test_who_has_an_address_depends_on_who_asks(world: Any, source: Place, address: str, owner: Place | None) -> None:
    assert owner_of_address(world.before, address, source) == owner


def test_every_docker_host_has_the_same_subnet(lab: Any) -> None:
    assert owner_of_address(lab, "172.17.0.3", at("c1", "server1")) == at("demo", "server1")
    assert owner_of_address(lab, "172.17.0.3", at("c2")) == at("demo")
    assert owner_of_address(lab, "172.17.0.3", Place(host="outside")) is None


def test_macvlan_peers_on_two_hosts(lab: Any) -> None:
    assert owner_of_address(lab, "172.21.0.12", at("mac11", "server1")) == at("mac12")
    assert owner_of_address(lab, "172.21.0.12", at("c1", "server1")) is None


def test_a_container_behind_a_route_to_its_host(lab: Any) -> None:
    routed = Host.known("router", containers=None, networks=None, namespaces={})
    routed.own = Namespace.known(
        links=(), rules=None, routes=(Route(dst="172.17.0.0/16", dev="eth0", via="192.168.3.202"),)
    )
    assert owner_of_address({**lab, "router": routed}, "172.17.0.3", Place(host="router")) == at("demo")
