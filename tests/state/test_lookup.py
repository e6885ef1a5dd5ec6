from __future__ import annotations

from typing import Any

from netprobe.evidence.model import Place
from netprobe.state.links import Address, Link
from netprobe.state.lookup import (
    canonical,
    container_interface,
    docker_bridges,
    has_address,
    host_veth,
    host_with,
    published_by,
    route_lookup,
)
from netprobe.state.model import Host
from netprobe.state.namespace import Namespace
from netprobe.state.routes import Route, RoutingRule

# What is not found fails the test where it is used.
route: Any = route_lookup
publisher: Any = published_by
veth: Any = host_veth

HOST = Place(host="server2")


def at(container: str, host: str = "server2") -> Place:
    return Place(host=host, container=container)


def test_route_lookup_on_recorded_routes(server2: Any) -> None:
    hop = route(server2.own, "172.17.0.9")
    assert (hop.dev, hop.via, hop.src, hop.local) == ("docker0", "", "172.17.0.1", False)
    hop = route(server2.own, "192.168.3.202")
    assert (hop.dev, hop.local) == ("lo", True)
    hop = route(server2.namespaces["demo"], "192.168.3.202")
    assert (hop.dev, hop.via, hop.src) == ("eth0", "172.17.0.1", "172.17.0.2")
    assert route(server2.own, "203.0.113.10") is None
    assert route(server2.namespace("inn"), "203.0.113.10") is None


def test_longest_prefix_then_metric_and_dead_ends() -> None:
    namespace = Namespace.known(
        rules=None,
        links=(Link(name="b", ifindex=2, addresses=(Address(address="10.0.0.5", prefixlen=24),)),),
        routes=(
            Route(dst="0.0.0.0/0", dev="a", via="192.0.2.1", metric=100),
            Route(dst="0.0.0.0/0", dev="b", via="10.0.0.1", metric=50),
            Route(dst="10.1.0.0/16", dev="c"),
            Route(dst="10.1.2.0/24", kind="unreachable"),
        ),
    )
    assert (route(namespace, "198.51.100.1").dev, route(namespace, "198.51.100.1").src) == (
        "b",
        "10.0.0.5",
    )
    assert route(namespace, "10.1.3.1").dev == "c"
    assert route(namespace, "10.1.2.1") is None
    assert route(namespace, "::1") is None
    assert route(namespace, "nonsense") is None


def test_rules_choose_the_table() -> None:
    namespace = Namespace.known(
        links=(),
        routes=(Route(dst="0.0.0.0/0", dev="main"), Route(dst="0.0.0.0/0", dev="other", table="100")),
        rules=(
            RoutingRule(priority=1, table="100", src="10.0.0.0/8"),
            RoutingRule(priority=2, table="100", other=("fwmark",)),
            RoutingRule(priority=3, table="main"),
        ),
    )
    assert route(namespace, "192.0.2.1").dev == "main"
    assert route(namespace, "192.0.2.1", src="10.0.0.1").dev == "other"


def test_hosts_by_their_own_addresses(lab: Any, world: Any) -> None:
    assert host_with(lab, "203.0.113.10") == "outside"
    assert host_with(lab, "192.168.3.202") == "server2"
    assert host_with(lab, "172.17.0.1") is None
    assert host_with(lab, "127.0.0.1") is None
    assert docker_bridges(world.before["server2"]) >= {"docker0", "br-9243a9026e08"}
    unasked = Host.known("h", networks=None)
    unasked.own = Namespace.known(links=(Link(name="br0", ifindex=1), Link(name="docker0", ifindex=2)))
    assert docker_bridges(unasked) == {"docker0"}


def test_has_address(server2: Any) -> None:
    assert has_address(server2.own, "127.8.9.10")
    assert has_address(server2.own, "::ffff:192.168.3.202")
    assert not has_address(server2.own, "172.17.0.2")
    assert not has_address(server2.own, "nonsense")


def test_canonical(world: Any) -> None:
    assert canonical(world.before, at("side")) == at("demo")
    assert canonical(world.before, at("hostish")) == HOST
    assert canonical(world.before, at("unheard-of")) == at("unheard-of")


def test_published_by(server2: Any) -> None:
    container, published = publisher(server2, "192.168.3.202", 80, "tcp")
    assert (container.name, published.container_port) == ("demo", 80)
    assert publisher(server2, "192.168.3.202", 80, "udp") is None
    assert publisher(server2, "192.168.3.202", 8053, "udp") is None
    assert publisher(server2, "127.0.0.1", 8053, "udp")[0].name == "demo"
    assert publisher(server2, "::1", 8080, "tcp")[0].name == "web2"
    container, _ = publisher(server2, "192.168.3.202", 9090, "tcp")
    assert (container.name, container.running) == ("gone", False)
    assert publisher(server2, "192.168.3.202", 1, "tcp") is None


def test_interfaces_of_a_container(server2: Any) -> None:
    web2 = server2.container("web2")
    names = {name: container_interface(server2, web2, endpoint) for name, endpoint in web2.networks.items()}
    assert names == {"net1": "eth0", "bridge": "eth1"}
    veths = {name: veth(server2, web2, endpoint).master for name, endpoint in web2.networks.items()}
    assert veths == {"net1": "br-9243a9026e08", "bridge": "docker0"}
    m1 = server2.container("m1")
    assert veth(server2, m1, m1.networks["mac_net1"]) is None


def test_a_container_that_was_not_looked_into_is_found_by_the_forwarding_table(world: Any) -> None:
    server2 = world.before["server2"]
    demo = server2.container("demo")
    by_index = veth(server2, demo, demo.networks["bridge"])
    server2.__dict__["namespaces"] = {}
    assert server2.namespace("demo").links is None
    assert veth(server2, demo, demo.networks["bridge"]) == by_index
    assert container_interface(server2, demo, demo.networks["bridge"]) == "eth0"
