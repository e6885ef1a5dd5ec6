from __future__ import annotations

from typing import Any

import pytest

from netprobe.causes.nat import nft_source
from netprobe.state.nft import NftChain, NftRule, NftRuleset
from netprobe.state.packet import PacketTuple

PACKET = PacketTuple(src="172.29.0.2", dst="203.0.113.10", proto="tcp", sport=40000, dport=80, out_if="eth0")
OUT = {"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": "ens3"}}
FROM = {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "172.29.0.2"}}
MARK = {"match": {"op": "==", "left": {"&": [{"meta": {"key": "mark"}}, 4096]}, "right": 4096}}
PORT = {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 443}}
MASQUERADE: dict[str, Any] = {"masquerade": None}


def ruleset(*expressions: Any) -> NftRuleset:
    rule = NftRule(family="ip", table="t", chain="post", handle=4, expressions=expressions)
    chain = NftChain(family="ip", table="t", name="post", type="nat", hook="postrouting", prio=100, rules=(rule,))
    return NftRuleset(chains=(chain,))


@pytest.mark.parametrize(("failed", "words"), [(OUT, "oifname ens3"), (MARK, "meta mark & 0x1000 == 0x1000")])
def test_the_one_match_that_does_not_fit_is_told(failed: Any, words: str) -> None:
    found = nft_source.nearest(ruleset(FROM, failed, MASQUERADE), PACKET)
    assert found is not None
    assert nft_source.words(found[1]) == words
    assert nft_source.is_mark(found[1]) is (failed is MARK)


@pytest.mark.parametrize(
    "expressions", [(FROM, MASQUERADE), (OUT, MARK, MASQUERADE), (PORT, MASQUERADE), (OUT, {"accept": None}), (OUT,)]
)
def test_what_fits_or_misses_by_more_or_by_something_else_is_not_near(expressions: tuple[Any, ...]) -> None:
    assert nft_source.nearest(ruleset(*expressions), PACKET) is None


def test_what_is_no_listing_is_survived() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = {"&": [deep, 1]}
    strange: Any
    for strange in ({"mangle": {"key": deep}}, {"mangle": 1}, {"match": {"left": deep}}, {"match": []}):
        rules = ruleset(strange, MASQUERADE)
        assert nft_source.nearest(rules, PACKET) is None
        assert not nft_source.sets_mark(next(rules.rules()))
