"""Hosts' state as a topology: what stands where, what joins what, and that unknown is not empty."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from netprobe.evidence.model import Limit, LimitKind
from netprobe.evidence.stream.whole import read
from netprobe.model.point import PointName
from netprobe.state.engine.model import ContainerState
from netprobe.state.model import Host
from netprobe.topology.build import build, of_evidence
from netprobe.topology.model import Basis, HostNode, KnownBy, Topology
from tests.worlds import NET2, container, host, published, world

CAPTURES = Path(__file__).parent.parent.parent / "captures"


def of(name: str) -> Topology:
    return of_evidence(read((CAPTURES / f"{name}.pcapng").read_bytes()))


def named(topology: Topology, name: str) -> HostNode:
    return next(each for each in topology.hosts if each.name == name)


def test_both_ends_of_a_pair_name_each_other() -> None:
    server2 = named(of("docker-user-drop"), "server2")
    port = next(each for each in server2.own.interfaces if each.master == "docker0")
    inner = server2.namespaces[0].interface("eth0")
    assert port.peer == "server2/demo/eth0"
    assert inner is not None
    assert inner.peer == f"server2/{port.name}"
    assert (inner.network, inner.addresses, inner.mtu) == ("bridge", ("172.17.0.2/16",), 1500)


def test_a_container_that_was_not_looked_into_is_as_the_engine_tells_with_its_port_by_the_bridges_table() -> None:
    server2 = named(of("truth-http-loopback-normal"), "server2")
    c1 = next(each for each in server2.namespaces if each.owner == "c1")
    assert not c1.known
    (eth0,) = c1.interfaces
    assert (eth0.known_by, eth0.addresses) == (KnownBy.ENGINE, ("172.17.0.3/16",))
    assert eth0.peer.startswith("server2/veth")


def test_macvlan_stands_on_its_parent_and_a_vlan_on_the_interface_that_it_is_named_after() -> None:
    server1 = named(of("macvlan-vlan"), "server1")
    eth0 = next(each for each in server1.namespaces if each.owner == "c21").interfaces[0]
    assert (eth0.parent, eth0.peer, eth0.mode) == ("eth1.1", "", "bridge")
    parent = server1.own.interface("eth1.1")
    assert parent is not None
    assert parent.parent == "eth1"


def test_hosts_are_joined_by_what_they_know_of_each_other() -> None:
    (wire,) = of("docker-user-drop").wires
    assert (wire.name, wire.points, wire.basis) == (
        "192.168.3.0/24",
        ("server1/eth0", "server2/eth0"),
        Basis.NEIGHBOUR,
    )
    wires = {each.points: each for each in of("macvlan-vlan").wires}
    flat = wires["server1/eth1", "server2/eth1"]
    assert (flat.name, flat.basis) == ("mac_net1 172.21.0.0/24, mac_net2 172.22.0.0/24", Basis.NETWORK)


def test_the_subnets_of_the_engines_own_bridges_join_nobody() -> None:
    topology = build(world(host("one", "192.168.3.1"), host("other", "10.0.0.1")))
    assert topology.wires == ()


def test_containers_that_share_a_namespace_stand_in_one_the_owner_first() -> None:
    sharer = container("a", netns_of="web", mode="container:web")
    web = container("web", "172.17.0.2", published(80, 80))
    topology = build(world(host("one", "192.168.3.1", sharer, web)))
    (namespace,) = topology.hosts[0].namespaces
    assert (namespace.owner, namespace.containers) == ("web", ("web", "a"))
    assert [each.namespace for each in topology.hosts[0].containers or ()] == ["web", "web"]


def test_a_container_that_does_not_run_has_no_namespace_and_one_of_the_host_is_in_its_own() -> None:
    stopped = container("old", network=NET2, state=ContainerState.EXITED)
    topology = build(world(host("one", "192.168.3.1", stopped, container("node", mode="host"))))
    assert topology.hosts[0].namespaces == ()
    assert topology.hosts[0].own.containers == ("node",)


def test_a_host_that_could_not_be_reached_is_there_as_unknown_with_the_reason() -> None:
    limits = [
        Limit(kind=LimitKind.HOST, subject="far", why="no route to host"),
        Limit(kind=LimitKind.ENGINE, subject="one", why="Docker does not answer"),
        Limit(kind=LimitKind.POINT, subject="one/eth0", why="down"),
    ]
    topology = build(world(host("one", "192.168.3.1")), limits=limits)
    far = named(topology, "far")
    assert (far.known, far.unknown) == (False, ("no route to host",))
    assert named(topology, "one").unknown == ("Docker does not answer",)


def test_nothing_known_is_not_nothing_there() -> None:
    unknown = build({"one": Host("one")}).hosts[0]
    assert not unknown.known
    assert (unknown.containers, unknown.networks, unknown.proxies) == (None, None, None)
    without_engine = build(world(host("one", "192.168.3.1", docker=False))).hosts[0]
    assert without_engine.known
    assert without_engine.containers is None


def test_points_that_state_does_not_tell_of_are_there_as_captured() -> None:
    topology = build({}, [PointName("", None, "eth0"), PointName("s", "web", "eth0"), PointName("s", None, "docker0")])
    assert [each.name for each in topology.hosts] == ["", "s"]
    server = named(topology, "s")
    assert [each.name for each in server.own.interfaces] == ["docker0"]
    assert [(each.owner, each.interfaces[0].known_by) for each in server.namespaces] == [("web", KnownBy.CAPTURE)]


def test_state_forgotten_leaves_the_capture_points() -> None:
    evidence = read((CAPTURES / "docker-user-drop.pcapng").read_bytes())
    topology = of_evidence(evidence.without_state())
    points = {
        each.point(i, ns) for each in topology.hosts for ns in (each.own, *each.namespaces) for i in ns.interfaces
    }
    assert points == {each.name for each in evidence.points}


def test_ports_of_equal_numbers_in_two_namespaces_are_told_apart() -> None:
    """An uplink that is a veth, too, has a peer's number of another namespace: a bridge's port is preferred."""
    server2 = named(of("docker-user-drop"), "server2")
    eth0 = server2.own.interface("eth0")
    assert eth0 is not None
    assert eth0.peer == ""
    assert replace(eth0, peer="").kind == "veth"
