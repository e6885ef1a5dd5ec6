"""A container's own IPv6 address, dialled from another host by a route: closed and open, by engine and gateway mode; and ip6tables' rules.

Those with a 28 in their names need a lab with that engine (`lab up --engine sid`). Source: moby#47747; Docker documentation, "Port publishing and mapping".
"""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import Engine, Experiment, Step, client, fails, on, settled, start, works

_ENGINE = "28"
_MODE = "-o com.docker.network.bridge.gateway_mode_ipv6"
_FROM_SERVER1: Final = ("--from", "server1", "--timeout", "2")
_OWN: Final = ("[fd00:27::2]:80", *_FROM_SERVER1)
_HOST: Final = ("[fd00:3::202]:80", *_FROM_SERVER1)

#: IPv6 on the LAN, and a route to the containers; without duplicate address detection they can be used at once.
LAN6: Final = (
    *on("server1", "ip addr add fd00:3::201/64 dev eth0 nodad"),
    *on("server2", "ip addr add fd00:3::202/64 dev eth0 nodad"),
)
_ROUTE: Final = on("server1", "ip route add fd00:27::/64 via fd00:3::202")


def _demo(mode: str = "", publish: str = "") -> tuple[Step, ...]:
    option = f"{_MODE}={mode} " if mode else ""
    create = (
        f"docker network create --ipv6 --subnet 172.27.0.0/24 --subnet fd00:27::/64 {option}"
        "-o com.docker.network.bridge.name=br-six six"
    )
    web = f"--network six {publish}".strip()
    return (
        *LAN6,
        *on("server2", create),
        *start("demo", "busybox", options=web, command="httpd -f -p [::]:80", port=80),
        *settled("demo"),
    )


_BLOCKED: Final = (
    Experiment(
        name="v6-direct-blocked-28",
        title="Engine 28: a container's own IPv6 address dialled from another host; it publishes nothing",
        explain=_OWN,
        expected=fails("v6-direct-blocked"),
        set_up=_demo(),
        break_=_ROUTE,
        near_miss=("raw-direct-drop", "inter-network", "forward-drop", "upstream-drop"),
        engine=_ENGINE,
    ),
    Experiment(
        name="v6-direct-published-28",
        title="the same, and the port is published: raw PREROUTING closes the container's own address all the same",
        explain=_OWN,
        expected=fails("v6-direct-blocked"),
        set_up=_demo(publish="-p 80:80"),
        break_=_ROUTE,
        near_miss=("raw-direct-drop", "inter-network", "forward-drop"),
        engine=_ENGINE,
    ),
    Experiment(
        name="v6-direct-ping-28",
        title="a container's own IPv6 address is pinged from another host",
        explain=("[fd00:27::2]", *_FROM_SERVER1),
        expected=fails("v6-direct-blocked"),
        set_up=_demo(),
        break_=_ROUTE,
        near_miss=("raw-direct-drop", "forward-drop"),
        engine=_ENGINE,
    ),
    Experiment(
        name="v6-direct-routed-28",
        title="gateway_mode_ipv6=routed, and the port is not published: the rule that ends filter DOCKER drops it",
        explain=_OWN,
        expected=fails("v6-direct-blocked"),
        set_up=_demo("routed"),
        break_=_ROUTE,
        near_miss=("raw-direct-drop", "forward-drop", "inter-network"),
        engine=_ENGINE,
    ),
)
_OPEN: Final = (
    Experiment(
        name="v6-direct-routed-published-28",
        title="gateway_mode_ipv6=routed, and the port is published: the container's own address is open",
        explain=_OWN,
        expected=works("routed"),
        set_up=_demo("routed", "-p 80:80"),
        break_=_ROUTE,
        near_miss=("v6-direct-blocked", "forward-drop"),
        engine=_ENGINE,
    ),
    Experiment(
        name="v6-direct-routed-ping-28",
        title="gateway_mode_ipv6=routed, nothing is published: ICMPv6 is let in",
        explain=("[fd00:27::2]", *_FROM_SERVER1),
        expected=works("routed"),
        set_up=_demo("routed"),
        break_=_ROUTE,
        near_miss=("v6-direct-blocked", "forward-drop"),
        engine=_ENGINE,
    ),
    Experiment(
        name="v6-direct-unprotected-28",
        title="gateway_mode_ipv6=nat-unprotected: every port of the container's own address is open",
        explain=_OWN,
        expected=works("routed"),
        set_up=_demo("nat-unprotected"),
        break_=_ROUTE,
        near_miss=("v6-direct-blocked",),
        engine=_ENGINE,
    ),
    Experiment(
        name="v6-published-28",
        title="Engine 28: another host dials the published port at the host's IPv6 address",
        explain=_HOST,
        expected=works("dnat"),
        set_up=_demo(publish="-p 80:80"),
        near_miss=("v6-direct-blocked", "dnat-missing"),
        engine=_ENGINE,
    ),
)
_FILTERED: Final = (
    Experiment(
        name="v6-docker-user-drop-28",
        title="Engine 28: DOCKER-USER of ip6tables drops what comes for the published port",
        explain=_HOST,
        expected=fails("docker-user-drop"),
        set_up=_demo(publish="-p 80:80"),
        break_=on("server2", "ip6tables -I DOCKER-USER -p tcp --dport 80 -j DROP"),
        near_miss=("v6-direct-blocked", "forward-drop"),
        engine=_ENGINE,
    ),
    Experiment(
        name="v6-docker-user-v4-28",
        title="the same rule in iptables, which has no part in IPv6",
        explain=_HOST,
        expected=works("dnat"),
        set_up=_demo(publish="-p 80:80"),
        break_=on("server2", "iptables -I DOCKER-USER -p tcp --dport 80 -j DROP"),
        near_miss=("docker-user-drop", "forward-drop"),
        engine=_ENGINE,
    ),
    Experiment(
        name="v6-same-network-28",
        title="Engine 28: a container of the same network dials demo's own IPv6 address",
        explain=("[fd00:27::2]:80", "--from", "c1@server2"),
        expected=works("bridge"),
        set_up=(*_demo(), *client("c1", options="--network six"), *settled("c1")),
        near_miss=("v6-direct-blocked", "icc-false"),
        engine=_ENGINE,
    ),
)
#: What Engine 27 does by default, 20.10 does by these options; there FORWARD's policy closes what no rule accepts.
_FILTERS6: Final = (Engine(host="server2", options=(("experimental", True), ("ip6tables", True))),)
_POLICY: Final = on("server2", "sysctl -q -w net.ipv6.conf.all.forwarding=1", "ip6tables -P FORWARD DROP")

_ANY_ENGINE: Final = (
    Experiment(
        name="v6-direct-policy",
        title="the engine filters IPv6 (ip6tables), FORWARD's policy drops, and the port is not published",
        explain=_OWN,
        expected=fails("v6-direct-blocked"),
        set_up=(*_FILTERS6, *_demo()),
        break_=(*_ROUTE, *_POLICY),
        near_miss=("forward-drop", "raw-direct-drop", "inter-network"),
    ),
    Experiment(
        name="v6-direct-policy-published",
        title="the same, and the port is published: Docker's rule accepts it at the container's own address",
        explain=_OWN,
        expected=works("routed"),
        set_up=(*_FILTERS6, *_demo(publish="-p 80:80")),
        break_=(*_ROUTE, *_POLICY),
        near_miss=("v6-direct-blocked", "forward-drop"),
    ),
    Experiment(
        name="v6-direct-open",
        title="an engine that does not filter IPv6: every port of the container's own address is open",
        explain=_OWN,
        expected=works("routed"),
        set_up=_demo(),
        break_=(*_ROUTE, *on("server2", "sysctl -q -w net.ipv6.conf.all.forwarding=1")),
        near_miss=("v6-direct-blocked", "forward-drop"),
    ),
    Experiment(
        name="v6-forward-policy-drop",
        title="the same, and somebody else set ip6tables' FORWARD policy to DROP",
        explain=_OWN,
        expected=fails("forward-drop"),
        set_up=_demo(),
        break_=(*_ROUTE, *_POLICY),
        near_miss=("v6-direct-blocked",),
    ),
    Experiment(
        name="v6-input-drop",
        title="ip6tables' INPUT drops what comes for docker-proxy",
        explain=_HOST,
        expected=fails("input-drop"),
        set_up=_demo(publish="-p 80:80"),
        break_=on("server2", "ip6tables -I INPUT -p tcp --dport 80 -j DROP"),
        near_miss=("forward-drop", "docker-user-drop"),
    ),
    Experiment(
        name="v6-input-v4-rule",
        title="the same rule in iptables: IPv6 does not meet it",
        explain=_HOST,
        expected=works("docker-proxy"),
        set_up=_demo(publish="-p 80:80"),
        break_=on("server2", "iptables -I INPUT -p tcp --dport 80 -j DROP"),
        near_miss=("input-drop", "dnat-missing"),
    ),
)
DIRECT: Final = (*_BLOCKED, *_OPEN, *_FILTERED, *_ANY_ENGINE)
