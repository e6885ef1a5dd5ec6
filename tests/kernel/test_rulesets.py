"""A part of `make kernel-test`: random rulesets on a real router, each predicted and then asked for real."""

from __future__ import annotations

import os
import random
import shutil
import time

import pytest

from tests.kernel.arena import Arena, left_over
from tests.kernel.asking import Question
from tests.kernel.explained import explained
from tests.kernel.generate import HIDDEN_KINDS
from tests.kernel.held import Bench
from tests.kernel.many import HIDDEN, run, shown
from tests.kernel.nft_rules import NftMaker
from tests.kernel.regressions import REGRESSIONS, UNDETERMINED
from tests.kernel.ruleset import Item, Ruleset
from tests.spread import spread

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("ip", "nft", "iptables-restore", "iptables-legacy-restore"))),
    reason="needs root, nft and iptables",
)
RULESETS = 60
SECONDS = 25.0


@pytest.mark.parametrize("part", spread("ab", 2))
def test_no_prediction_is_contradicted(part: str) -> None:
    found = run(0, [f"test-{part}-{at}" for at in range(RULESETS)], [], time.monotonic() + SECONDS)
    wrong = [each for each in found.results if each.contradiction]
    assert not wrong, shown(wrong)
    assert sum(each.undetermined for each in found.valid) < len(found.valid) / 4
    assert any(each.dropped for each in found.valid)
    assert any(not each.dropped for each in found.valid)
    assert not left_over()


def test_what_no_listing_decides_is_named() -> None:
    found = run(0, [f"test{HIDDEN}{at}" for at in range(HIDDEN_KINDS)], [], time.monotonic() + SECONDS)
    wrong = [each for each in found.results if each.contradiction]
    assert not wrong, shown(wrong)
    told = [each for each in found.valid if each.undetermined and not each.tie]
    assert [each.ruleset.seed for each in told if not each.doubt_named] == []
    assert len(told) > HIDDEN_KINDS / 6


def test_no_match_is_written_that_a_listing_leaves_out() -> None:
    """nft 1.0.6 lists `ct protocol udp meta l4proto . th dport …` without its first match: what does not know that predicts wrongly."""
    maker = NftMaker(random.Random("listed"), Question("client", "udp", "198.51.100.2", 80, 20000))
    found = [" ".join(maker.matches("prerouting", "inet")[0]) for _ in range(20000)]
    both = [each for each in found if "ct original protocol" in each and ". th dport" in each]
    assert both
    assert all(each.index(". th dport") < each.index("ct original protocol") for each in both)
    for family, there in (("inet", True), ("ip", False), ("ip6", False)):
        assert any("meta protocol" in " ".join(maker.matches("prerouting", family)[0]) for _ in range(2000)) is there


def test_what_once_contradicted_does_not_any_more() -> None:
    with Arena(ident=f"{os.getpid()}-r") as arena, Bench(arena) as bench:
        results = [bench.hold(each) for each in REGRESSIONS]
    wrong = [each for each in results if each.contradiction]
    assert not wrong, shown(wrong)
    assert not [each.invalid for each in results if each.invalid]
    assert not [each.ruleset.seed for each in results if each.undetermined]
    assert not [each.fault for each in results if each.fault]


def test_what_is_not_known_is_not_said() -> None:
    with Arena(ident=f"{os.getpid()}-u") as arena, Bench(arena) as bench:
        results = [bench.hold(each) for each in UNDETERMINED]
    assert all(each.undetermined for each in results)


DROPS = [
    (
        dst,
        Item("chain", "inet/c1", f"type filter hook {hook} priority -1; policy accept;"),
        Item("nft", "inet/c1", rule),
    )
    for dst in ("192.0.2.1", "2001:db8:1::1")
    for hook, rule in (
        ("prerouting", "meta l4proto udp counter drop"),
        ("input", "meta l4proto udp counter meta l4proto vmap { udp : drop }"),
        ("input", "meta l4proto udp drop"),
    )
] + [(dst, Item("policy", "filter/OUTPUT", "DROP")) for dst in ("192.0.2.1", "2001:db8:1::1")]  # what it answers


EGRESS = [
    (("client", "tcp", "198.51.100.2"), "r1", "tcp dport 80 counter drop", "rule-drop"),
    (("client", "udp", "198.51.100.2"), "r0", "udp sport 80 counter drop", "rule-drop"),
    (("client", "tcp", "192.0.2.1"), "r0", "tcp sport 80 counter drop", "rule-drop"),
    (("client", "tcp", "2001:db8:2::2"), "r0", "tcp sport 80 drop", "rule-drop"),
    (("router", "tcp", "198.51.100.2"), "r1", "tcp dport 80 drop", "output-drop"),
    (("client", "tcp", "198.51.100.2"), "r1", "tcp dport 81 drop", ""),
]


def test_a_rule_where_packets_leave_a_device_is_named() -> None:
    """Behind all tables of iptables, and before sniffers see it (net/core/dev.c, nf_hook_egress)."""
    with Arena(ident=f"{os.getpid()}-e") as arena, Bench(arena) as bench:
        found = []
        for (source, proto, dst), device, rule, _ in EGRESS:
            chain = Item("chain", "netdev/c1", f"type filter hook egress device {device} priority 0; policy accept;")
            asked = Question(source, proto, dst, 80, 20000)
            found.append(explained(bench, Ruleset(asked, (chain, Item("nft", "netdev/c1", rule)))))
    assert [each.wrong or each.invalid for each in found] == [""] * len(found)
    causes = [each.report.cause for each in found if each.report]
    assert [each.code if each else "" for each in causes] == [code for *_, code in EGRESS]
    assert {each.where.component for each in causes if each} == {"netdev t/c1"}


@pytest.mark.parametrize("port", [80, 81])
def test_a_datagram_that_the_target_drops_is_not_delivered(port: int) -> None:
    """Its rules come behind the interface where it is seen, and no error tells of them."""
    with Arena(ident=f"{os.getpid()}-d") as arena, Bench(arena) as bench:
        rulesets = [Ruleset(Question("client", "udp", dst, port, 20000), tuple(items)) for dst, *items in DROPS]
        found = [explained(bench, each) for each in rulesets]
    assert [each.wrong or each.invalid for each in found] == [""] * len(found)
    assert {each.report.cause.code for each in found if each.report and each.report.cause} == {
        "rule-drop",
        "input-drop",
    }


@pytest.mark.parametrize("action", ["blackhole", "unreachable", "prohibit"])
def test_a_datagram_whose_answer_no_route_takes_does_not_work(action: str) -> None:
    """The target's own host refuses what it would send back, and nothing of that is ever on a wire: it is not proved, and said."""
    rule = f"rule add ipproto udp pref 14179 {action}"
    with Arena(ident=f"{os.getpid()}-n") as arena, Bench(arena) as bench:
        rulesets = [
            Ruleset(Question("client", "udp", dst, 80, 20000), (Item("ip", family, rule, frozenset()),))
            for dst, family in (("192.0.2.1", "4"), ("2001:db8:1::1", "6"))
        ]
        found = [explained(bench, each) for each in rulesets]
    assert [each.wrong or each.invalid for each in found] == ["", ""]
    reports = [each.report for each in found if each.report]
    assert [each.verdict.value for each in reports] == ["undetermined"] * 2
    assert all("routing rule 14179" in each.why for each in reports)


REJECTED: tuple[tuple[str, tuple[Item, ...]], ...] = (
    ("10.9.0.9", (Item("ipt", "filter/FORWARD", "-m conntrack ! --ctstate NEW -j REJECT"),)),
    (
        "2001:db8:9::9",
        (
            Item("chain", "inet/c1", "type filter hook forward priority -1; policy accept;"),
            Item("nft", "inet/c1", "ct state != new counter reject with icmpx type admin-prohibited"),
        ),
    ),
)
SILENCED: tuple[tuple[str, tuple[Item, ...]], ...] = (
    (
        "192.0.2.1",
        (
            Item("ipt", "filter/INPUT", "-p tcp -m tcp --dport 80 -j REJECT --reject-with tcp-reset"),
            Item("ipt", "security/OUTPUT", "-j DROP"),
        ),
    ),
    (
        "2001:db8:9::9",
        (
            Item("chain", "inet/c1", "type filter hook forward priority 0; policy accept;"),
            Item("nft", "inet/c1", "tcp dport 80 counter reject with tcp reset"),
            Item("ipt", "filter/OUTPUT", "-p tcp -j DROP"),
        ),
    ),
    (
        "10.9.0.9",
        (
            Item("ipt", "filter/FORWARD", "-p tcp -m tcp --dport 80 -j REJECT"),
            Item("ipt", "filter/OUTPUT", "-p icmp -j DROP"),
        ),
    ),
)


def test_an_error_to_a_repetition_is_no_answer() -> None:
    """The rule that takes the answer meets the repeated SYN, too, and tells the client of it."""
    with Arena(ident=f"{os.getpid()}-j") as arena, Bench(arena) as bench:
        rulesets = [Ruleset(Question("client", "tcp", dst, 80, 20000), items) for dst, items in REJECTED]
        found = [explained(bench, each) for each in rulesets]
    assert [each.wrong or each.invalid for each in found] == [""] * len(found)
    assert [each.report.cause.code for each in found if each.report and each.report.cause] == ["forward-drop"] * 2
    assert all(each.named for each in found)


def test_a_rejection_that_another_rule_drops_is_one() -> None:
    with Arena(ident=f"{os.getpid()}-s") as arena, Bench(arena) as bench:
        rulesets = [Ruleset(Question("client", "tcp", dst, 80, 20000), items) for dst, items in SILENCED]
        found = [explained(bench, each) for each in rulesets]
    assert [each.wrong or each.invalid for each in found] == [""] * len(found)
    causes = [each.report.cause for each in found if each.report and each.report.cause]
    assert [each.code for each in causes] == ["input-drop", "forward-drop", "forward-drop"]
    assert all("the rejection itself did not come" in each.evidence[-1] for each in causes)


SHORTENED: tuple[tuple[str, str, tuple[Item, ...]], ...] = (
    ("tcp", "10.9.0.9", (Item("ipt", "mangle/PREROUTING", "-p tcp -m tcp --dport 80 -j TTL --ttl-set 1"),)),
    ("tcp", "2001:db8:9::9", (Item("ipt", "mangle/PREROUTING", "-p tcp -m tcp --dport 80 -j HL --hl-set 1"),)),
    ("icmp", "10.9.0.9", (Item("ipt", "mangle/PREROUTING", "-j TTL --ttl-dec 63"),)),
    ("tcp", "10.9.0.9", (Item("ipt", "mangle/PREROUTING", "-p tcp -m tcp --sport 80 -j TTL --ttl-set 1"),)),
    *(
        (
            proto,
            dst,
            (
                Item("chain", "inet/c1", "type filter hook prerouting priority 0; policy accept;"),
                Item("nft", "inet/c1", f"{proto} dport 80 counter {field} set 1"),
            ),
        )
        for proto, dst, field in (("udp", "10.9.0.9", "ip ttl"), ("tcp", "2001:db8:9::9", "ip6 hoplimit"))
    ),
)


def test_a_rule_that_leaves_no_hop_is_named() -> None:
    with Arena(ident=f"{os.getpid()}-l") as arena, Bench(arena) as bench:
        rulesets = [
            Ruleset(Question("client", proto, dst, None if proto == "icmp" else 80, 20000), items)
            for proto, dst, items in SHORTENED
        ]
        found = [explained(bench, each) for each in rulesets]
    assert [each.wrong or each.invalid for each in found] == [""] * len(found)
    causes = [each.report.cause for each in found if each.report and each.report.cause]
    assert [each.code for each in causes] == ["ttl-expired"] * len(found)
    last = [items[-1] for *_, items in SHORTENED]
    texts = [f"-A PREROUTING {each.text}" if each.kind == "ipt" else each.text for each in last]
    assert [each.where.rule for each in causes] == texts


NEW = "-p tcp -m tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT"
UNFINISHED = [
    ("192.0.2.1", Item("policy", "filter/INPUT", "DROP"), Item("ipt", "filter/INPUT", NEW)),
    ("2001:db8:1::1", Item("ipt", "filter/INPUT", NEW), Item("ipt", "filter/INPUT", "-j REJECT")),
    (
        "198.51.100.2",
        Item("chain", "inet/c1", "type filter hook forward priority 5; policy accept;"),
        Item("nft", "inet/c1", "ct state established ct direction original counter reject with tcp reset"),
    ),
    (
        "198.51.100.2",  # asked by the router, whose own rule comes before every point
        Item("chain", "inet/c1", "type filter hook output priority 5; policy accept;"),
        Item("nft", "inet/c1", "ct status seen-reply counter reject"),
    ),
]


def test_a_connection_that_nobody_accepts_is_not_one() -> None:
    """Rules let the handshake's first packet pass and its answer, and not what completes it."""
    with Arena(ident=f"{os.getpid()}-f") as arena, Bench(arena) as bench:
        asked = [
            Question("client" if at < 3 else "router", "tcp", each[0], 80, 20000) for at, each in enumerate(UNFINISHED)
        ]
        rulesets = [Ruleset(each, tuple(items)) for each, (_, *items) in zip(asked, UNFINISHED, strict=True)]
        found = [explained(bench, each) for each in rulesets]
    assert [each.wrong or each.invalid for each in found] == [""] * len(found)
    assert [each.seen.outcome for each in found if each.seen] == [
        "unfinished",
        "unfinished",
        "reset",
        "unfinished",
    ]
    assert [each.report.cause.code for each in found if each.report and each.report.cause] == [
        "input-drop",
        "input-drop",
        "forward-drop",
        "rule-drop",
    ]
    assert all(each.named for each in found)


def test_an_address_of_two_hosts_is_reached_by_either() -> None:
    """Routing by a mark leads to the other one of them, and nowhere else: the rule is what stops it."""
    ruleset = Ruleset(
        Question("client", "tcp", "10.9.0.9", 80, 20000),
        (
            Item("ipt", "filter/FORWARD", "-j DROP"),
            Item("ipt", "mangle/PREROUTING", "-j MARK --set-mark 5"),
            Item("ip", "4", "route add 10.9.0.9/32 via 203.0.113.2 table 100"),
            Item("ip", "4", "rule add fwmark 5 pref 50 lookup main"),
            Item("ip", "4", "rule add pref 100 lookup 100"),
        ),
    )
    by_protocol = Ruleset(  # which a look-up without it, or another host of that address, does not tell
        Question("router", "tcp", "10.9.0.9", 80, 20000),
        (
            Item("ip", "4", "route add 10.9.0.0/24 via 203.0.113.2 table 101"),
            Item("ip", "4", "rule add ipproto tcp pref 7813 lookup 101"),
        ),
    )
    answer_dropped = Ruleset(
        Question("client", "tcp", "192.0.2.1", 80, 20000), (Item("ipt", "mangle/POSTROUTING", "-p tcp -j DROP"),)
    )
    later_handed = Ruleset(  # to a proxy, by a rule that what completes a handshake alone meets: it is routed on all the same, and dropped
        Question("client", "tcp", "2001:db8:3::2", 80, 20000),
        (
            Item("chain", "inet/c1", "type filter hook prerouting priority 0; policy accept;"),
            Item("nft", "inet/c1", "meta l4proto tcp ct status seen-reply ct direction original tproxy ip6 to :3128"),
        ),
    )
    rulesets = (ruleset, by_protocol, answer_dropped, later_handed)
    with Arena(ident=f"{os.getpid()}-t") as arena, Bench(arena) as bench:
        found, other, lost, handed = (explained(bench, each) for each in rulesets)
    assert handed.seen is not None
    assert handed.seen.outcome == "unfinished"
    assert handed.report is not None
    assert handed.report.verdict == "undetermined"
    assert other.report is not None
    assert other.report.verdict == "works"
    assert lost.report is not None
    assert lost.report.cause is not None
    assert "what it answers" in lost.report.cause.summary
    assert "ESTABLISHED" in " ".join(lost.report.cause.remedies[0].lines)
    assert found.report is not None, found.invalid
    assert found.report.cause is not None
    assert found.report.cause.code == "forward-drop"
