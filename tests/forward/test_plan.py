"""The ways of the experiments: each request's capture points, in order."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.evidence.model import Place
from netprobe.evidence.stream.whole import read
from netprobe.forward import Request
from netprobe.forward.elsewhere import leads_elsewhere
from netprobe.forward.plan import Itinerary, itinerary, way_back
from netprobe.forward.question import request_of
from netprobe.pipeline import analyze
from netprobe.state.build import build_world
from netprobe.state.engine.model import Container, ContainerState, EndpointSettings, Network
from netprobe.state.links import Address, Link
from netprobe.state.model import Host
from netprobe.state.namespace import Namespace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.evidence.model import Evidence

NET1 = "server2/br-9243a9026e08"


def at(container: str | None = None, host: str = "server2") -> Place:
    return Place(host=host, container=container)


def veth(hosts: Any, container: str, host: str = "server2", interface: str = "eth0") -> str:
    inner = hosts[host].namespaces[container].link(interface)
    assert inner is not None
    outer = next(link for link in hosts[host].own.links if link.ifindex == inner.peer_index)
    return f"{host}/{outer.name}"


def way(
    hosts: Any,
    source: Place,
    address: str,
    port: int | None = 80,
    proto: str = "tcp",
    target: Place | None = None,
) -> Itinerary:
    return itinerary(hosts, Request(source=source, dialled=address, port=port, proto=proto), target)


def test_container_to_container_on_the_same_bridge(world: Any) -> None:
    hosts = world.before
    found = way(hosts, at("c1"), "172.17.0.2", target=at("demo"))
    assert found.points == (
        "server2/c1/eth0",
        veth(hosts, "c1"),
        "server2/docker0",
        veth(hosts, "demo"),
        "server2/demo/eth0",
    )
    assert [stop.sees_unicast for stop in found.stops] == [True, True, False, True, True]
    assert not any(stop.optional for stop in found.stops)
    assert (found.arrives, found.notes) == (at("demo"), ())
    assert found.stops[0].place == at("c1")
    assert found.stops[1].place == at()


def test_container_to_a_container_on_another_bridge(world: Any) -> None:
    hosts = world.before
    found = way(hosts, at("c2"), "172.17.0.2", target=at("demo"))
    assert found.points == (
        "server2/c2/eth0",
        veth(hosts, "c2"),
        NET1,
        "server2/docker0",
        veth(hosts, "demo"),
        "server2/demo/eth0",
    )
    assert all(stop.sees_unicast for stop in found.stops)


@pytest.mark.parametrize("address", ["192.168.3.202", "172.17.0.1"])
def test_container_to_its_hosts_address_where_it_is_published(world: Any, address: str) -> None:
    hosts = world.before
    same = way(hosts, at("c1"), address, target=at("demo"))
    assert same.points == (
        "server2/c1/eth0",
        veth(hosts, "c1"),
        "server2/docker0",
        veth(hosts, "demo"),
        "server2/demo/eth0",
    )
    assert all(stop.sees_unicast for stop in same.stops)
    other = way(hosts, at("c2"), address, target=at("demo"))
    assert other.points == (
        "server2/c2/eth0",
        veth(hosts, "c2"),
        NET1,
        "server2/docker0",
        veth(hosts, "demo"),
        "server2/demo/eth0",
    )
    assert same.arrives == other.arrives == at("demo")


def test_container_to_a_process_of_its_host(world: Any) -> None:
    found = way(world.before, at("c1"), "192.168.3.202", 22)
    assert found.points == ("server2/c1/eth0", veth(world.before, "c1"), "server2/docker0")
    assert found.arrives == at()


def test_container_to_another_host_and_outside(lab: Any) -> None:
    found = way(lab, at("c1", "server1"), "203.0.113.10", target=at(host="outside"))
    assert found.points == (
        "server1/c1/eth0",
        veth(lab, "c1", "server1"),
        "server1/docker0",
        "server1/eth0",
        "outside/eth0",
    )
    assert found.arrives == at(host="outside")


def test_container_to_a_published_port_of_another_host(lab: Any) -> None:
    found = way(lab, at("c1", "server1"), "192.168.3.202", target=at("demo"))
    assert found.points == (
        "server1/c1/eth0",
        veth(lab, "c1", "server1"),
        "server1/docker0",
        "server1/eth0",
        "server2/eth0",
        "server2/docker0",
        veth(lab, "demo"),
        "server2/demo/eth0",
    )
    assert found.arrives == at("demo")


def test_host_to_another_hosts_published_port(lab: Any) -> None:
    found = way(lab, at(host="server1"), "192.168.3.202", target=at("demo"))
    assert found.points == ("server1/eth0", "server2/eth0", "server2/docker0", veth(lab, "demo"), "server2/demo/eth0")


def test_host_to_another_host_where_nothing_is_published(lab: Any) -> None:
    found = way(lab, at(host="server1"), "192.168.3.202", 81, target=at("demo"))
    assert found.points[:2] == ("server1/eth0", "server2/eth0")
    assert found.arrives == at()
    assert [stop.optional for stop in found.stops] == [False, False, True, True, True]
    assert found.points[-1] == "server2/demo/eth0"
    assert found.notes


def test_host_to_its_own_loopback(world: Any) -> None:
    found = way(world.before, at(), "127.0.0.1", target=at("demo"))
    assert found.points == ("server2/lo", "server2/docker0", veth(world.before, "demo"), "server2/demo/eth0")
    assert not found.stops[0].optional
    assert way(world.before, at(), "127.0.0.1", 22).points == ("server2/lo",)


def test_host_to_its_own_address(world: Any) -> None:
    found = way(world.before, at(), "192.168.3.202", target=at("demo"))
    assert found.points == ("server2/lo", "server2/docker0", veth(world.before, "demo"), "server2/demo/eth0")
    assert found.stops[0].optional
    assert not way(world.before, at(), "192.168.3.202", 22).stops[0].optional


def test_host_to_its_own_container(world: Any) -> None:
    found = way(world.before, at(), "172.17.0.2", None, "icmp", at("demo"))
    assert found.points == ("server2/docker0", veth(world.before, "demo"), "server2/demo/eth0")


def test_a_shared_namespace_has_only_the_owners_lo(world: Any) -> None:
    for address in ("127.0.0.1", "172.17.0.2", "::1"):
        found = way(world.before, at("side"), address, target=at("demo"))
        assert found.points == ("server2/demo/lo",)
        assert found.arrives == at("demo")
    assert way(world.before, at("c1"), "172.17.0.2", target=at("side")).arrives == at("demo")


def test_a_container_in_the_hosts_namespace_is_the_host(world: Any) -> None:
    assert way(world.before, at("hostish"), "127.0.0.1") == way(world.before, at(), "127.0.0.1")


def test_a_container_to_itself(world: Any) -> None:
    assert way(world.before, at("demo"), "172.17.0.2", target=at("demo")).points == ("server2/demo/lo",)


def test_a_port_published_on_loopback_only(lab: Any, world: Any) -> None:
    inside = way(world.before, at(), "127.0.0.1", 8053, "udp")
    assert inside.arrives == at("demo")
    outside = way(world.before, at(), "192.168.3.202", 8053, "udp")
    assert (outside.points, outside.arrives) == (("server2/lo",), at())


def test_a_container_with_two_networks_is_reached_at_its_default_route(world: Any) -> None:
    found = way(world.before, at(), "192.168.3.202", 8081, target=at("web2"))
    assert found.points == (
        "server2/lo",
        "server2/docker0",
        veth(world.before, "web2", interface="eth1"),
        "server2/web2/eth1",
    )
    near = way(world.before, at("c2"), "172.18.0.3", target=at("web2"))
    assert near.points[-3:] == (NET1, veth(world.before, "web2"), "server2/web2/eth0")


def test_a_stopped_container_has_no_stops(world: Any) -> None:
    found = way(world.before, at(), "192.168.3.202", 9090, target=at("gone"))
    assert (found.points, found.arrives) == (("server2/lo",), at())


def test_the_embedded_dns_server(world: Any) -> None:
    found = way(world.before, at("c2"), "127.0.0.11", 53, "udp")
    assert found.points == ("server2/c2/lo", "server2/c2/eth0", veth(world.before, "c2"), NET1)
    assert [stop.optional for stop in found.stops] == [False, True, True, True]


def test_macvlan_on_two_hosts(lab: Any) -> None:
    found = way(lab, at("mac11", "server1"), "172.21.0.12", None, "icmp", at("mac12"))
    assert found.points == ("server1/mac11/eth0", "server1/eth1", "server2/eth1", "server2/mac12/eth0")
    assert found.arrives == at("mac12")


def test_macvlan_to_nobody(lab: Any) -> None:
    found = way(lab, at("mac12"), "172.21.0.77", None, "icmp")
    assert found.points == ("server2/mac12/eth0", "server2/eth1")
    assert (found.arrives, len(found.notes)) == (None, 1)


def macvlan_host(name: str, address: str, *, kind: str) -> Host:
    """A host with one container on eth1.1; ``kind`` of eth1.1 is vlan, or veth as in a lab without 8021q."""
    parent = Link(name="eth1.1", ifindex=4, kind=kind, peer_name="eth1" if kind == "vlan" else "", vlan_id=1)
    endpoint = EndpointSettings(network="mac_net2", network_id="n", address=address, prefixlen=24)
    container = Container(
        name="m", state=ContainerState.RUNNING, network_mode="mac_net2", networks={"mac_net2": endpoint}
    )
    network = Network(name="mac_net2", id="n", driver="macvlan", parent="eth1.1", subnets=("172.22.0.0/24",))
    host = Host.known(name, containers=(container,), networks=(network,), namespaces={}, resolv_conf=None)
    host.own = Namespace.known(links=(Link(name="eth1", ifindex=3), parent), routes=(), rules=None, fdb=None)
    inner = Link(name="eth0", ifindex=5, kind="macvlan", addresses=(Address(address=address, prefixlen=24),))
    host.__dict__["namespaces"] = {"m": Namespace.known(links=(inner,), routes=None, rules=None)}
    return host


@pytest.mark.parametrize("kind", ["vlan", "veth"])
def test_macvlan_with_vlan_passes_the_parents_parent(kind: str) -> None:
    hosts = {"a": macvlan_host("a", "172.22.0.21", kind=kind), "b": macvlan_host("b", "172.22.0.22", kind=kind)}
    found = way(hosts, at("m", "a"), "172.22.0.22", None, "icmp", at("m", "b"))
    assert found.points == ("a/m/eth0", "a/eth1.1", "a/eth1", "b/eth1", "b/eth1.1", "b/m/eth0")


def test_what_is_beyond_the_inventory(lab: Any) -> None:
    hosts = {name: lab[name] for name in ("server1", "server2")}
    found = way(hosts, at(host="server1"), "203.0.113.10")
    assert (found.points, found.arrives) == (("server1/eth0",), None)
    assert "192.168.3.1" in found.notes[0]


def test_unknown_places_give_notes_and_no_stops(world: Any) -> None:
    assert way(world.before, at(host="nobody"), "192.168.3.202").stops == ()
    found = way(world.before, at("nobody"), "192.168.3.202")
    assert (found.stops, bool(found.notes)) == ((), True)


def test_one_machine_by_two_names(lab: Any) -> None:
    twice = {"local": lab["server2"], **lab}
    found = way(twice, at(host="server1"), "192.168.3.202", target=at("demo"))
    assert found.points[1] == "server2/eth0"


CAPTURES = Path(__file__).parents[2] / "captures"
UNREAD = {"iptables", "iptables-legacy", "ip6tables", "nft", "sockets", "sysctl", "proxies", "conntrack", "neigh"}


def recorded() -> Iterator[tuple[str, Evidence]]:
    for file in sorted(CAPTURES.glob("*.pcapng")):
        found = read(file.read_bytes())
        if found.probe is not None and found.probe.dialled is not None and found.before:
            yield file.stem, found


def before_the_rules(evidence: Evidence) -> Evidence:
    """The state as it is when capture points are chosen: addresses, routes and containers, no rules and no sockets."""
    states = [
        replace(state, outputs={key: out for key, out in state.outputs.items() if key.rsplit("/", 1)[-1] not in UNREAD})
        for state in evidence.before
    ]
    return replace(evidence, before=tuple(states), after=())


def chosen(evidence: Evidence) -> set[str]:
    assert evidence.probe is not None
    hosts = build_world(evidence).before
    request = request_of(evidence.probe, evidence.probe.dialled or "")
    found = itinerary(hosts, request, evidence.probe.target_at, answers=True)
    others = (Itinerary(stops=found.back), *way_back(hosts, request, found.arrives))
    return {point for each in (found, *others) for point in each.points}


@pytest.mark.whole
def test_every_point_that_saw_a_recorded_journey_is_a_stop() -> None:
    """By the whole state, and by the part of it that is known when the points are chosen first."""
    missed = {}
    for name, found in recorded():
        seen = {hop.point for hop in analyze(found).hops if hop.seen}
        first = chosen(before_the_rules(found))
        if any(map(leads_elsewhere, build_world(found).before.values())):  # then they are chosen again
            first |= chosen(found)
        missed[name] = seen - chosen(found) | seen - first
    assert len(missed) > 390
    assert {name: points for name, points in missed.items() if points} == {}


@pytest.mark.parametrize(
    ("name", "expected", "optional"),
    [
        # DNAT in OUTPUT takes 127.0.0.1 as well, where the engine runs without docker-proxy: nothing passes lo.
        ("noproxy-localhost", ["docker0", "veth", "demo/eth0"], ["lo"]),
        # A process of the host has the port, and there is no rule: nothing goes to the container that would publish it.
        ("port-owned-by-host", ["server1/eth0", "eth0"], ["docker0", "veth", "demo/eth0"]),
        ("port-owned-by-host-local", ["lo"], ["docker0", "veth", "demo/eth0"]),
        # Without the rule it is docker-proxy's, over lo.
        *((f"truth-{proto}-own-dnat-deleted", ["lo", "docker0", "veth", "demo/eth0"], []) for proto in ("tcp", "http", "udp")),
    ],
)  # fmt: skip
def test_what_the_state_decides_is_expected_and_the_rest_is_optional(
    name: str, expected: list[str], optional: list[str]
) -> None:
    """Where an itinerary of its own once said otherwise than the prediction, the packets are with the prediction."""
    found = read((CAPTURES / f"{name}.pcapng").read_bytes())
    assert found.probe is not None
    stops = itinerary(
        build_world(found).before, request_of(found.probe, found.probe.dialled or ""), found.probe.target_at
    ).stops
    short = {stop.point: re.sub(r"veth\w+", "veth", stop.point.removeprefix("server2/")) for stop in stops}
    assert [short[stop.point] for stop in stops if not stop.optional] == expected
    assert sorted(short[stop.point] for stop in stops if stop.optional) == sorted(optional)
    seen = {hop.point for hop in analyze(found).hops if hop.seen}
    assert seen == {stop.point for stop in stops if not stop.optional}
