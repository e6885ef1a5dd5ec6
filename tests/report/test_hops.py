from __future__ import annotations

from dataclasses import replace

import pytest

from netprobe.model.hop import Change
from netprobe.report.hops import change_words, hop_table
from netprobe.report.text import render
from tests.report.examples import FAILS, PROXIED, WORKS


def rows(text: str) -> list[str]:
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("  at "))
    end = next((number for number, line in enumerate(lines[start:], start) if not line), len(lines))
    return [" ".join(line.split()) for line in lines[start + 1 : end]]


def test_a_dnat_walk() -> None:
    assert rows(render(WORKS)) == [
        "server1/eth0 0 12 192.168.3.201:41290 → 192.168.3.202:80 SYN",
        "server2/eth0 38 13 the same frame",
        "server2/docker0 61 14 192.168.3.201:41290 → 172.17.0.2:80 SYN dst by DNAT (nat/DOCKER #2) · ttl 64→63",
        "02:00:00:00:00:03 → 02:00:00:00:00:04 both MACs by routing",
        "server2/demo/eth0 70 15 the same frame",
        "and the answer, on its way back",
        "server2/demo/eth0 90 16 172.17.0.2:80 → 192.168.3.201:41290 SYN-ACK",
        "server2/eth0 99 18 192.168.3.202:80 → 192.168.3.201:41290 SYN-ACK src put back by conntrack",
    ]


def test_what_was_missing_and_what_could_not_be_seen_differ() -> None:
    assert rows(render(FAILS)) == [
        "server1/eth0 0 12 192.168.3.201:41290 → 192.168.3.202:80 SYN",
        "server2/eth0 38 13 the same frame (3 times)",
        "server2/docker0 never arrived here",
        "server2/veth0 not observable here",
    ]


def test_docker_proxy_is_two_connections() -> None:
    shown = rows(render(PROXIED))
    assert shown[1] == "docker-proxy opens its own connection"
    assert shown[2].endswith("172.17.0.1:6000 → 172.17.0.2:80 SYN a new connection by docker-proxy pid 4711")
    assert shown[3] == "and the answer to docker-proxy"
    assert shown[5] == "and docker-proxy's answer to the client"


def test_a_tagged_packet_shows_its_tags() -> None:
    first, *rest = WORKS.hops
    assert first.packet is not None
    hops = (replace(first, packet=replace(first.packet, vlan=100, vlan_inner=7)), *rest)
    assert rows(render(replace(WORKS, hops=hops)))[0].endswith("192.168.3.202:80 SYN (VLAN 100.7)")


def test_no_hops_no_table() -> None:
    assert hop_table(replace(WORKS, hops=())) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change(field="src", before="a", after="b", by="MASQUERADE"), "src by MASQUERADE"),
        (
            Change(field="src", before="a", after="b", by="SNAT", rule="nat/POSTROUTING #1"),
            "src by SNAT (nat/POSTROUTING #1)",
        ),
        (Change(field="vlan", before="untagged", after="1", by="VLAN interface"), "VLAN tag 1 put on"),
        (Change(field="vlan", before="1", after="untagged", by="VLAN interface"), "VLAN tag 1 taken off"),
        (Change(field="vlan", before="1", after="2", by="VLAN interface"), "VLAN tag 1→2"),
        (Change(field="vlan", before="7", after="100.7", by="VLAN interface"), "outer VLAN tag 100 put on"),
        (Change(field="vlan", before="100.7", after="7", by="VLAN interface"), "outer VLAN tag 100 taken off"),
        (Change(field="vlan", before="untagged", after="100.7", by="VLAN interface"), "VLAN tag 100.7 put on"),
        (Change(field="ttl", before="64", after="63", by="routing"), "ttl 64→63"),
        (Change(field="connection", before="a", after="b", by="docker-proxy"), "a new connection by docker-proxy"),
    ],
)
def test_change_words(change: Change, words: str) -> None:
    assert change_words(change) == words
