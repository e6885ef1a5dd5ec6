"""Filters in unusual places: between a container and its own host, on the way out, at the door, on a bridge, in two backends at once."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import (
    HIP,
    Experiment,
    Inside,
    Step,
    WaitPort,
    client,
    fails,
    on,
    start,
    works,
)

_BY_NAME = ("demo:80", "--from", "server1", "--timeout", "2")
_BY_ADDRESS = (f"{HIP}:80", "--from", "client@server2", "--timeout", "2")
_NGINX: Final = start("demo", "nginx", options="-p 80:80", port=80)
_HOST_APP: Final[tuple[Step, ...]] = (
    *start("web", "nginx", options="--network host"),
    WaitPort(host="server2", container="web", port=80),
    *client(),
)
_PEERS_NET = "docker network create --subnet 172.31.0.0/24 -o com.docker.network.bridge.name=br-peers"
_DIRECT_NET = "docker network create --subnet 172.27.0.0/24 -o com.docker.network.bridge.name=br-direct direct"
_FOREIGN = "iptables -I FORWARD -s 172.31.0.0/24 -d 172.31.0.0/24 -p tcp --dport 80 -j DROP"
_BRIDGE_NF = "sysctl -q -w net.bridge.bridge-nf-call-iptables"


def _peers(options: str = "") -> tuple[Step, ...]:
    """Two containers of one network."""
    return (
        *on("server2", f"{_PEERS_NET} {options} peers"),
        *start("web", "nginx", options="--network peers", port=80),
        *client(options="--network peers"),
    )


def _netdev(port: int, *, counter: str = "counter ") -> tuple[Step, ...]:
    """Have server2's eth0 drop a port before everything else."""
    return on(
        "server2",
        "nft add table netdev door",
        "nft add chain netdev door ingress '{ type filter hook ingress device eth0 priority 0; }'",
        f"nft add rule netdev door ingress tcp dport {port} {counter}drop",
    )


def _bans(table: str, *elements: str) -> tuple[str, ...]:
    """A table whose forward chain drops what comes from the elements of a set."""
    flags = " flags timeout;" if any("timeout" in each for each in elements) else ""
    return (
        f"nft add table ip {table}",
        f"nft add set ip {table} banned '{{ type ipv4_addr;{flags} elements = {{ {', '.join(elements)} }}; }}'",
        f"nft add chain ip {table} {table}-chain-forward '{{ type filter hook forward priority -10; }}'",
        f"nft add rule ip {table} {table}-chain-forward ip saddr @banned drop",
    )


def _nft(hook: str, rule: str, *, policy: str = "accept") -> tuple[Step, ...]:
    """A firewall of nftables' own on server2."""
    return on(
        "server2",
        "nft add table inet firewall",
        f"nft add chain inet firewall {hook} '{{ type filter hook {hook} priority 0; policy {policy}; }}'",
        f"nft add rule inet firewall {hook} {rule}",
    )


_OWN_HOST: Final = (
    Experiment(
        name="reject-silenced",
        title="INPUT rejects a port with a RST, and a rule of OUTPUT drops every RST: the caller hears nothing",
        explain=("server2:80", "--from", "server1", "--timeout", "2"),
        expected=fails("input-drop", resolution="inventory"),
        set_up=_HOST_APP,
        break_=on(
            "server2",
            "iptables -A INPUT -p tcp --dport 80 -j REJECT --reject-with tcp-reset",
            "iptables -A OUTPUT -p tcp --tcp-flags RST RST -j DROP",
        ),
        near_miss=("rule-drop", "output-drop", "port-closed"),
    ),
    Experiment(
        name="answer-rejected",
        title="FORWARD rejects all but the first packet of a connection: its answer is lost, and the repeated SYN is refused",
        explain=_BY_NAME,
        expected=fails("forward-drop", path="dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", "iptables -I FORWARD -m conntrack ! --ctstate NEW -j REJECT"),
        near_miss=("port-closed", "conntrack-invalid-rst"),
    ),
    Experiment(
        name="input-firewall-drop",
        title="a container dials its own host: INPUT drops what comes from the bridge",
        explain=_BY_ADDRESS,
        expected=fails("input-firewall-container-to-host", resolution="literal"),
        set_up=_HOST_APP,
        break_=on("server2", "iptables -I INPUT -i docker0 -j DROP"),
        near_miss=("input-drop", "forward-drop", "port-closed"),
    ),
    Experiment(
        name="input-firewall-reject",
        title="the same with REJECT: no route to host",
        explain=_BY_ADDRESS,
        expected=fails("input-firewall-container-to-host", resolution="literal"),
        set_up=_HOST_APP,
        break_=on("server2", "iptables -I INPUT -i docker0 -j REJECT --reject-with icmp-host-prohibited"),
        near_miss=("input-drop", "no-route"),
    ),
    Experiment(
        name="input-firewall-nft",
        title="the same by a rule of nftables' own, without a counter",
        explain=_BY_ADDRESS,
        expected=fails("input-firewall-container-to-host", resolution="literal"),
        set_up=_HOST_APP,
        break_=_nft("input", "iifname docker0 tcp dport 80 drop"),
        near_miss=("input-drop",),
    ),
    Experiment(
        name="input-firewall-published",
        title="a container dials its neighbour by the host's address: INPUT keeps it from docker-proxy",
        explain=_BY_ADDRESS,
        expected=fails("input-firewall-container-to-host", resolution="literal"),
        set_up=(*_NGINX, *client()),
        break_=on("server2", "iptables -I INPUT -i docker0 -j DROP"),
        near_miss=("input-drop", "proxy-dead"),
    ),
    Experiment(
        name="own-host-another-bridge",
        title="a container dials its own host: INPUT drops what comes from another bridge",
        explain=_BY_ADDRESS,
        expected=works("local", resolution="literal"),
        set_up=_HOST_APP,
        break_=on("server2", "iptables -I INPUT -i br-other -j DROP"),
        near_miss=("input-firewall-container-to-host",),
    ),
    Experiment(
        name="firewall-bypassed",
        title="INPUT denies a port, and Docker publishes it past INPUT",
        explain=_BY_NAME,
        expected=works("dnat", findings=("firewall-bypassed",), resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", "iptables -I INPUT -p tcp --dport 80 -j DROP"),
        near_miss=("input-drop",),
    ),
    Experiment(
        name="firewall-bypassed-nft",
        title="the same with a firewall of nftables' own",
        explain=_BY_NAME,
        expected=works("dnat", findings=("firewall-bypassed",), resolution="inventory"),
        set_up=_NGINX,
        break_=_nft("input", "tcp dport 80 drop"),
    ),
    Experiment(
        name="firewall-bypassed-another-port",
        title="INPUT denies another port than the one that Docker publishes",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", "iptables -I INPUT -p tcp --dport 81 -j DROP"),
        near_miss=("firewall-bypassed",),
    ),
)
_STRICT: Final = on(
    "server2",
    "iptables -A OUTPUT -o lo -j ACCEPT",
    "iptables -A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
    "iptables -A OUTPUT -p tcp -m multiport --dports 22,53,443 -j ACCEPT",
    "iptables -P OUTPUT DROP",
)
_DOORS: Final = (
    Experiment(
        name="output-drop",
        title="the source's own OUTPUT drops what it sends",
        explain=_BY_NAME,
        expected=fails("output-drop", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server1", f"iptables -I OUTPUT -d {HIP} -p tcp --dport 80 -j DROP"),
        near_miss=("no-route", "upstream-drop"),
    ),
    Experiment(
        name="output-reject",
        title="the source's own OUTPUT rejects what it sends",
        explain=_BY_NAME,
        expected=fails("output-drop", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server1", f"iptables -I OUTPUT -d {HIP} -p tcp --dport 80 -j REJECT"),
        near_miss=("no-route", "port-closed", "container-stopped"),
    ),
    Experiment(
        name="output-drop-container",
        title="a rule in the source container's own namespace drops what it sends",
        explain=("203.0.113.10:80", "--from", "client@server2", "--timeout", "2"),
        expected=fails("output-drop", resolution="literal"),
        set_up=client(),
        break_=(Inside(host="server2", container="client", command="iptables -I OUTPUT -p tcp --dport 80 -j DROP"),),
        near_miss=("no-route", "masquerade-missing"),
    ),
    Experiment(
        name="output-drop-proxy",
        title="a strict OUTPUT policy lets lo and some ports out: localhost's docker-proxy cannot dial the container",
        explain=("127.0.0.1:80", "--from", "server2", "--timeout", "2"),
        expected=fails("output-drop"),
        set_up=_NGINX,
        break_=_STRICT,
        near_miss=("port-owned-by-host", "app-not-listening", "prediction-differs"),
    ),
    Experiment(
        name="output-drop-proxy-let-out",
        title="the same policy, and what leaves by docker0 is let out",
        explain=("127.0.0.1:80", "--from", "server2"),
        expected=works("docker-proxy"),
        set_up=_NGINX,
        break_=(*_STRICT, *on("server2", "iptables -A OUTPUT -o docker0 -j ACCEPT")),
        near_miss=("output-drop",),
    ),
    Experiment(
        name="output-drop-elsewhere",
        title="the source's own OUTPUT drops another port",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server1", f"iptables -I OUTPUT -d {HIP} -p tcp --dport 81 -j DROP"),
        near_miss=("output-drop", "ingress-drop", "legacy-nft-mix"),
    ),
    Experiment(
        name="ingress-drop",
        title="an nftables ingress chain of eth0 drops the port before iptables sees it",
        explain=_BY_NAME,
        expected=fails("ingress-drop", resolution="inventory"),
        set_up=_NGINX,
        break_=_netdev(80),
        near_miss=("forward-drop", "upstream-drop", "input-drop"),
    ),
    Experiment(
        name="ingress-drop-uncounted",
        title="the same by a rule without a counter: nft's text tells for which interface it is, its JSON (1.0.6) does not",
        explain=_BY_NAME,
        expected=fails("ingress-drop", resolution="inventory"),
        set_up=_NGINX,
        break_=_netdev(80, counter=""),
        near_miss=("forward-drop", "upstream-drop"),
    ),
    Experiment(
        name="ingress-drop-set",
        title="the same by a set of addresses",
        explain=_BY_NAME,
        expected=fails("ingress-drop", resolution="inventory"),
        set_up=_NGINX,
        break_=on(
            "server2",
            "nft add table netdev door",
            "nft add set netdev door banned '{ type ipv4_addr; elements = { 192.168.3.201 }; }'",
            "nft add chain netdev door ingress '{ type filter hook ingress device eth0 priority 0; }'",
            "nft add rule netdev door ingress ip saddr @banned counter drop",
        ),
    ),
    Experiment(
        name="ingress-drop-elsewhere",
        title="an nftables ingress chain of eth0 drops another port",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=_netdev(81),
        near_miss=("ingress-drop",),
    ),
    Experiment(
        name="legacy-nft-mix",
        title="Docker's rules are in one iptables backend, and the other one's FORWARD policy drops",
        explain=_BY_NAME,
        expected=fails("legacy-nft-mix", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", "iptables-legacy -P FORWARD DROP"),
        near_miss=("forward-drop", "docker-user-drop"),
    ),
    Experiment(
        name="legacy-nft-mix-input",
        title="the same with an INPUT rule, and a service of the host itself",
        explain=(f"{HIP}:80", "--from", "server1", "--timeout", "2"),
        expected=fails("legacy-nft-mix", resolution="literal"),
        set_up=_HOST_APP,
        break_=on("server2", "iptables-legacy -I INPUT -p tcp --dport 80 -j DROP"),
        near_miss=("input-drop",),
    ),
    Experiment(
        name="legacy-nft-both",
        title="rules in both iptables backends, and none of them drops this port",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", "iptables-legacy -I FORWARD -p tcp --dport 81 -j DROP"),
        near_miss=("legacy-nft-mix",),
    ),
)
_UNCOUNTED: Final = (
    Experiment(
        name="forward-drop-nft",
        title="a forward chain of nftables' own drops the container's port, by a rule without a counter",
        explain=_BY_NAME,
        expected=fails("forward-drop", resolution="inventory"),
        set_up=_NGINX,
        break_=_nft("forward", "tcp dport 80 drop"),
        near_miss=("docker-user-drop", "input-drop", "ingress-drop", "upstream-drop"),
    ),
    Experiment(
        name="forward-drop-nft-elsewhere",
        title="a forward chain of nftables' own drops another port",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=_nft("forward", "tcp dport 81 drop"),
        near_miss=("forward-drop",),
    ),
    Experiment(
        name="forward-drop-nft-set",
        title="a forward chain of nftables' own drops by a set, which holds the client among others",
        explain=_BY_NAME,
        expected=fails("forward-drop", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", *_bans("bans", "198.51.100.24", "192.168.3.201")),
        near_miss=("docker-user-drop", "ingress-drop", "upstream-drop"),
    ),
    Experiment(
        name="forward-drop-nft-set-elsewhere",
        title="the same set without the client",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", *_bans("bans", "198.51.100.24", "192.168.3.203")),
        near_miss=("forward-drop",),
    ),
    Experiment(
        name="forward-drop-nft-bouncer",
        title="the same by the table of a program that bans addresses",
        explain=_BY_NAME,
        expected=fails("forward-drop", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", *_bans("crowdsec", "198.51.100.24 timeout 4h", "192.168.3.201 timeout 4h")),
        near_miss=("docker-user-drop", "ingress-drop", "upstream-drop"),
    ),
    Experiment(
        name="forward-limit-nft",
        title="a forward chain of nftables' own drops above a rate that is not reached: its counter tells",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=_nft("forward", "tcp dport 80 limit rate over 1000/second counter drop"),
        near_miss=("forward-drop",),
    ),
    Experiment(
        name="input-drop-nft",
        title="an input chain of nftables' own drops a service of the host itself, by its policy",
        explain=(f"{HIP}:80", "--from", "server1", "--timeout", "2"),
        expected=fails("input-drop", resolution="literal"),
        set_up=_HOST_APP,
        break_=_nft("input", "tcp dport 22 accept", policy="drop"),
        near_miss=("forward-drop", "port-closed", "input-firewall-container-to-host"),
    ),
)
_BRIDGED: Final = (
    Experiment(
        name="icc-false",
        title="a network with enable_icc=false: its containers do not reach each other",
        explain=("web:80", "--from", "client@server2", "--timeout", "2"),
        expected=fails("icc-false", resolution="embedded-dns"),
        set_up=_peers("-o com.docker.network.bridge.enable_icc=false"),
        near_miss=("forward-drop", "bridge-nf-forward-drop", "inter-network"),
    ),
    Experiment(
        name="icc-true",
        title="the same network with enable_icc=true",
        explain=("web:80", "--from", "client@server2", "--timeout", "2"),
        expected=works("bridge", resolution="embedded-dns"),
        set_up=_peers("-o com.docker.network.bridge.enable_icc=true"),
        near_miss=("icc-false", "bridge-nf-forward-drop"),
    ),
    Experiment(
        name="bridge-nf-forward-drop",
        title="a FORWARD rule drops what is switched between two containers of one bridge",
        explain=("web:80", "--from", "client@server2", "--timeout", "2"),
        expected=fails("bridge-nf-forward-drop", resolution="embedded-dns"),
        set_up=_peers(),
        break_=on("server2", f"{_BRIDGE_NF}=1", _FOREIGN),
        near_miss=("forward-drop", "icc-false"),
    ),
    Experiment(
        name="bridge-nf-forward-policy",
        title="the same by FORWARD's policy: Docker's rule for its own bridge is gone",
        explain=("web:80", "--from", "client@server2", "--timeout", "2"),
        expected=fails("bridge-nf-forward-drop", resolution="embedded-dns"),
        set_up=_peers(),
        break_=on(
            "server2",
            f"{_BRIDGE_NF}=1",
            "iptables -P FORWARD DROP",
            "iptables -D FORWARD -i br-peers -o br-peers -j ACCEPT",
        ),
        near_miss=("forward-drop", "icc-false"),
    ),
    Experiment(
        name="bridge-nf-off",
        title="the same rule, and iptables does not see what a bridge switches",
        explain=("web:80", "--from", "client@server2", "--timeout", "2"),
        expected=works("bridge", resolution="embedded-dns"),
        set_up=_peers(),
        break_=on("server2", f"{_BRIDGE_NF}=0", _FOREIGN),
        near_miss=("bridge-nf-forward-drop",),
    ),
    Experiment(
        name="raw-direct-another",
        title="a container's own address dialled from another host, and a raw rule as Engine 28's, of another container",
        explain=("172.27.0.2:80", "--from", "server1", "--timeout", "2"),
        expected=works("routed", resolution="literal"),
        set_up=(*on("server2", _DIRECT_NET), *start("demo", "nginx", options="--network direct -p 80:80", port=80)),
        break_=(
            *on("server1", f"ip route add 172.27.0.0/24 via {HIP}"),
            *on("server2", "iptables -t raw -A PREROUTING -d 172.27.0.3/32 ! -i br-direct -j DROP"),
        ),
        near_miss=("raw-direct-drop",),
    ),
)
_ENGINE_29_RULES = (  # as moby documents them (nftablesdoc), for one container on the default bridge with -p 80:80
    'map filter-forward-in-jumps { type ifname : verdict; elements = { "docker0" : jump filter-forward-in__docker0 }; }; '
    'map filter-forward-out-jumps { type ifname : verdict; elements = { "docker0" : jump filter-forward-out__docker0 }; }; '
    'map nat-postrouting-out-jumps { type ifname : verdict; elements = { "docker0" : jump nat-postrouting-out__docker0 }; }; '
    "chain filter-forward-in__docker0 { ct state established,related counter accept; "
    'iifname "docker0" counter accept comment "ICC"; ip daddr 172.17.0.2 tcp dport 80 counter accept; '
    'counter drop comment "UNPUBLISHED PORT DROP"; }; '
    "chain filter-forward-out__docker0 { ct state established,related counter accept; "
    'counter accept comment "OUTGOING"; }; '
    'chain nat-postrouting-out__docker0 { oifname != "docker0" ip saddr 172.17.0.0/16 counter masquerade comment "MASQUERADE"; }; '
    'chain nat-prerouting-and-output { iifname != "docker0" tcp dport 80 counter dnat to 172.17.0.2:80 comment "DNAT"; }; '
    "chain filter-FORWARD { type filter hook forward priority filter; policy accept; "
    "oifname vmap @filter-forward-in-jumps; iifname vmap @filter-forward-out-jumps; }; "
    "chain nat-OUTPUT { type nat hook output priority -100; policy accept; "
    "ip daddr != 127.0.0.0/8 fib daddr type local counter jump nat-prerouting-and-output; }; "
    "chain nat-POSTROUTING { type nat hook postrouting priority srcnat; policy accept; "
    "iifname vmap @nat-postrouting-out-jumps; }; "
    "chain nat-PREROUTING { type nat hook prerouting priority dstnat; policy accept; "
    "fib daddr type local counter jump nat-prerouting-and-output; }; "
    "chain raw-PREROUTING { type filter hook prerouting priority raw; policy accept; "
    'ip daddr 172.17.0.2 iifname != "docker0" counter drop comment "DROP DIRECT ACCESS"; };'
)


def _engine_29(policy: str) -> tuple[Step, ...]:
    """Replace server2's iptables rules by what Engine 29's nftables backend writes; and iptables' FORWARD policy."""
    return on(
        "server2",
        "iptables -t nat -F",
        "iptables -t nat -X",
        "iptables -F",
        "iptables -X",
        f"iptables -P FORWARD {policy}",
        f"nft 'table ip docker-bridges {{ {_ENGINE_29_RULES} }}'",
    )


_ENGINE_29: Final = (
    Experiment(
        name="nft-backend-forward-drop",
        title="Engine 29's nftables rules (built by hand) accept, and iptables' FORWARD policy drops",
        explain=_BY_NAME,
        expected=fails("nft-backend-forward-drop", resolution="inventory"),
        set_up=_NGINX,
        break_=_engine_29("DROP"),
        near_miss=("forward-drop", "dnat-missing", "legacy-nft-mix"),
    ),
    Experiment(
        name="nft-backend-forward-drop-egress",
        title="the same on a container's way out (built by hand)",
        explain=("203.0.113.10:80", "--from", "demo@server2", "--timeout", "2"),
        expected=fails("nft-backend-forward-drop", resolution="literal"),
        set_up=_NGINX,
        break_=_engine_29("DROP"),
        near_miss=("forward-drop", "masquerade-missing"),
    ),
    Experiment(
        name="nft-backend-forward-accept",
        title="the same with FORWARD's policy ACCEPT (built by hand)",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=_engine_29("ACCEPT"),
        near_miss=("nft-backend-forward-drop", "dnat-missing", "raw-direct-drop"),
    ),
    Experiment(
        name="raw-direct-drop-nft",
        title="a container's own address dialled from another host, and the raw rule of Engine 29's nftables (built by hand)",
        explain=("172.17.0.2:80", "--from", "outside", "--timeout", "2"),
        expected=fails("raw-direct-drop", resolution="literal"),
        set_up=_NGINX,
        break_=(*_engine_29("ACCEPT"), *on("outside", f"ip route add 172.17.0.0/16 via {HIP}")),
        near_miss=("nft-backend-forward-drop", "forward-drop"),
        asked_then=(f"{HIP}:80", "--from", "outside", "--timeout", "2"),
    ),
    Experiment(
        name="nft-backend-egress",
        title="a container's way out by Engine 29's nftables rules (built by hand)",
        explain=("203.0.113.10:80", "--from", "demo@server2", "--timeout", "2"),
        expected=works("masquerade", resolution="literal"),
        set_up=_NGINX,
        break_=_engine_29("ACCEPT"),
        near_miss=("nft-backend-forward-drop", "masquerade-missing"),
    ),
)
FILTERS: Final = (*_OWN_HOST, *_DOORS, *_UNCOUNTED, *_BRIDGED, *_ENGINE_29)
