"""Rules as firewall managers and their users write them: ufw, ufw-docker, libvirt, and lists of what DOCKER-USER lets in."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import Expected, Experiment, Step, client, fails, on, start, works

_OUT: Final = ("203.0.113.10:80", "--from", "client@server2", "--timeout", "2")
_LAN: Final = ("web:80", "--from", "server1", "--timeout", "2")
_FAR: Final = ("web:80", "--from", "outside", "--timeout", "2")
_CLIENT: Final = client()
_WEB: Final = start("web", "nginx", options="-p 8081:80", port=80)
_GATEWAY: Final = on("server2", "ip route del 203.0.113.0/24", "ip route add default via 192.168.3.1")
_FAR_CLIENT: Final = on("outside", "ip route add 192.168.3.202/32 dev eth0 src 203.0.113.10")
_MASQUERADE: Final = works("masquerade")
_DNAT: Final = Expected(verdict="works", path="dnat", resolution="inventory")


def _iptables(*rules: str) -> tuple[Step, ...]:
    return on("server2", *(f"iptables {rule}" for rule in rules))


# As ufw-docker writes them: private sources return, what begins a connection to a container is denied.
_UFW_DOCKER: Final = _iptables(
    "-N ufw-user-forward",
    "-N ufw-docker-logging-deny",
    "-F DOCKER-USER",
    "-A DOCKER-USER -j ufw-user-forward",
    "-A DOCKER-USER -s 192.168.0.0/16 -j RETURN",
    "-A DOCKER-USER -d 172.16.0.0/12 -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ufw-docker-logging-deny",
    "-A DOCKER-USER -j RETURN",
    "-A ufw-docker-logging-deny -j DROP",
)
_UFW_REJECTS: Final = _iptables(
    "-N ufw-before-forward",
    "-N ufw-reject-forward",
    "-N ufw-user-forward",
    "-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A ufw-before-forward -j ufw-user-forward",
    "-A ufw-reject-forward -j REJECT --reject-with icmp-port-unreachable",
    "-I FORWARD 1 -j ufw-before-forward",
    "-I FORWARD 2 -j ufw-reject-forward",
)
_UFW: Final = (
    Experiment(
        name="docker-user-drop-ufw",
        title="ufw-docker's rules, and ufw allows the published port: the chain sees the container's own",
        explain=_FAR,
        expected=fails("docker-user-drop", resolution="inventory"),
        set_up=(*_WEB, *_GATEWAY, *_FAR_CLIENT),
        break_=(*_UFW_DOCKER, *_iptables("-A ufw-user-forward -p tcp -m tcp --dport 8081 -j ACCEPT")),
        near_miss=("forward-drop", "upstream-drop"),
    ),
    Experiment(
        name="docker-user-ufw-allows",
        title="the same with the container's own port allowed",
        explain=_FAR,
        expected=_DNAT,
        set_up=(*_WEB, *_GATEWAY, *_FAR_CLIENT),
        break_=(*_UFW_DOCKER, *_iptables("-A ufw-user-forward -p tcp -m tcp --dport 80 -j ACCEPT")),
        near_miss=("docker-user-drop",),
    ),
    Experiment(
        name="forward-drop-ufw",
        title="ufw's forward policy REJECT is a rule before Docker's: a container has no way out",
        explain=_OUT,
        expected=fails("forward-drop"),
        set_up=_CLIENT,
        break_=_UFW_REJECTS,
        near_miss=("docker-user-drop", "masquerade-missing", "upstream-drop"),
    ),
    Experiment(
        name="forward-drop-ufw-published",
        title="the same, and a published port",
        explain=_LAN,
        expected=fails("forward-drop", resolution="inventory"),
        set_up=_WEB,
        break_=_UFW_REJECTS,
        near_miss=("docker-user-drop", "app-not-listening"),
    ),
    Experiment(
        name="forward-ufw-lets-in",
        title="the same where ufw routes what is for the container's port",
        explain=_LAN,
        expected=_DNAT,
        set_up=_WEB,
        break_=(*_UFW_REJECTS, *_iptables("-A ufw-user-forward -d 172.17.0.2 -p tcp -m tcp --dport 80 -j ACCEPT")),
        near_miss=("forward-drop",),
    ),
    Experiment(
        name="forward-ufw-routes",
        title="the same where ufw routes what the containers send",
        explain=_OUT,
        expected=_MASQUERADE,
        set_up=_CLIENT,
        break_=(*_UFW_REJECTS, *_iptables("-A ufw-user-forward -i docker0 -o eth0 -j ACCEPT")),
        near_miss=("forward-drop",),
    ),
)

_LAN_ALONE: Final = ("-I DOCKER-USER -i eth0 -j DROP", "-I DOCKER-USER -i eth0 -s 192.168.3.0/24 -j RETURN")
_ANSWERS: Final = (
    Experiment(
        name="docker-user-drop-answers",
        title="DOCKER-USER lets in the LAN alone, and has no rule for established connections: the answers from outside are dropped",
        explain=_OUT,
        expected=fails("docker-user-drop", path="masquerade"),
        set_up=(*_CLIENT, *_GATEWAY),
        break_=_iptables(*_LAN_ALONE),
        near_miss=("forward-drop", "upstream-drop", "missing-return-route"),
    ),
    Experiment(
        name="docker-user-established",
        title="the same with a rule for established connections before it",
        explain=_OUT,
        expected=_MASQUERADE,
        set_up=(*_CLIENT, *_GATEWAY),
        break_=_iptables(*_LAN_ALONE, "-I DOCKER-USER -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"),
        near_miss=("docker-user-drop",),
    ),
)

# The router host stands for a virtual machine: its eth1 and server2's, which becomes a port of virbr0, are its wire.
_GUEST: Final = (
    *on(
        "server2",
        "ip link add virbr0 type bridge",
        "ip addr add 192.168.122.1/24 dev virbr0",
        "ip link set virbr0 up",
        "ip link set eth1 master virbr0",
    ),
    *on(
        "router",
        "ip addr add 192.168.122.50/24 dev eth1",
        "ip route add 203.0.113.10/32 via 192.168.122.1 dev eth1",
    ),
)
_LIBVIRT: Final = on(
    "server2",
    "nft add table ip libvirt_network",
    "nft add chain ip libvirt_network guest_output",
    "nft add rule ip libvirt_network guest_output ip saddr 192.168.122.0/24 iif virbr0 counter accept",
    "nft add chain ip libvirt_network guest_input",
    "nft add rule ip libvirt_network guest_input oif virbr0 ip daddr 192.168.122.0/24 ct state established,related counter accept",
    "nft add chain ip libvirt_network forward '{ type filter hook forward priority filter; policy accept; }'",
    "nft add rule ip libvirt_network forward jump guest_input",
    "nft add rule ip libvirt_network forward jump guest_output",
    "nft add chain ip libvirt_network guest_nat '{ type nat hook postrouting priority srcnat; policy accept; }'",
    "nft add rule ip libvirt_network guest_nat ip saddr 192.168.122.0/24 ip daddr != 192.168.122.0/24 masquerade",
)
_FROM_GUEST: Final = ("203.0.113.10:80", "--from", "router", "--timeout", "2")
_GUESTS: Final = (
    Experiment(
        name="forward-drop-libvirt",
        title="a virtual machine behind virbr0: libvirt's table accepts what it sends, and Docker's FORWARD policy drops it",
        explain=_FROM_GUEST,
        expected=fails("forward-drop"),
        set_up=_GUEST,
        break_=_LIBVIRT,
        near_miss=("upstream-drop", "ip-forward-off", "masquerade-missing"),
    ),
    Experiment(
        name="forward-libvirt-let-through",
        title="the same where DOCKER-USER lets virbr0 through, both ways",
        explain=_FROM_GUEST,
        expected=_MASQUERADE,
        set_up=_GUEST,
        break_=(
            *_LIBVIRT,
            *_iptables(
                "-I DOCKER-USER -i virbr0 -j ACCEPT",
                "-I DOCKER-USER -o virbr0 -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
            ),
        ),
        near_miss=("forward-drop",),
    ),
)

MANAGERS: Final = (*_UFW, *_ANSWERS, *_GUESTS)
