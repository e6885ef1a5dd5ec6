"""Rules of nft -j in nft's own words, where its text was not collected, and in what is said of a part of a rule."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.state.nft_show import show

SAMPLES = Path(__file__).parent / "samples"  # every match and statement that nft 1.0.6 and 1.1.7 take
KINDS = frozenset(
    {"numgen", "jhash", "symhash", "log", "synproxy", "dup", "fwd", "rt", "osf", "exthdr", "vmap"}
    | {"tcp option", "ip option", "sctp chunk"}
)  # fmt: skip


def expressions(version: str) -> list[tuple[str, list[Any]]]:
    """The text and the expressions of each rule that both listings have."""
    lines = re.findall(r"^\t\t(.*) # handle (\d+)$", (SAMPLES / f"nft-all{version}.txt").read_text(), re.MULTILINE)
    rules = [
        each["rule"]
        for each in json.loads((SAMPLES / f"nft-all{version}.json").read_text())["nftables"]
        if "rule" in each
    ]
    found = []
    for rule in rules:
        found += [(text, rule["expr"]) for text, handle in lines if int(handle) == rule["handle"]]
    return found


@pytest.mark.parametrize("version", ["", "-1.1.7"])
def test_no_json_is_shown(version: str) -> None:
    shown = [show(each) for _, rule in expressions(version) for each in rule]
    assert len(shown) > 200
    assert [each for each in shown if '": ' in each] == []


@pytest.mark.parametrize("version", ["", "-1.1.7"])
def test_what_is_shown_is_what_nft_says(version: str) -> None:
    told = set()
    for text, rule in expressions(version):
        for each in rule:
            ((name, body),) = each.items()
            left = body.get("left", body.get("key")) if isinstance(body, dict) else None
            kinds = {name, *(left if isinstance(left, dict) else ())} & KINDS
            if kinds and show(each).replace('"', "") in text.replace('"', ""):
                told |= kinds
    assert told == KINDS


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ({"match": {"op": "==", "left": {"socket": {"key": "mark"}}, "right": 5}}, "socket mark 5"),
        ({"match": {"op": "==", "left": {"socket": {"key": "wildcard"}}, "right": 0}}, "socket wildcard 0"),
        (
            {"match": {"op": "==", "left": {"rt": {"key": "nexthop", "family": "ip"}}, "right": "1.2.3.4"}},
            "rt ip nexthop 1.2.3.4",
        ),
        ({"match": {"op": "==", "left": {"exthdr": {"name": "frag"}}, "right": False}}, "exthdr frag missing"),
        (
            {"match": {"op": "==", "left": {"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, "right": False}},
            "fib saddr . iif oif missing",
        ),
        (
            {"match": {"op": "==", "left": {"ipsec": {"key": "reqid", "dir": "in", "spnum": 0}}, "right": 1}},
            "ipsec in reqid 1",
        ),
        (
            {"match": {"op": "==", "left": {"osf": {"key": "name", "ttl": "skip"}}, "right": "Linux"}},
            "osf ttl skip name Linux",
        ),
        (
            {"match": {"op": "==", "left": {"tcp option": {"base": 255, "offset": 8, "len": 16}}, "right": 5}},
            "tcp option @255,8,16 5",
        ),
        ({"match": {"op": "==", "left": {"symhash": {"mod": 2, "offset": 5}}, "right": 0}}, "symhash mod 2 offset 5 0"),
        ({"queue": {"num": {"range": [1, 3]}, "flags": ["bypass", "fanout"]}}, "queue flags bypass,fanout to 1-3"),
        ({"match": {"op": "==", "left": {"&": [{"meta": {"key": "mark"}}, 255]}, "right": 16}}, "meta mark & 255 == 16"),
        ({"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "lo"}}, "iifname lo"),
        ({"queue": {"num": 0}}, "queue to 0"),
        ({"log": {"prefix": "x", "group": 3, "snaplen": 20, "queue-threshold": 5}}, 'log prefix "x" group 3 snaplen 20 queue-threshold 5'),
        ({"log": None}, "log"),
        ({"dup": {"addr": "1.2.3.4", "dev": "lo"}}, "dup to 1.2.3.4 device lo"),
        (
            {"vmap": {"key": {"meta": {"key": "l4proto"}}, "data": {"set": [["tcp", {"accept": None}]]}}},
            "meta l4proto vmap { tcp : accept }",
        ),
    ],
)  # fmt: skip
def test_expressions_in_nfts_words(expression: Any, words: str) -> None:
    assert show(expression) == words


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "key", "flags", "seed", "base", "addr", "num", "prefix"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(name=st.sampled_from(sorted({*KINDS, "socket", "queue", "ipsec", "set", "xt"})), body=JSON)
def test_any_body_is_survived(name: str, body: Any) -> None:
    assert show({name: body})  # and raises nothing
