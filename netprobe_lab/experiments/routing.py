"""Routes that are missing or lead elsewhere, hosts that do not forward, a wire that loses packets."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import (
    HIP,
    Expected,
    Experiment,
    Inside,
    WaitPort,
    client,
    fails,
    lossy,
    on,
    start,
    works,
)

_OUT = ("203.0.113.10:80", "--from", "client@server2", "--timeout", "2")
_BY_NAME = ("demo:80", "--from", "server1", "--timeout", "2")
_NGINX: Final = start("demo", "nginx", options="-p 80:80", port=80)
_CLIENT: Final = client()
_MASQUERADED = Expected(verdict="works", path="masquerade", resolution="literal")
_OVERLAPPING = "docker network create --subnet 203.0.113.0/25 -o com.docker.network.bridge.name=br-lap lap"
_PLAIN = (
    "docker network create --subnet 172.25.0.0/24 -o com.docker.network.bridge.name=br-routed "
    "-o com.docker.network.bridge.enable_ip_masquerade=false routed"
)
_ROUTED: Final = (*on("server2", _PLAIN), *client(options="--network routed"))
_INNER = "docker network create --internal --subnet 172.26.0.0/24 -o com.docker.network.bridge.name=br-inner inner"


_TTL = "iptables -t mangle -A PREROUTING -p tcp --dport 80 -j TTL --ttl-set"

_ROUTES: Final = (
    Experiment(
        name="no-route",
        title="a container without its default route",
        explain=_OUT,
        expected=fails("no-route"),
        set_up=_CLIENT,
        break_=(Inside(host="server2", container="client", command="ip route del default"),),
        near_miss=("internal-network", "masquerade-missing"),
    ),
    Experiment(
        name="ttl-expired",
        title="a rule of mangle sets the TTL of what comes in to 1: it has no hop left for the bridge behind DNAT",
        explain=_BY_NAME,
        expected=fails("ttl-expired", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", f"{_TTL} 1"),
        near_miss=("forward-drop", "rule-drop", "ip-forward-off", "no-route"),
    ),
    Experiment(
        name="ttl-expired-answer",
        title="the same for what a container answers, by a rule of nftables for all that comes from its bridge",
        explain=_BY_NAME,
        expected=fails("ttl-expired", path="dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=on(
            "server2",
            "nft add table inet hide",
            "nft add chain inet hide pre '{ type filter hook prerouting priority -150; }'",
            "nft add rule inet hide pre iifname docker0 counter ip ttl set 1",
        ),
        near_miss=("forward-drop", "rule-drop", "missing-return-route"),
    ),
    Experiment(
        name="ttl-lowered",
        title="the same with a TTL that is enough: published, by DNAT",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", f"{_TTL} 2"),
        near_miss=("ttl-expired",),
    ),
    Experiment(
        name="no-route-host",
        title="a host without a route to the destination",
        explain=("198.51.100.7:80", "--from", "server2", "--timeout", "2"),
        expected=fails("no-route"),
        set_up=(),
    ),
    Experiment(
        name="no-route-refused",
        title="a host with an unreachable route",
        explain=("203.0.113.10:80", "--from", "server2", "--timeout", "2"),
        expected=fails("no-route"),
        set_up=(),
        break_=on("server2", "ip route add unreachable 203.0.113.10/32"),
    ),
    Experiment(
        name="no-route-at-router",
        title="a container has a route, its host has none",
        explain=_OUT,
        expected=fails("no-route"),
        set_up=_CLIENT,
        break_=on("server2", "ip route del 203.0.113.0/24"),
        near_miss=("ip-forward-off", "forward-drop"),
    ),
    Experiment(
        name="route-there",
        title="the same with its default route: out by masquerade",
        explain=_OUT,
        expected=_MASQUERADED,
        set_up=_CLIENT,
        near_miss=("no-route", "internal-network", "subnet-overlap", "stale-arp", "ip-forward-off", "upstream-drop"),
    ),
    Experiment(
        name="internal-network",
        title="a container on an internal network has no way out",
        explain=_OUT,
        expected=fails("internal-network"),
        set_up=(*on("server2", _INNER), *client(options="--network inner")),
        near_miss=("inter-network", "no-route", "forward-drop"),
    ),
    Experiment(
        name="internal-network-no-route",
        title="the same without a default route, as Engine 25 and later leave it",
        explain=_OUT,
        expected=fails("internal-network"),
        set_up=(*on("server2", _INNER), *client(options="--network inner")),
        break_=(Inside(host="server2", container="client", command="ip route del default"),),
        near_miss=("no-route",),
    ),
    Experiment(
        name="internal-network-and-another",
        title="the same with a second network that leads out",
        explain=_OUT,
        expected=_MASQUERADED,
        set_up=(
            *on("server2", _INNER),
            *client(options="--network inner"),
            *on("server2", "docker network connect bridge client"),
        ),
        near_miss=("internal-network",),
    ),
    Experiment(
        name="subnet-overlap",
        title="a Docker network with the subnet of the outside: what is for it ends on the bridge",
        explain=("203.0.113.10:80", "--from", "server2", "--timeout", "2"),
        expected=fails("subnet-overlap"),
        set_up=(*on("server2", _OVERLAPPING), *client("lapped", options="--network lap")),
        near_miss=("no-route", "upstream-drop"),
    ),
    Experiment(
        name="subnet-overlap-empty",
        title="the same while no container is on that network: its bridge has no carrier",
        explain=("203.0.113.10:80", "--from", "server2", "--timeout", "2"),
        expected=fails("subnet-overlap"),
        set_up=on("server2", _OVERLAPPING),
    ),
    Experiment(
        name="subnet-overlap-container",
        title="the same from a container of another network",
        explain=_OUT,
        expected=fails("subnet-overlap"),
        set_up=(*on("server2", _OVERLAPPING), *_CLIENT),
    ),
    Experiment(
        name="nobody-on-bridge",
        title="an address of the default bridge that no container has, and nobody else either",
        explain=("172.17.0.99:80", "--from", "server2", "--timeout", "2"),
        expected=Expected(verdict="undetermined", path="none", resolution="literal"),
        set_up=_CLIENT,
        near_miss=("subnet-overlap", "stale-arp"),
    ),
    Experiment(
        name="stale-arp",
        title="the Docker host's neighbour entry for demo names another MAC",
        explain=_BY_NAME,
        expected=fails("stale-arp", resolution="inventory", path="dnat"),
        set_up=_NGINX,
        break_=on("server2", "ip neigh replace 172.17.0.2 lladdr 02:42:ac:11:00:99 dev docker0 nud permanent"),
        near_miss=("app-not-listening", "forward-drop", "container-paused"),
    ),
    Experiment(
        name="fixed-arp",
        title="the same with the right MAC",
        explain=_BY_NAME,
        expected=Expected(verdict="works", path="dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", "ip neigh replace 172.17.0.2 lladdr 02:42:ac:11:00:02 dev docker0 nud permanent"),
        near_miss=("stale-arp",),
    ),
)
_BETWEEN: Final = (
    Experiment(
        name="ip-forward-off",
        title="the Docker host does not forward: a published port is dead from the LAN",
        explain=_BY_NAME,
        expected=fails("ip-forward-off", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", "sysctl -q -w net.ipv4.ip_forward=0"),
        near_miss=("forward-drop", "docker-user-drop", "upstream-drop"),
    ),
    Experiment(
        name="ip-forward-off-egress",
        title="the same on a container's way out",
        explain=_OUT,
        expected=fails("ip-forward-off"),
        set_up=_CLIENT,
        break_=on("server2", "sysctl -q -w net.ipv4.ip_forward=0"),
        near_miss=("masquerade-missing", "no-route"),
    ),
    Experiment(
        name="ip-forward-off-own-host",
        title="the same from the Docker host itself: nothing has to be forwarded",
        explain=("demo:80", "--from", "server2"),
        expected=Expected(verdict="works", path="bridge", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", "sysctl -q -w net.ipv4.ip_forward=0"),
        near_miss=("ip-forward-off",),
    ),
    Experiment(
        name="missing-return-route",
        title="a routed network, and the peer has no route back to it",
        explain=_OUT,
        expected=fails("missing-return-route", path="routed"),
        set_up=_ROUTED,
        near_miss=("masquerade-missing", "upstream-drop"),
    ),
    Experiment(
        name="return-route",
        title="the same, and the peer has the route",
        explain=_OUT,
        expected=Expected(verdict="works", path="routed", resolution="literal", target_sees="172.25.0.2"),
        set_up=_ROUTED,
        break_=on("outside", f"ip route add 172.25.0.0/24 via {HIP}"),
        near_miss=("missing-return-route", "masquerade-missing"),
    ),
    Experiment(
        name="missing-return-route-router",
        title="the same, and the peer sends its answers to a router that has no route back",
        explain=_OUT,
        expected=fails("missing-return-route", path="routed"),
        set_up=_ROUTED,
        break_=(
            *on("outside", "ip route add 172.25.0.0/24 via 192.168.3.254"),
            *on("router", "sysctl -q -w net.ipv4.ip_forward=1"),
        ),
        near_miss=("upstream-drop",),
    ),
    Experiment(
        name="upstream-drop",
        title="the network between the hosts drops the request",
        cure=on("wires", "nft delete table bridge loss"),
        explain=_BY_NAME,
        expected=fails("upstream-drop", resolution="inventory"),
        set_up=_NGINX,
        break_=lossy("ip daddr", HIP, "tcp dport 80"),
        near_miss=("forward-drop", "docker-user-drop", "ip-forward-off"),
    ),
    Experiment(
        name="upstream-drop-reply",
        title="the network between the hosts drops the answer",
        explain=_BY_NAME,
        expected=fails("upstream-drop", resolution="inventory", path="dnat"),
        set_up=_NGINX,
        break_=lossy("ip saddr", HIP, "tcp sport 80"),
        near_miss=("forward-drop", "missing-return-route"),
    ),
    Experiment(
        name="upstream-drop-once",
        title="one datagram lost between the hosts: it may be chance, and is not what host state predicts",
        explain=("demo:80/udp", "--from", "server1", "--timeout", "2"),
        expected=Expected(
            verdict="undetermined", path="none", resolution="inventory", findings=("prediction-differs",)
        ),
        set_up=(
            *start("demo", "busyboxplus", options="-p 80:80/udp", command="udp-echo 80"),
            WaitPort(host="server2", container="demo", port=80, protocol="udp"),
        ),
        break_=lossy("ip daddr", HIP, "udp dport 80"),
        near_miss=("upstream-drop",),
    ),
    Experiment(
        name="upstream-drop-another-port",
        title="the network between the hosts drops another port",
        explain=("demo:80", "--from", "server1"),
        expected=Expected(verdict="works", path="dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=lossy("ip daddr", HIP, "tcp dport 81"),
        near_miss=("upstream-drop",),
    ),
)
ROUTING: Final = (*_ROUTES, *_BETWEEN)
