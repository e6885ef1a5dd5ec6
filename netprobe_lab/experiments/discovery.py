"""IPv6 neighbour discovery: dropped by a host's rules, by a container's, on a bridge; asked of nobody who answers; and the same with it let through."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.direct import LAN6
from netprobe_lab.experiments.model import Experiment, Inside, Step, WaitPort, client, fails, on, settled, start, works

_BLOCKED: Final = "ndp-blocked"
_UNANSWERED: Final = "ndp-unanswered"
_FROM_SERVER1: Final = ("--from", "server1", "--timeout", "4")
_FROM_CLIENT: Final = ("--from", "client@server2", "--timeout", "4")
_HOST: Final = ("[fd00:3::202]:80", *_FROM_SERVER1)
_CONTAINER: Final = ("[fd00:27::2]:80", *_FROM_CLIENT)
_FORWARDS: Final = on("server2", "sysctl -q -w net.ipv6.conf.all.forwarding=1")
_ROUTED: Final = on("server1", "ip route add fd00:27::/64 via fd00:3::202")
_ESTABLISHED: Final = "ip6tables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
_WEB: Final = "httpd -f -p [::]:80 -h /etc"


def _network(subnet: str = "fd00:27::/64", options: str = "") -> tuple[Step, ...]:
    create = "docker network create --ipv6 --subnet 172.27.0.0/24 -o com.docker.network.bridge.name=br-six"
    return on("server2", f"{create} --subnet {subnet} {options} six".replace("  ", " "))


def _web(address: str = "fd00:27::2", publish: str = "") -> tuple[Step, ...]:
    options = f"--network six --ip6 {address} {publish}".strip()
    return (*start("web", "busybox", options=options, command=_WEB, port=80), *settled("web"))


def _pair(address: str = "fd00:27::2", asking: str = "fd00:27::3") -> tuple[Step, ...]:
    """Two containers of one network."""
    return (
        *_web(address),
        *client(options=f"--network six --ip6 {asking}"),
        *settled("client"),
    )


def _inside(*commands: str, container: str = "web", host: str = "server2") -> tuple[Step, ...]:
    return tuple(Inside(host=host, container=container, command=command) for command in commands)


_PUBLISHED: Final = (*LAN6, *_network(), *_web(publish="-p 80:80"))
_NEIGHBOURS: Final = (*_network(), *_pair())
#: Nobody knows anybody: what was asked for before the rules were there is forgotten.
_FORGOTTEN: Final = (*on("server1", "ip -6 neigh flush all"), *on("server2", "ip -6 neigh flush all"))
_CLOSED: Final = on(
    "server2", _ESTABLISHED, "ip6tables -A INPUT -p tcp --dport 80 -j ACCEPT", "ip6tables -P INPUT DROP"
)
_LET_IN: Final = on(
    "server2",
    "ip6tables -I INPUT -p ipv6-icmp --icmpv6-type neighbour-solicitation -j ACCEPT",
    "ip6tables -I INPUT -p ipv6-icmp --icmpv6-type neighbour-advertisement -j ACCEPT",
)
_REVERSE: Final = on(
    "server2",
    "sysctl -q -w net.bridge.bridge-nf-call-ip6tables=1",
    "ip -6 addr flush dev br-six scope global",
    "nft add table inet guard",
    "nft add chain inet guard back '{ type filter hook prerouting priority -290; }'",
    "nft add rule inet guard back icmpv6 type '{ nd-router-advert, nd-neighbor-solicit }' accept",
    "nft add rule inet guard back meta nfproto ipv6 fib saddr . iif oif missing drop",
)
# As firewalld writes it for IPv6_rpfilter=yes.
_FIREWALLD: Final = on(
    "server2",
    "sysctl -q -w net.bridge.bridge-nf-call-ip6tables=1",
    "nft add table inet firewalld",
    "nft add chain inet firewalld filter_PREROUTING '{ type filter hook prerouting priority filter + 10; }'",
    "nft add rule inet firewalld filter_PREROUTING icmpv6 type '{ nd-router-advert, nd-neighbor-solicit }' accept",
    "nft add rule inet firewalld filter_PREROUTING meta nfproto ipv6 fib saddr . mark . iif oif missing drop",
)

_MACVLAN: Final = (
    *(
        step
        for host in ("server1", "server2")
        for step in on(
            host,
            "docker network create -d macvlan --ipv6 --subnet 172.21.0.0/24 --subnet fd00:21::/64 -o parent=eth1 mac6",
        )
    ),
    *client("c11", options="--network mac6 --ip 172.21.0.11 --ip6 fd00:21::11", host="server1"),
    *start("c12", "busybox", options="--network mac6 --ip 172.21.0.12 --ip6 fd00:21::12", command=_WEB, port=80),
    *settled("c11", host="server1"),
    *settled("c12"),
)

_FAR: Final = (
    *start("far", "busybox", options="--network host", command=_WEB, host="server1"),
    WaitPort(host="server1", container="far", port=80),
)

_BY_HOST: Final = (
    Experiment(
        name="ndp-blocked",
        title="a host's ip6tables lets its web port and established connections in, and nothing else: nobody finds it on its link",
        explain=_HOST,
        expected=fails(_BLOCKED),
        set_up=_PUBLISHED,
        break_=(*_CLOSED, *_FORGOTTEN),
        near_miss=("input-drop", "upstream-drop", "no-route", _UNANSWERED),
    ),
    Experiment(
        name="ndp-permitted",
        title="the same with neighbour discovery let in",
        explain=_HOST,
        expected=works("docker-proxy"),
        set_up=_PUBLISHED,
        break_=(*_CLOSED, *_LET_IN, *_FORGOTTEN),
        near_miss=(_BLOCKED, "input-drop"),
    ),
    Experiment(
        name="ndp-router-advert-drop",
        title="a host's ip6tables drops router advertisements alone: neighbours find it",
        explain=_HOST,
        expected=works("docker-proxy"),
        set_up=_PUBLISHED,
        break_=(
            *on("server2", "ip6tables -A INPUT -p ipv6-icmp --icmpv6-type router-advertisement -j DROP"),
            *_FORGOTTEN,
        ),
        near_miss=(_BLOCKED,),
    ),
    Experiment(
        name="ndp-rule-elsewhere",
        title="a rule drops neighbour discovery on another interface and counts nothing; another drops the port",
        explain=_HOST,
        expected=fails("input-drop"),
        set_up=_PUBLISHED,
        break_=on(
            "server2",
            "ip6tables -A INPUT -i eth1 -p ipv6-icmp --icmpv6-type neighbour-solicitation -j DROP",
            "ip6tables -A INPUT -p tcp --dport 80 -j DROP",
            "ip -6 neigh flush all",
        ),
        near_miss=(_BLOCKED,),
    ),
    Experiment(
        name="ndp-blocked-answer",
        title="the asking host lets in what belongs to its connections alone: the neighbour's advertisement does not",
        explain=_HOST,
        expected=fails(_BLOCKED),
        set_up=_PUBLISHED,
        break_=(*on("server1", _ESTABLISHED, "ip6tables -P INPUT DROP"), *_FORGOTTEN),
        near_miss=("upstream-drop", "input-drop", "no-route"),
    ),
    Experiment(
        name="ndp-blocked-output",
        title="the asking host's nftables sends TCP alone: it cannot ask who has the address",
        explain=_HOST,
        expected=fails(_BLOCKED),
        set_up=_PUBLISHED,
        break_=(
            *on(
                "server1",
                "nft add table inet filter6",
                "nft add chain inet filter6 output '{ type filter hook output priority 0; policy drop; }'",
                "nft add rule inet filter6 output meta l4proto tcp accept",
                "nft add rule inet filter6 output ip version 4 accept",
            ),
            *_FORGOTTEN,
        ),
        near_miss=("output-drop", "no-route", "upstream-drop"),
    ),
    Experiment(
        name="ndp-blocked-gateway",
        title="a host's INPUT drops what its containers ask for their gateway: their answers never leave them",
        explain=("[fd00:27::2]:80", *_FROM_SERVER1),
        expected=fails(_BLOCKED, path="routed"),
        set_up=(*LAN6, *_network(), *_web()),
        break_=(
            *_ROUTED,
            *_FORWARDS,
            *on(
                "server2",
                "ip6tables -A INPUT -i eth0 -p ipv6-icmp -j ACCEPT",
                "ip6tables -A INPUT -p ipv6-icmp --icmpv6-type neighbour-advertisement -j ACCEPT",
                "ip6tables -P INPUT DROP",
            ),
            *_FORGOTTEN,
        ),
        near_miss=("input-drop", "forward-drop", "app-silent", "missing-return-route"),
    ),
)
_BY_CONTAINER: Final = (
    Experiment(
        name="ndp-blocked-container",
        title="ip6tables inside a container lets its port in and drops the rest: its neighbours do not find it",
        explain=_CONTAINER,
        expected=fails(_BLOCKED),
        set_up=_NEIGHBOURS,
        break_=_inside("ip6tables -A INPUT -p tcp --dport 80 -j ACCEPT", "ip6tables -P INPUT DROP"),
        near_miss=("container-firewall", "icc-false", "app-not-listening"),
    ),
    Experiment(
        name="ndp-blocked-bridge",
        title="a reverse path rule of the host takes what its containers tell each other for forged: the bridge has no address in their subnet",
        explain=_CONTAINER,
        expected=fails(_BLOCKED),
        set_up=_NEIGHBOURS,
        break_=_REVERSE,
        near_miss=("bridge-nf-forward-drop", "icc-false", "bridge-address-lost"),
    ),
    Experiment(
        name="ndp-blocked-firewalld",
        title="firewalld's IPv6_rpfilter drops the advertisements of neighbours in a subnet that the bridge has no address of",
        explain=_CONTAINER,
        expected=fails(_BLOCKED),
        set_up=_NEIGHBOURS,
        break_=(*on("server2", "ip -6 addr flush dev br-six scope global"), *_FIREWALLD),
        near_miss=("bridge-nf-forward-drop", "icc-false", "bridge-address-lost", "rule-drop"),
    ),
    Experiment(
        name="ndp-firewalld-permitted",
        title="the same where the bridge has its address",
        explain=_CONTAINER,
        expected=works("bridge"),
        set_up=_NEIGHBOURS,
        break_=_FIREWALLD,
        near_miss=(_BLOCKED,),
    ),
    Experiment(
        name="ndp-blocked-bridge-table",
        title="an nftables table of family bridge drops advertisements between a host's containers",
        explain=_CONTAINER,
        expected=fails(_BLOCKED),
        set_up=_NEIGHBOURS,
        break_=on(
            "server2",
            "nft add table bridge guard",
            "nft add chain bridge guard switched '{ type filter hook forward priority 0; }'",
            "nft add rule bridge guard switched icmpv6 type nd-neighbor-advert counter drop",
        ),
        near_miss=("bridge-nf-forward-drop", "icc-false"),
    ),
    Experiment(
        name="ndp-blocked-macvlan",
        title="ip6tables inside a macvlan container of another host drops ICMPv6: nobody on the segment finds it",
        explain=("[fd00:21::12]:80", "--from", "c11@server1", "--timeout", "4"),
        expected=fails(_BLOCKED),
        set_up=_MACVLAN,
        break_=_inside("ip6tables -A INPUT -p ipv6-icmp -j DROP", container="c12"),
        near_miss=("macvlan-mac-filter", "upstream-drop", "container-firewall"),
    ),
)
_INSIDE_LAN: Final = (*LAN6, *_network("fd00:3::d:0/112"), *_pair("fd00:3::d:2", "fd00:3::d:3"))
_PROXY: Final = on(
    "server2",
    "sysctl -q -w net.ipv6.conf.eth0.proxy_ndp=1",
    "ip -6 neigh add proxy fd00:3::d:2 dev eth0",
    "ip -6 neigh add proxy fd00:3::d:3 dev eth0",
)
_NOT_ANSWERED: Final = (
    Experiment(
        name="ndp-unanswered",
        title="a Docker network's subnet is a part of the LAN's: others ask for a container on the LAN, and its host does not answer",
        explain=("[fd00:3::d:2]:80", *_FROM_SERVER1),
        expected=fails(_UNANSWERED),
        set_up=_INSIDE_LAN,
        break_=_FORWARDS,
        near_miss=(_BLOCKED, "upstream-drop", "no-route", "subnet-overlap"),
    ),
    Experiment(
        name="ndp-proxied",
        title="the same, and the host answers for its containers (NDP proxy)",
        explain=("[fd00:3::d:2]:80", *_FROM_SERVER1),
        expected=works("routed"),
        set_up=_INSIDE_LAN,
        break_=(*_FORWARDS, *_PROXY),
        near_miss=(_UNANSWERED,),
    ),
    Experiment(
        name="ndp-unanswered-answers",
        title="a container of such a network dials the LAN: whom it asks does not find the way back",
        explain=("[fd00:3::201]:80", *_FROM_CLIENT),
        expected=fails(_UNANSWERED, path="routed"),
        set_up=(
            *_INSIDE_LAN,
            *_FAR,
        ),
        break_=_FORWARDS,
        near_miss=("beyond-this-host", "upstream-drop", "masquerade-missing"),
    ),
    Experiment(
        name="ndp-unanswered-ipv6-off",
        title="the engine gave a container an IPv6 address, and IPv6 is switched off in it: nobody answers for the address",
        explain=_CONTAINER,
        expected=fails(_UNANSWERED),
        set_up=(
            *_network(),
            *start(
                "web",
                "busybox",
                options="--network six --ip6 fd00:27::2 --sysctl net.ipv6.conf.all.disable_ipv6=1",
                command="httpd -f -p 80 -h /etc",
                port=80,
            ),
            *client(options="--network six --ip6 fd00:27::3"),
            *settled("client"),
        ),
        near_miss=(_BLOCKED, "no-route", "app-not-listening"),
    ),
    Experiment(
        name="no-route-ipv6-off",
        title="a container whose IPv6 is switched off dials an IPv6 address",
        explain=_CONTAINER,
        expected=fails("no-route"),
        set_up=(
            *_network(),
            *_web(),
            *client(options="--network six --ip6 fd00:27::3 --sysctl net.ipv6.conf.all.disable_ipv6=1"),
        ),
        near_miss=(_BLOCKED, _UNANSWERED),
    ),
    Experiment(
        name="bridge-address-lost-v6",
        title="a bridge lost its IPv6 address: the containers' gateway answers no solicitation",
        explain=("[fd00:3::201]:80", *_FROM_CLIENT),
        expected=fails("bridge-address-lost"),
        set_up=(*LAN6, *_NEIGHBOURS, *_ROUTED, *_FAR),
        break_=(*_FORWARDS, *on("server2", "ip -6 addr flush dev br-six scope global")),
        near_miss=(_BLOCKED, _UNANSWERED, "no-route"),
    ),
    Experiment(
        name="stale-neighbour-v6",
        title="the Docker host's neighbour entry for a container's IPv6 address names another MAC",
        explain=("[fd00:27::2]:80", "--from", "server1", "--timeout", "2"),
        expected=fails("stale-arp", path="routed"),
        set_up=(*LAN6, *_network(), *_web(), *_ROUTED, *_FORWARDS),
        break_=on("server2", "ip -6 neigh replace fd00:27::2 lladdr 02:42:00:00:00:99 dev br-six nud permanent"),
        near_miss=(_BLOCKED, _UNANSWERED),
    ),
)
DISCOVERY: Final = (*_BY_HOST, *_BY_CONTAINER, *_NOT_ANSWERED)
