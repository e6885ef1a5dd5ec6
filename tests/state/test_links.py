from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from netprobe.state.issues import Issues
from netprobe.state.links import parse_fdb, parse_links, parse_neighbours
from netprobe.state.routes import parse_routes, parse_rules

if TYPE_CHECKING:
    from collections.abc import Callable


def read(parser: Callable[..., Any], text: str, issues: Issues, **more: str) -> Any:
    """Parse a text that can be read: an unknown value fails the test where it is used."""
    return parser(text, issues, **more)


def test_links_of_a_docker_host(server2: Any) -> None:
    eth0, docker0 = server2.own.link("eth0"), server2.own.link("docker0")
    assert (eth0.kind, eth0.up, eth0.carrier, eth0.promisc, eth0.mtu) == ("veth", True, True, False, 1500)
    assert [each.prefix for each in eth0.addresses if each.scope == "global"] == ["192.168.3.202/24"]
    assert (docker0.kind, docker0.addresses[0].prefix) == ("bridge", "172.17.0.1/16")
    assert server2.own.link("eth1").promisc
    ports = [link for link in server2.own.links if link.master == "docker0"]
    assert len(ports) == 3
    assert all(port.kind == "veth" for port in ports)


def by_index(host: Any, number: int) -> Any:
    return next(link for link in host.own.links if link.ifindex == number)


def test_a_veth_pair_names_each_others_index(server2: Any) -> None:
    inner = server2.namespaces["demo"].link("eth0")
    outer = by_index(server2, inner.peer_index)
    assert outer.peer_index == inner.ifindex
    assert outer.master == "docker0"


def test_macvlan_knows_its_parent(server2: Any) -> None:
    inner = server2.namespaces["m1"].link("eth0")
    assert (inner.kind, inner.mode) == ("macvlan", "bridge")
    assert by_index(server2, inner.peer_index).name == "eth1"


def test_vlan_and_down_and_no_carrier(issues: Issues) -> None:
    text = json.dumps(
        [
            {
                "ifindex": 9,
                "link": "eth1",
                "ifname": "eth1.1",
                "flags": ["NO-CARRIER", "BROADCAST", "UP"],
                "linkinfo": {"info_kind": "vlan", "info_data": {"protocol": "802.1Q", "id": 1}},
            },
            {"ifindex": 3, "ifname": "eth1", "flags": ["BROADCAST"], "promiscuity": 1},
            {},
        ]
    )
    vlan, parent = read(parse_links, text, issues)
    assert (vlan.vlan_id, vlan.peer_name, vlan.up, vlan.carrier) == (1, "eth1", True, False)
    assert (parent.up, parent.promisc) == (False, True)
    assert not issues.found


def test_routes(server2: Any) -> None:
    routes = server2.namespaces["demo"].routes
    default = next(route for route in routes if route.dst == "0.0.0.0/0")
    assert (default.via, default.dev, default.table) == ("172.17.0.1", "eth0", "main")
    assert any(route.kind == "local" and route.dst == "172.17.0.2/32" for route in routes)


def test_neighbours_and_fdb(server2: Any, issues: Issues) -> None:
    demo = next(each for each in server2.own.neighbours if each.address == "172.17.0.2")
    assert (demo.dev, demo.mac) == ("docker0", "02:42:ac:11:00:02")
    assert any(each.mac == "02:42:ac:11:00:02" and each.master == "docker0" for each in server2.own.fdb)
    assert read(parse_neighbours, '[{"dst":"10.0.0.9","dev":"br0","state":["FAILED"]}]', issues)[0].state == "FAILED"


def test_what_is_no_list_is_unknown_not_empty() -> None:
    for parser in (parse_links, parse_routes, parse_rules, parse_neighbours, parse_fdb):
        for text in ("{}", "[", "null", "Object is not JSON", "[" * 100_000):
            issues = Issues("x")
            assert parser(text, issues) is None
            assert len(issues.found) == 1 or text == "null"
        assert parser("", Issues("x")) == ()


def test_odd_items_are_named_and_passed_over(issues: Issues) -> None:
    text = '[1, {"ifname": 5, "ifindex": 1}, {"ifname": "lo", "ifindex": 1, "flags": "UP", "addr_info": [3, {"local": 1}]}]'
    (lo,) = read(parse_links, text, issues)
    assert (lo.name, lo.up, lo.addresses) == ("lo", False, ())
    assert [issue.line for issue in issues.found] == [1, 2]
