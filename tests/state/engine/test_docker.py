from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from netprobe.state.engine.docker import ContainerState, parse_containers, parse_networks

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.state.issues import Issues


def read(parser: Callable[..., Any], text: str, issues: Issues, **more: str) -> Any:
    """Parse a text that can be read: an unknown value fails the test where it is used."""
    return parser(text, issues, **more)


def test_a_running_container(server2: Any) -> None:
    demo = server2.container("demo")
    assert (demo.state, demo.running, demo.image, demo.network_mode) == (
        ContainerState.RUNNING,
        True,
        "nginx",
        "default",
    )
    assert demo.pid > 0
    assert sorted(map(str, demo.published)) == [
        "0.0.0.0:80->80/tcp",
        "127.0.0.1:8053->53/udp",
        "[::]:80->80/tcp",
    ]
    assert demo.exposed == ((53, "udp"), (80, "tcp"))
    endpoint = demo.networks["bridge"]
    assert (endpoint.prefix, endpoint.gateway, endpoint.mac) == ("172.17.0.2/16", "172.17.0.1", "02:42:ac:11:00:02")
    assert server2.container(demo.id[:12]) == demo


def test_a_linked_container(server2: Any) -> None:
    c1 = server2.container("c1")
    assert c1.links == (("demo", "nginx"),)
    assert c1.link_env["NGINX_PORT_80_TCP_ADDR"] == "172.17.0.2"
    assert c1.link_env["NGINX_NAME"] == "/c1/nginx"


def test_states(server2: Any) -> None:
    assert server2.container("c2").state is ContainerState.PAUSED
    assert server2.container("c2").running
    gone = server2.container("gone")
    assert (gone.state, gone.running, gone.exit_code, gone.addresses) == (ContainerState.EXITED, False, 137, ())
    assert [str(each) for each in gone.published] == ["0.0.0.0:9090->80/tcp"]


def test_aliases_and_several_networks(server2: Any) -> None:
    assert {"web", "c2"} <= set(server2.container("c2").names)
    assert set(server2.container("web2").networks) == {"net1", "bridge"}


def test_shared_and_host_namespaces(server2: Any) -> None:
    assert server2.container("side").netns_of == "demo"
    assert server2.owner_of("side") == "demo"
    assert server2.owner_of("demo") == "demo"
    assert server2.owner_of("hostish") is None
    assert server2.namespace("side") is server2.namespaces["demo"]
    assert server2.namespace("hostish") is server2.own
    assert server2.namespace("inn").links is None


def test_networks(server2: Any) -> None:
    networks = {each.name: each for each in server2.networks}
    assert (networks["bridge"].bridge, networks["bridge"].default_bridge) == ("docker0", True)
    assert networks["net1"].bridge == f"br-{networks['net1'].id[:12]}"
    assert networks["net1"].subnets == ("172.18.0.0/16",)
    assert sorted(networks["net1"].containers.values()) == ["c2", "web2"]
    assert networks["inner"].internal
    assert (networks["mac_net1"].driver, networks["mac_net1"].parent, networks["mac_net1"].bridge) == (
        "macvlan",
        "eth1",
        "",
    )
    assert server2.engine == "20.10.24+dfsg1"


def test_options_of_a_bridge_network(issues: Issues) -> None:
    text = json.dumps(
        [
            {
                "Name": "n",
                "Driver": "bridge",
                "Id": "f" * 64,
                "Options": {
                    "com.docker.network.bridge.name": "mybr",
                    "com.docker.network.bridge.enable_icc": "false",
                    "com.docker.network.bridge.enable_ip_masquerade": "false",
                    "com.docker.network.bridge.odd": 5,
                },
                "IPAM": {"Config": [{"Subnet": "10.0.0.0/24", "Gateway": "10.0.0.1/24"}, 3]},
            }
        ]
    )
    (network,) = read(parse_networks, text, issues)
    assert (network.bridge, network.icc, network.masquerade, network.gateways) == ("mybr", False, False, ("10.0.0.1",))


def test_ports_that_are_chosen_at_start(issues: Issues) -> None:
    bindings = {
        "80/tcp": [{"HostIp": "", "HostPort": ""}],
        "81/tcp": [{"HostPort": "8000-8010"}],
        "x": [{}],
        "82/udp": None,
    }
    text = json.dumps([{"Name": "/x", "HostConfig": {"PortBindings": bindings}, "State": {"Status": "created"}}])
    (container,) = read(parse_containers, text, issues)
    assert [str(each) for each in container.published] == ["0.0.0.0:0->80/tcp", "0.0.0.0:0->81/tcp"]


def test_odd_values(issues: Issues) -> None:
    text = json.dumps(
        [
            {"Name": "/a", "State": [], "Config": {"ExposedPorts": {"99999/tcp": 1, "٣/tcp": 1}}, "NetworkSettings": {"Networks": {"n": 3}}},
            {"Name": "/b", "HostConfig": {"NetworkMode": "container:"}},
            {"Name": "/c", "HostConfig": {"NetworkMode": "container:c"}},
            {"Id": "1"},
            None,
        ]
    )  # fmt: skip
    a, b, c = read(parse_containers, text, issues)
    assert (a.state, a.networks, a.exposed) == (ContainerState.UNKNOWN, {}, ())
    assert b.netns_of == ""
    assert c.netns_of == "c"
    assert len(issues.found) == 2
    assert read(parse_containers, "{}", issues) is None
