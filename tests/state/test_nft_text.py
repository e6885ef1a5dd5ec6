from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.state.issues import Issues
from netprobe.state.nft_parse import parse_nft
from netprobe.state.nft_text import parse_nft_text, says_the_same, with_words

if TYPE_CHECKING:
    from netprobe.state.nft import NftRuleset

SAMPLES = Path(__file__).parent / "samples"  # nft 1.0.6: every match and statement that it takes
TEXT = (SAMPLES / "nft-all.txt").read_text()


@pytest.fixture
def ruleset() -> NftRuleset:
    found = parse_nft((SAMPLES / "nft-all.json").read_text(), Issues("nft"))
    assert found is not None
    return found


def test_every_rule_is_shown_in_nfts_own_words(ruleset: NftRuleset) -> None:
    joined = with_words(ruleset, parse_nft_text(TEXT, Issues("nft-text")))
    shown = {each.handle: each.text for each in joined.rules() if (each.table, each.chain) == ("t", "c1")}
    assert shown[23] == 'ip saddr @s1 counter drop comment "hi there"'
    assert "ct mark 0x00000010-0x00000020 accept" in shown.values()
    own = [each.text for each in joined.rules() if not each.words]
    assert own == ["ct expiration 10 accept"]  # nft writes 10s: not surely the same


def test_devices_are_read_where_the_json_leaves_them_out(ruleset: NftRuleset) -> None:
    joined = with_words(ruleset, parse_nft_text(TEXT, Issues("nft-text")))
    assert [each.devices for each in ruleset.chains if each.family == "netdev"] == [(), ()]
    assert [each.devices for each in joined.chains if each.family == "netdev"] == [("lo",), ("lo",)]
    several = TEXT.replace('hook ingress device "lo" priority', "hook ingress devices = { eth0, br-1 } priority")
    joined = with_words(ruleset, parse_nft_text(several, Issues("nft-text")))
    assert [each.devices for each in joined.chains if each.family == "netdev"] == [("eth0", "br-1")] * 2


@pytest.mark.parametrize(
    "other",
    [
        'ip saddr @s1 counter accept comment "hi there"',
        'ip saddr @s2 counter drop comment "hi there"',
        "ip saddr @s1 counter drop",
        "tcp dport 80 drop",
    ],
)
def test_another_rule_that_has_the_handle_by_now_is_not_taken_for_it(ruleset: NftRuleset, other: str) -> None:
    rule = next(each for each in ruleset.rules() if each.handle == 23 and each.chain == "c1")
    assert says_the_same(rule, 'ip saddr @s1 counter drop comment "hi there"')
    assert not says_the_same(rule, other)


def test_a_rule_over_several_lines_is_one_rule() -> None:
    text = "table ip t {\n\tchain c {\n\t\tip saddr { 192.0.2.1,\n\t\t\t   192.0.2.2 } drop # handle 4\n\t}\n}\n"
    assert parse_nft_text(text, Issues("x")).rules == {("ip", "t", "c", 4): "ip saddr { 192.0.2.1, 192.0.2.2 } drop"}


@given(st.text(alphabet='\t\n {}#abh0123457"', max_size=80), st.integers(0, len(TEXT)))
def test_any_text_and_a_cut_one_are_survived(noise: str, cut: int) -> None:
    parse_nft_text(noise, Issues("x"))
    words = parse_nft_text(TEXT[:cut] + noise, Issues("x"))
    assert all(isinstance(each, str) for each in words.rules.values())


def test_words_are_no_part_of_which_rule_it_is(ruleset: NftRuleset) -> None:
    rule = next(iter(ruleset.rules()))
    assert replace(rule, words="other").ref == rule.ref
