"""Firewalls inside a container's own network namespace: VPN containers and their kill switches."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import Experiment, Inside, Step, client, fails, on, settled, start, works

_BY_NAME: Final = ("vpn:80", "--from", "server1", "--timeout", "2")
_PUBLISHED: Final = start("vpn", "nginx", options="-p 8080:80", port=80)
_OUT: Final = ("203.0.113.10:80", "--from", "client@server2", "--timeout", "2")
_SIX: Final[tuple[Step, ...]] = (
    *on("server2", "docker network create --ipv6 --subnet 172.27.0.0/24 --subnet fd00:27::/64 six"),
    *start("vpn", "busybox", options="--network six --ip6 fd00:27::2", command="httpd -f -p 80 -h /etc", port=80),
    *settled("vpn"),
    *client(options="--network six"),
)


def _inside(*commands: str, container: str = "vpn") -> tuple[Step, ...]:
    return tuple(Inside(host="server2", container=container, command=command) for command in commands)


_KILL_SWITCH: Final = _inside(
    "iptables -A INPUT -i lo -j ACCEPT",
    "iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
    "iptables -A INPUT -s 172.17.0.0/16 -i eth0 -j ACCEPT",
    "iptables -P INPUT DROP",
)
_TUNNEL_ALONE: Final = _inside(
    "iptables -A OUTPUT -o lo -j ACCEPT",
    "iptables -A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
    "iptables -A OUTPUT -s 172.17.0.2/32 -d 172.17.0.0/16 -o eth0 -j ACCEPT",
    "iptables -A OUTPUT -o tun0 -j ACCEPT",
    "iptables -P OUTPUT DROP",
)
#: What a VPN client does: tun0 comes up, and what is for the LAN is routed by it; its far end is the host here.
_TUNNEL_UP: Final = (
    *on(
        "server2",
        "ip link add tun0 type veth peer name far0",
        "sh -c 'ip link set tun0 netns $(docker inspect -f {{.State.Pid}} vpn)'",
        "ip addr add 10.8.0.1/24 dev far0",
        "ip link set far0 up",
        "iptables -I DOCKER-USER -i far0 -j ACCEPT",
        "iptables -I DOCKER-USER -o far0 -m conntrack --ctstate ESTABLISHED -j ACCEPT",
        "iptables -t nat -A POSTROUTING -s 10.8.0.0/24 -o eth0 -j MASQUERADE",
    ),
    *_inside(
        "ip addr add 10.8.0.2/24 dev tun0",
        "ip link set tun0 up",
        "ip route add 192.168.3.0/24 via 10.8.0.1",
    ),
)

INSIDE: Final = (
    Experiment(
        name="container-firewall",
        title="a VPN container lets in its own subnet alone: its published port is dead from the LAN",
        explain=_BY_NAME,
        expected=fails("container-firewall", path="dnat", resolution="inventory"),
        set_up=_PUBLISHED,
        break_=_KILL_SWITCH,
        near_miss=("input-drop", "forward-drop", "app-not-listening"),
    ),
    Experiment(
        name="container-firewall-open",
        title="the same firewall with the port let in",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory"),
        set_up=_PUBLISHED,
        break_=(*_KILL_SWITCH, *_inside("iptables -A INPUT -i eth0 -p tcp --dport 80 -j ACCEPT")),
        near_miss=("container-firewall",),
    ),
    Experiment(
        name="container-firewall-proxy",
        title="a container lets nothing in, and is dialled by its host's localhost: docker-proxy takes the connection, its own is dropped",
        explain=("127.0.0.1:8080", "--from", "server2", "--timeout", "2"),
        expected=fails("container-firewall", path="docker-proxy"),
        set_up=_PUBLISHED,
        break_=_inside("iptables -A INPUT -i lo -j ACCEPT", "iptables -P INPUT DROP"),
        near_miss=("input-drop", "output-drop", "app-not-listening"),
    ),
    Experiment(
        name="container-firewall-neighbours",
        title="the VPN container's firewall lets its own subnet in: what docker-proxy dials comes from there",
        explain=("127.0.0.1:8080", "--from", "server2", "--timeout", "2"),
        expected=works("docker-proxy"),
        set_up=_PUBLISHED,
        break_=_KILL_SWITCH,
        near_miss=("container-firewall",),
    ),
    Experiment(
        name="container-firewall-nft",
        title="the same by nftables: an input chain inside the container rejects the port",
        explain=_BY_NAME,
        expected=fails("container-firewall", path="dnat", resolution="inventory"),
        set_up=_PUBLISHED,
        break_=_inside(
            "nft add table inet kill",
            "nft add chain inet kill input '{ type filter hook input priority 0; policy accept; }'",
            "nft add rule inet kill input tcp dport 80 reject with tcp reset",
        ),
        near_miss=("app-not-listening", "app-bound-loopback", "input-drop"),
    ),
    Experiment(
        name="container-firewall-answers",
        title="a container's OUTPUT drops what its server answers: nothing of it leaves the container",
        explain=_BY_NAME,
        expected=fails("container-firewall", path="dnat", resolution="inventory"),
        set_up=_PUBLISHED,
        break_=_inside("iptables -A OUTPUT -o lo -j ACCEPT", "iptables -P OUTPUT DROP"),
        near_miss=("output-drop", "app-not-listening"),
    ),
    Experiment(
        name="container-firewall-client",
        title="the asking container's own INPUT drops the answers to what it asked",
        explain=_OUT,
        expected=fails("container-firewall", path="masquerade"),
        set_up=client(),
        break_=_inside("iptables -A INPUT -i lo -j ACCEPT", "iptables -P INPUT DROP", container="client"),
        near_miss=("output-drop", "upstream-drop"),
    ),
    Experiment(
        name="container-firewall-ipv6",
        title="ip6tables inside a container drops what a neighbour sends to it by IPv6",
        explain=("[fd00:27::2]:80", "--from", "client@server2", "--timeout", "2"),
        expected=fails("container-firewall", path="bridge"),
        set_up=_SIX,
        break_=_inside("ip6tables -A INPUT -p tcp --dport 80 -j DROP"),
        near_miss=("icc-false", "app-not-listening"),
    ),
    Experiment(
        name="output-drop-sidecar",
        title="a container in the VPN container's namespace: the VPN's OUTPUT policy lets out answers, its own subnet and the tunnel alone",
        explain=("192.168.3.1:80", "--from", "app@server2", "--timeout", "2"),
        expected=fails("output-drop"),
        set_up=(*_PUBLISHED, *client("app", options="--network container:vpn")),
        break_=_TUNNEL_ALONE,
        cure=_TUNNEL_UP,
        near_miss=("no-route", "container-firewall", "masquerade-missing"),
    ),
    Experiment(
        name="sidecar-let-out",
        title="the same with the LAN let out, too",
        explain=("192.168.3.1:80", "--from", "app@server2", "--timeout", "2"),
        expected=works("masquerade"),
        set_up=(*_PUBLISHED, *client("app", options="--network container:vpn")),
        break_=(*_TUNNEL_ALONE, *_inside("iptables -A OUTPUT -d 192.168.3.0/24 -o eth0 -j ACCEPT")),
        near_miss=("output-drop",),
    ),
    Experiment(
        name="output-drop-container-nft",
        title="nftables inside the asking container drops what it sends",
        explain=_OUT,
        expected=fails("output-drop"),
        set_up=client(),
        break_=_inside(
            "nft add table inet kill",
            "nft add chain inet kill output '{ type filter hook output priority 0; policy accept; }'",
            "nft add rule inet kill output tcp dport 80 counter drop",
            container="client",
        ),
        near_miss=("no-route", "container-firewall"),
    ),
)
