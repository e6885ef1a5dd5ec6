"""Whatever an experiment does to the hosts and wires, the next one finds them as the lab made them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe_lab.layout import MACHINES, WIRES
from netprobe_lab.steps import clean, on_host
from netprobe_lab.surroundings import mend, parse

if TYPE_CHECKING:
    from netprobe_lab.layout import Lab

_DISTURBANCES = {
    "server2": (
        "ip link set eth1 down",
        "ip link set eth1.1 down",
        "ip link set eth1 promisc off",
        "ip route delete 203.0.113.0/24",
        "ip route add blackhole 10.9.0.0/16",
        "ip address add fd00:3::202/64 dev eth0 nodad",
        "ip route add fd00:27::/64 via fd00:3::201",
        "ip6tables -P FORWARD DROP",
        "ip6tables -A INPUT -p tcp --dport 1 -j DROP",
        "ip rule add from 10.0.0.0/8 lookup 100",
        "ip rule add not fwmark 7 lookup main suppress_prefixlength 0",
        "ip route add unreachable default table 100",
        "ip -6 rule add pref 9 lookup 100",
        "ip -6 route add unreachable default table 100",
        "ip address add 172.21.0.202/24 dev eth1",
        "ip address flush dev docker0",
        "ip neigh replace 192.168.3.201 lladdr 02:00:00:00:00:09 dev eth0 nud permanent",
        "ip neigh add proxy fd00:3::5 dev eth0",
        "sysctl -q -w net.ipv6.conf.eth0.proxy_ndp=1",
        "ip link add shim type veth peer name shim2",
        "sysctl -q -w net.ipv4.ip_forward=0",
        "nft add table netdev x",
        "nft add table inet y",
        "tc qdisc add dev eth0 clsact",
    ),
    "router": ("ip address add 172.22.0.1/24 dev eth1.1", "sysctl -q -w net.ipv4.ip_forward=1"),
    "wires": ("nft add table bridge z", "ip link set lan-server2 down", "ip link set lan-server1 nomaster"),
}


def _seen(lab: Lab, host: str) -> str:
    parts = [
        on_host(lab, host, command.split()).stdout
        for command in (
            "ip -br link",
            "ip -br addr",
            "ip route",
            "ip -6 route show proto boot",
            "ip rule",
            "ip -6 rule",
            "ip route show table all type unreachable",
            "ip -6 route show table all type unreachable",
            "ip neigh show nud permanent",
            "ip neigh show proxy",
            "sysctl -e net.ipv6.conf.eth0.proxy_ndp",
        )
    ]
    parts.append(on_host(lab, host, ["ip6tables", "-S"]).stdout)
    forward = on_host(lab, host, ["cat", "/proc/sys/net/ipv4/ip_forward"]).stdout
    tables = on_host(lab, host, ["nft", "list", "tables"]).stdout
    return "\n".join(
        [*(line.split(" fe80")[0].rstrip() for part in parts for line in part.splitlines()), forward, tables]
    )


def test_everything_is_put_back(clean_lab: Lab) -> None:
    hosts = (*(machine.name for machine in MACHINES), WIRES)
    before = {host: _seen(clean_lab, host) for host in hosts}
    for host, commands in _DISTURBANCES.items():
        for command in commands:
            on_host(clean_lab, host, command.split())
        assert _seen(clean_lab, host) != before[host]
    clean(clean_lab)
    assert {host: _seen(clean_lab, host) for host in hosts} == before
    for host in ("server1", "server2"):
        on_host(clean_lab, host, ["curl", "--silent", "--show-error", "--max-time", "3", "http://203.0.113.10"])


def test_nothing_is_done_where_nothing_differs() -> None:
    text = (
        '[{"ifname":"eth0","flags":["UP"],"mtu":1500,"addr_info":[{"family":"inet","local":"192.0.2.1","prefixlen":24}]}]\n'
        '[{"dst":"default","gateway":"192.0.2.254","dev":"eth0"}]\n[{"priority":0,"src":"all","table":"local"}]\n[]\n[]\n{}\n[]\n'
        "ipv4/ip_forward:1\n"
    )
    assert mend(parse(text), parse(text)) == []
    down = text.replace('["UP"]', "[]").replace('[{"dst":"default","gateway":"192.0.2.254","dev":"eth0"}]', "[]")
    assert mend(parse(down), parse(text)) == [
        ("ip", "link", "set", "eth0", "up"),
        ("ip", "route", "replace", "default", "via", "192.0.2.254", "dev", "eth0"),
    ]
