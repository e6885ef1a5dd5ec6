"""Listings that nobody would write: parsed and asked in bounded time and memory, what is not understood named, no crash."""

from __future__ import annotations

import json
import time
import tracemalloc
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netprobe.forward.nftables import walk_chain
from netprobe.state.issues import Issues
from netprobe.state.nft_parse import parse_nft
from netprobe.state.nft_text import parse_nft_text, with_words
from netprobe.state.packet import PacketTuple

if TYPE_CHECKING:
    from netprobe.state.nft import NftRuleset

SYN = PacketTuple(
    src="192.0.2.1", dst="192.0.2.2", proto="tcp", sport=1, dport=80, in_if="eth0", out_if="eth1", ctstate="NEW", mark=0
)
AT = {"family": "inet", "table": "t"}
SADDR = {"payload": {"protocol": "ip", "field": "saddr"}}
VERDICTS = {"accept", "drop", "reject", "translate", "unknown"}
NAMES = [f"k{number}" for number in range(6)]


def listing(rules: list[tuple[str, list[Any]]], *others: dict[str, Any]) -> str:
    """A ruleset with a base chain ``c`` in forward, the chains that are named, and rules of them."""
    base = {"chain": {**AT, "name": "c", "hook": "forward", "prio": 0, "type": "filter", "policy": "accept"}}
    chains = [{"chain": {**AT, "name": name}} for name in dict.fromkeys(chain for chain, _ in rules if chain != "c")]
    made = [{"rule": {**AT, "chain": chain, "handle": at, "expr": expr}} for at, (chain, expr) in enumerate(rules, 1)]
    return json.dumps({"nftables": [base, *chains, *others, *made]})


def parsed(text: str) -> NftRuleset:
    found = parse_nft(text, Issues("nft"))
    assert found is not None
    return found


def outcome(nft: NftRuleset) -> tuple[str, str]:
    """What the base chain does; everything else that is asked of a ruleset is asked, too."""
    (base,) = nft.base("forward")
    end = walk_chain(nft, base, SYN)
    assert end.verdict in VERDICTS
    assert end.why or end.verdict != "unknown", "an unknown is named"
    nft.stopping("forward", SYN)
    for rule in nft.reachable(base):
        assert len(str(rule.ref_for(SYN).text)) < 5000
    return end.verdict, end.why


# -- rules that call each other ---------------------------------------------------------------------------------------

NAME = st.sampled_from([*NAMES, "c", "nowhere"])
JUMPS = st.builds(lambda way, to: {way: {"target": to}}, st.sampled_from(["jump", "goto"]), NAME)
VMAPS = st.builds(
    lambda pairs, named: {"vmap": {"key": {"meta": {"key": "iifname"}}, "data": "@m" if named else {"set": pairs}}},
    st.lists(st.tuples(st.sampled_from(["eth0", "eth*", "eth1", "*"]), JUMPS).map(list), max_size=3),
    st.booleans(),
)
DOUBTS = st.sampled_from(
    [{"limit": {"rate": 1, "per": "second"}}, {"ct count": {"val": 3}}, {"quota": {"val": 1}}, {"odd": {}}]
)
MARKS = st.builds(lambda value: {"mangle": {"key": {"meta": {"key": "mark"}}, "value": value}}, st.integers(0, 3))
ENDS = st.sampled_from([{"drop": None}, {"accept": None}, {"return": None}, {"queue": {"num": 0}}, {"continue": None}])
RULES = st.tuples(
    st.sampled_from([*NAMES, "c", "c"]),
    st.lists(st.one_of(DOUBTS, MARKS), max_size=2).flatmap(
        lambda head: st.one_of(JUMPS, VMAPS, ENDS).map(lambda end: [*head, end])
    ),
)
MAP = {"map": {**AT, "name": "m", "type": "ifname", "map": "verdict", "elem": [["eth0", {"jump": {"target": "k0"}}]]}}


@settings(max_examples=150)
@given(st.lists(RULES, min_size=1, max_size=40))
@example([("c", [{"jump": {"target": "k0"}}]), ("k0", [{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": "@m"}}])])
def test_chains_and_maps_that_lead_in_circles_end(rules: list[tuple[str, list[Any]]]) -> None:
    began = time.process_time()
    outcome(parsed(listing([("c", [{"counter": {"packets": 0}}]), *rules], MAP)))
    assert time.process_time() - began < 5


@pytest.mark.parametrize("way", ["jump", "goto"])
@pytest.mark.parametrize("doubt", [[], [{"limit": {"rate": 1, "per": "second"}}]])
def test_calls_within_calls_end(way: str, doubt: list[Any]) -> None:
    names = ["c", *(f"d{number}" for number in range(3000))]
    pairs = zip(names, [*names[1:], "c"], strict=True)
    verdict, why = outcome(parsed(listing([(name, [*doubt, {way: {"target": to}}]) for name, to in pairs])))
    assert verdict == "unknown"
    assert why


# -- expressions without end ------------------------------------------------------------------------------------------


def nested(value: Any, depth: int, wrap: str) -> Any:
    for _ in range(depth):
        value = {wrap: [value, 1]} if wrap in {"&", "|", "<<", "concat"} else {wrap: [value]}
    return value


@pytest.mark.parametrize("wrap", ["&", "|", "<<", "concat", "set", "range"])
@pytest.mark.parametrize("depth", [3, 40, 200, 390])
def test_expressions_within_expressions_are_not_understood(wrap: str, depth: int) -> None:
    for left, right in ((nested(SADDR, depth, wrap), 1), (SADDR, nested("192.0.2.1", depth, wrap))):
        asks = {"match": {"op": "==", "left": left, "right": right}}
        verdict, _ = outcome(parsed(listing([("c", [asks, {"drop": None}])])))
        assert verdict in {"unknown", "accept", "drop"}
        maps = {"map": {"key": left, "data": {"set": [[right, 1]]}}}
        outcome(
            parsed(listing([("c", [{"mangle": {"key": {"meta": {"key": "mark"}}, "value": maps}}, {"drop": None}])]))
        )


def test_what_json_itself_cannot_nest_is_no_listing() -> None:
    issues = Issues("nft")
    assert parse_nft('{"nftables": ' + "[" * 100_000, issues) is None
    assert parse_nft('{"nftables": ' + '{"a":' * 100_000, issues) is None
    assert issues.found


# -- very many elements -----------------------------------------------------------------------------------------------

MILLION = 1_000_000


def addresses(count: int) -> list[str]:
    return [str(IPv4Address(0x0A000000 + number)) for number in range(count)]


def test_a_set_of_a_million_elements_is_read_once_and_asked_at_once() -> None:
    """Some seconds for reading it on a busy machine, whatever is asked of it after that."""
    asks = {"match": {"op": "==", "left": SADDR, "right": "@s"}}
    elements = addresses(MILLION)
    elements[-1] = "192.0.2.1"
    big = {"set": {**AT, "name": "s", "type": "ipv4_addr", "elem": elements}}
    nft = parsed(
        listing(
            [("c", [asks, {"mangle": {"key": {"meta": {"key": "mark"}}, "value": n}}]) for n in range(50)]
            + [("c", [asks, {"drop": None}])],
            big,
        )
    )
    began = time.process_time()
    assert outcome(nft) == ("drop", "")
    assert time.process_time() - began < 10
    began = time.process_time()
    assert outcome(nft) == ("drop", "")
    assert time.process_time() - began < 1


def test_a_set_takes_memory_in_proportion() -> None:
    asks = {"match": {"op": "==", "left": SADDR, "right": "@s"}}
    elements = addresses(100_000)
    text = listing([("c", [asks, {"drop": None}])], {"set": {**AT, "name": "s", "type": "ipv4_addr", "elem": elements}})
    tracemalloc.start()
    try:
        outcome(parsed(text))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1000 * len(elements)


@pytest.mark.parametrize("width", [5, 200])
def test_ranges_in_several_parts_that_are_too_many_are_not_told(width: int) -> None:
    both = {"concat": [SADDR, {"payload": {"protocol": "tcp", "field": "dport"}}]}
    asks = {"match": {"op": "==", "left": both, "right": "@s"}}
    first = addresses(30_000 + width)
    elements = [{"concat": [{"range": [first[n], first[n + width]]}, {"range": [1, 81]}]} for n in range(30_000)]
    made = {"set": {**AT, "name": "s", "type": ["ipv4_addr", "inet_service"], "flags": ["interval"], "elem": elements}}
    verdict, why = outcome(parsed(listing([("c", [asks, {"drop": None}])], made)))
    assert verdict in {"accept", "unknown"}
    assert why or verdict == "accept"


def test_a_rule_with_very_many_elements_is_shown_by_its_begin() -> None:
    asks = {"match": {"op": "==", "left": SADDR, "right": {"set": addresses(20_000)}}}
    text = listing([("c", [asks, {"drop": None}])])
    (rule,) = parsed(text).rules()
    assert rule.text.startswith("ip saddr { 10.0.0.0, 10.0.0.1,")
    assert len(rule.text) < 3000
    words = (
        "table inet t {\n\tchain c {\n\t\tip saddr { " + ", ".join(addresses(20_000)) + " } drop # handle 1\n\t}\n}\n"
    )
    (rule,) = with_words(parsed(text), parse_nft_text(words, Issues("nft-text"))).rules()
    assert len(rule.text) < 3000
