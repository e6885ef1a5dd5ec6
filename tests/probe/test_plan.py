from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.errors import UsageFault
from netprobe.evidence.model import Place
from netprobe.probe.names import the_container
from netprobe.probe.plan import Dial, choose_binding, dial_address, dial_container, dial_host
from netprobe.state.engine.model import ContainerState
from netprobe.state.issues import Issues
from netprobe.state.routes import Route
from netprobe.state.sockets import parse_sockets
from tests.worlds import NET2, container, host, link, published, world

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host

SERVER1 = Place(host="server1")
SERVER2 = Place(host="server2")


def hosts(
    *on_server2: Container, on_server1: tuple[Container, ...] = (), routes: tuple[Route, ...] = ()
) -> dict[str, Host]:
    return world(
        host("server1", "192.168.3.201", *on_server1, routes=routes),
        host("server2", "192.168.3.202", *on_server2),
        host("outside", "192.168.3.1", docker=False),
    )


def dial(known: Mapping[str, Host], source: Place, name: str, port: int | None = 80, proto: str = "tcp") -> Dial:
    found = the_container(known, name, "server2")
    assert found is not None
    return dial_container(known, source, found.chosen, port, proto)


DEMO = container("demo", "172.17.0.2", published(8080, 80))


def test_from_another_host_what_publishes_it_is_dialled() -> None:
    result = dial(hosts(DEMO), SERVER1, "demo")
    assert (result.address, result.port) == ("192.168.3.202", 8080)
    assert (result.target_at, result.target_address, result.target_port) == (
        Place(host="server2", container="demo"),
        "172.17.0.2",
        80,
    )
    assert "server2 publishes demo's port 80/tcp at 192.168.3.202:8080" in result.way


def test_a_mere_subnet_match_is_no_way_in() -> None:
    """server1 has 172.17.0.0/16 itself, and even a container of the same address."""
    known = hosts(DEMO, on_server1=(container("other", "172.17.0.2"),))
    assert dial(known, SERVER1, "demo").address == "192.168.3.202"


def test_a_route_that_leads_to_its_host_is_a_way_in() -> None:
    known = hosts(
        container("deep", "172.18.0.2", network=NET2),
        routes=(Route(dst="172.18.0.2/32", dev="eth0", via="192.168.3.202"),),
    )
    result = dial(known, SERVER1, "deep")
    assert (result.address, result.port) == ("172.18.0.2", 80)
    assert "routes" in result.way


def test_a_route_to_another_host_is_none() -> None:
    known = hosts(DEMO, routes=(Route(dst="172.17.0.2/32", dev="eth0", via="192.168.3.1"),))
    assert dial(known, SERVER1, "demo").address == "192.168.3.202"


def test_its_own_host_dials_it_directly() -> None:
    result = dial(hosts(DEMO), SERVER2, "demo")
    assert (result.address, result.port, result.way) == ("172.17.0.2", 80, "demo runs on server2 itself")


def test_protocols_must_match() -> None:
    udp = container("demo", "172.17.0.2", published(8080, 80, proto="udp"))
    assert dial(hosts(udp), SERVER1, "demo", proto="tcp").port == 80
    assert "publishes no port 80/tcp" in dial(hosts(udp), SERVER1, "demo", proto="tcp").way
    assert dial(hosts(udp), SERVER1, "demo", proto="udp").port == 8080


def test_a_certain_address_is_dialled_and_loopback_is_not() -> None:
    certain = container("demo", "172.17.0.2", published(80, 80, "192.168.3.250"))
    assert dial(hosts(certain), SERVER1, "demo").address == "192.168.3.250"
    loopback = container("demo", "172.17.0.2", published(8080, 80, "127.0.0.1"))
    result = dial(hosts(loopback), SERVER1, "demo")
    assert (result.address, result.port) == ("192.168.3.202", 8080)
    assert "127.0.0.1:8080 only" in result.way


def test_any_address_is_preferred_to_loopback() -> None:
    chosen = choose_binding(
        container("x", "", published(1, 80, "127.0.0.1"), published(2, 80), published(3, 80, "::")), 80, "tcp"
    )
    assert chosen is not None
    assert chosen.host_port == 2


def test_the_binding_of_the_ip_version_is_preferred() -> None:
    both = container("x", "", published(1, 80, "::"), published(2, 80))
    assert [getattr(choose_binding(both, 80, "tcp", version=each), "host_port", None) for each in (4, 6)] == [2, 1]


def test_published_on_ipv6_only_it_is_dialled_there_or_said_so() -> None:
    """Without an IPv6 address of the host the IPv4 one is dialled: that it is not published there is the answer."""
    web = container("demo", "172.17.0.2", published(8080, 80, "::"))
    result = dial(hosts(web), SERVER1, "demo")
    assert (result.address, result.port) == ("192.168.3.202", 8080)
    assert result.way.endswith("server2 publishes demo's port 80/tcp at [::]:8080 only")
    six = hosts(web)
    for name, address in (("server1", "fd00:3::201"), ("server2", "fd00:3::202")):
        own = six[name].own
        eth0 = link("eth0", 2, "192.168.3.9/24", f"{address}/64")
        own.__dict__["links"] = (*(each for each in own.links or () if each.name != "eth0"), eth0)
        own.__dict__["routes"] = (*(own.routes or ()), Route(dst="fd00:3::/64", dev="eth0"))
    result = dial(six, SERVER1, "demo")
    assert (result.address, result.port) == ("fd00:3::202", 8080)
    assert result.way.endswith("server2 publishes demo's port 80/tcp at [fd00:3::202]:8080")


def test_a_stopped_container_is_dialled_where_it_would_be() -> None:
    stopped = container("demo", "", published(8080, 80), state=ContainerState.EXITED)
    for source in (SERVER1, SERVER2):
        result = dial(hosts(stopped), source, "demo")
        assert (result.address, result.port, result.target_address) == ("192.168.3.202", 8080, None)
        assert "would publish" in result.way


def test_containers_on_one_network_dial_each_other() -> None:
    known = hosts(DEMO, container("c1", "172.17.0.3"), container("c2", "172.18.0.2", network=NET2))
    shared = dial(known, Place(host="server2", container="c1"), "demo")
    assert (shared.address, shared.way) == ("172.17.0.2", "both are on the network bridge")
    other = dial(known, Place(host="server2", container="c2"), "demo")
    assert (other.address, other.port) == ("192.168.3.202", 8080)


def test_shared_namespaces_use_loopback() -> None:
    known = hosts(DEMO, container("side", netns_of="demo", mode="container:demo"))
    assert dial(known, Place(host="server2", container="side"), "demo").address == "127.0.0.1"
    assert dial(known, SERVER1, "side").target_at == Place(host="server2", container="demo")


def test_a_container_in_its_hosts_namespace() -> None:
    result = dial(hosts(container("inn", mode="host")), SERVER1, "inn")
    assert (result.address, result.port, result.target_at) == ("192.168.3.202", 80, SERVER2)


def test_icmp_needs_a_way_in() -> None:
    with pytest.raises(UsageFault, match="ICMP"):
        dial(hosts(DEMO), SERVER1, "demo", None, "icmp")
    assert dial(hosts(DEMO), SERVER2, "demo", None, "icmp").address == "172.17.0.2"


def test_without_a_route_it_is_dialled_all_the_same() -> None:
    """That nothing can be sent is the answer, not a fault of the question."""
    known = hosts(DEMO)
    known["server1"].own.__dict__["routes"] = ()
    assert dial(known, SERVER1, "demo").address == "192.168.3.202"


def test_a_host_without_any_known_address_is_said() -> None:
    known = hosts(DEMO)
    known["server2"].own.__dict__["links"] = ()
    with pytest.raises(UsageFault, match="no address of server2"):
        dial(known, SERVER1, "demo")


def test_addresses_that_are_published() -> None:
    result = dial_address(hosts(DEMO), SERVER1, "192.168.3.202", 8080, "tcp")
    assert (result.target_at, result.target_address, result.target_port) == (
        Place(host="server2", container="demo"),
        "172.17.0.2",
        80,
    )
    local = dial_address(hosts(DEMO), SERVER2, "127.0.0.1", 8080, "tcp")
    assert local.target_at == Place(host="server2", container="demo")


def test_addresses_that_are_not() -> None:
    assert dial_address(hosts(DEMO), SERVER1, "192.168.3.202", 81, "tcp").target_at == SERVER2
    assert dial_address(hosts(DEMO), SERVER1, "192.168.3.202", 8080, "udp").target_at == SERVER2
    assert dial_address(hosts(DEMO), SERVER1, "192.168.3.202", None, "icmp").target_at == SERVER2
    assert dial_address(hosts(DEMO), SERVER1, "198.51.100.1", 80, "tcp").target_at is None


def test_a_port_that_the_engine_does_not_publish_means_the_one_that_asks_for_it() -> None:
    """So that what took it back (another network with the default route, a driver without -p) can be named; a process that has the port answers itself."""
    asks = replace(container("demo", "172.17.0.2"), requested=(published(8080, 80),))

    def dialled(**changes: Any) -> Dial:
        known = hosts(replace(asks, **changes.get("box", {})))
        known["server2"].own.sockets = changes.get("sockets", ())
        return dial_address(known, SERVER1, "192.168.3.202", 8080, "tcp")

    found = dialled()
    assert (found.target_at, found.target_port) == (Place(host="server2", container="demo"), 80)
    assert "was asked to publish demo's port 80/tcp" in found.way
    taken = parse_sockets("tcp LISTEN 0 5 0.0.0.0:8080 0.0.0.0:*", Issues("ss"))
    for other in ({"sockets": taken}, {"sockets": None}, {"box": {"requested": ()}}):
        assert dialled(**other).target_at == SERVER2


def test_a_container_address_means_its_own_hosts_container() -> None:
    known = hosts(DEMO, on_server1=(container("other", "172.17.0.2"),))
    assert dial_address(known, SERVER1, "172.17.0.2", 80, "tcp").target_at == Place(host="server1", container="other")
    assert dial_address(known, SERVER2, "172.17.0.2", 80, "tcp").target_at == Place(host="server2", container="demo")


def test_loopback_of_a_container_is_its_own() -> None:
    source = Place(host="server2", container="demo")
    assert dial_address(hosts(DEMO), source, "127.0.0.1", 8080, "tcp").target_at == source


def test_hosts_are_dialled_on_the_common_link() -> None:
    result = dial_host(hosts(), SERVER1, "server2", 81, "tcp")
    assert (result.address, result.target_at, result.way) == ("192.168.3.202", SERVER2, "server2 has 192.168.3.202")
    assert dial_host(hosts(), SERVER1, "server1", 81, "tcp").address == "192.168.3.201"
    named = dial_host(hosts(DEMO), SERVER1, "server2", 8080, "tcp")
    assert named.target_at == Place(host="server2", container="demo")


def with_six(made: Container, address: str) -> Container:
    endpoint = next(iter(made.networks.values()))
    return replace(made, networks={endpoint.network: replace(endpoint, address6=address)})


def dial_six(known: Mapping[str, Host], source: Place, name: str, port: int | None = 80) -> Dial:
    found = the_container(known, name, "server2")
    assert found is not None
    return dial_container(known, source, found.chosen, port, "tcp", six=True)


def test_ipv6_that_was_asked_for_is_dialled() -> None:
    demo = with_six(container("demo", "172.17.0.2", published(8080, 80), published(8080, 80, "::")), "fd00:5::2")
    known = hosts(demo, with_six(container("client", "172.17.0.3"), "fd00:5::3"))
    known["server2"].own.links = (*(known["server2"].own.links or ()), link("eth1", 9, "fd00:9::202/64"))
    assert dial_six(known, SERVER2, "demo").address == "fd00:5::2"
    assert dial_six(known, Place(host="server2", container="client"), "demo").address == "fd00:5::2"
    assert dial_six(known, Place(host="server2", container="demo"), "demo").address == "::1"
    far = dial_six(known, SERVER1, "demo")  # without a route: that it does not work is the answer
    assert (far.address, far.port, far.target_address) == ("fd00:9::202", 8080, "fd00:5::2")
    assert dial_host(known, SERVER1, "server2", 80, "tcp", six=True).address == "fd00:9::202"
    assert dial_host(known, SERVER1, "server2", 80, "tcp", six=False).address == "192.168.3.202"


def test_no_ipv6_address_is_a_matter_of_the_question() -> None:
    known = hosts(DEMO)
    with pytest.raises(UsageFault, match="demo@server2 has no IPv6 address"):
        dial_six(known, SERVER2, "demo", None)
    with pytest.raises(UsageFault, match="no IPv6 address of server2"):
        dial_six(known, SERVER1, "demo")
    with pytest.raises(UsageFault, match="no IPv6 address of server2 can be reached"):
        dial_host(known, SERVER1, "server2", 80, "tcp", six=True)


def test_a_port_that_is_published_by_the_other_version_alone() -> None:
    known = hosts(DEMO)
    known["server2"].own.links = (*(known["server2"].own.links or ()), link("eth1", 9, "fd00:9::202/64"))
    far = dial_six(known, SERVER1, "demo")
    assert (far.address, far.port) == ("fd00:9::202", 80)
    assert "publishes demo's port 80/tcp at 0.0.0.0:8080 only, not by IPv6" in far.way
