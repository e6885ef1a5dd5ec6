from __future__ import annotations

import json
from typing import Any

import pytest

from netprobe.evidence.model import Place
from netprobe.evidence.state import CommandOutput, HostState
from netprobe.model.rule import Program, RuleRef
from netprobe.state.build import build_host
from netprobe.state.counted import Counters
from netprobe.state.model import World

HERE = Place(host="h")
LIMITED = RuleRef(program=Program.NFT, family="inet", table="t", chain="c", handle=3)


def nft(packets: int | None, port: int = 80) -> str:
    at = {"family": "inet", "table": "t"}
    expressions: list[dict[str, Any]] = [
        {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": port}},
        {"limit": {"rate": 1, "per": "second"}},
        *([{"counter": {"packets": packets, "bytes": 0}}] if packets is not None else []),
        {"accept": None},
    ]
    chain = {"chain": {**at, "name": "c", "hook": "forward", "prio": 0, "type": "filter", "policy": "drop"}}
    return json.dumps({"nftables": [chain, {"rule": {**at, "chain": "c", "handle": 3, "expr": expressions}}]})


def world(before: str, after: str, key: str = "nft") -> World:
    one, other = (
        HostState(host="h", outputs={key: CommandOutput(argv=("x",), rc=0, stdout=text)}) for text in (before, after)
    )
    earlier = build_host(one)
    return World(before={"h": earlier}, after={"h": build_host(other, earlier)})


@pytest.mark.parametrize(
    ("before", "after", "stands_still"),
    [
        (nft(5), nft(5), True),
        (nft(5), nft(6), False),
        (nft(None), nft(None), False),
        (nft(5), nft(5, port=81), False),  # another rule has the handle by now
        (nft(5), "{", False),
    ],
)
def test_a_rule_whose_counter_stands_still_matched_nothing(before: str, after: str, stands_still: bool) -> None:
    assert Counters(world(before, after)).still(HERE, LIMITED) is stands_still


def test_a_host_that_was_not_asked_again_tells_nothing() -> None:
    before = world(nft(5), nft(5)).before
    assert not Counters(World(before=before, after=before)).still(HERE, LIMITED)


def test_iptables_rules_count_as_well() -> None:
    rule = RuleRef(table="filter", chain="FORWARD", number=1)
    text = "*filter\n:FORWARD ACCEPT [0:0]\n[{}:60] -A FORWARD -m limit --limit 1/sec -j ACCEPT\nCOMMIT\n"
    for packets, stands_still in ((4, True), (5, False)):
        told = world(text.format(4), text.format(packets), "iptables")
        assert Counters(told).still(HERE, rule) is stands_still
