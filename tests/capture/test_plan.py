from __future__ import annotations

import shutil
import subprocess

import pytest

from netprobe.capture.plan import MAX_POINTS, Tuple5, choose_points, pcap_filter, proxied_to
from netprobe.evidence.model import Place
from netprobe.forward import Request
from netprobe.forward.plan import Itinerary, Stop, itinerary
from netprobe.state.engine.model import Proxy
from netprobe.state.links import Link
from tests.worlds import container, host, published, world

DEMO = container("demo", "172.17.0.2", published(80, 80))
WORLD = world(host("server1", "192.168.3.201"), host("server2", "192.168.3.202", DEMO))
SERVER1 = Place(host="server1")
TARGET = Place(host="server2", container="demo")
TCP = Tuple5(transport="tcp", source_port=41290, dialled="192.168.3.202", port=80, ends=(("172.17.0.2", 80),))


def test_the_points_of_a_published_port() -> None:
    way = itinerary(WORLD, Request(source=SERVER1, dialled="192.168.3.202", port=80, proto="tcp"), TARGET)
    points = choose_points(WORLD, SERVER1, TARGET, [way], TCP)
    assert [point.name for point in points] == [
        "server1/eth0",
        "server2/eth0",
        "server2/docker0",
        "server2/demo/eth0",
        "server1/lo",
        "server2/demo/lo",
        "server2/lo",
    ]
    assert all(point.place == Place(host="server2", container="demo") for point in points if "/demo/" in point.name)


def test_a_point_stands_once_and_their_number_is_bounded() -> None:
    stops = tuple(Stop(point=f"server1/v{number}", place=SERVER1, interface=f"v{number}") for number in range(40))
    points = choose_points(WORLD, SERVER1, None, [Itinerary(stops=stops), Itinerary(stops=stops)], TCP)
    assert len(points) == len({point.name for point in points}) == MAX_POINTS


def test_a_stopped_target_has_no_loopback() -> None:
    points = choose_points(WORLD, SERVER1, Place(host="server2", container="gone"), [], TCP)
    assert "server2/lo" in {point.name for point in points}


def test_the_filter_names_the_connection_and_its_inner_leg() -> None:
    text = pcap_filter(TCP)
    assert "tcp and (port 41290 or (host 172.17.0.2 and port 80))" in text
    assert text.startswith("arp or ")
    assert "53" not in text
    assert "icmp-echo" in text, "other people's pings are left out"
    assert "icmp6" not in text
    assert "vlan" not in text


def test_the_filter_of_a_lookup() -> None:
    text = pcap_filter(Tuple5(transport="udp", looks_up=True))
    assert text.endswith("(port 53 or host 127.0.0.11)")


def test_tagged_frames_come_last() -> None:
    text = pcap_filter(TCP, tagged=True)
    assert text.endswith("))")
    assert text.index(" or (vlan and (") > text.index("tcp and")


@pytest.mark.parametrize(
    "probe",
    [
        TCP,
        Tuple5(transport="icmp", dialled="172.17.0.2"),
        Tuple5(transport="icmp", dialled="fd00::1"),
        Tuple5(transport="udp", source_port=5, dialled="fd00::1", port=53, ends=(("fd00::2", 53),)),
        Tuple5(
            transport="udp", source_port=5, dialled="1.2.3.4", port=9, source_hosts=("192.168.3.201",), looks_up=True
        ),
        Tuple5(transport="udp", looks_up=True),
        Tuple5(transport="tcp"),
    ],
)
@pytest.mark.parametrize("tagged", [False, True])
def test_tcpdump_understands_every_filter(probe: Tuple5, tagged: bool) -> None:
    tcpdump = shutil.which("tcpdump", path="/usr/bin:/usr/sbin:/sbin:/bin")
    if tcpdump is None:
        pytest.skip("tcpdump is not installed")
    argv = [tcpdump, "-y", "EN10MB", "-d", pcap_filter(probe, tagged=tagged)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if "permission" in done.stderr or "No such device" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr


def test_trunks_are_macvlan_parents_and_their_own_parents() -> None:
    from netprobe.state.engine.model import Network

    known = host("server1", "192.168.3.201")
    known.__dict__["networks"] = (Network(name="mac", driver="macvlan", parent="eth1.1"),)
    known.own.__dict__["links"] = (
        *(known.own.links or ()),
        Link(name="eth1", ifindex=9),
        Link(name="eth1.1", ifindex=10),
    )
    stops = tuple(Stop(point=f"server1/{name}", place=SERVER1, interface=name) for name in ("eth0", "eth1", "eth1.1"))
    points = choose_points(world(known), SERVER1, None, [Itinerary(stops=stops)], TCP)
    assert {point.name for point in points if "vlan" in point.capture_filter} == {"server1/eth1", "server1/eth1.1"}


def test_trunks_of_a_router_are_told_by_its_vlan_links() -> None:
    router = host("server1", "192.168.3.201", docker=False)
    router.own.__dict__["links"] = (
        Link(name="eth1", ifindex=9),
        Link(name="eth1.1", ifindex=10, kind="veth"),
        Link(name="eth2", ifindex=11),
        Link(name="blue", ifindex=12, kind="vlan", peer_name="eth2"),
        Link(name="eth3", ifindex=13),
    )
    stops = tuple(
        Stop(point=f"server1/{name}", place=SERVER1, interface=name)
        for name in ("eth1", "eth1.1", "eth2", "blue", "eth3")
    )
    points = choose_points(world(router), SERVER1, None, [Itinerary(stops=stops)], TCP)
    tagged = {point.interface for point in points if "vlan" in point.capture_filter}
    assert tagged == {"eth1", "eth1.1", "eth2", "blue"}


def test_two_tags_are_looked_for_inside_one() -> None:
    text = pcap_filter(TCP, tagged=True)
    plain = pcap_filter(TCP)
    assert text == f"{plain} or (vlan and ({plain} or (vlan and ({plain}))))"


def test_where_docker_proxies_lead() -> None:
    known = host("server2", "192.168.3.202", DEMO)
    proxy = Proxy(pid=1, proto="tcp", host_ip="0.0.0.0", host_port=80, container_ip="172.17.0.9", container_port=8080)  # noqa: S104
    known.__dict__["proxies"] = (proxy,)
    assert proxied_to(world(known), "server2", "192.168.3.202", 80, "tcp") == (("172.17.0.9", 8080),)
    assert proxied_to(world(known), "server2", "192.168.3.202", 80, "udp") == ()
    assert proxied_to(world(known), None, "192.168.3.202", 80, "tcp") == ()
