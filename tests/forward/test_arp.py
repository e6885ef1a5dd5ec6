"""What of ARP rules stop, over the recorded state of two containers on one bridge; and what is no rule for it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.evidence.state import CommandOutput
from netprobe.forward import PredictedOutcome, Request
from tests.forward.test_discovery import ACCEPT, ASKED, ASKING, DROP, HOST, first, nft
from tests.forward.test_walk import predicted, saved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.evidence.model import Evidence, Place

CLIENT, VPN, OUTSIDE = "172.27.0.3", "172.27.0.2", "192.168.3.77"
ASK = Request(source=ASKING, dialled=VPN, port=80, proto="tcp")
FROM_HOST = Request(source=HOST, dialled=VPN, port=80, proto="tcp")
QUESTION, ANSWER = f"ARP request for {VPN}", f"ARP reply of {VPN}"


def world(texts: Mapping[str, str]) -> Evidence:
    """The recorded run with nobody's rules in nftables but these, and nobody known to anybody."""
    evidence = saved("container-firewall-ipv6")
    found = {f"{prefix}nft": '{"nftables": []}' for prefix in ("", "ns/client/", "ns/vpn/")}
    found |= {f"{prefix}neigh": "[]" for prefix in ("", "ns/client/", "ns/vpn/")}
    found |= {f"{prefix}iptables": "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n" for prefix in ("ns/client/", "ns/vpn/")}
    outputs = {key: CommandOutput(argv=(key,), rc=0, stdout=text) for key, text in {**found, **texts}.items()}
    before = tuple(
        replace(state, outputs={**state.outputs, **outputs}) if state.host == "server2" else state
        for state in evidence.before
    )
    return replace(evidence, before=before, after=())


def arp(name: str, value: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": {"payload": {"protocol": "arp", "field": name}}, "right": value}}


def meta(key: str, value: Any) -> dict[str, Any]:
    return {"match": {"op": "==", "left": {"meta": {"key": key}}, "right": value}}


BY_ARPTABLES = [arp("htype", 1), arp("hlen", 6), arp("plen", 4), arp("saddr ip", VPN), DROP]
STOPPED: list[tuple[str, dict[str, str], Request, tuple[str, Place]]] = [
    ("asker's output", {"ns/client/nft": nft("arp", "output", [arp("operation", "request"), DROP])}, ASK, (QUESTION, ASKING)),
    ("asker's input, by arptables", {"ns/client/nft": nft("arp", "input", BY_ARPTABLES)}, ASK, (ANSWER, ASKING)),
    ("asked one's input", {"ns/vpn/nft": nft("arp", "input", [arp("saddr ip", CLIENT), DROP])}, ASK, (QUESTION, ASKED)),
    ("by its interface", {"ns/vpn/nft": nft("arp", "input", [meta("iifname", "eth0"), DROP])}, ASK, (QUESTION, ASKED)),
    ("asked one's output", {"ns/vpn/nft": nft("arp", "output", [arp("daddr ip", CLIENT), DROP])}, ASK, (ANSWER, ASKED)),
    ("asked one's policy", {"ns/vpn/nft": nft("arp", "input", [arp("operation", "reply"), ACCEPT], policy="drop")}, ASK, (QUESTION, ASKED)),
    ("host's input", {"nft": nft("arp", "input", [arp("ptype", "ip"), arp("operation", {"set": ["reply", "rreply"]}), DROP])}, FROM_HOST, (ANSWER, HOST)),
    ("bridge, the question", {"nft": nft("bridge", "forward", [arp("operation", "request"), DROP])}, ASK, (QUESTION, HOST)),
    ("bridge, by its type", {"nft": nft("bridge", "forward", [meta("protocol", "arp"), DROP])}, ASK, (QUESTION, HOST)),
    ("bridge, the answer to the host", {"nft": nft("bridge", "input", [arp("operation", "reply"), DROP])}, FROM_HOST, (ANSWER, HOST)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "asks", "expected"), [case[1:] for case in STOPPED], ids=[case[0] for case in STOPPED]
)
def test_a_rule_that_stops_it(texts: dict[str, str], asks: Request, expected: tuple[str, Place]) -> None:
    told = predicted(world(texts), asks)
    assert first(told)[:2] == expected
    assert (told.outcome, told.beyond) == (PredictedOutcome.STOPPED, PredictedOutcome.WORKS)
    assert not any(hop.seen for hop in told.hops)


KNOWN = json.dumps([{"dst": VPN, "dev": "eth0", "lladdr": "02:42:ac:1b:00:02", "state": ["REACHABLE"]}])
PASSED = [
    {},
    {"ns/vpn/nft": nft("arp", "input", [arp("saddr ip", OUTSIDE), DROP])},
    {"ns/vpn/nft": nft("arp", "input", [arp("operation", "reply"), DROP])},  # the question told it who asks
    {
        "ns/vpn/nft": nft(
            "arp", "input", [meta("l4proto", "tcp"), DROP], [arp("saddr ip", CLIENT), ACCEPT], policy="drop"
        )
    },
    {"ns/vpn/nft": nft("inet", "input", [arp("operation", "request"), DROP])},  # ARP is no IP
    {
        "nft": nft(
            "bridge",
            "forward",
            [
                {"match": {"op": "==", "left": {"payload": {"protocol": "ip6", "field": "saddr"}}, "right": "fd00::1"}},
                DROP,
            ],
        )
    },
    {
        "ns/client/nft": nft("arp", "output", [DROP]),
        "ns/client/neigh": KNOWN,
        "ns/vpn/neigh": KNOWN.replace("27.0.2", "27.0.3").replace("00:02", "00:03"),
    },
    {"nft": nft("arp", "input", [DROP])},  # what the bridge switches passes no arp chain of the host's
]


@pytest.mark.parametrize("texts", PASSED)
def test_what_lets_it_pass(texts: dict[str, str]) -> None:
    assert predicted(world(texts), ASK).outcome is PredictedOutcome.WORKS


def test_a_netdev_chain_whose_device_is_not_told_leaves_it_unknown() -> None:
    told = predicted(world({"ns/vpn/nft": nft("netdev", "ingress", [meta("protocol", "arp"), DROP])}), ASK)
    assert told.outcome is PredictedOutcome.UNKNOWN


def test_an_address_that_the_asker_translates_is_asked_for_by_its_own() -> None:
    """The host asks for the container by its bridge's address: a rule for that one stops it."""
    dropped = {"ns/vpn/nft": nft("arp", "input", [arp("saddr ip", "172.27.0.1"), DROP])}
    assert first(predicted(world(dropped), FROM_HOST))[:2] == (QUESTION, ASKED)


def test_an_answer_of_somebody_who_is_not_of_the_inventory_is_stopped_all_the_same() -> None:
    texts = {"nft": nft("arp", "input", [arp("operation", "reply"), DROP])}
    told = predicted(world(texts), Request(source=HOST, dialled=OUTSIDE, port=80, proto="tcp"))
    assert first(told)[:2] == (f"ARP reply of {OUTSIDE}", HOST)
    assert told.obstacles[0].asked is not None
    assert told.obstacles[0].asked.heard is False
