"""Situations of public bug reports in other forms: the address is a neighbour's, the link itself is narrow, the runs are short.

Sources: see `sources`.
"""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import (
    Experiment,
    Inside,
    Run,
    Step,
    WaitPort,
    client,
    fails,
    lossy,
    on,
    start,
    works,
)

_OUT: Final = ("203.0.113.10:80", "--from", "client@server2", "--timeout", "2")
_SOURCE: Final = (
    Experiment(
        name="snat-another-address",
        title="an SNAT rule for a Docker network names the address of another machine: the answers go there",
        explain=_OUT,
        expected=fails("snat-wrong-address", path="masquerade"),
        set_up=client(),
        break_=on(
            "server2", "iptables -t nat -I POSTROUTING -s 172.17.0.0/16 -o eth0 -j SNAT --to-source 192.168.3.201"
        ),
        near_miss=("upstream-drop", "answer-other-way", "masquerade-missing"),
    ),
)

_PAGE: Final = (
    *start("demo", "nginx", options="-p 80:80", port=80),
    Run(
        host="server2",
        command="docker exec demo sh -c 'head -c 3000 /dev/zero | tr \"\\0\" x > /usr/share/nginx/html/big.html'",
    ),
)
#: A link takes what offloading joined whole: without that, each frame is held against its MTU, as on a real one.
_NARROW: Final = (
    *on("wires", "ip link set lan-server1 mtu 1400"),
    Inside(host="server2", container="demo", command="ip link set dev eth0 gso_max_segs 1"),
)
_LINK: Final = (
    Experiment(
        name="mtu-blackhole-link",
        title="the link to the client's host has an MTU of 1400, and a switch sends no ICMP: a large answer never comes",
        explain=("http://192.168.3.202:80/big.html", "--from", "server1", "--timeout", "3"),
        expected=fails("mtu-blackhole", path="dnat"),
        set_up=_PAGE,
        break_=_NARROW,
        near_miss=("upstream-drop", "app-silent", "prediction-differs"),
    ),
    Experiment(
        name="mtu-link-small",
        title="the same link, and a question that fits",
        explain=("demo:80", "--from", "server1", "--timeout", "3"),
        expected=works("dnat", resolution="inventory"),
        set_up=_PAGE,
        break_=_NARROW,
        near_miss=("mtu-blackhole",),
    ),
)
_PROXIED: Final = (
    Experiment(
        name="mtu-blackhole-proxied",
        title="a link that takes 1400 bytes, and a large request by IPv6 to a port that docker-proxy carries: the connection ends at the host, which forwards nothing of it",
        explain=("http://[fd00:3::202]:8080/", "--from", "server1", "--size", "1500", "--timeout", "2"),
        expected=fails("mtu-blackhole"),
        set_up=(
            *on("server1", "ip addr add fd00:3::201/64 dev eth0 nodad"),
            *on("server2", "ip addr add fd00:3::202/64 dev eth0 nodad"),
            *start("web", "busybox", options="-p 8080:80", command="httpd -f -p 80 -h /etc", port=80),
        ),
        break_=lossy("'ip6 length > 1360'"),
        near_miss=("upstream-drop", "app-silent"),
    ),
)

_CODE: Final = "dns-alias-collision"


def _two_projects(alias: str) -> tuple[Step, ...]:
    """Two projects with a network in common, as its names tell; the other project's db is there by an alias."""
    return (
        *on(
            "server2",
            "docker network create --subnet 172.28.9.0/24 shared",
            "docker network create --subnet 172.28.1.0/24 one_default",
        ),
        Run(host="server2", command="docker run -d --name one-db-1 --network one_default --network-alias db nginx"),
        *on("server2", "docker network connect --alias db --alias one-db shared one-db-1"),
        WaitPort(host="server2", container="one-db-1", port=80),
        Run(
            host="server2",
            command=f"docker run -d --name two-db-1 --network shared {alias} --network-alias two-db busybox sleep 1000000",
        ),
        Run(host="server2", command="docker run -d --name one-app-1 --network shared busybox sleep 1000000"),
    )


_DB: Final = ("db:80", "--from", "one-app-1@server2")
_OURS: Final = works("bridge", resolution="embedded-dns", findings=(_CODE,))
_PROJECTS: Final = (
    Experiment(
        name="dns-alias-collision-shared",
        title="two projects share a network, one has another of its own, and both have a service db: the other project's was given",
        explain=_DB,
        expected=fails(_CODE, path="bridge", resolution="embedded-dns"),
        chance=_OURS,
        set_up=_two_projects("--network-alias db"),
        near_miss=("app-not-listening",),
    ),
    Experiment(
        name="dns-alias-shared-apart",
        title="the same where the other project's has a name of its own there",
        explain=_DB,
        expected=works("bridge", resolution="embedded-dns"),
        set_up=_two_projects(""),
        near_miss=(_CODE,),
    ),
)

_FAR: Final = ("--from", "outside", "--timeout", "3")
_UPLINKS: Final = (
    *on(
        "server2",
        "ip route del 203.0.113.0/24",
        "ip addr add 198.51.100.2/24 dev eth1",
        "ip neigh add 198.51.100.1 lladdr 02:00:5e:00:53:01 dev eth1 nud permanent",
        "ip route add default via 198.51.100.1 dev eth1",
        "ip route add default via 192.168.3.1 dev eth0 table 100",
        "ip rule add from 192.168.3.202 lookup 100",
    ),
    *on("outside", "ip route add 192.168.3.202/32 dev eth0 src 203.0.113.10"),
)
_HOSTED: Final = (
    *start("hosted", "busybox", options="--network host", command="httpd -f -p 9000 -h /etc"),
    WaitPort(host="server2", container="hosted", port=9000),
)
_BY_UPLINK: Final = (
    Experiment(
        name="answer-uplink-own",
        title="two uplinks and a rule for the first one's address: what a process of the host answers has that address, and goes back by it",
        explain=("192.168.3.202:9000", *_FAR),
        expected=works("local"),
        set_up=_HOSTED,
        break_=_UPLINKS,
        near_miss=("answer-other-way",),
    ),
    Experiment(
        name="answer-uplink-marked",
        title="the same, and what came in by the first is answered by it (CONNMARK): a published port works, too",
        explain=("web:80", *_FAR),
        expected=works("dnat", resolution="inventory"),
        set_up=start("web", "nginx", options="-p 8080:80", port=80),
        break_=(
            *_UPLINKS,
            *on(
                "server2",
                "iptables -t mangle -A PREROUTING -i eth0 -m conntrack --ctstate NEW -j CONNMARK --set-mark 1",
                "iptables -t mangle -A PREROUTING -i docker0 -j CONNMARK --restore-mark",
                "ip rule add fwmark 1 lookup 100",
            ),
        ),
        near_miss=("answer-other-way", "missing-return-route"),
    ),
)

_TWICE: Final = 'docker inspect -f "{{.RestartCount}}" web'
_SHORT: Final = (
    Experiment(
        name="restart-loop-short",
        title="each run of a container lasts two seconds, and it is started again and again",
        explain=("web:80", "--from", "server1"),
        expected=fails("restart-loop", path="dnat", resolution="inventory"),
        chance=fails("restart-loop", resolution="inventory"),  # it waits for its next start
        set_up=(
            *start("web", "busybox", options="--restart always -p 8080:80", command="sh -c 'sleep 2; exit 3'"),
            *on("server2", f"timeout 300 sh -c 'until {_TWICE} | grep -Eq \"^[2-9]\"; do sleep 0.05; done'"),
        ),
        near_miss=("app-not-listening", "app-not-ready", "container-stopped"),
        cure=(
            *on("server2", "docker rm -f web"),
            *start("web", "nginx", options="-p 8080:80", port=80),
        ),
    ),
)

_WEB: Final = start("web", "nginx", options="-p 8080:80", port=80)
_BY_NAME: Final = ("web:80", "--from", "server1", "--timeout", "2")
_BANNED: Final = "nft insert rule ip filter DOCKER-USER ip saddr { 192.168.3.201, 198.51.100.7 } tcp dport 80 reject"
_HOST: Final = (
    *start("hosted", "busybox", options="--network host", command="httpd -f -p 9000 -h /etc"),
    WaitPort(host="server2", container="hosted", port=9000),
)
_BY_NFT: Final = (
    Experiment(
        name="docker-user-drop-nft",
        title="nft wrote a rule with a set into DOCKER-USER: iptables cannot list the table any more, nft does",
        explain=_BY_NAME,
        expected=fails("docker-user-drop", resolution="inventory"),
        set_up=_WEB,
        break_=on("server2", _BANNED),
        near_miss=("rules-flushed", "forward-drop", "prediction-differs"),
    ),
    Experiment(
        name="docker-user-nft-another",
        title="the same with a set that does not hold the client",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory"),
        set_up=_WEB,
        break_=on("server2", _BANNED.replace("192.168.3.201", "192.168.3.9")),
        near_miss=("docker-user-drop", "rules-flushed"),
    ),
    Experiment(
        name="input-drop-nft-ports",
        title="nft wrote a rule with a set of ports into INPUT: iptables lists it without the set",
        explain=("192.168.3.202:9000", "--from", "server1", "--timeout", "2"),
        expected=fails("input-drop"),
        set_up=_HOST,
        break_=on("server2", "nft insert rule ip filter INPUT tcp dport { 9000, 9001 } drop"),
        near_miss=("forward-drop", "port-closed"),
    ),
    Experiment(
        name="input-nft-other-ports",
        title="the same with other ports",
        explain=("192.168.3.202:9000", "--from", "server1", "--timeout", "2"),
        expected=works("local"),
        set_up=_HOST,
        break_=on("server2", "nft insert rule ip filter INPUT tcp dport { 9001, 9002 } drop"),
        near_miss=("input-drop", "prediction-differs"),
    ),
)

VARIED: Final = (*_SOURCE, *_LINK, *_PROXIED, *_PROJECTS, *_BY_UPLINK, *_SHORT, *_BY_NFT)
