"""What goes wrong with macvlan networks: the parent, the mode, the wire, the gateway, the address."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import Expected, Experiment, Step, client, fails, lossy, on, start

_ON_ETH1 = "docker network create -d macvlan --subnet 172.21.0.0/24 --gateway=172.21.0.1 -o parent=eth1"
_PLAIN: Final = (*on("server1", f"{_ON_ETH1} mac_net1"), *on("server2", f"{_ON_ETH1} mac_net1"))
_C11: Final = client("c11", options="--network mac_net1 --ip 172.21.0.11", host="server1")
_C12: Final = start("c12", "nginx", options="--network mac_net1 --ip 172.21.0.12", port=80)
_PAIR: Final = (*_PLAIN, *_C11, *_C12)
_TAGGED_OPTIONS = "docker network create -d macvlan --subnet 172.22.0.0/24 --gateway=172.22.0.1"
_C21: Final = client("c21", options="--network mac_net2 --ip 172.22.0.21", host="server1")
_C22: Final = start("c22", "nginx", options="--network mac_net2 --ip 172.22.0.22", port=80)
_TAGGED: Final = (
    *on("server1", f"{_TAGGED_OPTIONS} -o parent=eth1.1 mac_net2"),
    *on("server2", f"{_TAGGED_OPTIONS} -o parent=eth1.1 mac_net2"),
    *_C21,
    *_C22,
)
_ASK = ("172.21.0.12:80", "--from", "c11@server1", "--timeout", "3")
_ASK_TAGGED = ("172.22.0.22:80", "--from", "c21@server1", "--timeout", "3")
_OUT = ("203.0.113.10:80", "--from", "c11@server1", "--timeout", "3")
_WORKS = Expected(verdict="works", path="macvlan", resolution="literal")


def _with_parent(host: str, container: str, address: str) -> tuple[Step, ...]:
    """The network again, on eth1."""
    return on(
        host,
        f"docker network disconnect -f mac_net1 {container}",
        "docker network rm mac_net1",
        "docker network create -d macvlan --subnet 172.21.0.0/24 --gateway=172.21.0.1 -o parent=eth1 mac_net1",
        f"docker network connect --ip {address} mac_net1 {container}",
    )


def _bare(host: str) -> tuple[Step, ...]:
    """A network as the engine makes it without ``-o parent=``, where the kernel has no dummy devices to make it with."""
    dummy = "dm-0123456789ab"
    return on(
        host,
        f"ip link add {dummy} type veth peer name nowhere",
        f"ip link set {dummy} up",
        "ip link set nowhere up",
        f"docker network create -d macvlan --subnet 172.21.0.0/24 --gateway=172.21.0.1 -o parent={dummy} mac_net1",
    )


def _one_host(mode: str) -> tuple[Step, ...]:
    return (
        *on("server2", f"{_ON_ETH1} -o macvlan_mode={mode} mac_net1"),
        *client("c13", options="--network mac_net1 --ip 172.21.0.13"),
        *_C12,
    )


_HOST: Final = (
    Experiment(
        name="macvlan-host-isolation",
        title="a host and a macvlan container on its own eth1",
        explain=("172.21.0.12:80", "--from", "server2", "--timeout", "3"),
        expected=fails("macvlan-host-isolation"),
        set_up=(*_PAIR, *on("server2", "ip address add 172.21.0.202/24 dev eth1")),
        near_miss=("macvlan-parent-down", "macvlan-mode-isolation", "upstream-drop"),
    ),
    Experiment(
        name="macvlan-host-isolation-back",
        title="the same, asked from the container",
        explain=("172.21.0.202", "--from", "c12@server2", "--timeout", "3"),
        expected=fails("macvlan-host-isolation"),
        set_up=(*_PAIR, *on("server2", "ip address add 172.21.0.202/24 dev eth1")),
    ),
    Experiment(
        name="macvlan-other-host",
        title="the same from another host of the LAN",
        explain=("172.21.0.12:80", "--from", "server1"),
        expected=_WORKS,
        set_up=(*_PAIR, *on("server1", "ip address add 172.21.0.201/24 dev eth1")),
        near_miss=("macvlan-host-isolation", "macvlan-parent-down"),
    ),
    Experiment(
        name="macvlan-shim",
        title="a host with a macvlan interface of its own reaches its containers",
        explain=("172.21.0.12:80", "--from", "server2"),
        expected=_WORKS,
        set_up=(
            *_PAIR,
            *on(
                "server2",
                "ip address add 172.21.0.202/24 dev eth1",
                "ip link add shim link eth1 type macvlan mode bridge",
                "ip address add 172.21.0.254/32 dev shim",
                "ip link set shim up",
                "ip route add 172.21.0.12/32 dev shim",
            ),
        ),
        near_miss=("macvlan-host-isolation",),
    ),
    Experiment(
        name="macvlan-parent-down",
        title="the source's own parent is down",
        explain=_ASK,
        expected=fails("macvlan-parent-down"),
        set_up=_PAIR,
        break_=on("server1", "ip link set eth1 down"),
        near_miss=("no-route", "macvlan-mac-filter"),
    ),
    Experiment(
        name="macvlan-parent-down-peer",
        title="the target's parent is down",
        explain=_ASK,
        expected=fails("macvlan-parent-down"),
        set_up=_PAIR,
        break_=on("server2", "ip link set eth1 down"),
        near_miss=("macvlan-mac-filter", "upstream-drop"),
    ),
    Experiment(
        name="macvlan-vlan-down",
        title="the VLAN interface under the source's network is down",
        explain=_ASK_TAGGED,
        expected=fails("macvlan-parent-down"),
        set_up=_TAGGED,
        break_=on("server1", "ip link set eth1.1 down"),
    ),
    Experiment(
        name="macvlan-vlan-down-peer",
        title="the VLAN interface under the target's network is down",
        explain=_ASK_TAGGED,
        expected=fails("macvlan-parent-down"),
        set_up=_TAGGED,
        break_=on("server2", "ip link set eth1.1 down"),
        near_miss=("macvlan-vlan-mismatch",),
    ),
    Experiment(
        name="macvlan-parent-up",
        title="another interface of the target's host is down",
        explain=_ASK,
        expected=_WORKS,
        set_up=_PAIR,
        break_=on("server2", "ip link set eth1.1 down"),
        near_miss=("macvlan-parent-down", "macvlan-mac-filter", "macvlan-vlan-mismatch"),
    ),
    Experiment(
        name="macvlan-no-parent",
        title="a macvlan network without a parent (a veth end that leads nowhere stands for the engine's dummy device)",
        cure=(*_with_parent("server1", "c11", "172.21.0.11"), *_with_parent("server2", "c12", "172.21.0.12")),
        explain=_ASK,
        expected=fails("macvlan-no-parent"),
        set_up=(*_bare("server1"), *_bare("server2"), *_C11, *_C12),
        near_miss=("macvlan-parent-down", "macvlan-mac-filter", "macvlan-vlan-mismatch"),
    ),
    Experiment(
        name="macvlan-private",
        title="two containers of one host, macvlan mode private",
        explain=("172.21.0.12:80", "--from", "c13@server2", "--timeout", "3"),
        expected=fails("macvlan-mode-isolation"),
        set_up=_one_host("private"),
        near_miss=("macvlan-host-isolation", "macvlan-no-parent"),
    ),
    Experiment(
        name="macvlan-vepa",
        title="two containers of one host, macvlan mode vepa, and a switch that sends nothing back",
        explain=("172.21.0.12:80", "--from", "c13@server2", "--timeout", "3"),
        expected=fails("macvlan-mode-isolation"),
        set_up=_one_host("vepa"),
    ),
    Experiment(
        name="macvlan-one-host",
        title="two containers of one host, macvlan mode bridge",
        explain=("172.21.0.12:80", "--from", "c13@server2"),
        expected=_WORKS,
        set_up=_one_host("bridge"),
        near_miss=("macvlan-mode-isolation", "macvlan-no-parent"),
    ),
)
_WIRE: Final = (
    Experiment(
        name="macvlan-mac-filter",
        title="the wire passes broadcasts and drops what is for the source's own MAC",
        cure=on("wires", "nft delete table bridge loss"),
        explain=_ASK,
        expected=fails("macvlan-mac-filter"),
        set_up=_PAIR,
        break_=lossy("ether daddr 02:42:ac:15:00:0b"),
        near_miss=("upstream-drop", "macvlan-vlan-mismatch", "macvlan-parent-down"),
    ),
    Experiment(
        name="macvlan-port-filter",
        title="the wire drops the port alone: ARP passes both ways",
        explain=_ASK,
        expected=fails("upstream-drop"),
        set_up=_PAIR,
        break_=lossy("tcp dport 80"),
        near_miss=("macvlan-mac-filter",),
    ),
    Experiment(
        name="macvlan-vlan-mismatch",
        title="the source's network in VLAN 1, the target's untagged",
        explain=_ASK_TAGGED,
        expected=fails("macvlan-vlan-mismatch"),
        set_up=(
            *on("server1", f"{_TAGGED_OPTIONS} -o parent=eth1.1 mac_net2"),
            *on("server2", f"{_TAGGED_OPTIONS} -o parent=eth1 mac_net2"),
            *_C21,
            *_C22,
        ),
        near_miss=("macvlan-mac-filter", "macvlan-isolated-l3", "macvlan-parent-down"),
    ),
    Experiment(
        name="macvlan-vlan-mismatch-untagged",
        title="the source's network untagged, the target's in VLAN 1",
        explain=_ASK_TAGGED,
        expected=fails("macvlan-vlan-mismatch"),
        set_up=(
            *on("server1", f"{_TAGGED_OPTIONS} -o parent=eth1 mac_net2"),
            *on("server2", f"{_TAGGED_OPTIONS} -o parent=eth1.1 mac_net2"),
            *_C21,
            *_C22,
        ),
    ),
    Experiment(
        name="macvlan-vlan-match",
        title="both in VLAN 1",
        explain=_ASK_TAGGED,
        expected=Expected(verdict="works", path="macvlan-vlan", resolution="literal"),
        set_up=_TAGGED,
        near_miss=("macvlan-vlan-mismatch", "macvlan-mac-filter"),
    ),
    Experiment(
        name="macvlan-wrong-gateway",
        title="the network names a gateway that is not there; the router has another address",
        explain=_OUT,
        expected=fails("macvlan-wrong-gateway"),
        set_up=_PAIR,
        break_=on(
            "router",
            "ip address add 172.21.0.254/24 dev eth1",
            "sysctl -q -w net.ipv4.ip_forward=1",
            "ip route add 203.0.113.0/24 via 192.168.3.1",
        ),
        near_miss=("macvlan-isolated-l3", "no-route"),
    ),
    Experiment(
        name="macvlan-no-gateway",
        title="the same without any router that is known",
        explain=_OUT,
        expected=fails("macvlan-wrong-gateway"),
        set_up=_PAIR,
    ),
    Experiment(
        name="macvlan-right-gateway",
        title="the same with the router at the address that the network names, and a way back",
        explain=_OUT,
        expected=Expected(verdict="works", path="routed", resolution="literal"),
        set_up=_PAIR,
        break_=(
            *on(
                "router",
                "ip address add 172.21.0.1/24 dev eth1",
                "sysctl -q -w net.ipv4.ip_forward=1",
                "ip route add 203.0.113.0/24 via 192.168.3.1",
            ),
            *on("outside", "ip route add 172.21.0.0/24 via 192.168.3.254"),
        ),
        near_miss=("macvlan-wrong-gateway", "missing-return-route"),
    ),
    Experiment(
        name="macvlan-duplicate-address",
        title="another container of the source's own host has the target's address, and answers",
        explain=("c12@server2:80", "--from", "c11@server1"),
        expected=fails("macvlan-duplicate-address", resolution="inventory"),
        set_up=(
            *_PAIR,
            *start("twin", "nginx", options="--network mac_net1 --ip 172.21.0.12", host="server1", port=80),
        ),
        near_miss=("macvlan-mode-isolation",),
    ),
    Experiment(
        name="macvlan-duplicate-address-right",
        title="the same, asking for the one that answers: it works, and is worth knowing",
        explain=("twin@server1:80", "--from", "c11@server1"),
        expected=Expected(
            verdict="works", path="macvlan", resolution="inventory", findings=("macvlan-duplicate-address",)
        ),
        set_up=(
            *_PAIR,
            *start("twin", "nginx", options="--network mac_net1 --ip 172.21.0.12", host="server1", port=80),
        ),
    ),
    Experiment(
        name="macvlan-duplicate-address-refused",
        title="the same, and the one that answers does not listen: it refuses in the target's place",
        explain=("c12@server2:80", "--from", "c11@server1"),
        expected=fails("macvlan-duplicate-address", resolution="inventory"),
        set_up=(*_PAIR, *client("twin", options="--network mac_net1 --ip 172.21.0.12", host="server1")),
        near_miss=("app-not-listening", "upstream-drop"),
    ),
    Experiment(
        name="macvlan-duplicate-address-literal",
        title="the same by the address alone",
        explain=("172.21.0.12:80", "--from", "c11@server1"),
        expected=fails("macvlan-duplicate-address", path="macvlan"),
        set_up=(*_PAIR, *client("twin", options="--network mac_net1 --ip 172.21.0.12", host="server1")),
        near_miss=("app-not-listening",),
    ),
    Experiment(
        name="macvlan-another-address",
        title="the same with another address",
        explain=("c12@server2:80", "--from", "c11@server1"),
        expected=Expected(verdict="works", path="macvlan", resolution="inventory"),
        set_up=(
            *_PAIR,
            *start("twin", "nginx", options="--network mac_net1 --ip 172.21.0.14", host="server1", port=80),
        ),
        near_miss=("macvlan-duplicate-address",),
    ),
)
MACVLAN_FAULTS: Final = (*_HOST, *_WIRE)
