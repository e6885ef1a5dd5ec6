"""Connections that are turned back to where they came from: one-to-one NAT by hand, a router without NAT loopback."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import Experiment, Step, client, fails, on, start, works


def _iptables(*rules: str) -> tuple[Step, ...]:
    return on("server2", *(f"iptables {rule}" for rule in rules))


_STATIC: Final = (
    *start("web", "busybox", command="httpd -f -p 80 -h /etc", port=80),
    *on("server2", "ip addr add 192.168.3.222/32 dev eth0"),
)
_ONE_TO_ONE: Final = _iptables("-t nat -A PREROUTING -d 192.168.3.222 -j DNAT --to-destination 172.17.0.2")
_OWN_SOURCE: Final = _iptables("-t nat -I POSTROUTING -s 172.17.0.2 -j SNAT --to-source 192.168.3.222")
_ITSELF: Final = ("192.168.3.222:80", "--from", "web@server2", "--timeout", "2")
_LOOPBACK: Final = (
    *on("router", "sysctl -q -w net.ipv4.ip_forward=1", "ip addr add 198.51.100.1/32 dev eth0", "iptables -t nat -A PREROUTING -d 198.51.100.1 -p tcp --dport 80 -j DNAT --to-destination 192.168.3.202:8080"),
    *on("server2", "ip route add 198.51.100.1/32 via 192.168.3.254"),
)  # fmt: skip
_BACK_HOME: Final = Experiment(
    name="hairpin-missing-router",
    title="a container dials its own host's public address, which the router turns back to that host, without masquerading it (no NAT loopback)",
    explain=("198.51.100.1:80", "--from", "client@server2", "--timeout", "2"),
    expected=fails("hairpin-missing", path="dnat"),
    set_up=(*start("web", "nginx", options="-p 8080:80", port=80), *client()),
    break_=_LOOPBACK,
    near_miss=("foreign-nat", "forward-drop", "upstream-drop", "missing-return-route"),
)
HAIRPINS: Final = (
    _BACK_HOME,
    Experiment(
        name="hairpin-router-masquerades",
        title="the same where the router masquerades what it turns back",
        explain=_BACK_HOME.explain,
        expected=works("dnat-masquerade"),
        set_up=_BACK_HOME.set_up,
        break_=(
            *_LOOPBACK,
            *on(
                "router",
                "iptables -t nat -A POSTROUTING -s 192.168.3.0/24 -d 192.168.3.202 -p tcp --dport 8080 -j MASQUERADE",
            ),
        ),
        near_miss=("hairpin-missing",),
    ),
    Experiment(
        name="hairpin-missing",
        title="one-to-one NAT for a container by hand: the container dials its own public address, and its bridge port does not turn frames back",
        explain=_ITSELF,
        expected=fails("hairpin-missing", path="dnat"),
        set_up=_STATIC,
        break_=(*_ONE_TO_ONE, *_OWN_SOURCE),
        near_miss=("foreign-nat", "forward-drop", "upstream-drop"),
        asked_then=("172.17.0.2:80", "--from", "web@server2"),
    ),
    Experiment(
        name="hairpin-missing-neighbour",
        title="the same while the host knows the container's MAC: its bridge switches the packet without showing it",
        explain=_ITSELF,
        expected=fails("hairpin-missing"),
        set_up=_STATIC,
        break_=(*_ONE_TO_ONE, *_OWN_SOURCE, *on("server2", "curl -s -o /dev/null http://172.17.0.2/passwd")),
        near_miss=("foreign-nat", "forward-drop", "upstream-drop"),
        asked_then=("172.17.0.2:80", "--from", "web@server2"),
    ),
    Experiment(
        name="hairpin-neighbour-dials",
        title="another container of the bridge dials that address: it is switched to the first one, and answers",
        explain=("192.168.3.222:80", "--from", "client@server2", "--timeout", "2"),
        expected=works("dnat"),
        set_up=(*_STATIC, *client()),
        break_=(*_ONE_TO_ONE, *_OWN_SOURCE, *on("server2", "curl -s -o /dev/null http://172.17.0.2/passwd")),
        near_miss=("hairpin-missing", "prediction-differs"),
    ),
    Experiment(
        name="ip-forward-off-same-bridge",
        title="the same where the host does not forward: what DNAT leads back into the bridge takes that, too",
        explain=("192.168.3.222:80", "--from", "client@server2", "--timeout", "2"),
        expected=fails("ip-forward-off", path="dnat"),
        set_up=(*_STATIC, *client()),
        break_=(*_ONE_TO_ONE, *_OWN_SOURCE, *on("server2", "sysctl -q -w net.ipv4.ip_forward=0")),
        near_miss=("hairpin-missing", "forward-drop"),
    ),
    Experiment(
        name="hairpin-there",
        title="the same with the container's port made a hairpin port",
        explain=_ITSELF,
        expected=works("dnat-masquerade"),
        set_up=_STATIC,
        break_=(
            *_ONE_TO_ONE,
            *_OWN_SOURCE,
            *on(
                "server2",
                "sh -c 'for p in /sys/class/net/docker0/brif/*; do bridge link set dev ${p##*/} hairpin on; done'",
            ),
        ),
        near_miss=("hairpin-missing",),
    ),
    Experiment(
        name="hairpin-own-source",
        title="the same without bridge netfilter and without source NAT: the packet comes back with the container's own address",
        explain=_ITSELF,
        expected=fails("hairpin-missing", path="dnat"),
        set_up=_STATIC,
        break_=(*_ONE_TO_ONE, *on("server2", "sysctl -q -w net.bridge.bridge-nf-call-iptables=0")),
        near_miss=("forward-drop", "upstream-drop"),
        asked_then=("172.17.0.2:80", "--from", "web@server2"),
    ),
)
