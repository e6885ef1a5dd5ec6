"""Rules of address translation that were flushed, or that are left over."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import (
    Expected,
    Experiment,
    client,
    fails,
    on,
    start,
)

_OUT = ("203.0.113.10:80", "--from", "client@server2", "--timeout", "2")
_BY_NAME = ("demo:80", "--from", "server1", "--timeout", "5")
_NGINX: Final = start("demo", "nginx", options="-p 80:80", port=80)
_CLIENT: Final = client()
_PEERS: Final = (
    *on("server2", "docker network create --subnet 172.31.0.0/24 peers"),
    *start("web", "nginx", options="--network peers", port=80),
    *client(options="--network peers"),
)
_OLD_DNAT = "iptables -t nat -I DOCKER 1 ! -i docker0 -p tcp --dport 80 -j DNAT --to-destination 172.17.0.99:80"
_OLD_ACCEPT = "iptables -I DOCKER 1 -d 172.17.0.99/32 ! -i docker0 -o docker0 -p tcp --dport 80 -j ACCEPT"
_NEW_DNAT = _OLD_DNAT.replace("172.17.0.99", "172.17.0.2")
# As /etc/nftables.conf has it: a flush, then an input chain that knows nothing of published ports.
_RELOAD: Final = on(
    "server2",
    "nft flush ruleset",
    "nft add table inet filter",
    "nft add chain inet filter input '{ type filter hook input priority 0; policy drop; }'",
    "nft add rule inet filter input ct state established,related accept",
    "nft add rule inet filter input iif lo accept",
    "nft add rule inet filter input icmp type echo-request accept",
    "nft add rule inet filter input tcp dport '{ 22, 9100 }' accept",
)
# Files that somebody wrote before Docker came, or elsewhere: iptables-restore replaces every table that they name.
_SAVED = (
    "*filter\\n:INPUT ACCEPT [0:0]\\n:FORWARD DROP [0:0]\\n:OUTPUT ACCEPT [0:0]\\n-A INPUT -p tcp --dport 22 -j ACCEPT\\nCOMMIT\\n"
    "*nat\\n:PREROUTING ACCEPT [0:0]\\n:INPUT ACCEPT [0:0]\\n:OUTPUT ACCEPT [0:0]\\n:POSTROUTING ACCEPT [0:0]\\nCOMMIT\\n"
)
_RESTORED: Final = on("server2", f"sh -c 'printf \"{_SAVED}\" | iptables-restore'")
_FLUSH_ALL: Final = on(
    "server2", "iptables -F", "iptables -X", "iptables -t nat -F", "iptables -t nat -X", "iptables -P FORWARD DROP"
)
_FORWARD_CLOSED: Final = on(
    "server2",
    "nft flush ruleset",
    "nft add table inet filter",
    "nft add chain inet filter forward '{ type filter hook forward priority 0; policy drop; }'",
    "nft add rule inet filter forward ct state established,related accept",
)


TRANSLATION: Final = (
    Experiment(
        name="rules-flushed",
        title="the nat table of the Docker host was flushed: a container's way out is dead",
        explain=_OUT,
        expected=fails("rules-flushed", path="routed"),
        set_up=_CLIENT,
        break_=on("server2", "iptables -t nat -F"),
        near_miss=("masquerade-missing", "upstream-drop", "missing-return-route"),
    ),
    Experiment(
        name="rules-flushed-masquerade-alone",
        title="the same with the MASQUERADE rule alone deleted",
        explain=_OUT,
        expected=fails("masquerade-missing", path="routed"),
        set_up=_CLIENT,
        break_=on("server2", "iptables -t nat -D POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE"),
        near_miss=("rules-flushed",),
    ),
    Experiment(
        name="rules-flushed-and-back",
        title="the same with the MASQUERADE rule put back after the flush",
        explain=_OUT,
        expected=Expected(verdict="works", path="masquerade", resolution="literal"),
        set_up=_CLIENT,
        break_=on(
            "server2",
            "iptables -t nat -F",
            "iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE",
        ),
        near_miss=("rules-flushed", "masquerade-missing"),
    ),
    Experiment(
        name="rules-flushed-inbound",
        title="the same flush, and a published port: docker-proxy alone carries it",
        explain=("demo:80", "--from", "server1"),
        expected=Expected(verdict="works", path="docker-proxy", resolution="inventory", findings=("dnat-missing",)),
        set_up=_NGINX,
        break_=on("server2", "iptables -t nat -F"),
        near_miss=("rules-flushed",),
    ),
    Experiment(
        name="rules-flushed-reload",
        title="nftables.service was reloaded: its file flushes the ruleset, and its input chain drops what Docker's DNAT took past it",
        explain=("demo:80", "--from", "server1", "--timeout", "2"),
        expected=fails("rules-flushed", resolution="inventory", findings=("dnat-missing",)),
        set_up=_NGINX,
        break_=_RELOAD,
        near_miss=("input-drop", "forward-drop"),
    ),
    Experiment(
        name="rules-flushed-reload-out",
        title="the same reload, and a container's way out",
        explain=_OUT,
        expected=fails("rules-flushed", path="routed"),
        set_up=_CLIENT,
        break_=_RELOAD,
        near_miss=("masquerade-missing", "upstream-drop"),
    ),
    Experiment(
        name="rules-not-flushed",
        title="the same input chain without the flush: Docker's DNAT takes the port past it",
        explain=("demo:80", "--from", "server1"),
        expected=Expected(verdict="works", path="dnat", resolution="inventory", findings=("firewall-bypassed",)),
        set_up=_NGINX,
        break_=_RELOAD[1:],
        near_miss=("rules-flushed", "input-drop"),
    ),
    Experiment(
        name="rules-flushed-filter",
        title="iptables -F and -X: FORWARD's policy drops what Docker's rules accepted",
        explain=("demo:80", "--from", "server1", "--timeout", "2"),
        expected=fails("rules-flushed", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", "iptables -F", "iptables -X"),
        near_miss=("forward-drop",),
    ),
    Experiment(
        name="rules-flushed-filter-out",
        title="the same, and a container's way out",
        explain=_OUT,
        expected=fails("rules-flushed"),
        set_up=_CLIENT,
        break_=on("server2", "iptables -F", "iptables -X"),
        near_miss=("forward-drop", "masquerade-missing"),
    ),
    Experiment(
        name="rules-flushed-debian",
        title="nftables.service was started with Debian's own file, which flushes and accepts: a container's way out is dead",
        explain=_OUT,
        expected=fails("rules-flushed", path="routed"),
        set_up=_CLIENT,
        break_=on("server2", "nft -f /etc/nftables.conf"),
        near_miss=("masquerade-missing", "upstream-drop", "missing-return-route"),
    ),
    Experiment(
        name="rules-flushed-debian-in",
        title="the same file, and a published port: docker-proxy alone carries it",
        explain=("demo:80", "--from", "server1"),
        expected=Expected(verdict="works", path="docker-proxy", resolution="inventory", findings=("dnat-missing",)),
        set_up=_NGINX,
        break_=on("server2", "nft -f /etc/nftables.conf"),
        near_miss=("rules-flushed",),
    ),
    Experiment(
        name="rules-flushed-closed",
        title="a file of nftables.service flushes, and its forward chain drops: that chain stops the packet, Docker's rules are missing besides",
        explain=_OUT,
        expected=fails("forward-drop"),
        set_up=_CLIENT,
        break_=_FORWARD_CLOSED,
        near_miss=("rules-flushed", "masquerade-missing"),
    ),
    Experiment(
        name="rules-flushed-restore",
        title="iptables-restore of a file without Docker's chains: FORWARD's policy is all that is left",
        explain=_OUT,
        expected=fails("rules-flushed"),
        set_up=_CLIENT,
        break_=_RESTORED,
        near_miss=("forward-drop", "masquerade-missing"),
    ),
    Experiment(
        name="rules-flushed-all",
        title="iptables -F and -X in filter and nat, and a container's way out",
        explain=_OUT,
        expected=fails("rules-flushed"),
        set_up=_CLIENT,
        break_=_FLUSH_ALL,
        near_miss=("forward-drop", "masquerade-missing"),
    ),
    Experiment(
        name="rules-flushed-bridge",
        title="the same between two containers of one bridge, whose packets iptables sees",
        explain=("web:80", "--from", "client@server2", "--timeout", "2"),
        expected=fails("rules-flushed", resolution="embedded-dns"),
        set_up=_PEERS,
        break_=(*on("server2", "sysctl -q -w net.bridge.bridge-nf-call-iptables=1"), *_FLUSH_ALL),
        near_miss=("bridge-nf-forward-drop", "forward-drop"),
    ),
    Experiment(
        name="rules-flushed-bridge-unseen",
        title="the same flush, and iptables does not see what a bridge switches",
        explain=("web:80", "--from", "client@server2"),
        expected=Expected(verdict="works", path="bridge", resolution="embedded-dns"),
        set_up=_PEERS,
        break_=(*on("server2", "sysctl -q -w net.bridge.bridge-nf-call-iptables=0"), *_FLUSH_ALL),
        near_miss=("rules-flushed", "bridge-nf-forward-drop"),
    ),
    Experiment(
        name="container-stopped-flushed",
        title="a container that publishes a port has ended where Docker's chains are gone: it cannot start before the engine",
        explain=("demo:80", "--from", "server1", "--timeout", "2"),
        expected=fails("container-stopped", resolution="inventory"),
        set_up=_NGINX,
        break_=(*on("server2", "docker stop -t 0 demo"), *_FLUSH_ALL),
        near_miss=("rules-flushed", "port-closed"),
    ),
    Experiment(
        name="stale-dnat",
        title="a port has the DNAT and ACCEPT rules of a container that is gone before its own",
        explain=_BY_NAME,
        expected=fails("stale-dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", _OLD_DNAT, _OLD_ACCEPT),
        near_miss=("forward-drop", "stale-arp", "subnet-overlap"),
    ),
    Experiment(
        name="stale-dnat-dropped",
        title="the same with the old DNAT rule alone: FORWARD drops what it leads to nobody",
        explain=("demo:80", "--from", "server1", "--timeout", "2"),
        expected=fails("stale-dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", _OLD_DNAT),
        near_miss=("forward-drop",),
    ),
    Experiment(
        name="stale-dnat-alive",
        title="the same two rules, with the address of the container that is there",
        explain=("demo:80", "--from", "server1"),
        expected=Expected(verdict="works", path="dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", _NEW_DNAT, _OLD_ACCEPT),
        near_miss=("stale-dnat",),
    ),
    Experiment(
        name="stale-dnat-behind",
        title="the old rules behind the port's own: nothing meets them",
        explain=("demo:80", "--from", "server1"),
        expected=Expected(verdict="works", path="dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", _OLD_DNAT.replace("-I DOCKER 1", "-A DOCKER"), _OLD_ACCEPT),
        near_miss=("stale-dnat",),
    ),
)
