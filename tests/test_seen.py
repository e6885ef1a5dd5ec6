"""Kinds of known causes on evidence of the lab that no experiment makes: each as it was seen, and with its deciding fact changed.

seen/*.pcapng were saved by ``netprobe explain … --save`` on the lab's hosts; what was set up is said beside each name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from netprobe.evidence.stream.whole import read
from netprobe.pipeline import analyze
from netprobe.report.text import render
from netprobe_lab.edit import edited
from netprobe_lab.experiments.model import Edit
from tests.causes.altered import commands

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence

SEEN = Path(__file__).parent / "seen"


class Seen(NamedTuple):
    """What a file shows: the cause, words of its summary, its first command (``""``: advice alone), and the edit that makes it something else."""

    code: str
    said: str
    command: str
    host: str
    key: str
    pattern: str
    text: str = ""


FILES = {
    # busybox httpd -p 172.28.1.10:8000 in a container that is on another network, too, asked there
    "bound-to-another-address": Seen(
        "app-not-listening", "nothing listens on 172.28.2.2, its tcp port 8000 is bound to 172.28.1.10 only", "",
        "server2", "ns/api/sockets", r"172\.28\.1\.10:8000     0", "0.0.0.0:8000     0",
    ),
    # ip link set vethX down: the target's
    "veth-down": Seen(
        "bridge-address-lost", "is down on server2", "ip link set veth84f556f up",
        "server2", "addr", r'("ifname":"veth84f556f","flags":\["BROADCAST","MULTICAST")', r'\1,"UP","LOWER_UP"',
    ),
    # ip link set br-shop down, asked from the LAN: the bridge's route is gone with it
    "bridge-down-inbound": Seen(
        "bridge-address-lost", "is down on server2", "ip link set br-shop up",
        "server2", "addr", r'("ifname":"br-shop","flags":\["BROADCAST","MULTICAST")', r'\1,"UP","LOWER_UP"',
    ),
    # the same, asked by a container of that network
    "bridge-down-inside": Seen(
        "bridge-address-lost", "is down on server2", "ip link set br-shop up",
        "server2", "addr", r'("ifname":"br-shop","flags":\["BROADCAST","MULTICAST")', r'\1,"UP","LOWER_UP"',
    ),
    # ip addr flush dev eth0 inside the target
    "address-flushed-inside": Seen(
        "bridge-address-lost", "eth0 of web has lost its address 172.18.0.2", "docker restart web",
        "server2", "ns/web/addr", r'"addr_info":\[\]', '"addr_info":[{"family":"inet","local":"172.18.0.2","prefixlen":16,"scope":"global"}]',
    ),
    # server1: iptables -t nat -A PREROUTING -p tcp --dport 8088 -j DNAT --to 192.168.3.202:8080, asked from the same LAN
    "forwarded-past": Seen(
        "answer-other-way", "the answer goes straight to outside, past server1",
        "iptables -t nat -I POSTROUTING -d 192.168.3.202 -p tcp --dport 8080 -j MASQUERADE",
        "server1", "iptables", r"(?m)^(?=\[\d+:\d+\] -A POSTROUTING)", "[0:0] -A POSTROUTING -p tcp -d 192.168.3.202/32 -j MASQUERADE\n",
    ),
    # iptables -t raw -A PREROUTING -s 172.17.0.0/16 ! -d 172.17.0.0/16 -j CT --notrack
    "untracked-egress": Seen(
        "masquerade-condition", "raw/PREROUTING #1 has conntrack leave them out",
        "iptables -t raw -D PREROUTING -s 172.17.0.0/16 ! -d 172.17.0.0/16 -j CT --notrack",
        "server2", "iptables", r"-A PREROUTING -s 172\.17\.0\.0/16 (.*--notrack)", r"-A PREROUTING -s 172.19.0.0/16 \1",
    ),
    "untracked-answer": Seen(
        "foreign-nat", "raw/PREROUTING #1 of server2 keeps conntrack from the answer", "iptables -t raw -I PREROUTING -s 172.17.0.2 -p tcp --sport 80 -j ACCEPT",
        "server2", "iptables", r"-A PREROUTING -s 172\.17\.0\.0/16 (.*--notrack)", r"-A PREROUTING -s 172.19.0.0/16 \1",
    ),
    # ip neigh replace 172.17.0.1 lladdr 02:42:de:ad:be:ef dev eth0 nud permanent inside the source
    "gateway-neighbour": Seen(
        "stale-arp", "sends 172.17.0.1's frames to 02:42:de:ad:be:ef",
        "nsenter -t {pid} -n ip neigh del 172.17.0.1 dev eth0",
        "server2", "ns/client/neigh", r"02:42:de:ad:be:ef", "02:42:b4:a9:92:73",
    ),
    # rp_filter=1; the client's address leads back by the other NIC: not even its ARP request is answered
    "rp-filter-arp": Seen(
        "rp-filter-multihomed", "server2 does not answer the ARP request that comes in by eth1", "sysctl -w net.ipv4.conf.eth1.rp_filter=2",
        "server2", "sysctl", r"(?m)^(net\.ipv4\.conf\.(?:all|eth1)\.rp_filter) = 1$", r"\1 = 0",
    ),
    # iptables -I DOCKER-USER -i docker0 -p tcp --dport 80 -m string --algo bm --string "GET /secret" -j DROP
    "string-match": Seen(
        "docker-user-drop", "the handshake passed, and the client's data (121 bytes, 6 times) reached server2/docker0 and never server2/eth0",
        "iptables -D DOCKER-USER -i docker0 -p tcp -m tcp --dport 80 -m string --string 'GET /secret' --algo bm -j DROP",
        "server2", "iptables", r"--dport 80 -m string", "--dport 81 -m string",
    ),
    # iptables -t nat -I PREROUTING -i docker0 -p udp --dport 53 -j REDIRECT --to-ports 5353
    "dns-redirected": Seen(
        "foreign-nat", "sends the lookup's question for the name server 192.168.3.1:53 to 172.17.0.1:5353, where nothing listens",
        "iptables -t nat -I PREROUTING -d 192.168.3.1 -p udp --dport 53 -j ACCEPT",
        "server2", "iptables", r"-i docker0 -p udp -m udp --dport 53", "-i docker0 -p udp -m udp --dport 54",
    ),
    "dns-redirected-embedded": Seen(
        "foreign-nat", "sends the lookup's question for the name server 192.168.3.1:53 to 192.168.3.202:5353, where nothing listens",
        "iptables -t nat -I PREROUTING -d 192.168.3.1 -p udp --dport 53 -j ACCEPT",
        "server2", "iptables", r"-i br-\+ -p udp -m udp --dport 53", "-i br-+ -p udp -m udp --dport 54",
    ),
    # a second machine of the LAN has server2's address, and its MAC is what server1 learnt
    "address-twice": Seen(
        "stale-arp", "two machines have 192.168.3.202", "ip neigh del 192.168.3.202 dev eth0",
        "server1", "neigh", "02:4e:50:00:00:01", "02:4e:50:00:00:ca",
    ),
    # echo nameserver 203.0.113.10 > /etc/resolv.conf inside the source; nobody answers there
    "resolv-conf-overwritten": Seen(
        "dns-upstream-dead", "shop-app-1's /etc/resolv.conf names 203.0.113.10 in place of Docker's 127.0.0.11", "docker restart shop-app-1",
        "server2", "ns/shop-app-1/resolv-conf", r"203\.0\.113\.10", "127.0.0.11",
    ),
    # what kube-proxy writes for a service that has no pods
    "no-endpoints": Seen(
        "forward-drop", "filter/KUBE-SERVICES #1 of server2 rejected it", "",
        "server2", "iptables", r"-d 10\.96\.0\.10/32", "-d 10.96.0.11/32",
    ),
    # the port's DNAT rule deleted, and iptables -A OUTPUT -o eth0 -p tcp --sport 8081 -j DROP: docker-proxy never dials
    "proxy-syn-ack-dropped": Seen(
        "rule-drop", "filter/OUTPUT #1 of server2 drops what it answers (counter 8 → 17)", "iptables -D OUTPUT -o eth0 -p tcp -m tcp --sport 8081 -j DROP",
        "server2", "iptables", r"--sport 8081", "--sport 8082",
    ),
    # -p 127.0.0.1:8080:80, and a server of the host's own on its LAN address
    "published-beside-the-host": Seen(
        "publish-loopback-only", "192.168.3.202:8080 is server2's own python3, which answered", "",
        "server2", "containers", "127\\.0\\.0\\.1", "192.168.3.202",
    ),
    # a full tunnel inside the target, which answers from a socket bound to every address: no source to route by
    "udp-answer-inside": Seen(
        "answer-other-way", "and the answer leaves by wg0: routing rule 32765 (not from all fwmark 0xca6c) asks table 51820",
        "nsenter -t {pid} -n ip route add default via 172.26.0.1 dev eth0 table 1001",
        "server2", "ns/torrent/rule", r'"table":"51820"', '"table":"main"',
    ),
}  # fmt: skip


def seen(name: str) -> Evidence:
    return read((SEEN / f"{name}.pcapng").read_bytes())


def test_every_file_is_asked() -> None:
    assert {path.stem for path in SEEN.glob("*.pcapng")} == FILES.keys()


@pytest.mark.parametrize("name", FILES)
def test_it_is_named_with_what_mends_it(name: str) -> None:
    wanted = FILES[name]
    report = analyze(seen(name))
    assert report.cause is not None
    assert (report.verdict.value, report.cause.code) == ("fails", wanted.code)
    assert wanted.said in report.cause.summary
    first = next(iter(commands(report.cause)), "")
    at = first.split()[2] if "{pid}" in wanted.command and first else ""
    assert first == wanted.command.replace("{pid}", at)
    assert render(report)


@pytest.mark.parametrize("name", FILES)
def test_with_the_deciding_fact_changed_it_is_silent(name: str) -> None:
    wanted = FILES[name]
    edit = Edit(host=wanted.host, key=wanted.key, pattern=wanted.pattern, text=wanted.text)
    report = analyze(edited(seen(name), (edit,)))
    assert report.cause is None or report.cause.code != wanted.code or wanted.said not in report.cause.summary


def test_a_udp_answer_is_led_back_by_where_it_goes() -> None:
    report = analyze(seen("udp-answer-inside"))
    assert report.cause is not None
    assert "ip rule add to 192.168.3.201 lookup 1001" in commands(report.cause)[1]


def test_a_service_without_endpoints_is_no_matter_of_rules() -> None:
    report = analyze(seen("no-endpoints"))
    assert report.cause is not None
    assert "10.96.0.10:53 is a service of Kubernetes that has no endpoints" in report.cause.remedies[0].advice


def test_data_that_passed_is_not_lost_and_one_copy_proves_nothing() -> None:
    evidence = seen("string-match")
    rule = Edit(
        host="server2", key="iptables", pattern=r"\[\d+:\d+\] (-A DOCKER-USER .*string)", text=r"[0:0] \1", after=True
    )
    report = analyze(edited(evidence, (rule,)))
    assert report.cause is None or report.cause.code != "docker-user-drop"
