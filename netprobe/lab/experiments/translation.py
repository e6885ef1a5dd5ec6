"""Address translation that was flushed, that is left over, or that conntrack holds on to."""

from __future__ import annotations

from typing import Final

from netprobe.lab.experiments.model import (
    HIP,
    DeleteDnat,
    Edit,
    Expected,
    Experiment,
    WaitPort,
    client,
    fails,
    on,
    start,
)

_OUT = ("203.0.113.10:80", "--from", "client@server2", "--timeout", "2")
_BY_NAME = ("demo:80", "--from", "server1", "--timeout", "5")
_NGINX: Final = start("demo", "nginx", options="-p 80:80", port=80)
_CLIENT: Final = client()
_OLD_DNAT = "iptables -t nat -I DOCKER 1 ! -i docker0 -p tcp --dport 80 -j DNAT --to-destination 172.17.0.99:80"
_OLD_ACCEPT = "iptables -I DOCKER 1 -d 172.17.0.99/32 ! -i docker0 -o docker0 -p tcp --dport 80 -j ACCEPT"
_ECHO: Final = (
    *start("demo", "busyboxplus", options="-p 80:80/udp", command="udp-echo 80"),
    WaitPort(host="server2", container="demo", port=80, protocol="udp"),
)
_DATAGRAM = f"bash -c 'echo old > /dev/udp/{HIP}/80'"
_UDP_DNAT = "iptables -t nat -A DOCKER ! -i docker0 -p udp --dport 80 -j DNAT --to-destination 172.17.0.2:80"
_NEW_DNAT = _OLD_DNAT.replace("172.17.0.99", "172.17.0.2")


_LOST = on("server2", "sysctl -q -w net.ipv4.ip_forward=0")
_FORWARDS = Edit(host="server2", key="sysctl", pattern=r"(net\.ipv4\..*forward\w*) = 0", text=r"\1 = 1")


def _fill(count: int) -> Edit:
    """How full the table is; its maximum is told in the machine's first network namespace alone."""
    text = rf"\1_count = {count}\n\1_max = 262144"
    return Edit(host="server2", key="sysctl", pattern=r"(net\.netfilter\.nf_conntrack)_count = \d+", text=text)


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
    Experiment(
        name="udp-conntrack-stale",
        title="a client's UDP flow is older than the port's DNAT rule: it goes on past the container",
        explain=("demo:80/udp", "--from", "server1"),
        expected=Expected(verdict="works", path="dnat", resolution="inventory", findings=("udp-conntrack-stale",)),
        set_up=_ECHO,
        break_=(
            DeleteDnat(host="server2", port=80, protocol="udp"),
            *on("server1", _DATAGRAM),
            *on("server2", _UDP_DNAT),
        ),
        near_miss=("dnat-missing", "udp-reply-source"),
    ),
    Experiment(
        name="udp-conntrack-fresh",
        title="the same client once the rule is there: its flow is DNATed like every other",
        explain=("demo:80/udp", "--from", "server1"),
        expected=Expected(verdict="works", path="dnat", resolution="inventory"),
        set_up=_ECHO,
        break_=(
            DeleteDnat(host="server2", port=80, protocol="udp"),
            *on("server2", _UDP_DNAT),
            *on("server1", _DATAGRAM),
        ),
        near_miss=("udp-conntrack-stale", "dnat-missing"),
    ),
    Experiment(
        name="conntrack-full",
        title="the Docker host's connection tracking table is full (built by hand: its fill; what lost the packets, a host that does not forward, is taken out)",
        explain=("demo:80", "--from", "server1", "--timeout", "2"),
        expected=fails("conntrack-full", resolution="inventory"),
        set_up=_NGINX,
        break_=_LOST,
        edits=(_FORWARDS, _fill(262144)),
        near_miss=("ip-forward-off", "upstream-drop", "forward-drop"),
    ),
    Experiment(
        name="conntrack-nearly-full",
        title="the same with room for one more entry (built by hand)",
        explain=("demo:80", "--from", "server1", "--timeout", "2"),
        expected=Expected(
            verdict="undetermined", path="none", resolution="inventory", findings=("prediction-differs",)
        ),
        set_up=_NGINX,
        break_=_LOST,
        edits=(_FORWARDS, _fill(262143)),
        near_miss=("conntrack-full",),
    ),
    Experiment(
        name="conntrack-full-known",
        title="the table is full, and it works (built by hand: its fill): there was room at that moment",
        explain=("demo:80", "--from", "server1"),
        expected=Expected(verdict="works", path="dnat", resolution="inventory"),
        set_up=_NGINX,
        edits=(_fill(262144),),
        near_miss=("conntrack-full",),
    ),
)
