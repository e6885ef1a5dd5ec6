from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from netprobe.forward.nftables import walk_chain
from netprobe.state.issues import Issues
from netprobe.state.nft_parse import parse_nft
from netprobe.state.packet import PacketTuple

PACKET = PacketTuple(src="192.0.2.1", dst="192.0.2.2", proto="tcp", sport=1, dport=80, in_if="eth0", ctstate="NEW")
PORT_80 = {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 80}}
PORT_81 = {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 81}}
STRANGE = {"match": {"op": "==", "left": {"osf": {"key": "name"}}, "right": "Linux"}}
MAP = {"vmap": {"key": {"meta": {"key": "iifname"}}, "data": {"set": [["eth0", 7]]}}}
EMPTY = {"vmap": {"key": {"meta": {"key": "iifname"}}, "data": {"set": []}}}


def verdict(*rules: list[dict[str, Any]], policy: str = "accept", **chains: list[list[dict[str, Any]]]) -> str:
    """What a base chain ``base`` with these rules (and chains that they jump to) does to the packet."""
    place = {"family": "inet", "table": "t"}
    items: list[dict[str, Any]] = [{"table": {"family": "inet", "name": "t"}}]
    items.append({"chain": {**place, "name": "base", "hook": "input", "prio": 0, "type": "filter", "policy": policy}})
    items += [{"chain": {**place, "name": name}} for name in chains]
    for name, expressions in {"base": list(rules), **chains}.items():
        items += [
            {"rule": {**place, "chain": name, "handle": number, "expr": each}}
            for number, each in enumerate(expressions, 1)
        ]
    nft = parse_nft(json.dumps({"nftables": items}), Issues("nft"))
    assert nft is not None
    return walk_chain(nft, nft.base("input")[0], PACKET).verdict


@pytest.mark.parametrize(
    ("rules", "policy", "wanted"),
    [
        ([], "accept", "accept"),
        ([], "drop", "drop"),
        ([[PORT_80, {"drop": None}]], "accept", "drop"),
        ([[PORT_81, {"drop": None}]], "accept", "accept"),
        ([[PORT_80, {"accept": None}], [{"drop": None}]], "drop", "accept"),
        ([[PORT_80, {"reject": {"type": "tcp reset"}}]], "accept", "reject"),
        ([[STRANGE, {"drop": None}]], "accept", "unknown"),
        ([[STRANGE, {"counter": {"packets": 1, "bytes": 1}}]], "accept", "accept"),
        ([[MAP]], "accept", "unknown"),
        ([[EMPTY]], "accept", "accept"),
        ([[STRANGE, {"accept": None}]], "accept", "accept"),
        ([[{"limit": {"rate": 1, "per": "second"}}, {"accept": None}]], "accept", "accept"),
        ([[{"limit": {"rate": 1, "per": "second"}}, {"accept": None}], [{"drop": None}]], "accept", "unknown"),
        ([[{"ct count": {"val": 100, "inv": True}}, {"drop": None}]], "accept", "unknown"),
        ([[PORT_80, {"dnat": {"addr": "192.0.2.9"}}]], "accept", "translate"),
        ([[PORT_81, {"dnat": {"addr": "192.0.2.9"}}]], "accept", "accept"),
        ([[{"jump": {"target": "nowhere"}}]], "accept", "unknown"),
    ],
)
def test_verdicts(rules: list[list[dict[str, Any]]], policy: str, wanted: str) -> None:
    assert verdict(*rules, policy=policy) == wanted


def test_jump_comes_back_and_goto_does_not() -> None:
    after: list[dict[str, Any]] = [PORT_80, {"drop": None}]
    nothing: list[list[dict[str, Any]]] = [[PORT_81, {"drop": None}]]
    assert verdict([{"jump": {"target": "other"}}], after, other=nothing) == "drop"
    assert verdict([{"goto": {"target": "other"}}], after, other=nothing) == "accept"
    assert (
        verdict([{"jump": {"target": "other"}}], after, other=[[{"return": None}], [{"drop": None}]], policy="accept")
        == "drop"
    )


def test_a_loop_is_unknown() -> None:
    again: list[list[dict[str, Any]]] = [[{"jump": {"target": "other"}}]]
    assert verdict([{"jump": {"target": "other"}}], other=again) == "unknown"


BY_DEVICE = {"vmap": {"key": {"meta": {"key": "iifname"}}, "data": "@devices"}}


def looked_up(elements: Any, *rules: list[dict[str, Any]]) -> str:
    """The verdict of these rules with a verdict map ``devices`` and a chain ``drops``."""
    place = {"family": "ip", "table": "t"}
    items: list[dict[str, Any]] = [
        {"map": {**place, "name": "devices", "type": "ifname", "map": "verdict", "elem": elements}},
        {"chain": {**place, "name": "base", "hook": "forward", "prio": 0, "type": "filter", "policy": "accept"}},
        {"chain": {**place, "name": "drops"}},
        {"rule": {**place, "chain": "drops", "handle": 9, "expr": [{"drop": None}]}},
    ]
    items += [{"rule": {**place, "chain": "base", "handle": n, "expr": each}} for n, each in enumerate(rules, 1)]
    nft = parse_nft(json.dumps({"nftables": items}), Issues("nft"))
    assert nft is not None
    return walk_chain(nft, nft.base("forward")[0], PACKET).verdict


@pytest.mark.parametrize(
    ("elements", "wanted"),
    [
        ([["eth0", {"jump": {"target": "drops"}}]], "drop"),
        ([["eth0", {"goto": {"target": "drops"}}]], "drop"),
        ([["eth0", {"drop": None}]], "drop"),
        ([["eth1", {"drop": None}]], "accept"),
        ([], "accept"),
        ([["eth0", {"jump": {"target": "nowhere"}}]], "unknown"),
        ([[{"range": [1, 2]}, {"drop": None}]], "unknown"),
        ([["eth0", {"queue": None}], 7], "unknown"),
        ("many", "unknown"),
        ({"elem": 1}, "unknown"),
    ],
)
def test_verdict_maps(elements: Any, wanted: str) -> None:
    assert looked_up(elements, [BY_DEVICE]) == wanted


def test_a_map_counts_only_where_the_rest_of_its_rule_matches() -> None:
    assert looked_up([["eth0", {"drop": None}]], [PORT_81, BY_DEVICE]) == "accept"
    assert looked_up([["eth0", {"drop": None}]], [STRANGE, BY_DEVICE]) == "unknown"


@pytest.mark.parametrize("flags", ["daddr", ["daddr"]])
def test_the_address_type_is_looked_up(flags: Any) -> None:
    local = {"match": {"op": "==", "left": {"fib": {"result": "type", "flags": flags}}, "right": "local"}}
    assert verdict([local, {"drop": None}]) == "unknown"  # the packet does not tell
    nft = parse_nft(json.dumps({"nftables": [
        {"chain": {"family": "ip", "table": "t", "name": "base", "hook": "input", "prio": 0, "type": "filter"}},
        {"rule": {"family": "ip", "table": "t", "chain": "base", "handle": 1, "expr": [local, {"drop": None}]}},
    ]}), Issues("nft"))  # fmt: skip
    assert nft is not None
    for kind, wanted in (("LOCAL", "drop"), ("UNICAST", "accept")):
        assert walk_chain(nft, nft.base("input")[0], replace(PACKET, dst_type=kind)).verdict == wanted
