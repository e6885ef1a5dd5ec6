"""Firewalls as programs of the distribution make them: ufw, firewalld, fail2ban, each by its own commands; and what they do to the engine's rules.

The remedy of each is carried out as the report prints it, by the program itself.
"""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import (
    HIP,
    Experiment,
    Firewall,
    Step,
    WaitPort,
    client,
    fails,
    on,
    start,
    works,
)

_BY_ADDRESS = (f"{HIP}:80", "--from", "server1", "--timeout", "2")
_BY_NAME = ("demo:80", "--from", "server1", "--timeout", "2")
_FROM_INSIDE = (f"{HIP}:80", "--from", "client@server2", "--timeout", "2")
_OUT = ("203.0.113.10:80", "--from", "client@server2", "--timeout", "2")
_DIRECT = ("172.27.0.2:80", "--from", "server1", "--timeout", "2")
_NGINX: Final = start("demo", "nginx", options="-p 80:80", port=80)
_PUBLISHED: Final[tuple[Step, ...]] = (*_NGINX, *client())
_HOST_APP: Final[tuple[Step, ...]] = (
    *start("web", "nginx", options="--network host"),
    WaitPort(host="server2", container="web", port=80),
    *client(),
)
_UNPUBLISHED: Final[tuple[Step, ...]] = (
    *on("server2", "docker network create --subnet 172.27.0.0/24 direct"),
    *start("demo", "nginx", options="--network direct", port=80),
    *on("server1", f"ip route add 172.27.0.0/24 via {HIP}"),
)
_V6 = "2001:db8:9::"
_V6_APP: Final[tuple[Step, ...]] = (
    *on("server1", f"ip -6 addr add {_V6}1/64 dev eth0 nodad"),
    *on("server2", f"ip -6 addr add {_V6}2/64 dev eth0 nodad"),
    *start("web", "busybox", options="--network host", command="httpd -f -p [::]:8080 -h /etc"),
    WaitPort(host="server2", container="web", port=8080),
)
_V6_ASKED = (f"[{_V6}2]:8080", "--from", "server1", "--timeout", "2")


def _ufw(*rules: str, forward: str = "DROP", builtins: str = "no") -> tuple[Step, ...]:
    """``ufw enable`` on server2 as Debian configures it, and some commands of it; IPT_SYSCTL would change settings of the lab for good."""
    text = (
        'IPV6=yes\nDEFAULT_INPUT_POLICY="DROP"\nDEFAULT_OUTPUT_POLICY="ACCEPT"\n'
        f'DEFAULT_FORWARD_POLICY="{forward}"\nDEFAULT_APPLICATION_POLICY="SKIP"\nMANAGE_BUILTINS={builtins}\n'
        'IPT_SYSCTL=\nIPT_MODULES=""\n'
    )
    started = Firewall(host="server2", program="ufw", files=(("/etc/default/ufw", text),))
    return (started, *on("server2", *(f"ufw {rule}" for rule in rules)))


def _firewalld(*commands: str, backend: str = "nftables") -> tuple[Step, ...]:
    """Firewalld on server2 as Debian configures it, and some commands of it."""
    text = (
        f"DefaultZone=public\nCleanupOnExit=yes\nIPv6_rpfilter=yes\nFirewallBackend={backend}\nFlushAllOnReload=yes\n"
    )
    started = Firewall(host="server2", program="firewalld", files=(("/etc/firewalld/firewalld.conf", text),))
    return (started, *on("server2", *(f"firewall-cmd {command}" for command in commands)))


def _fail2ban(action: str, *banned: str) -> tuple[Step, ...]:
    """Fail2ban on server2 with one jail, ``web``, that bans by one of its actions; and whom it has banned."""
    jail = (
        "[DEFAULT]\n[sshd]\nenabled = false\n"
        "[web]\nenabled = true\nbackend = polling\nlogpath = /run/web.log\nfilter =\nfailregex = ^no <HOST>$\n"
        f"port = 80\naction = {action}\n"
    )
    own = "[Definition]\ndbfile = None\nlogtarget = /run/fail2ban.log\n"
    files = (("/etc/fail2ban/jail.local", jail), ("/etc/fail2ban/fail2ban.local", own), ("/run/web.log", ""))
    started = Firewall(host="server2", program="fail2ban", files=files)
    return (started, *on("server2", *(f"fail2ban-client set web banip {each}" for each in banned)))


# A published port, a client beyond the LAN, and the rules of ufw-docker.
_FAR: Final = (
    *start("demo", "nginx", options="-p 8081:80", port=80),
    *on("server2", "ip route del 203.0.113.0/24", "ip route add default via 192.168.3.1"),
    *on("outside", "ip route add 192.168.3.202/32 dev eth0 src 203.0.113.10"),
)
_UFW_DOCKER: Final = on(
    "server2",
    "iptables -N ufw-docker-logging-deny",
    "iptables -A ufw-docker-logging-deny -j DROP",
    "iptables -F DOCKER-USER",
    "iptables -A DOCKER-USER -j ufw-user-forward",
    "iptables -A DOCKER-USER -s 192.168.0.0/16 -j RETURN",
    "iptables -A DOCKER-USER -d 172.16.0.0/12 -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ufw-docker-logging-deny",
    "iptables -A DOCKER-USER -j RETURN",
)

_KNOWN: Final = (*_firewalld(), *on("server2", "systemctl restart docker"), *_PUBLISHED)
# Docker begins when firewalld says that it has reloaded, and takes seconds on a busy machine; this rule, of a published port, is its last.
_LAST = "iptables -t nat -C POSTROUTING -s 172.17.0.2 -d 172.17.0.2 -p tcp --dport 80 -j MASQUERADE"
_WRITTEN_AGAIN = f"timeout 60 sh -c 'until {_LAST}; do sleep 0.05; done'"
_INPUT_BAN = "iptables[type=multiport, name=web, port=80, protocol=tcp, chain=INPUT]"
_USER_BAN = "iptables[type=multiport, name=web, port=80, protocol=tcp, chain=DOCKER-USER]"
_NFT_BAN = "nftables[type=multiport, name=web, port=80, protocol=tcp]"
_NFT_FORWARD_BAN = "nftables[type=allports, name=web, protocol=tcp, chain=f2b-forward, chain_hook=forward]"

_UFW: Final = (
    Experiment(
        name="ufw-input",
        title="ufw, enabled as it comes: a service of the host itself is not let in",
        explain=_BY_ADDRESS,
        expected=fails("input-drop"),
        set_up=_HOST_APP,
        break_=_ufw("allow 22/tcp"),
        near_miss=("forward-drop", "docker-user-drop", "port-closed"),
    ),
    Experiment(
        name="ufw-input-allowed",
        title="the same with the port allowed",
        explain=_BY_ADDRESS,
        expected=works("local"),
        set_up=_HOST_APP,
        break_=_ufw("allow 80/tcp"),
        near_miss=("input-drop",),
    ),
    Experiment(
        name="ufw-input-denied-address",
        title="ufw denies one address before it allows the port",
        explain=_BY_ADDRESS,
        expected=fails("input-drop"),
        set_up=_HOST_APP,
        break_=_ufw("deny from 192.168.3.201", "allow 80/tcp"),
        near_miss=("forward-drop", "port-closed"),
    ),
    Experiment(
        name="ufw-input-v6",
        title="ufw, and a service of the host itself that is dialled by IPv6",
        explain=_V6_ASKED,
        expected=fails("input-drop"),
        set_up=_V6_APP,
        break_=_ufw("allow 22/tcp"),
        near_miss=("forward-drop", "port-closed"),
    ),
    Experiment(
        name="ufw-container-to-host",
        title="ufw, and a container that dials its own host",
        explain=_FROM_INSIDE,
        expected=fails("input-firewall-container-to-host"),
        set_up=_HOST_APP,
        break_=_ufw("allow from 192.168.3.0/24 to any port 80 proto tcp"),
        near_miss=("input-drop", "forward-drop", "port-closed"),
    ),
    Experiment(
        name="ufw-published",
        title="ufw does not know the published port, and DNAT takes it past INPUT",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory", findings=("firewall-bypassed",)),
        set_up=_PUBLISHED,
        break_=_ufw("allow 22/tcp"),
        near_miss=("input-drop", "forward-drop"),
    ),
    Experiment(
        name="ufw-route",
        title="ufw forwards nothing: a container's own address, dialled by a route to its host",
        explain=_DIRECT,
        expected=fails("forward-drop"),
        set_up=_UNPUBLISHED,
        break_=_ufw("allow 22/tcp"),
        near_miss=("input-drop", "no-route"),
    ),
    Experiment(
        name="ufw-route-allowed",
        title="the same with a rule of ufw's that lets it through",
        explain=_DIRECT,
        expected=works("routed"),
        set_up=_UNPUBLISHED,
        break_=_ufw("route allow proto tcp from any to 172.27.0.2 port 80"),
        near_miss=("forward-drop", "input-drop"),
    ),
    Experiment(
        name="ufw-forward-reject",
        title="ufw rejects what it does not forward, and its chains stand before Docker's: containers have no way out",
        explain=_OUT,
        expected=fails("forward-drop"),
        set_up=_PUBLISHED,
        break_=(
            *_ufw("allow 22/tcp", forward="REJECT"),
            *on(
                "server2", "iptables -I FORWARD 1 -j ufw-before-forward", "iptables -I FORWARD 2 -j ufw-reject-forward"
            ),
        ),
        near_miss=("docker-user-drop", "masquerade-missing"),
    ),
    Experiment(
        name="ufw-docker",
        title="ufw with ufw-docker's rules: the published port is allowed, and the chain sees the container's own",
        explain=("demo:80", "--from", "outside", "--timeout", "2"),
        expected=fails("docker-user-drop", resolution="inventory"),
        set_up=_FAR,
        break_=(*_ufw("allow 22/tcp", "route allow proto tcp from any to any port 8081"), *_UFW_DOCKER),
        near_miss=("forward-drop", "input-drop", "upstream-drop"),
    ),
    Experiment(
        name="ufw-docker-allowed",
        title="the same with the container's own port allowed",
        explain=("demo:80", "--from", "outside", "--timeout", "2"),
        expected=works("dnat", resolution="inventory", findings=("firewall-bypassed",)),
        set_up=_FAR,
        break_=(*_ufw("allow 22/tcp", "route allow proto tcp from any to any port 80"), *_UFW_DOCKER),
        near_miss=("docker-user-drop",),
    ),
    Experiment(
        name="ufw-outgoing",
        title="ufw lets nothing out but names: the host itself dials the outside",
        explain=("203.0.113.10:80", "--from", "server2", "--timeout", "2"),
        expected=fails("output-drop"),
        set_up=(),
        break_=_ufw("default deny outgoing", "allow out 53"),
        near_miss=("no-route", "upstream-drop"),
    ),
    Experiment(
        name="ufw-outgoing-proxy",
        title="the same policy, and localhost's docker-proxy cannot dial the container",
        explain=("127.0.0.1:80", "--from", "server2", "--timeout", "2"),
        expected=fails("output-drop"),
        set_up=_NGINX,
        break_=_ufw("default deny outgoing", "allow out 53"),
        near_miss=("app-not-listening", "port-owned-by-host"),
    ),
    Experiment(
        name="ufw-reload",
        title="ufw reload: Docker's rules stay, a container's way out is open",
        explain=_OUT,
        expected=works("masquerade"),
        set_up=_PUBLISHED,
        break_=_ufw("allow 22/tcp", "reload"),
        near_miss=("rules-flushed", "forward-drop"),
    ),
    Experiment(
        name="ufw-disable",
        title="ufw disable: Docker's rules stay, the published port works by DNAT",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory"),
        set_up=_PUBLISHED,
        break_=_ufw("allow 22/tcp", "disable"),
        near_miss=("rules-flushed", "firewall-bypassed"),
    ),
    Experiment(
        name="ufw-builtins",
        title="ufw with MANAGE_BUILTINS=yes flushes what Docker wrote: containers have no way out",
        explain=_OUT,
        expected=fails("rules-flushed"),
        set_up=_PUBLISHED,
        break_=_ufw("allow 22/tcp", builtins="yes"),
        near_miss=("forward-drop", "masquerade-missing"),
    ),
)

_FIREWALLD: Final = (
    Experiment(
        name="firewalld-input",
        title="firewalld, as it comes: a service of the host itself is not in the zone",
        explain=_BY_ADDRESS,
        expected=fails("input-drop"),
        set_up=_HOST_APP,
        break_=_firewalld(),
        near_miss=("forward-drop", "port-closed", "no-route"),
    ),
    Experiment(
        name="firewalld-input-allowed",
        title="the same with the port in the zone",
        explain=_BY_ADDRESS,
        expected=works("local"),
        set_up=_HOST_APP,
        break_=_firewalld("--zone=public --add-port=80/tcp"),
        near_miss=("input-drop",),
    ),
    Experiment(
        name="firewalld-input-iptables",
        title="firewalld with its iptables backend: a service of the host itself is not in the zone of its interface",
        explain=_BY_ADDRESS,
        expected=fails("input-drop"),
        set_up=_HOST_APP,
        break_=_firewalld("--zone=dmz --change-interface=eth0", backend="iptables"),
        near_miss=("forward-drop", "port-closed"),
    ),
    Experiment(
        name="firewalld-rich-rule",
        title="a rich rule of firewalld's denies one address the port that its zone has",
        explain=_BY_ADDRESS,
        expected=fails("input-drop"),
        set_up=_HOST_APP,
        break_=_firewalld(
            "--zone=public --add-port=80/tcp",
            '--zone=public --add-rich-rule=\'rule family="ipv4" source address="192.168.3.201" drop\'',
        ),
        near_miss=("forward-drop", "port-closed"),
    ),
    Experiment(
        name="firewalld-input-v6",
        title="firewalld, and a service of the host itself that is dialled by IPv6",
        explain=_V6_ASKED,
        expected=fails("input-drop"),
        set_up=_V6_APP,
        break_=_firewalld(),
        near_miss=("forward-drop", "port-closed"),
    ),
    Experiment(
        name="firewalld-container-to-host",
        title="firewalld, and a container that dials its own host",
        explain=_FROM_INSIDE,
        expected=fails("input-firewall-container-to-host"),
        set_up=_HOST_APP,
        break_=_firewalld(),
        near_miss=("input-drop", "forward-drop"),
    ),
    Experiment(
        name="firewalld-flushed",
        title="firewalld started after Docker and flushed iptables: the published port ends at INPUT",
        explain=_BY_NAME,
        expected=fails("rules-flushed", resolution="inventory", findings=("dnat-missing",)),
        set_up=_PUBLISHED,
        break_=_firewalld(),
        near_miss=("input-drop", "forward-drop"),
    ),
    Experiment(
        name="firewalld-flushed-out",
        title="the same, and a container's way out",
        explain=_OUT,
        expected=fails("rules-flushed"),
        set_up=_PUBLISHED,
        break_=_firewalld(),
        near_miss=("forward-drop", "masquerade-missing"),
    ),
    Experiment(
        name="firewalld-forward",
        title="firewalld started after Docker, whose rules are there again: its bridges are in no zone, and firewalld lets containers nowhere",
        explain=_OUT,
        expected=fails("forward-drop"),
        set_up=_PUBLISHED,
        break_=(
            *on("server2", "sh -c 'iptables-save > /run/rules'"),
            *_firewalld(),
            *on("server2", "iptables-restore /run/rules"),
        ),
        near_miss=("rules-flushed", "docker-user-drop", "masquerade-missing"),
    ),
    Experiment(
        name="firewalld-zone",
        title="Docker's bridge was moved out of Docker's zone of firewalld: containers have no way out",
        explain=_OUT,
        expected=fails("forward-drop"),
        set_up=_KNOWN,
        break_=on("server2", "firewall-cmd --zone=public --change-interface=docker0"),
        near_miss=("rules-flushed", "docker-user-drop", "masquerade-missing"),
    ),
    Experiment(
        name="firewalld-known",
        title="firewalld runs when Docker starts: Docker has it put its bridges into a zone, and writes its rules again after a reload",
        explain=_OUT,
        expected=works("masquerade"),
        set_up=_KNOWN,
        break_=on("server2", "firewall-cmd --reload", _WRITTEN_AGAIN),
        near_miss=("rules-flushed", "forward-drop"),
    ),
)

_FAIL2BAN: Final = (
    Experiment(
        name="fail2ban-input",
        title="fail2ban banned the client at a port of the host itself",
        explain=_BY_ADDRESS,
        expected=fails("input-drop"),
        set_up=_HOST_APP,
        break_=_fail2ban(_INPUT_BAN, "198.51.100.7", "192.168.3.201"),
        near_miss=("forward-drop", "port-closed"),
    ),
    Experiment(
        name="fail2ban-input-others",
        title="the same jail has banned others",
        explain=_BY_ADDRESS,
        expected=works("local"),
        set_up=_HOST_APP,
        break_=_fail2ban(_INPUT_BAN, "198.51.100.7"),
        near_miss=("input-drop",),
    ),
    Experiment(
        name="fail2ban-docker-user",
        title="fail2ban bans in DOCKER-USER: the client is banned at a container's port",
        explain=_BY_NAME,
        expected=fails("docker-user-drop", resolution="inventory"),
        set_up=_PUBLISHED,
        break_=_fail2ban(_USER_BAN, "198.51.100.7", "192.168.3.201"),
        near_miss=("forward-drop", "input-drop"),
    ),
    Experiment(
        name="fail2ban-network",
        title="the same jail has banned the client's whole network",
        explain=_BY_NAME,
        expected=fails("docker-user-drop", resolution="inventory"),
        set_up=_PUBLISHED,
        break_=_fail2ban(_USER_BAN, "192.168.3.0/24"),
        near_miss=("forward-drop", "input-drop"),
    ),
    Experiment(
        name="fail2ban-nft",
        title="fail2ban bans by a set of nftables': the client is in it, at a port of the host itself",
        explain=_BY_ADDRESS,
        expected=fails("input-drop"),
        set_up=_HOST_APP,
        break_=_fail2ban(_NFT_BAN, "198.51.100.7", "192.168.3.201"),
        near_miss=("forward-drop", "port-closed"),
    ),
    Experiment(
        name="fail2ban-nft-forward",
        title="the same in a forward chain: the client is banned at a container's port",
        explain=_BY_NAME,
        expected=fails("forward-drop", resolution="inventory"),
        set_up=_PUBLISHED,
        break_=_fail2ban(_NFT_FORWARD_BAN, "198.51.100.7", "192.168.3.201"),
        near_miss=("docker-user-drop", "input-drop"),
    ),
)

OWNERS: Final = (*_UFW, *_FIREWALLD, *_FAIL2BAN)
