"""Situations that public bug reports tell of, rebuilt: a firewall of the host's own, bans, rules by the original port, static NAT.

Sources: ufw-docker#76 and for-linux#1536 (docker0's subnet alone is permitted), compose#9131 (a strict OUTPUT), docker-fail2ban#29, moby#22054 (rules by
the original port), systemd#33414 (IPv6 is not forwarded), moby#12946 (one-to-one NAT).
"""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import Experiment, Step, WaitPort, client, fails, on, settled, start, works

_BY_NAME: Final = ("web:80", "--from", "server1", "--timeout", "2")
_PUBLISHED: Final = start("web", "nginx", options="-p 8080:80", port=80)


def _iptables(*rules: str) -> tuple[Step, ...]:
    return on("server2", *(f"iptables {rule}" for rule in rules))


#: An application of the host's own, and a container on a network of its own that knows the host by docker0's address.
_HOST_GATEWAY: Final = (
    *on("server2", "docker network create --subnet 172.18.0.0/16 apps"),
    *client("app", options="--network apps --add-host host.docker.internal:host-gateway"),
    *start("hosted", "busybox", options="--network host", command="httpd -f -p 3000 -h /etc"),
    WaitPort(host="server2", container="hosted", port=3000),
)
_ANSWERS_IN: Final = ("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-A INPUT -i lo -j ACCEPT")


def _ufw(subnet: str) -> tuple[Step, ...]:
    """A host firewall that lets in port 3000 from one subnet, in the chain that ufw keeps for its users' rules."""
    return _iptables(
        *_ANSWERS_IN,
        "-N ufw-user-input",
        f"-A ufw-user-input -s {subnet} -p tcp -m tcp --dport 3000 -j ACCEPT",
        "-A INPUT -j ufw-user-input",
        "-P INPUT DROP",
    )


_TO_HOST: Final = ("host.docker.internal:3000", "--from", "app@server2", "--timeout", "2")
_OWN_FIREWALL: Final = (
    Experiment(
        name="input-firewall-docker0-only",
        title="the host's firewall permits docker0's subnet, and the container that dials host.docker.internal is on another network",
        explain=_TO_HOST,
        expected=fails("input-firewall-container-to-host", resolution="hosts-file"),
        set_up=_HOST_GATEWAY,
        break_=_ufw("172.17.0.0/16"),
        near_miss=("input-drop", "host-service-loopback", "port-closed", "app-not-listening"),
    ),
    Experiment(
        name="input-firewall-own-subnet",
        title="the same with the container's own subnet permitted",
        explain=_TO_HOST,
        expected=works("local", resolution="hosts-file"),
        set_up=_HOST_GATEWAY,
        break_=_ufw("172.18.0.0/16"),
        near_miss=("input-firewall-container-to-host",),
    ),
    Experiment(
        name="output-policy-own-address",
        title="a strict OUTPUT policy lets lo out: the host dials its own published port, whose DNAT does not change that it leaves by lo",
        explain=("192.168.3.202:8080", "--from", "server2"),
        expected=works("dnat"),
        set_up=_PUBLISHED,
        break_=_iptables(
            "-A OUTPUT -o lo -j ACCEPT",
            "-A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
            "-A OUTPUT -p tcp -m multiport --dports 22,53,443 -j ACCEPT",
            "-P OUTPUT DROP",
        ),
        near_miss=("output-drop",),
    ),
)

_OWN_FIREWALL_UDP: Final = (
    Experiment(
        name="output-drop-proxy-udp",
        title="the same policy and a datagram to localhost: docker-proxy's own to the container is not let out, and nothing comes back",
        explain=("127.0.0.1:5300/udp", "--from", "server2", "--timeout", "2"),
        expected=fails("output-drop"),
        set_up=(
            *start("dns", "busyboxplus", options="-p 5300:53/udp", command="udp-echo 53"),
            WaitPort(host="server2", container="dns", port=53, protocol="udp"),
        ),
        break_=_iptables("-A OUTPUT -o lo -j ACCEPT", "-A OUTPUT -p udp --dport 123 -j ACCEPT", "-P OUTPUT DROP"),
        near_miss=("rule-drop", "app-not-listening", "container-firewall"),
    ),
)

_EGRESS: Final = (
    Experiment(
        name="rule-drop-proxy-answer",
        title="OUTPUT rejects what goes to Docker's subnets: the host of docker-proxy does not even accept another network's container",
        explain=("192.168.3.202:8443", "--from", "client@server2", "--timeout", "2"),
        expected=fails("rule-drop"),
        set_up=(
            *on("server2", "docker network create --subnet 172.18.0.0/16 back"),
            *start("web", "nginx", options="--network back -p 8443:80", port=80),
            *client(),
        ),
        break_=_iptables(
            "-N egress",
            "-A egress -o lo -j RETURN",
            "-A egress -d 172.16.0.0/12 -j REJECT --reject-with icmp-admin-prohibited",
            "-I OUTPUT -j egress",
        ),
        near_miss=("output-drop", "input-firewall-container-to-host", "inter-network"),
    ),
)


def _banned(*addresses: str) -> tuple[Step, ...]:
    """What fail2ban's iptables-multiport action writes, started for DOCKER-USER."""
    return _iptables(
        "-N f2b-web",
        *(f"-A f2b-web -s {address}/32 -j REJECT --reject-with icmp-port-unreachable" for address in addresses),
        "-A f2b-web -j RETURN",
        "-I DOCKER-USER -p tcp -m multiport --dports 0:65535 -j f2b-web",
    )


def _by_original_port(*ports: int) -> tuple[Step, ...]:
    """Rules that know the port that was dialled, behind DNAT; answers are let through before them."""
    match = "-I DOCKER-USER -i eth0 -p tcp -m conntrack --ctorigdstport"
    return _iptables(
        *(f"{match} {port} --ctdir ORIGINAL -j DROP" for port in ports),
        "-I DOCKER-USER -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
    )


_USERS_CHAIN: Final = (
    Experiment(
        name="docker-user-drop-banned",
        title="fail2ban banned the client: its chain is reached from DOCKER-USER",
        explain=_BY_NAME,
        expected=fails("docker-user-drop", resolution="inventory"),
        set_up=_PUBLISHED,
        break_=_banned("198.51.100.7", "192.168.3.201"),
        near_miss=("forward-drop", "port-closed"),
    ),
    Experiment(
        name="docker-user-banned-another",
        title="the same chain without the client",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory"),
        set_up=_PUBLISHED,
        break_=_banned("198.51.100.7"),
        near_miss=("docker-user-drop",),
    ),
    Experiment(
        name="docker-user-drop-original-port",
        title="DOCKER-USER drops by the port that was dialled, before DNAT changed it, and by another one",
        explain=_BY_NAME,
        expected=fails("docker-user-drop", resolution="inventory"),
        set_up=_PUBLISHED,
        break_=_by_original_port(8080, 443),
        near_miss=("forward-drop", "input-drop"),
    ),
    Experiment(
        name="docker-user-original-port-another",
        title="the same for the other port, and for the container's own, which nobody dialled",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory"),
        set_up=_PUBLISHED,
        break_=_by_original_port(80, 443),
        near_miss=("docker-user-drop",),
    ),
)

_VPN_NET: Final = (
    *on("server2", "docker network create --subnet 172.29.0.0/24 -o com.docker.network.bridge.name=br-vpn vpnnet"),
    *client(options="--network vpnnet"),
)
_OUT: Final = ("203.0.113.10:80", "--from", "client@server2", "--timeout", "2")
_SWITCHES: Final = (
    Experiment(
        name="docker-user-drop-kill-switch",
        title="a rule in DOCKER-USER lets a network out by a tunnel alone, which is not up: a kill switch",
        explain=_OUT,
        expected=fails("docker-user-drop"),
        set_up=_VPN_NET,
        break_=_iptables("-I DOCKER-USER -i br-vpn ! -o wg0 -j REJECT --reject-with icmp-admin-prohibited"),
        near_miss=("forward-drop", "no-route"),
    ),
    Experiment(
        name="docker-user-own-uplink",
        title="the same rule for the uplink by which it does leave",
        explain=_OUT,
        expected=works("masquerade"),
        set_up=_VPN_NET,
        break_=_iptables("-I DOCKER-USER -i br-vpn ! -o eth0 -j REJECT --reject-with icmp-admin-prohibited"),
        near_miss=("docker-user-drop",),
    ),
)

#: A container with IPv6 beside IPv4, and a route to it from the LAN.
_SIX: Final = (
    *on("server1", "ip addr add fd00:3::201/64 dev eth0 nodad", "ip -6 route add fd00:5::/64 via fd00:3::202"),
    *on("server2", "ip addr add fd00:3::202/64 dev eth0 nodad"),
    *on("server2", "docker network create --ipv6 --subnet 172.27.0.0/24 --subnet fd00:5::/64 v6"),
    *start("web", "busybox", options="--network v6 -p 8080:80", command="httpd -f -p [::]:80 -h /etc", port=80),
    *settled("web"),
)
_OFF6: Final = on("server2", "sysctl -q -w net.ipv6.conf.all.forwarding=0")
_ON6: Final = on("server2", "sysctl -q -w net.ipv6.conf.all.forwarding=1")
_IPV6: Final = (
    Experiment(
        name="ip-forward-off-v6-in",
        title="IPv4 is forwarded and IPv6 is not: a container's own IPv6 address is dialled from the LAN",
        explain=("[fd00:5::2]:80", "--from", "server1", "--timeout", "2"),
        expected=fails("ip-forward-off"),
        set_up=_SIX,
        break_=_OFF6,
        near_miss=("v6-direct-blocked", "forward-drop", "upstream-drop"),
    ),
    Experiment(
        name="ip-forward-off-v6-out",
        title="the same on the container's way to the LAN",
        explain=("[fd00:3::201]:22", "--from", "web@server2", "--timeout", "2"),
        expected=fails("ip-forward-off"),
        set_up=_SIX,
        break_=_OFF6,
        near_miss=("no-route", "masquerade-missing"),
    ),
    Experiment(
        name="ip-forward-on-v6-in",
        title="the same where IPv6 is forwarded, too",
        explain=("[fd00:5::2]:80", "--from", "server1", "--timeout", "2"),
        expected=works("routed"),
        set_up=_SIX,
        break_=_ON6,
        near_miss=("ip-forward-off",),
    ),
)

_STATIC: Final = (
    *start("web", "busybox", command="httpd -f -p 80 -h /etc", port=80),
    *on("server2", "ip addr add 192.168.3.222/32 dev eth0"),
)
_ONE_TO_ONE: Final = _iptables(
    "-t nat -A PREROUTING -d 192.168.3.222 -j DNAT --to-destination 172.17.0.2",
    "-t nat -I POSTROUTING -s 172.17.0.2 -j SNAT --to-source 192.168.3.222",
)
_STATIC_NAT: Final = (
    Experiment(
        name="forward-drop-static-nat",
        title="one-to-one NAT by hand: FORWARD has no rule for the container, and its policy drops what comes from the LAN",
        explain=("192.168.3.222:80", "--from", "server1", "--timeout", "2"),
        expected=fails("forward-drop"),
        set_up=_STATIC,
        break_=_ONE_TO_ONE,
        near_miss=("hairpin-missing", "foreign-nat", "port-not-published", "snat-wrong-address"),
    ),
    Experiment(
        name="static-nat",
        title="the same with the one port let through",
        explain=("192.168.3.222:80", "--from", "server1", "--timeout", "2"),
        expected=works("dnat"),
        set_up=_STATIC,
        break_=(*_ONE_TO_ONE, *_iptables("-I DOCKER-USER -d 172.17.0.2 -p tcp --dport 80 -j ACCEPT")),
        near_miss=("forward-drop", "foreign-nat"),
    ),
)

REPORTED: Final = (*_OWN_FIREWALL, *_OWN_FIREWALL_UDP, *_EGRESS, *_USERS_CHAIN, *_SWITCHES, *_IPV6, *_STATIC_NAT)
