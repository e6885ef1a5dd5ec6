"""The tree, to the letter."""

from __future__ import annotations

from pathlib import Path

import pytest

from netprobe.evidence.model import Limit, LimitKind
from netprobe.evidence.stream.whole import read
from netprobe.report.topology.tree import tree
from netprobe.topology.build import build, of_evidence
from tests.topology.hostile import NAMES, hostile_world
from tests.topology.large import large_host
from tests.worlds import container, host, published, world

CAPTURES = Path(__file__).parent.parent.parent.parent / "captures"


def of(name: str) -> str:
    return tree(of_evidence(read((CAPTURES / f"{name}.pcapng").read_bytes())))


def test_a_published_port() -> None:
    assert of("docker-user-drop") == (
        """\
server1  engine 20.10.24+dfsg1
├─ eth0  192.168.3.201/24  02:4e:50:00:00:c9
├─ eth1  no address  02:4e:50:00:01:c9
└─ docker0  172.17.0.1/16  02:42:64:6a:f7:15  bridge  no carrier  network bridge (bridge) 172.17.0.0/16
server2  engine 20.10.24+dfsg1
├─ eth0  192.168.3.202/24  02:4e:50:00:00:ca
├─ eth1  no address  02:4e:50:00:01:ca
├─ docker0  172.17.0.1/16  02:42:ce:31:d7:9b  bridge  network bridge (bridge) 172.17.0.0/16
│  └─ demo  nginx  0.0.0.0:80->80/tcp  [::]:80->80/tcp
│     └─ eth0  172.17.0.2/16  02:42:ac:11:00:02  by vetha3312be
└─ docker-proxy :80 → 172.17.0.2:80  tcp
wires between hosts
└─ 192.168.3.0/24: server1/eth0 — server2/eth0  (by their neighbour tables)
"""
    )


def test_macvlan_on_an_interface_and_on_a_vlan_of_it() -> None:
    assert of("macvlan-vlan").partition("server2")[0] == (
        """\
server1  engine 20.10.24+dfsg1
├─ eth0  192.168.3.201/24  02:4e:50:00:00:c9
├─ eth1  no address  02:4e:50:00:01:c9
│  ├─ eth1.1  no address  36:03:10:75:11:67
│  │  └─ network mac_net2 (macvlan) 172.22.0.0/24
│  │     └─ c21  busybox
│  │        └─ eth0  172.22.0.21/24  02:42:ac:16:00:15  macvlan bridge
│  └─ network mac_net1 (macvlan) 172.21.0.0/24
│     └─ c11  busybox
│        └─ eth0  172.21.0.11/24  02:42:ac:15:00:0b
├─ eth1.1-wire  no address  92:81:17:62:e7:7e
└─ docker0  172.17.0.1/16  02:42:c2:45:08:35  bridge  no carrier  network bridge (bridge) 172.17.0.0/16
"""
    )


def test_a_container_in_two_networks_stands_in_one_and_is_named_in_the_other() -> None:
    said = of("internal-network-and-another")
    assert "client (above): eth" in said
    assert "(bridge, internal) 172.26.0.0/24" in said


def test_a_shared_namespace_is_one_line_and_what_is_not_known_is_said() -> None:
    web, beside = container("web", "172.17.0.2", published(80, 80)), container("side", netns_of="web")
    limits = [Limit(kind=LimitKind.HOST, subject="far", why="no route to host")]
    said = tree(build(world(host("one", "192.168.3.1", web, beside)), limits=limits))
    assert "web  0.0.0.0:80->80/tcp + side (one network namespace)" in said
    assert said.endswith("far  (its state is not known)\n└─ not known: no route to host\n")


def test_a_large_host_is_cut_and_says_so() -> None:
    topology = build({"big": large_host(200)})
    assert "+ 188 more containers (--all shows them)" in tree(topology)
    assert "c199" in tree(topology, whole=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_any_kind_does_no_harm(name: str) -> None:
    said = tree(build(hostile_world(name)))
    assert all(each.isprintable() for line in said.split("\n") for each in line)
    assert max(map(len, said.split("\n"))) < 1000
