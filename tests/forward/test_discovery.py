"""What of neighbour discovery rules stop, over the recorded state of two containers on one bridge; and who is not asked at all."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.evidence.model import Place
from netprobe.evidence.state import CommandOutput
from netprobe.forward import Barrier, PredictedOutcome, Request
from tests.forward.test_walk import predicted, saved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.evidence.model import Evidence
    from netprobe.forward import Prediction

CLIENT, VPN = "fd00:27::3", "fd00:27::2"
HOST, ASKING, ASKED = (Place(host="server2", container=name) for name in (None, "client", "vpn"))
ASK = Request(source=ASKING, dialled=VPN, port=80, proto="tcp")
FROM_HOST = Request(source=HOST, dialled=VPN, port=80, proto="tcp")
QUESTION, ANSWER = f"neighbour solicitation for {VPN}", f"neighbour advertisement of {VPN}"
ESTABLISHED = "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
TCP = "-A INPUT -p tcp -j ACCEPT"


def six(*rules: str, chain: str = "INPUT", policy: str = "ACCEPT") -> str:
    policies = {name: policy if name == chain else "ACCEPT" for name in ("INPUT", "FORWARD", "OUTPUT")}
    lines = [f":{name} {word} [0:0]" for name, word in policies.items()]
    return "\n".join(["*filter", *lines, *(f"[0:0] {rule}" for rule in rules), "COMMIT", ""])


def nft(family: str, hook: str, *rules: list[dict[str, Any]], prio: int = 0, policy: str = "accept") -> str:
    at = {"family": family, "table": "t"}
    chain = {**at, "name": "c", "handle": 1, "type": "filter", "hook": hook, "prio": prio, "policy": policy}
    chain.pop("table")
    found: list[dict[str, Any]] = [{"table": {"family": family, "name": "t", "handle": 1}}]
    found.append({"chain": {**chain, "table": "t"}})
    found += [{"rule": {**at, "chain": "c", "handle": n, "expr": rule}} for n, rule in enumerate(rules, 5)]
    return json.dumps({"nftables": found})


def kinds(*names: str) -> dict[str, Any]:
    left = {"payload": {"protocol": "icmpv6", "field": "type"}}
    return {"match": {"op": "==", "left": left, "right": {"set": list(names)}}}


DROP: dict[str, Any] = {"drop": None}
ACCEPT: dict[str, Any] = {"accept": None}


def world(texts: Mapping[str, str]) -> Evidence:
    """The recorded run with nobody's rules but these, and nobody known to anybody."""
    evidence = saved("container-firewall-ipv6")
    rules = {f"{prefix}ip6tables": six() for prefix in ("", "ns/client/", "ns/vpn/")}
    rules |= {f"{prefix}nft": '{"nftables": []}' for prefix in ("", "ns/client/", "ns/vpn/")}
    rules |= {f"{prefix}neigh": "[]" for prefix in ("", "ns/client/", "ns/vpn/")}
    outputs = {key: CommandOutput(argv=(key,), rc=0, stdout=text) for key, text in {**rules, **texts}.items()}
    before = tuple(
        replace(state, outputs={**state.outputs, **outputs}) if state.host == "server2" else state
        for state in evidence.before
    )
    return replace(evidence, before=before, after=())


def first(told: Prediction) -> tuple[str, Place, str]:
    met = told.obstacles[0]
    assert met.barrier is Barrier.DISCOVERY
    return met.message, met.place, met.label


BRIDGE_NF = "net.bridge.bridge-nf-call-iptables = 1\nnet.bridge.bridge-nf-call-ip6tables = 1\nnet.ipv4.ip_forward = 1\n"
STOPPED: list[tuple[str, dict[str, str], Request, tuple[str, Place, str]]] = [
    ("asker's output", {"ns/client/ip6tables": six("-A OUTPUT -p tcp -j ACCEPT", policy="DROP", chain="OUTPUT")}, ASK, (QUESTION, ASKING, "ip6tables filter/OUTPUT policy")),
    ("asker's input", {"ns/client/ip6tables": six(ESTABLISHED, policy="DROP")}, ASK, (ANSWER, ASKING, "ip6tables filter/INPUT policy")),
    ("asked one's input", {"ns/vpn/ip6tables": six(TCP, policy="DROP")}, ASK, (QUESTION, ASKED, "ip6tables filter/INPUT policy")),
    (
        "asked one's output",
        {"ns/vpn/ip6tables": six("-A OUTPUT -p ipv6-icmp -m icmp6 --icmpv6-type 136 -j DROP")},
        ASK,
        (ANSWER, ASKED, "ip6tables filter/OUTPUT #1"),
    ),
    ("host's input", {"ip6tables": six(ESTABLISHED, policy="DROP")}, FROM_HOST, (ANSWER, HOST, "ip6tables filter/INPUT policy")),
    (
        "nft inet",
        {"ns/vpn/nft": nft("inet", "input", [kinds("echo-request"), ACCEPT], policy="drop")},
        ASK,
        (QUESTION, ASKED, "inet t/c policy"),
    ),
    ("nft netdev", {"ns/vpn/nft": nft("netdev", "ingress", [kinds("nd-neighbor-solicit"), DROP])}, ASK, (QUESTION, ASKED, "")),
    (
        "nft bridge, the question",
        {"nft": nft("bridge", "forward", [kinds("nd-neighbor-solicit"), DROP])},
        ASK,
        (QUESTION, HOST, "bridge t/c handle 5"),
    ),
    (
        "nft bridge, the answer to the host",
        {"nft": nft("bridge", "input", [kinds("nd-neighbor-advert"), DROP])},
        FROM_HOST,
        (ANSWER, HOST, "bridge t/c handle 5"),
    ),
    (
        "bridge netfilter",
        {"sysctl": BRIDGE_NF, "ip6tables": six("-A FORWARD -i br+ -p ipv6-icmp -j DROP")},
        ASK,
        (QUESTION, HOST, "ip6tables filter/FORWARD #1"),
    ),
    (
        "the way back by the bridge",
        {"sysctl": BRIDGE_NF, "ip6tables": six("-A FORWARD -s fd00:27::2/128 -j DROP")},
        ASK,
        (ANSWER, HOST, "ip6tables filter/FORWARD #1"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "asks", "expected"), [case[1:] for case in STOPPED], ids=[case[0] for case in STOPPED]
)
def test_a_rule_that_stops_it(texts: dict[str, str], asks: Request, expected: tuple[str, Place, str]) -> None:
    told = predicted(world(texts), asks)
    if not expected[2]:  # nft 1.0.6 does not say whose device a netdev chain is for: then it is not known
        assert told.outcome is PredictedOutcome.UNKNOWN
        return
    assert first(told) == expected
    assert told.outcome is PredictedOutcome.STOPPED
    assert told.beyond is PredictedOutcome.WORKS
    assert not any(hop.seen for hop in told.hops)


PASSED = [
    {},
    {"ns/client/ip6tables": six("-A OUTPUT -p ipv6-icmp -m owner --uid-owner 0 -j DROP")},  # the kernel's own socket
    {
        "ns/client/nft": nft(
            "inet",
            "output",
            [
                {"match": {"op": "==", "left": {"meta": {"key": "skuid"}}, "right": 0}},
                kinds("nd-neighbor-solicit"),
                DROP,
            ],
        )
    },
    {"ns/vpn/ip6tables": six(TCP, "-A INPUT -p ipv6-icmp -j ACCEPT", policy="DROP")},
    {"ns/vpn/ip6tables": six("-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 134 -j DROP")},
    {
        "ns/vpn/ip6tables": six("-A INPUT -m conntrack --ctstate INVALID -j DROP")
    },  # it is untracked, which is not invalid
    {"ns/vpn/ip6tables": six("-A INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT", TCP, policy="DROP")},
    {"ns/vpn/ip6tables": six("-A INPUT -i eth7 -p ipv6-icmp -j DROP")},
    {"nft": nft("bridge", "forward", [kinds("nd-router-advert"), DROP])},
    {
        "ip6tables": six("-A FORWARD -p ipv6-icmp -j DROP"),
        "sysctl": BRIDGE_NF.replace("ip6tables = 1", "ip6tables = 0"),
    },
    {"ns/vpn/ip6tables": six("-A INPUT -m hl ! --hl-eq 255 -p ipv6-icmp -j DROP")},
]


@pytest.mark.parametrize("texts", PASSED)
def test_what_lets_it_pass(texts: dict[str, str]) -> None:
    assert predicted(world(texts), ASK).outcome is PredictedOutcome.WORKS


KNOWN = json.dumps([{"dst": VPN, "dev": "eth0", "lladdr": "02:42:ac:1b:00:02", "state": ["STALE"]}])
CLOSED = {"ns/vpn/ip6tables": six(TCP, policy="DROP")}


def test_nobody_asks_whom_it_knows_but_the_other_still_does() -> None:
    """The client knows the server's link address; the server has to ask for the client's, and gets no answer in."""
    told = predicted(world({**CLOSED, "ns/client/neigh": KNOWN}), ASK)
    assert told.outcome is PredictedOutcome.REPLY_LOST
    assert first(told) == (f"neighbour advertisement of {CLIENT}", ASKED, "ip6tables filter/INPUT policy")


def test_who_is_asked_learns_the_askers_address_from_the_question() -> None:
    answers_alone = six(TCP, "-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT", policy="DROP")
    assert predicted(world({"ns/vpn/ip6tables": answers_alone}), ASK).outcome is PredictedOutcome.WORKS


@pytest.mark.parametrize("state", ["FAILED", "INCOMPLETE"])
def test_an_entry_of_no_use_is_asked_for_again(state: str) -> None:
    entry = json.dumps([{"dst": VPN, "dev": "eth0", "state": [state]}])
    assert first(predicted(world({**CLOSED, "ns/client/neigh": entry}), ASK))[0] == QUESTION


def test_without_its_neighbour_entries_nothing_is_said() -> None:
    evidence = world(CLOSED)
    before = tuple(
        replace(state, outputs={**state.outputs, "ns/client/neigh": CommandOutput(argv=("ip",), rc=None, error="gone")})
        if state.host == "server2"
        else state
        for state in evidence.before
    )
    told = predicted(replace(evidence, before=before), ASK)
    assert (told.outcome, told.obstacles) == (PredictedOutcome.UNKNOWN, ())


def test_a_rule_in_doubt_leaves_it_unknown() -> None:
    told = predicted(world({"ns/vpn/ip6tables": six("-A INPUT -p ipv6-icmp -m limit --limit 1/sec -j DROP")}), ASK)
    assert told.outcome is PredictedOutcome.UNKNOWN
