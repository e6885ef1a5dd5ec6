"""Lookups that get no answer: upstream servers, the host's resolver, the embedded DNS server's own plumbing."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import Expected, Experiment, Inside, Step, client, lossy, no_name, on, start, works

_OUTSIDE = "www.outside.test"
_ASK = (f"{_OUTSIDE}:80", "--from", "client@server2")
_APP: Final = (*on("server2", "docker network create --subnet 172.31.0.0/24 app"), *client(options="--network app"))
_PLAIN: Final = client()
_INNER: Final = on("server2", "docker network create --internal --subnet 172.26.0.0/24 inner")
# socat as a resolver on the host: it listens on docker0's address and hands queries on to the LAN's server.
_RELAY: Final = start(
    "resolver",
    "busyboxplus",
    options="--network host",
    command="socat UDP4-LISTEN:53,bind=172.17.0.1,fork UDP4:192.168.3.1:53",
)
_BY_GATEWAY: Final = (*_RELAY, *client(options="--dns 172.17.0.1"))


def _resolv_conf(host: str, *servers: str) -> tuple[Step, ...]:
    """Rewrite a host's resolv.conf before its containers start: the engine copies it then."""
    lines = "".join(f"nameserver {server}\\n" for server in servers)
    return on(host, f"sh -c 'printf \"{lines}\" > /etc/resolv.conf'")


_LOOPBACK_ONLY: Final = _resolv_conf("server2", "127.0.0.1")
_NO_FALLBACK: Final = lossy("ip daddr 8.8.0.0/16")
_NO_DNS: Final = lossy("ip daddr 192.168.3.1 udp dport 53")

_NAMED: Final = (
    Experiment(
        name="name-without-address",
        title="a name that exists and has no address (NODATA)",
        explain=("text.outside.test", "--from", "client@server2", "--proto", "dns"),
        asked_then=("www.outside.test", "--from", "client@server2", "--proto", "dns"),
        expected=no_name("name-without-address"),
        set_up=_APP,
        near_miss=("name-unknown",),
    ),
    Experiment(
        name="name-without-address-dialled",
        title="the same where it is to be dialled, from the default bridge",
        explain=("text.outside.test:80", "--from", "client@server2"),
        expected=no_name("name-without-address"),
        set_up=_PLAIN,
        near_miss=("name-unknown",),
    ),
    Experiment(
        name="name-with-ipv6-only",
        title="a name that has an IPv6 address alone: the first of the two questions gets no data",
        explain=("six.outside.test", "--from", "client@server2", "--proto", "dns"),
        expected=works("embedded-dns", resolution="embedded-dns"),
        set_up=_APP,
        near_miss=("name-without-address", "name-unknown"),
    ),
    Experiment(
        name="dns-upstream-second",
        title="the first of two servers is silent, and the second says after 4 s that the name does not exist",
        explain=("www.example.test:80", "--from", "client@server2"),
        asked_then=(f"{_OUTSIDE}:80", "--from", "client@server2", "--timeout", "10"),
        expected=no_name("name-unknown"),
        set_up=(
            *on("server2", "docker network create --subnet 172.31.0.0/24 app"),
            *client(options="--network app --dns 203.0.113.99 --dns 192.168.3.1"),
        ),
        near_miss=("dns-upstream-dead",),
    ),
)

RESOLVERS: Final = (
    *_NAMED,
    Experiment(
        name="dns-upstream-dead",
        title="the embedded DNS server asks on, and the upstream server never answers",
        cure=on("wires", "nft delete table bridge loss"),
        explain=_ASK,
        expected=no_name("dns-upstream-dead"),
        set_up=_APP,
        break_=_NO_DNS,
    ),
    Experiment(
        name="dns-upstream-dead-default",
        title="the same on the default bridge: the container asks the server itself",
        explain=_ASK,
        expected=no_name("dns-upstream-dead"),
        set_up=_PLAIN,
        break_=_NO_DNS,
    ),
    Experiment(
        name="dns-upstream-refuses",
        title="the same, and nothing listens there: port unreachable",
        explain=_ASK,
        expected=no_name("dns-upstream-dead"),
        set_up=_PLAIN,
        break_=on(
            "outside",
            "nft add table ip deaf",
            "nft add chain ip deaf in '{ type filter hook input priority 0; }'",
            "nft add rule ip deaf in udp dport 53 reject",
        ),
    ),
    Experiment(
        name="dns-upstream-another-port",
        title="the network drops another port: the upstream server answers",
        explain=_ASK,
        expected=Expected(verdict="works", path="masquerade", resolution="embedded-dns"),
        set_up=_APP,
        break_=lossy("ip daddr 192.168.3.1 udp dport 54"),
        near_miss=("dns-upstream-dead",),
    ),
    Experiment(
        name="dns-query-dropped",
        title="a DOCKER-USER rule on the own host drops the forwarded query: the upstream server is not asked at all",
        explain=_ASK,
        expected=no_name("docker-user-drop"),
        set_up=_APP,
        break_=on("server2", "iptables -I DOCKER-USER -p udp --dport 53 -j DROP"),
        near_miss=("dns-upstream-dead", "dns-8888-fallback", "dns-internal-net"),
    ),
    Experiment(
        name="dns-host-resolver-firewalled",
        title="the container's resolver is its own host, whose INPUT drops the query",
        explain=_ASK,
        expected=no_name("dns-host-resolver-firewalled"),
        set_up=_BY_GATEWAY,
        break_=on("server2", "iptables -I INPUT -i docker0 -p udp --dport 53 -j DROP"),
    ),
    Experiment(
        name="dns-host-resolver-rejected",
        title="the same with REJECT",
        explain=_ASK,
        expected=no_name("dns-host-resolver-firewalled"),
        set_up=_BY_GATEWAY,
        break_=on("server2", "iptables -I INPUT -i docker0 -p udp --dport 53 -j REJECT"),
    ),
    Experiment(
        name="dns-host-resolver-open",
        title="the same with the rule on another interface",
        explain=_ASK,
        expected=Expected(verdict="works", path="masquerade", resolution="upstream-dns"),
        set_up=_BY_GATEWAY,
        break_=on("server2", "iptables -I INPUT -i eth0 -p udp --dport 53 -j DROP"),
        near_miss=("dns-host-resolver-firewalled",),
    ),
    Experiment(
        name="dns-8888-fallback",
        title="the host's resolv.conf names loopback only: containers get 8.8.8.8, which is not to be reached",
        cure=on("server2", "sh -c 'printf \"nameserver 192.168.3.1\\n\" > /etc/resolv.conf'"),
        explain=_ASK,
        expected=no_name("dns-8888-fallback"),
        set_up=(*_LOOPBACK_ONLY, *client()),
    ),
    Experiment(
        name="dns-8888-fallback-silent",
        title="the same with a default route: the queries leave, and nothing comes back",
        explain=_ASK,
        expected=no_name("dns-8888-fallback"),
        set_up=(*_LOOPBACK_ONLY, *on("server2", "ip route add default via 192.168.3.1"), *client()),
        break_=_NO_FALLBACK,
    ),
    Experiment(
        name="dns-loopback-upstream",
        title="the same behind the embedded DNS server: it asks the host's own 127.0.0.1, where nothing listens",
        explain=_ASK,
        expected=no_name("dns-upstream-dead"),
        set_up=(*_LOOPBACK_ONLY, *_APP),
        near_miss=("dns-8888-fallback",),
    ),
    Experiment(
        name="dns-8888-chosen",
        title="the same servers by --dns: they were meant",
        explain=_ASK,
        expected=no_name("dns-upstream-dead"),
        set_up=(
            *on("server2", "ip route add default via 192.168.3.1"),
            *client(options="--dns 8.8.8.8 --dns 8.8.4.4"),
        ),
        break_=_NO_FALLBACK,
        near_miss=("dns-8888-fallback",),
    ),
    Experiment(
        name="dns-loopback-own-server",
        title="a loopback-only resolv.conf, and the container has a server of its own by --dns",
        explain=_ASK,
        expected=Expected(verdict="works", path="masquerade", resolution="upstream-dns"),
        set_up=(*_LOOPBACK_ONLY, *client(options="--dns 192.168.3.1")),
        near_miss=("dns-8888-fallback",),
    ),
    Experiment(
        name="dns-internal-net",
        title="a name of the outside, asked from an internal network",
        explain=_ASK,
        expected=no_name("dns-internal-net"),
        set_up=(*_INNER, *client(options="--network inner")),
    ),
    Experiment(
        name="dns-internal-net-no-route",
        title="the same without a default route, as Engine 25 and later leave it",
        explain=_ASK,
        expected=no_name("dns-internal-net"),
        set_up=(*_INNER, *client(options="--network inner")),
        break_=(Inside(host="server2", container="client", command="ip route del default"),),
    ),
    Experiment(
        name="dns-internal-net-and-another",
        title="the same with a second network that leads out",
        explain=_ASK,
        expected=Expected(verdict="works", path="masquerade", resolution="embedded-dns"),
        set_up=(
            *_INNER,
            *client(options="--network inner"),
            *on("server2", "docker network connect bridge client"),
        ),
        near_miss=("dns-internal-net",),
    ),
    Experiment(
        name="dns-nat-flushed",
        title="somebody flushed the nat table inside the container: nothing leads to the embedded DNS server any more",
        explain=("demo:80", "--from", "client@server2"),
        expected=no_name("dns-nat-flushed-in-container"),
        set_up=(*_APP, *start("demo", "nginx", options="--network app", port=80)),
        break_=(Inside(host="server2", container="client", command="iptables -t nat -F"),),
        near_miss=("dns-no-shared-network", "name-unknown"),
    ),
    Experiment(
        name="dns-filter-flushed",
        title="the same with the filter table: Docker keeps nothing there",
        explain=("demo:80", "--from", "client@server2"),
        expected=Expected(verdict="works", path="bridge", resolution="embedded-dns"),
        set_up=(*_APP, *start("demo", "nginx", options="--network app", port=80)),
        break_=(Inside(host="server2", container="client", command="iptables -t filter -F"),),
        near_miss=("dns-nat-flushed-in-container",),
    ),
)
