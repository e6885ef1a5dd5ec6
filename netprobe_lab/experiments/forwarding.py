"""Forwarding, the way back and the wire between hosts, beyond the plain cases of `routing`: each with what differs in one fact."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import (
    HIP,
    DeleteDnat,
    Expected,
    Experiment,
    Step,
    client,
    fails,
    lossy,
    on,
    settled,
    start,
)

_BY_NAME = ("demo:80", "--from", "server1", "--timeout", "2")
_OUT = ("203.0.113.10:80", "--from", "client@server2", "--timeout", "2")
_NGINX: Final = start("demo", "nginx", options="-p 80:80", port=80)
_DNAT = Expected(verdict="works", path="dnat", resolution="inventory")
_OFF: Final = on("server2", "sysctl -q -w net.ipv4.ip_forward=0")


def _netdev(host: str, hook: str, *words: str) -> tuple[Step, ...]:
    """Have a host's own eth0 drop what matches, on its way in (ingress) or out (egress)."""
    return on(
        host,
        "nft add table netdev edge",
        f"nft add chain netdev edge port '{{ type filter hook {hook} device eth0 priority 0; }}'",
        f"nft add rule netdev edge port {' '.join(words)} drop",
    )


def _routed(host: str, number: int) -> tuple[Step, ...]:
    """A routed network, 172.NUMBER.0.0/24, that everybody may enter."""
    return on(
        host,
        f"docker network create --subnet 172.{number}.0.0/24 -o com.docker.network.bridge.name=br-r{number} "
        f"-o com.docker.network.bridge.enable_ip_masquerade=false r{number}",
        "iptables -I DOCKER-USER -j ACCEPT",
    )


_UNKNOWN = "192.168.3.77"
_GHOST: Final = on("wires", f"ip address add {_UNKNOWN}/24 dev lan")  # a machine that no inventory knows
_TWO: Final = (
    *_routed("server1", 27),
    *_routed("server2", 28),
    *client("near", options="--network r27", host="server1"),
    *start("far", "nginx", options="--network r28", port=80),
    *on("server1", f"ip route add 172.28.0.0/24 via {HIP}"),
)
_ACROSS = ("172.28.0.2:80", "--from", "near@server1", "--timeout", "2")

_SWITCH: Final = (
    Experiment(
        name="ip-forward-off-interface",
        title="the host forwards, but not what comes in by eth0",
        explain=_BY_NAME,
        expected=fails("ip-forward-off", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", "sysctl -q -w net.ipv4.conf.eth0.forwarding=0"),
        near_miss=("forward-drop", "upstream-drop"),
    ),
    Experiment(
        name="ip-forward-off-interface-out",
        title="the same on a container's way out: the answer comes in by eth0, and is not forwarded",
        explain=_OUT,
        expected=fails("ip-forward-off", path="masquerade"),
        set_up=client(),
        break_=on("server2", "sysctl -q -w net.ipv4.conf.eth0.forwarding=0"),
        near_miss=("missing-return-route", "upstream-drop", "forward-drop"),
    ),
    Experiment(
        name="ip-forward-off-other-interface",
        title="the same for eth1, by which nothing comes",
        explain=_BY_NAME,
        expected=_DNAT,
        set_up=_NGINX,
        break_=on("server2", "sysctl -q -w net.ipv4.conf.eth1.forwarding=0"),
        near_miss=("ip-forward-off",),
    ),
    Experiment(
        name="ip-forward-off-reply",
        title="what comes in by eth0 is forwarded, what comes back by docker0 is not",
        explain=_BY_NAME,
        expected=fails("ip-forward-off", resolution="inventory", path="dnat"),
        set_up=_NGINX,
        break_=on("server2", "sysctl -q -w net.ipv4.conf.docker0.forwarding=0"),
        near_miss=("forward-drop", "missing-return-route"),
    ),
    Experiment(
        name="ip-forward-off-interfaces-on",
        title="ip_forward is 0, and both interfaces forward by their own settings",
        explain=_BY_NAME,
        expected=_DNAT,
        set_up=_NGINX,
        break_=(
            *_OFF,
            *on(
                "server2",
                "sysctl -q -w net.ipv4.conf.eth0.forwarding=1",
                "sysctl -q -w net.ipv4.conf.docker0.forwarding=1",
            ),
        ),
        near_miss=("ip-forward-off",),
    ),
    Experiment(
        name="ip-forward-off-proxy",
        title="nothing is forwarded, and the DNAT rule is gone: docker-proxy needs neither",
        explain=_BY_NAME,
        expected=Expected(verdict="works", path="docker-proxy", resolution="inventory", findings=("dnat-missing",)),
        set_up=_NGINX,
        break_=(*_OFF, DeleteDnat(host="server2", port=80)),
        near_miss=("ip-forward-off",),
    ),
    Experiment(
        name="ip-forward-off-and-drop",
        title="nothing is forwarded, and DOCKER-USER would drop it behind that",
        explain=_BY_NAME,
        expected=fails("ip-forward-off", resolution="inventory"),
        set_up=_NGINX,
        break_=(*_OFF, *on("server2", "iptables -I DOCKER-USER -s 192.168.3.0/24 -j DROP")),
        near_miss=("docker-user-drop", "forward-drop"),
    ),
    Experiment(
        name="ip-forward-off-other-network",
        title="nothing is forwarded between two networks of one host",
        explain=("172.17.0.2:80", "--from", "client@server2", "--timeout", "2"),
        expected=fails("ip-forward-off"),
        set_up=(*_NGINX, *_routed("server2", 28), *client(options="--network r28")),
        break_=_OFF,
        near_miss=("inter-network",),
    ),
)


def _six(number: int) -> str:
    return (
        f"docker network create --ipv6 --subnet 172.{number}.0.0/24 --subnet fd00:{number}::/64 "
        f"-o com.docker.network.bridge.name=br-v{number} v{number}"
    )


_SIX: Final = (
    *on("server2", _six(28), _six(29), "sysctl -q -w net.ipv6.conf.all.forwarding=1"),
    *client(options="--network v28"),
    *start("far", "nginx", options="--network v29", port=80),
    *settled("client"),
    *settled("far"),
)
_OUT6 = ("[fd00:29::2]", "--from", "client@server2", "--timeout", "2")
_SWITCH6: Final = (
    Experiment(
        name="ip-forward-off-v6",
        title="the Docker host does not forward IPv6",
        explain=_OUT6,
        expected=fails("ip-forward-off"),
        set_up=_SIX,
        break_=on("server2", "sysctl -q -w net.ipv6.conf.all.forwarding=0"),
        near_miss=("no-route", "upstream-drop"),
    ),
    Experiment(
        name="ip-forward-off-v4-only",
        title="it does not forward IPv4: IPv6 has a switch of its own",
        explain=_OUT6,
        expected=Expected(verdict="works", path="routed", resolution="literal"),
        set_up=_SIX,
        break_=_OFF,
        near_miss=("ip-forward-off", "missing-return-route"),
    ),
)
_WAY_BACK: Final = (
    Experiment(
        name="missing-return-route-host",
        title="two routed networks on two hosts: the target's host has no route back",
        explain=_ACROSS,
        expected=fails("missing-return-route", path="routed"),
        set_up=_TWO,
        near_miss=("upstream-drop", "masquerade-missing", "no-route"),
    ),
    Experiment(
        name="return-route-host",
        title="the same, with the route",
        explain=_ACROSS,
        expected=Expected(verdict="works", path="routed", resolution="literal", target_sees="172.27.0.2"),
        set_up=_TWO,
        break_=on("server2", "ip route add 172.27.0.0/24 via 192.168.3.201"),
        near_miss=("missing-return-route", "masquerade-missing"),
    ),
    Experiment(
        name="missing-return-route-blackhole",
        title="the peer's route back is a blackhole",
        explain=_OUT,
        expected=fails("missing-return-route", path="routed"),
        set_up=(*_routed("server2", 28), *client(options="--network r28")),
        break_=on("outside", "ip route add blackhole 172.28.0.0/24"),
        near_miss=("upstream-drop", "masquerade-missing"),
    ),
    Experiment(
        name="missing-return-route-default",
        title="the peer sends its answers to its default router, which nobody knows",
        explain=_OUT,
        expected=fails("missing-return-route", path="routed"),
        set_up=(*_routed("server2", 28), *client(options="--network r28")),
        break_=(*_GHOST, *on("outside", f"ip route add default via {_UNKNOWN}")),
        near_miss=("upstream-drop", "masquerade-missing"),
    ),
)
_WIRE: Final = (
    Experiment(
        name="upstream-drop-egress",
        title="a container's way out: the network behind its host drops it",
        explain=_OUT,
        expected=fails("upstream-drop", path="masquerade"),
        set_up=client(),
        break_=lossy("ip daddr 203.0.113.10 tcp dport 80"),
        near_miss=("masquerade-missing", "no-route", "forward-drop"),
    ),
    Experiment(
        name="one-echo-lost",
        title="the network between two hosts drops ping: one lost packet alone may be chance",
        explain=(HIP, "--from", "server1", "--timeout", "2"),
        expected=Expected(verdict="undetermined", path="none", resolution="literal", findings=("prediction-differs",)),
        set_up=(),
        break_=lossy("ip daddr", HIP, "ip protocol icmp"),
        near_miss=("input-drop", "upstream-drop"),
    ),
    Experiment(
        name="upstream-drop-arp",
        title="the network between the hosts carries nothing at all: not even ARP comes in",
        explain=_BY_NAME,
        expected=fails("upstream-drop", resolution="inventory"),
        set_up=_NGINX,
        break_=(*lossy("ether daddr != 33:33:00:00:00:01"), *on("server1", "ip neigh flush dev eth0")),
        near_miss=("stale-arp", "no-route"),
    ),
    Experiment(
        name="own-egress-drop",
        title="the source's own netdev egress rule drops it: it never leaves",
        explain=_BY_NAME,
        expected=fails("output-drop", resolution="inventory"),
        set_up=_NGINX,
        break_=_netdev("server1", "egress", "ip daddr", HIP, "tcp dport 80"),
        near_miss=("upstream-drop",),
    ),
    Experiment(
        name="own-ingress-drop",
        title="the target's host's own netdev ingress rule drops it: it does come in",
        explain=_BY_NAME,
        expected=fails("ingress-drop", resolution="inventory"),
        set_up=_NGINX,
        break_=_netdev("server2", "ingress", "ip daddr", HIP, "tcp dport 80"),
        near_miss=("upstream-drop", "ip-forward-off"),
    ),
    Experiment(
        name="wrong-mac-on-lan",
        title="the source's frames carry a MAC that nobody there has: they need not come in",
        explain=_BY_NAME,
        expected=fails("stale-arp", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server1", f"ip neigh replace {HIP} lladdr 02:42:c0:a8:03:99 dev eth0 nud permanent"),
        near_miss=("upstream-drop",),
    ),
    Experiment(
        name="beyond-unknown-router",
        title="the way out leads over a router that no inventory knows, and nothing comes back",
        explain=_OUT,
        expected=fails("beyond-this-host", path="masquerade"),
        set_up=client(),
        break_=(*_GHOST, *on("server2", f"ip route replace 203.0.113.0/24 via {_UNKNOWN}")),
        near_miss=("upstream-drop", "missing-return-route", "ip-forward-off"),
    ),
)
FORWARDING: Final = (*_SWITCH, *_SWITCH6, *_WAY_BACK, *_WIRE)
