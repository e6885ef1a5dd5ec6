"""macvlan networks across two hosts, untagged and in a VLAN. Experiments 10, 11, 12, with the tutorial's addresses."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import Expected, Experiment, Step, client, on, start


def _network(host: str, number: int, parent: str) -> tuple[Step, ...]:
    options = f"--subnet 172.2{number}.0.0/24 --gateway=172.2{number}.0.1 -o parent={parent}"
    return on(host, f"docker network create -d macvlan {options} mac_net{number}")


def _at(number: int, last: int) -> str:
    return f"--network mac_net{number} --ip 172.2{number}.0.{last}"


_NETWORKS: Final = tuple(
    step
    for host in ("server1", "server2")
    for number, parent in ((1, "eth1"), (2, "eth1.1"))
    for step in _network(host, number, parent)
)
BOTH: Final[tuple[Step, ...]] = (
    *_NETWORKS,
    *client("c11", options=_at(1, 11), host="server1"),
    *start("c12", "nginx", options=_at(1, 12), port=80),
    *client("c21", options=_at(2, 21), host="server1"),
    *start("c22", "nginx", options=_at(2, 22), port=80),
)
_GATEWAY: Final[tuple[Step, ...]] = (
    *client("gw", options=f"--cap-add NET_ADMIN --sysctl net.ipv4.ip_forward=1 {_at(1, 100)}"),
    *on(
        "server2",
        "docker network connect --ip 172.22.0.100 mac_net2 gw",
        "docker exec gw ip address add 172.21.0.1/24 dev eth0",
        "docker exec gw ip address add 172.22.0.1/24 dev eth1",
    ),
)
ROUTER: Final[tuple[Step, ...]] = on(
    "router",
    "ip address add 172.21.0.1/24 dev eth1",
    "ip address add 172.22.0.1/24 dev eth1.1",
    "sysctl -q -w net.ipv4.ip_forward=1",
)
_ISOLATED = "macvlan-isolated-l3"
_PLAIN = Expected(
    verdict="works", path="macvlan", resolution="literal", segments=("server2=macvlan",), target_sees="172.21.0.11"
)
_TAGGED = Expected(
    verdict="works",
    path="macvlan-vlan",
    resolution="literal",
    segments=("server2=macvlan-vlan",),
    target_sees="172.22.0.21",
)

MACVLAN: Final = (
    Experiment(
        name="macvlan",
        title="two hosts, one macvlan network on eth1: the same frame all the way",
        explain=("172.21.0.12:80", "--from", "c11@server1"),
        expected=_PLAIN,
        set_up=BOTH,
        numbers=(10,),
        near_miss=(_ISOLATED,),
    ),
    Experiment(
        name="macvlan-ping",
        title="the same by ping",
        explain=("172.21.0.12", "--from", "c11@server1"),
        expected=_PLAIN,
        set_up=BOTH,
        numbers=(10,),
    ),
    Experiment(
        name="macvlan-vlan",
        title="a macvlan network on eth1.1: VLAN tag 1 on eth1",
        explain=("172.22.0.22:80", "--from", "c21@server1"),
        expected=_TAGGED,
        set_up=BOTH,
        numbers=(11,),
        near_miss=(_ISOLATED,),
    ),
    Experiment(
        name="macvlan-vlan-ping",
        title="the same by ping",
        explain=("172.22.0.22", "--from", "c21@server1"),
        expected=_TAGGED,
        set_up=BOTH,
        numbers=(11,),
    ),
    Experiment(
        name="macvlan-isolated-l3",
        title="from one macvlan network to another: nobody answers for the gateway",
        cure=ROUTER,
        explain=("172.22.0.22:80", "--from", "c11@server1"),
        expected=Expected(verdict="fails", path="none", cause=_ISOLATED, resolution="literal"),
        set_up=BOTH,
        numbers=(12,),
    ),
    Experiment(
        name="macvlan-isolated-ping",
        title="the same by ping",
        explain=("172.22.0.22", "--from", "c11@server1"),
        expected=Expected(verdict="fails", path="none", cause=_ISOLATED, resolution="literal"),
        set_up=BOTH,
        numbers=(12,),
    ),
    Experiment(
        name="macvlan-gateway",
        title="the same with a router that has a leg in each network",
        explain=("172.22.0.22:80", "--from", "c11@server1"),
        expected=Expected(verdict="works", path="routed", resolution="literal", target_sees="172.21.0.11"),
        set_up=(*BOTH, *_GATEWAY),
        numbers=(12,),
        near_miss=(_ISOLATED,),
    ),
    Experiment(
        name="macvlan-router",
        title="the same with a router host that has a leg in each: 172.21.0.1 untagged, 172.22.0.1 in VLAN 1",
        explain=("172.22.0.22:80", "--from", "c11@server1"),
        expected=Expected(
            verdict="works",
            path="routed",
            resolution="literal",
            segments=("router=routed",),
            target_sees="172.21.0.11",
        ),
        set_up=(*BOTH, *ROUTER),
        numbers=(12,),
        near_miss=(_ISOLATED, "macvlan-wrong-gateway", "ip-forward-off"),
    ),
    Experiment(
        name="macvlan-router-ping",
        title="the same by ping, to a container of the source's own host",
        explain=("172.22.0.21", "--from", "c11@server1"),
        expected=Expected(verdict="works", path="routed", resolution="literal", segments=("router=routed",)),
        set_up=(*BOTH, *ROUTER),
        numbers=(12,),
    ),
    Experiment(
        name="macvlan-router-off",
        title="the same, and the router does not forward",
        explain=("172.22.0.22:80", "--from", "c11@server1", "--timeout", "2"),
        expected=Expected(verdict="fails", path="none", cause="ip-forward-off", resolution="literal"),
        set_up=(*BOTH, *ROUTER, *on("router", "sysctl -q -w net.ipv4.ip_forward=0")),
        near_miss=(_ISOLATED, "macvlan-wrong-gateway", "upstream-drop"),
    ),
    Experiment(
        name="macvlan-nobody",
        title="the same towards an address that no container has: the gateway is not there, nothing known is isolated",
        explain=("172.22.0.99:80", "--from", "c11@server1"),
        expected=Expected(verdict="fails", path="none", cause="macvlan-wrong-gateway", resolution="literal"),
        set_up=BOTH,
        near_miss=(_ISOLATED,),
    ),
)
