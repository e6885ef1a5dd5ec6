"""Transparent proxies: rules that hand packets to a local socket, whomever they are for."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import Experiment, Step, Transparent, client, fails, on, start, works

_BY_NAME: Final = ("web:80", "--from", "server1", "--timeout", "2")
_OUT: Final = ("203.0.113.10:80", "--from", "client@server2", "--timeout", "2")
_WEB: Final = start("web", "nginx", options="-p 8080:80", port=80)
_PROXY: Final = (Transparent(host="server2", port=3128),)
_LED_IN: Final = on("server2", "ip rule add fwmark 0x1/0x1 lookup 100", "ip route add local default dev lo table 100")
_HANDS: Final = "-j TPROXY --on-port 3128 --tproxy-mark 0x1/0x1"


def _mangle(matches: str) -> tuple[Step, ...]:
    return on("server2", f"iptables -t mangle -A PREROUTING {matches} {_HANDS}")


_NFT: Final = (
    "nft add table ip tool",
    "nft add chain ip tool pre '{ type filter hook prerouting priority -150; }'",
)
_ROUTED: Final = (
    *on("server2", "docker network create --subnet 172.29.0.0/24 lab"),
    *start("web", "nginx", options="--network lab -p 8080:80", port=80),
    *on("server1", "ip route add 172.29.0.0/24 via 192.168.3.202"),
)

PROXIED: Final = (
    Experiment(
        name="tproxy-takes",
        title="a transparent proxy takes what is for a container: it answers in the target's place",
        explain=_BY_NAME,
        expected=fails("foreign-nat", resolution="inventory"),
        set_up=_ROUTED,
        break_=(*_PROXY, *_LED_IN, *_mangle("-i eth0 -p tcp --dport 80")),
        near_miss=("port-owned-by-host", "rule-drop"),
    ),
    Experiment(
        name="tproxy-takes-nft",
        title="the same by nftables",
        explain=_BY_NAME,
        expected=fails("foreign-nat", resolution="inventory"),
        set_up=_ROUTED,
        break_=(
            *_PROXY,
            *_LED_IN,
            *on(
                "server2",
                *_NFT,
                "nft add rule ip tool pre iifname eth0 tcp dport 80 counter tproxy to :3128 meta mark set 1 accept",
            ),
        ),
        near_miss=("rule-drop",),
    ),
    Experiment(
        name="tproxy-published",
        title="a transparent proxy takes a published port, which nat translates behind it: the handshake is answered, and the connection reset",
        explain=_BY_NAME,
        expected=fails("foreign-nat", resolution="inventory"),
        set_up=_WEB,
        break_=(*_PROXY, *_LED_IN, *_mangle("-i eth0 -p tcp --dport 8080")),
        near_miss=("port-owned-by-host", "rule-drop"),
    ),
    Experiment(
        name="tproxy-gone",
        title="the rule of a transparent proxy that does not run any more: TPROXY drops what no socket takes",
        explain=_BY_NAME,
        expected=fails("foreign-nat", resolution="inventory"),
        set_up=_WEB,
        break_=(*_LED_IN, *_mangle("-i eth0 -p tcp --dport 8080")),
        near_miss=("rule-drop", "input-drop"),
    ),
    Experiment(
        name="tproxy-gone-nft",
        title="the same by nftables, which leaves the rule where no socket takes it",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory"),
        set_up=_WEB,
        break_=(
            *_LED_IN,
            *on(
                "server2",
                *_NFT,
                "nft add rule ip tool pre iifname eth0 tcp dport 8080 tproxy to :3128 meta mark set 1 accept",
            ),
        ),
        near_miss=("foreign-nat",),
    ),
    Experiment(
        name="tproxy-not-led-in",
        title="a transparent proxy without the routing rule for its mark: the kernel drops what is handed over and routed on",
        explain=_BY_NAME,
        expected=fails("foreign-nat", resolution="inventory"),
        set_up=_WEB,
        break_=(*_PROXY, *_mangle("-i eth0 -p tcp --dport 8080")),
        near_miss=("rule-drop", "forward-drop"),
    ),
    Experiment(
        name="tproxy-elsewhere",
        title="a transparent proxy for another port",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory"),
        set_up=_WEB,
        break_=(*_PROXY, *_LED_IN, *_mangle("-i eth0 -p tcp --dport 8081")),
        near_miss=("foreign-nat",),
    ),
    Experiment(
        name="tproxy-bridge",
        title="a transparent proxy for what containers send: bridge netfilter loses the socket, and the host itself is silent",
        explain=_OUT,
        expected=fails("foreign-nat"),
        set_up=client(),
        break_=(*_PROXY, *_LED_IN, *_mangle("-i docker0 -p tcp --dport 80")),
        near_miss=("port-closed", "app-not-listening", "masquerade-missing"),
    ),
)
