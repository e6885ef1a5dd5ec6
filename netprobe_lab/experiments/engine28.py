"""What Engine 28 does otherwise: DOCKER-FORWARD, DOCKER-CT and DOCKER-BRIDGE in FORWARD, and raw PREROUTING against direct routing.

They need a lab with that engine (`lab up --engine sid`; `make test-engines` brings one up): an ordinary lab leaves them out.
Source: moby 28, daemon/libnetwork/drivers/bridge/internal/iptabler; Docker documentation, "Packet filtering and firewalls".
"""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import HIP, Engine, Experiment, Step, client, fails, on, start, works

_ENGINE = "28"
_SHORT = ("--timeout", "2")
_DIRECT: Final = ("172.27.0.2:80", "--from", "server1", *_SHORT)
_ROUTE: Final = on("server1", f"ip route add 172.27.0.0/24 via {HIP}")
_NET = "docker network create --subnet 172.27.0.0/24 -o com.docker.network.bridge.name=br-direct"
_OPTION = "-o com.docker.network.bridge"


def _demo(network: str = "", *, publish: str = "-p 80:80", first: tuple[Step, ...] = ()) -> tuple[Step, ...]:
    """A network of its own, demo and a client on it, and a client on another one."""
    return (
        *first,
        *on(
            "server2",
            f"{_NET} {network} direct".replace("  ", " "),
            "docker network create --subnet 172.30.0.0/24 other",
        ),
        *start("demo", "nginx", options=f"--network direct {publish}", port=80),
        *client("c1", options="--network direct"),
        *client("c2", options="--network other"),
    )


_ALLOWED: Final = (Engine(host="server2", options=(("allow-direct-routing", True),)),)

_DIRECTLY: Final = (
    Experiment(
        name="raw-direct-drop-28",
        title="Engine 28: a container's own address dialled from another host, by a route to server2",
        explain=_DIRECT,
        expected=fails("raw-direct-drop"),
        set_up=_demo(),
        break_=_ROUTE,
        near_miss=("inter-network", "forward-drop", "upstream-drop"),
        engine=_ENGINE,
    ),
    Experiment(
        name="raw-direct-trusted-28",
        title="the same, and the network trusts eth0 (trusted_host_interfaces)",
        explain=_DIRECT,
        expected=works("routed"),
        set_up=_demo(f"{_OPTION}.trusted_host_interfaces=eth0"),
        break_=_ROUTE,
        near_miss=("raw-direct-drop",),
        engine=_ENGINE,
    ),
    Experiment(
        name="raw-direct-allowed-28",
        title='the same, and the engine runs with "allow-direct-routing": true',
        explain=_DIRECT,
        expected=works("routed"),
        set_up=_demo(first=_ALLOWED),
        break_=_ROUTE,
        near_miss=("raw-direct-drop",),
        engine=_ENGINE,
    ),
    Experiment(
        name="raw-direct-unprotected-28",
        title="the same, and the network's gateway mode is nat-unprotected",
        explain=_DIRECT,
        expected=works("routed"),
        set_up=_demo(f"{_OPTION}.gateway_mode_ipv4=nat-unprotected"),
        break_=_ROUTE,
        near_miss=("raw-direct-drop",),
        engine=_ENGINE,
    ),
    Experiment(
        name="raw-direct-unpublished-28",
        title="the network trusts eth0, and the port is not published: DOCKER drops it",
        explain=_DIRECT,
        expected=fails("forward-drop"),
        set_up=_demo(f"{_OPTION}.trusted_host_interfaces=eth0", publish=""),
        break_=_ROUTE,
        near_miss=("raw-direct-drop",),
        engine=_ENGINE,
    ),
)
_ICC: Final = f"{_OPTION}.enable_icc=false"

_CHAINS: Final = (
    Experiment(
        name="published-28",
        title="Engine 28: another host dials the published port",
        explain=("demo:80", "--from", "server1"),
        expected=works("dnat", resolution="inventory"),
        set_up=_demo(),
        near_miss=("raw-direct-drop", "forward-drop"),
        engine=_ENGINE,
    ),
    Experiment(
        name="published-localhost-28",
        title="Engine 28: the host dials 127.0.0.1",
        explain=("127.0.0.1:80", "--from", "server2"),
        expected=works("docker-proxy"),
        set_up=_demo(),
        engine=_ENGINE,
    ),
    Experiment(
        name="same-network-28",
        title="Engine 28: a container of the same network, by name",
        explain=("demo:80", "--from", "c1@server2"),
        expected=works("bridge", resolution="embedded-dns"),
        set_up=_demo(),
        near_miss=("icc-false",),
        engine=_ENGINE,
    ),
    Experiment(
        name="inter-network-28",
        title="Engine 28: a container of another network dials demo's own address; raw PREROUTING drops it",
        explain=("172.27.0.2:80", "--from", "c2@server2", *_SHORT),
        expected=fails("inter-network"),
        set_up=_demo(),
        near_miss=("raw-direct-drop", "forward-drop"),
        engine=_ENGINE,
    ),
    Experiment(
        name="egress-28",
        title="Engine 28: a container's way out",
        explain=("203.0.113.10:80", "--from", "c1@server2"),
        expected=works("masquerade"),
        set_up=_demo(),
        near_miss=("masquerade-missing",),
        engine=_ENGINE,
    ),
    Experiment(
        name="docker-user-drop-28",
        title="Engine 28: DOCKER-USER drops it",
        explain=("demo:80", "--from", "server1", *_SHORT),
        expected=fails("docker-user-drop", resolution="inventory"),
        set_up=_demo(),
        break_=on("server2", "iptables -I DOCKER-USER -p tcp --dport 80 -j DROP"),
        near_miss=("forward-drop", "raw-direct-drop"),
        engine=_ENGINE,
    ),
    Experiment(
        name="forward-drop-28",
        title="Engine 28: a rule at the head of FORWARD drops it",
        explain=("demo:80", "--from", "server1", *_SHORT),
        expected=fails("forward-drop", resolution="inventory"),
        set_up=_demo(),
        break_=on("server2", "iptables -I FORWARD -p tcp --dport 80 -j DROP"),
        near_miss=("docker-user-drop", "raw-direct-drop"),
        engine=_ENGINE,
    ),
    Experiment(
        name="forward-policy-drop-28",
        title="Engine 28: its chains are gone from FORWARD, whose policy drops",
        explain=("demo:80", "--from", "server1", *_SHORT),
        expected=fails("forward-drop", resolution="inventory"),
        set_up=_demo(),
        break_=on("server2", "iptables -D FORWARD -j DOCKER-FORWARD"),
        near_miss=("docker-user-drop", "raw-direct-drop"),
        engine=_ENGINE,
    ),
    Experiment(
        name="icc-false-28",
        title="Engine 28: a network without inter-container communication",
        explain=("demo:80", "--from", "c1@server2", *_SHORT),
        expected=fails("icc-false", resolution="embedded-dns"),
        set_up=_demo(_ICC),
        near_miss=("forward-drop", "bridge-nf-forward-drop"),
        engine=_ENGINE,
    ),
    Experiment(
        name="internal-network-28",
        title="Engine 28: a container of an internal network dials outside",
        explain=("203.0.113.10:80", "--from", "c1@server2", *_SHORT),
        expected=fails("internal-network"),
        set_up=_demo("--internal"),
        near_miss=("inter-network", "masquerade-missing", "no-route"),
        engine=_ENGINE,
    ),
)

ENGINE_28: Final = (*_DIRECTLY, *_CHAINS)
