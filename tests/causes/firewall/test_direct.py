"""Each deciding fact of v6-direct-blocked changed by itself, its remedies, and what the prediction says of the same rules."""

from __future__ import annotations

import pytest

from netprobe.pipeline import analyze
from tests.causes.firewall.test_host import with_output, without
from tests.causes.proof.test_drops import code, whole

CODE = "v6-direct-blocked"
RAW = "-A PREROUTING -d fd00:27::2/128 ! -i br-six -j DROP"
LAST = "-A DOCKER ! -i br-six -o br-six -j DROP"
FIRED = [
    "v6-direct-blocked-28",
    "v6-direct-published-28",
    "v6-direct-ping-28",
    "v6-direct-routed-28",
    "v6-direct-policy",
]


@pytest.mark.parametrize("name", FIRED)
def test_the_rules_must_be_known(name: str) -> None:
    report = analyze(without(whole(name), "server2", "ip6tables"))
    assert (report.verdict.value, code(report)) == ("undetermined", None)
    assert CODE in report.alternatives


def test_another_rule_of_raw_is_not_the_engines() -> None:
    changed = with_output(
        whole("v6-direct-blocked-28"), "server2", "ip6tables", RAW, RAW.replace("! -i br-six", "-i eth0")
    )
    assert code(analyze(changed)) != CODE


def test_another_drop_in_forward_is_forward_drop() -> None:
    changed = with_output(whole("v6-direct-routed-28"), "server2", "ip6tables", LAST, "-A DOCKER -o br-six -j DROP")
    assert code(analyze(changed)) == "forward-drop"


def test_the_policy_is_the_engines_only_with_its_rules_before_it() -> None:
    changed = with_output(
        whole("v6-direct-policy"),
        "server2",
        "ip6tables",
        "-A FORWARD -o br-six -j DOCKER",
        "-A FORWARD -o br-x -j DOCKER",
    )
    assert code(analyze(changed)) == "forward-drop"


def test_a_rule_of_iptables_has_no_part_in_ipv6() -> None:
    """The same text, counted, among IPv4's rules."""
    evidence = whole("v6-docker-user-v4-28")
    changed = with_output(
        evidence, "server2", "iptables", "[0:0] -A DOCKER-USER -p tcp", "[5:300] -A DOCKER-USER -p tcp"
    )
    report = analyze(changed)
    assert (report.verdict.value, code(report)) == ("works", None)


@pytest.mark.parametrize(
    ("name", "commands"),
    [
        (
            "v6-direct-blocked-28",
            [
                "ip6tables -t raw -I PREROUTING -d fd00:27::2 -p tcp --dport 80 -j ACCEPT",
                "ip6tables -I DOCKER-USER -d fd00:27::2 -p tcp --dport 80 -j ACCEPT",
            ],
        ),
        ("v6-direct-published-28", ["ip6tables -t raw -I PREROUTING -d fd00:27::2 -p tcp --dport 80 -j ACCEPT"]),
        ("v6-direct-routed-28", ["ip6tables -I DOCKER-USER -d fd00:27::2 -p tcp --dport 80 -j ACCEPT"]),
        ("v6-direct-policy", ["ip6tables -I FORWARD -d fd00:27::2 -p tcp --dport 80 -j ACCEPT"]),
    ],
)
def test_the_remedy_opens_all_that_closes_it(name: str, commands: list[str]) -> None:
    """Each was tried in the lab: the connection works then."""
    cause = analyze(whole(name)).cause
    assert cause is not None
    assert [line for line in cause.remedy if not line.startswith("#")] == commands


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "v6-direct-blocked-28",
            "recreate demo with -p 80:80, and dial port 80 of server2; or docker network create --ipv6 -o",
        ),
        ("v6-direct-published-28", "for good: dial port 80 of server2; or docker network create"),
        ("v6-direct-ping-28", "gateway_mode_ipv6=routed, which lets ICMPv6 in"),
        ("v6-direct-routed-28", "recreate demo with -p 80:80: on a routed network that opens its own address"),
        ("v6-direct-policy", "recreate demo with -p 80:80, which opens that port of its own address too"),
    ],
)
def test_for_good_it_is_published(name: str, words: str) -> None:
    cause = analyze(whole(name)).cause
    assert cause is not None
    assert words in cause.remedy[-1]


def test_nothing_stands_behind_what_opens_both_doors() -> None:
    """The remedy accepts it in raw and in the administrator's chain."""
    report = analyze(whole("v6-direct-blocked-28"))
    assert report.after == ()
