"""Routing rules and tables beside main: VPNs that take what is for containers, answers that leave by another way, kill switches.

A tunnel is one end of a veth pair that resolves no addresses (``arp off``), as a tunnel does not; what goes in comes to nobody.
"""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import (
    Expected,
    Experiment,
    Inside,
    Step,
    client,
    fails,
    no_name,
    on,
    settled,
    start,
)

_DEMO: Final = start("demo", "nginx", options="-p 8080:80", port=80)
_CLIENT: Final = client()
_PUBLISHED = ("192.168.3.202:8080", "--from", "server1", "--timeout", "3")
_OUTSIDE = ("192.168.3.202:8080", "--from", "outside", "--timeout", "3")
_TO_LAN = ("192.168.3.1:80", "--from", "client@server2", "--timeout", "3")
_OUT = ("203.0.113.10:80", "--from", "client@server2", "--timeout", "2")
_DNAT = Expected(verdict="works", path="dnat", resolution="literal")
_MASQUERADE = Expected(verdict="works", path="masquerade", resolution="literal")
_MESH = "ip addr add 100.64.0.2/32 dev mesh0"
_EXIT = ("ip route add default dev mesh0 table 52", "ip route add throw 192.168.3.0/24 table 52")
_RULE = "ip rule add pref 5270 lookup 52"
_FULL = (
    "ip route add default dev wg0 table 51820",
    "ip rule add not fwmark 51820 table 51820",
    "ip rule add table main suppress_prefixlength 0",
)


def _six(number: int) -> str:
    """Return the command that makes a network with IPv6, fd00:NUMBER::/64."""
    return (
        f"docker network create --ipv6 --subnet 172.{number}.0.0/24 --subnet fd00:{number}::/64 "
        f"-o com.docker.network.bridge.name=br-v{number} v{number}"
    )


def _tunnel(name: str, host: str = "server2") -> tuple[Step, ...]:
    """Return the steps that make an interface that resolves nothing and leads to nobody."""
    return on(
        host, f"ip link add {name} type veth peer name far-{name}", f"ip link set {name} arp off up", f"ip link set far-{name} up"
    )  # fmt: skip


#: The router is the way out, and the client outside keeps its own address, which is not on the LAN.
_GATEWAY: Final = on("server2", "ip route del 203.0.113.0/24", "ip route add default via 192.168.3.1")
_FAR_CLIENT: Final = on("outside", "ip route add 192.168.3.202/32 dev eth0 src 203.0.113.10")
_MESHED: Final = (*_tunnel("mesh0"), *on("server2", _MESH, *_EXIT, _RULE))
#: Another member of the mesh advertises the subnet that is Docker's here.
_ACCEPTED: Final = (
    *_tunnel("mesh0"),
    *on("server2", _MESH, "ip route add 172.17.0.0/16 dev mesh0 table 52", _RULE),
)

_AWAY: Final = (
    Experiment(
        name="policy-route-away",
        title="a mesh VPN's rule before main sends what is for a container into its tunnel",
        explain=_PUBLISHED,
        expected=fails("policy-route-away"),
        set_up=_DEMO,
        break_=_MESHED,
        near_miss=("forward-drop", "nft-backend-forward-drop"),
    ),
    Experiment(
        name="policy-route-away-out",
        title="the same where FORWARD lets it out: it leaves by the tunnel",
        explain=_PUBLISHED,
        expected=fails("policy-route-away", path="dnat"),
        set_up=_DEMO,
        break_=(*_MESHED, *on("server2", "iptables -I FORWARD -o mesh0 -j ACCEPT")),
    ),
    Experiment(
        name="policy-route-away-answer",
        title="a container's answer from the LAN is sent into the tunnel",
        explain=_TO_LAN,
        expected=fails("policy-route-away", path="masquerade"),
        set_up=_CLIENT,
        break_=_MESHED,
        near_miss=("forward-drop", "masquerade-missing"),
    ),
    Experiment(
        name="policy-route-away-lookup",
        title="the same for what a name server answers a container",
        explain=("www.outside.test", "--proto", "dns", "--from", "client@server2", "--timeout", "3"),
        expected=no_name("policy-route-away"),
        set_up=client(options="--dns 192.168.3.1"),
        break_=_MESHED,
        near_miss=("dns-upstream-dead", "forward-drop", "upstream-drop"),
    ),
    Experiment(
        name="policy-route-thrown-answer",
        title="the same table leaves Docker's addresses to main (throw): the answer comes",
        explain=_TO_LAN,
        expected=_MASQUERADE,
        set_up=_CLIENT,
        break_=(*_MESHED, *on("server2", "ip route add throw 172.16.0.0/12 table 52")),
        near_miss=("policy-route-away", "answer-other-way"),
    ),
    Experiment(
        name="policy-route-away-subnet",
        title="another member advertises Docker's subnet: the host itself does not reach its container",
        explain=("demo:80", "--from", "server2", "--timeout", "3"),
        expected=fails("policy-route-away", resolution="inventory"),
        set_up=_DEMO,
        break_=_ACCEPTED,
        near_miss=("upstream-drop", "subnet-overlap"),
    ),
    Experiment(
        name="policy-route-away-subnet-published",
        title="the same from another host: what is for the published port goes into the tunnel",
        explain=_PUBLISHED,
        expected=fails("policy-route-away"),
        set_up=_DEMO,
        break_=_ACCEPTED,
        near_miss=("forward-drop", "subnet-overlap"),
    ),
    Experiment(
        name="policy-route-away-proxy",
        title="the same from the host itself by localhost: docker-proxy takes the connection, and its own goes into the tunnel",
        explain=("127.0.0.1:8080", "--from", "server2", "--timeout", "3"),
        expected=fails("policy-route-away", path="docker-proxy"),
        set_up=_DEMO,
        break_=_ACCEPTED,
        near_miss=("app-not-listening", "port-owned-by-host", "upstream-drop"),
    ),
    Experiment(
        name="policy-route-subnet-elsewhere",
        title="another member advertises another subnet, and one mark asks main first",
        explain=_PUBLISHED,
        expected=_DNAT,
        set_up=_DEMO,
        break_=(
            *_tunnel("mesh0"),
            *on(
                "server2",
                _MESH,
                "ip route add 172.19.0.0/16 dev mesh0 table 52",
                "ip rule add pref 5210 fwmark 0x80000/0xff0000 lookup main",
                _RULE,
            ),
        ),
        near_miss=("policy-route-away", "subnet-overlap"),
    ),
    Experiment(
        name="policy-route-away-specific",
        title="a more specific route in main takes the container's address",
        explain=_PUBLISHED,
        expected=fails("policy-route-away"),
        set_up=_DEMO,
        break_=(*_tunnel("mesh0"), *on("server2", "ip route add 172.17.0.0/24 dev mesh0")),
        near_miss=("forward-drop",),
    ),
    Experiment(
        name="policy-route-away-marked",
        title="a rule by mark, set in PREROUTING, sends what is for a container into the tunnel",
        explain=_PUBLISHED,
        expected=fails("policy-route-away"),
        set_up=_DEMO,
        break_=(
            *_tunnel("mesh0"),
            *on(
                "server2",
                "ip route add default dev mesh0 table 52",
                "ip rule add fwmark 0x40/0x40 lookup 52 pref 100",
                "iptables -t mangle -A PREROUTING -i eth0 -j MARK --set-mark 0x40",
            ),
        ),
    ),
    Experiment(
        name="policy-route-away-v6",
        title="IPv6's own routing rules: a table before main takes what is for a container of the same host",
        explain=("[fd00:29::2]", "--from", "client@server2", "--timeout", "2"),
        expected=fails("policy-route-away", path="routed"),
        set_up=(
            *on("server2", _six(28), _six(29), "sysctl -q -w net.ipv6.conf.all.forwarding=1"),
            *client(options="--network v28"),
            *start("far", "nginx", options="--network v29", port=80),
            *settled("client"),
            *settled("far"),
        ),
        break_=(
            *_tunnel("mesh0"),
            *on("server2", "ip -6 route add fd00:29::/64 dev mesh0 table 52", "ip -6 rule add pref 5270 lookup 52"),
        ),
        near_miss=("forward-drop", "ip-forward-off"),
    ),
    Experiment(
        name="policy-route-away-inside",
        title="a VPN inside the source's own namespace takes what is for the LAN",
        explain=_TO_LAN,
        expected=fails("policy-route-away"),
        set_up=_CLIENT,
        break_=(
            Inside(host="server2", container="client", command="ip link add tun0 type veth peer name far0"),
            Inside(host="server2", container="client", command="ip link set tun0 arp off up"),
            Inside(host="server2", container="client", command="ip link set far0 up"),
            Inside(host="server2", container="client", command="ip route add default dev tun0 table 77"),
            Inside(host="server2", container="client", command="ip rule add not fwmark 7 lookup 77 pref 900"),
        ),
    ),
    Experiment(
        name="policy-route-away-host",
        title="a full tunnel takes what the host itself sends",
        explain=("203.0.113.10:80", "--from", "server2", "--timeout", "2"),
        expected=fails("policy-route-away"),
        set_up=(),
        break_=(
            *_tunnel("wg0"),
            *on("server2", "ip route del 203.0.113.0/24", "ip route add default via 192.168.3.1", *_FULL),
        ),
        near_miss=("upstream-drop", "no-route"),
    ),
    Experiment(
        name="policy-route-away-ping",
        title="a ping of the host's own container goes into the tunnel",
        explain=("172.17.0.2", "--from", "server2", "--timeout", "2"),
        expected=fails("policy-route-away"),
        set_up=_DEMO,
        break_=_ACCEPTED,
    ),
    Experiment(
        name="policy-route-thrown",
        title="the same table leaves Docker's addresses to main (throw)",
        explain=_PUBLISHED,
        expected=_DNAT,
        set_up=_DEMO,
        break_=(*_MESHED, *on("server2", "ip route add throw 172.16.0.0/12 table 52")),
        near_miss=("policy-route-away", "answer-other-way"),
    ),
    Experiment(
        name="policy-route-for-others",
        title="the same rule for what one interface, port and mark have: nothing of this connection",
        explain=_PUBLISHED,
        expected=_DNAT,
        set_up=_DEMO,
        break_=(
            *_tunnel("mesh0"),
            *on(
                "server2",
                *_EXIT,
                "ip rule add pref 5268 iif mesh0 lookup 52",
                "ip rule add pref 5269 ipproto udp dport 80 lookup 52",
                "ip rule add pref 5270 fwmark 0x80000/0xff0000 lookup 52",
                "ip rule add pref 5271 to 172.16.0.0/12 ipproto icmp lookup 52",
            ),
        ),
        near_miss=("policy-route-away",),
    ),
)

_TWO_NETS = (
    "docker network create --subnet 172.30.0.0/24 net1",
    "docker network create --subnet 172.31.0.0/24 net2",
)
_BOTH: Final = (
    *on("server2", "sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1", *_TWO_NETS),
    *start("demo", "nginx", options="--network net1", port=80),
    *on("server2", "docker network connect net2 demo", "iptables -I DOCKER-USER -s 192.168.3.201 -j ACCEPT"),
    *on("server1", "ip route add 172.30.0.0/15 via 192.168.3.202"),
)
_UPLINK: Final = on(
    "server2",
    "ip route del 203.0.113.0/24",
    "ip addr add 198.51.100.2/24 dev eth1",
    "ip neigh add 198.51.100.1 lladdr 02:00:5e:00:53:01 dev eth1 nud permanent",
    "ip route add default via 198.51.100.1 dev eth1",
    "ip route add default via 192.168.3.1 dev eth0 table 100",
    "ip rule add from 192.168.3.202 lookup 100",
)
_LAN = (
    "docker network create back",
    "docker network create -d macvlan --subnet 192.168.3.0/24 --gateway 192.168.3.254 --ip-range 192.168.3.224/28 -o parent=eth0 lan",
)

_ANSWERS: Final = (
    Experiment(
        name="answer-other-way",
        title="a full tunnel on the Docker host: the answer to a client beyond the LAN leaves by it",
        explain=_OUTSIDE,
        expected=fails("answer-other-way", path="dnat"),
        set_up=(*_DEMO, *_GATEWAY, *_FAR_CLIENT),
        break_=(*_tunnel("wg0"), *on("server2", *_FULL)),
        near_miss=("missing-return-route", "upstream-drop", "forward-drop"),
    ),
    Experiment(
        name="answer-other-way-uplink",
        title="two uplinks: the rule is for the host's own address, a container's answer leaves by the other",
        explain=_OUTSIDE,
        expected=fails("answer-other-way", path="dnat"),
        set_up=(*_DEMO, *_FAR_CLIENT),
        break_=_UPLINK,
        near_miss=("missing-return-route",),
    ),
    Experiment(
        name="answer-other-way-bridges",
        title="a container on two bridges is dialled at the one that is not its default: strict rp_filter drops its answer",
        explain=("172.31.0.2:80", "--from", "server1", "--timeout", "3"),
        expected=fails("answer-other-way", path="routed"),
        set_up=_BOTH,
        near_miss=("rp-filter-multihomed", "gateway-endpoint-elsewhere"),
    ),
    Experiment(
        name="answer-other-way-macvlan",
        title="a published container has a macvlan address on the client's LAN: its answer goes there",
        explain=_PUBLISHED,
        expected=fails("answer-other-way", path="dnat"),
        set_up=(
            *on("server2", *_LAN),
            *start("demo", "nginx", options="--network back -p 8080:80", port=80),
            *on("server2", "docker network connect lan demo"),
        ),
        near_miss=("gateway-endpoint-elsewhere",),
    ),
    Experiment(
        name="answer-macvlan-dialled",
        title="the same container by its name: its macvlan address is dialled, and the answer goes back as it came",
        explain=("demo:80", "--from", "server1", "--timeout", "3"),
        expected=Expected(verdict="works", path="macvlan", resolution="inventory"),
        set_up=(
            *on("server2", *_LAN),
            *start("demo", "nginx", options="--network back -p 8080:80", port=80),
            *on("server2", "docker network connect lan demo"),
        ),
        near_miss=("answer-other-way",),
    ),
    Experiment(
        name="answer-other-way-inside",
        title="a VPN inside the container takes its answer",
        explain=_PUBLISHED,
        expected=fails("answer-other-way", path="dnat"),
        set_up=_DEMO,
        break_=(
            Inside(host="server2", container="demo", command="ip link add tun0 type veth peer name far0"),
            Inside(host="server2", container="demo", command="ip link set tun0 arp off up"),
            Inside(host="server2", container="demo", command="ip link set far0 up"),
            Inside(host="server2", container="demo", command="ip route add 0.0.0.0/1 dev tun0"),
            Inside(host="server2", container="demo", command="ip route add 128.0.0.0/1 dev tun0"),
        ),
    ),
    Experiment(
        name="answer-other-way-host",
        title="the same for what a process of the host itself answers",
        explain=("192.168.3.202:80", "--from", "outside", "--timeout", "3"),
        expected=fails("answer-other-way"),
        set_up=(*start("hosted", "nginx", options="--network host", port=80), *_GATEWAY, *_FAR_CLIENT),
        break_=(*_tunnel("wg0"), *on("server2", *_FULL)),
        near_miss=("missing-return-route", "upstream-drop"),
    ),
    Experiment(
        name="answer-other-way-ping",
        title="an echo reply that leaves by the tunnel",
        explain=("192.168.3.202", "--from", "outside", "--timeout", "3"),
        expected=fails("answer-other-way"),
        set_up=(*_GATEWAY, *_FAR_CLIENT),
        break_=(*_tunnel("wg0"), *on("server2", *_FULL)),
    ),
    Experiment(
        name="answer-same-way",
        title="the same container at the address of its default network",
        explain=("172.30.0.2:80", "--from", "server1", "--timeout", "3"),
        expected=Expected(verdict="works", path="routed", resolution="literal"),
        set_up=_BOTH,
        near_miss=("answer-other-way", "rp-filter-multihomed"),
    ),
    Experiment(
        name="answer-by-mark",
        title="the full tunnel, and what came in by eth0 is answered by it (CONNMARK and a rule by mark)",
        explain=_OUTSIDE,
        expected=_DNAT,
        set_up=(*_DEMO, *_GATEWAY, *_FAR_CLIENT),
        break_=(
            *_tunnel("wg0"),
            *on(
                "server2",
                *_FULL,
                "iptables -t mangle -A PREROUTING -i eth0 -m conntrack --ctstate NEW -j CONNMARK --set-mark 0x7",
                "iptables -t mangle -A PREROUTING -i docker0 -j CONNMARK --restore-mark",
                "ip rule add fwmark 0x7 lookup main pref 100",
            ),
        ),
        near_miss=("answer-other-way", "policy-route-away"),
    ),
)

_VPN_NET: Final = (
    *on("server2", "docker network create --subnet 172.29.0.0/24 vpnnet"),
    *client(options="--network vpnnet"),
    *_GATEWAY,
)
_SWITCH = (
    "ip route add unreachable default table 200",
    "ip rule add from 172.29.0.0/24 table 200",
    "ip rule add table main suppress_prefixlength 0",
)

_SWITCHES: Final = (
    Experiment(
        name="no-route-kill-switch",
        title="a network goes out by a VPN's table, and all that is left there refuses: a kill switch",
        explain=_OUT,
        expected=fails("no-route"),
        set_up=_VPN_NET,
        break_=on("server2", *_SWITCH),
        cure=on("server2", "ip route replace default via 192.168.3.1 dev eth0 table 200"),
        near_miss=("policy-route-away", "masquerade-missing"),
    ),
    Experiment(
        name="no-route-kill-switch-answer",
        title="the same table without an exception for the LAN refuses what a published port of that network answers",
        explain=_PUBLISHED,
        expected=fails("no-route", path="dnat"),
        set_up=(
            *on("server2", "docker network create --subnet 172.29.0.0/24 vpnnet"),
            *start("demo", "nginx", options="--network vpnnet -p 8080:80", port=80),
            *_GATEWAY,
        ),
        break_=on("server2", *_SWITCH[:2]),
        near_miss=("answer-other-way", "missing-return-route", "forward-drop"),
    ),
    Experiment(
        name="no-route-kill-rule",
        title="a routing rule that prohibits is a kill switch, too",
        explain=_OUT,
        expected=fails("no-route"),
        set_up=_VPN_NET,
        break_=on("server2", "ip rule add from 172.29.0.0/24 to 203.0.113.0/24 prohibit pref 50"),
        cure=on("server2", "ip rule add from 172.29.0.0/24 lookup main pref 49"),
    ),
    Experiment(
        name="kill-switch-lan",
        title="the same kill switch: the LAN, which main knows, is reached",
        explain=_TO_LAN,
        expected=_MASQUERADE,
        set_up=_VPN_NET,
        break_=on("server2", *_SWITCH),
        near_miss=("no-route", "policy-route-away"),
    ),
    Experiment(
        name="no-route-rule-inside",
        title="a routing rule inside the container refuses what it sends",
        explain=_OUT,
        expected=fails("no-route"),
        set_up=_CLIENT,
        break_=(
            Inside(host="server2", container="client", command="ip rule add to 203.0.113.0/24 unreachable pref 50"),
        ),
    ),
)

POLICY: Final = (*_AWAY, *_ANSWERS, *_SWITCHES)
