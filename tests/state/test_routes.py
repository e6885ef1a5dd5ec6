from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.state.issues import Issues
from netprobe.state.routes import Route, RuleAction, parse_routes, parse_rules

if TYPE_CHECKING:
    from collections.abc import Callable

# What `ip rule` (6.1) printed in a network namespace, beside what `ip -j rule` did.
RULES = """[{"priority":0,"src":"all","table":"local"},{"priority":10,"src":"10.0.0.0","srclen":8,"dst":"1.2.3.4","tos":"0x10","fwmark":"0x1",
"fwmask":"0xff","iif":"lo","uid_start":0,"uid_end":100,"ipproto":"tcp","sport_start":10,"sport_end":20,"dport":80,"table":"100"},
{"priority":11,"not":null,"src":"10.0.0.1","oif":"eth9","oif_detached":null,"goto":20,"unresolved":null},{"priority":12,"src":"all",
"action":"unreachable"},{"priority":13,"src":"all","action":"blackhole"},{"priority":14,"src":"all","action":"prohibit"},{"priority":15,
"src":"all","nop":null},{"priority":16,"src":"all","table":"7","suppress_prefixlen":0,"suppress_ifgroup":"5"},{"priority":17,"src":"all",
"l3mdev":null},{"priority":18,"src":"all","ipproto":"icmp","dport":5,"goto":19},{"priority":19,"src":"all","fwmark":"0x7","tun_id":3,
"table":"300"}]"""
SHOWN = [
    "0: from all lookup local",
    "10: from 10.0.0.0/8 to 1.2.3.4 tos 0x10 fwmark 0x1/0xff iif lo ipproto tcp uidrange 0-100 sport 10-20 dport 80 lookup 100",
    "11: not from 10.0.0.1 oif eth9 goto [unresolved]",
    "12: from all unreachable",
    "13: from all blackhole",
    "14: from all prohibit",
    "15: from all nop",
    "16: from all lookup 7 suppress_prefixlength 0 suppress_ifgroup 5",
    "17: from all l3mdev",
    "18: from all ipproto icmp dport 5 goto 19",
    "19: from all fwmark 0x7 lookup 300",
]


def read(parser: Callable[..., Any], text: str, issues: Issues) -> Any:
    """Parse a text that can be read: an unknown value fails the test where it is used."""
    return parser(text, issues)


def test_default_route_of_either_family_and_multipath(issues: Issues) -> None:
    text = json.dumps(
        [
            {"dst": "default", "gateway": "fe80::1", "dev": "eth0", "metric": 1024, "pref": "medium"},
            {"dst": "default", "dev": "tun0"},
            {
                "dst": "10.0.0.0/8",
                "nexthops": [{"gateway": "10.1.0.1", "dev": "a"}, {"gateway": "10.2.0.1", "dev": "b"}],
            },
            {"type": "unreachable", "dst": "10.9.0.0/16", "dev": "lo", "table": 100},
            {"dst": "192.0.2.1", "via": {"family": "inet6", "host": "fe80::2"}, "dev": "eth0"},
        ]
    )
    routes = read(parse_routes, text, issues)
    assert [(r.dst, r.via, r.dev) for r in routes] == [
        ("::/0", "fe80::1", "eth0"),
        ("0.0.0.0/0", "", "tun0"),
        ("10.0.0.0/8", "10.1.0.1", "a"),
        ("10.0.0.0/8", "10.2.0.1", "b"),
        ("10.9.0.0/16", "", "lo"),
        ("192.0.2.1/32", "fe80::2", "eth0"),
    ]
    assert (routes[4].kind, routes[4].table) == ("unreachable", "100")


def test_every_selector_and_action_of_a_rule(issues: Issues) -> None:
    rules = read(parse_rules, RULES, issues)
    assert [str(rule) for rule in rules] == SHOWN
    assert not issues.found
    assert not any(rule.other for rule in rules)
    assert (rules[10].tunnel, rules[8].l3mdev, rules[2].goto) == (True, True, None)


@pytest.mark.parametrize(
    ("more", "strange"),
    [('"dscp":"CS1"', ("dscp",)), ('"fwmark":"many"', ("fwmark",)), ('"dport_start":1', ("dport",)), ('"tos":"lowdelay"', ("tos",))],
)  # fmt: skip
def test_what_is_not_understood_of_a_rule_is_named(more: str, strange: tuple[str, ...], issues: Issues) -> None:
    (rule,) = read(parse_rules, f'[{{"priority":5,"src":"all",{more},"table":"7"}}]', issues)
    assert rule.other == strange


def test_an_action_that_is_not_understood(issues: Issues) -> None:
    nat, odd = read(
        parse_rules, '[{"priority":5,"src":"all","action":"masquerade"},{"priority":6,"src":"all"}]', issues
    )
    assert (nat.action, odd.action) == (RuleAction.UNKNOWN, RuleAction.UNKNOWN)
    assert read(parse_rules, '[{"src":"all"}]', issues) == ()
    assert issues.found[0].why == "a routing rule without priority"


def test_flags_sources_and_several_next_hops(issues: Issues) -> None:
    text = """[{"dst":"default","from":"fd00::/8","dev":"v0","metric":1024,"flags":["dead","linkdown"],"pref":"medium"},
    {"dst":"10.4.0.0/16","tos":"0x10","dev":"v0","flags":[]},{"dst":"default","table":"52","flags":[],"nexthops":[{"gateway":"10.1.0.2",
    "dev":"v0","weight":2,"flags":["dead"]},{"gateway":"10.1.0.3","dev":"v0","weight":1,"flags":[]}]}]"""
    six, tos, dead, alive = read(parse_routes, text, issues)
    assert (six.source, six.dead, six.dst, tos.tos) == ("fd00::/8", True, "::/0", 0x10)
    assert (dead.dead, dead.shared, alive.dead, alive.shared) == (True, True, False, True)


def test_a_route_as_ip_route_shows_it() -> None:
    assert str(Route(dst="0.0.0.0/0", kind="unreachable")) == "unreachable default"
    assert str(Route(dst="172.17.0.0/16", dev="tailscale0", table="52")) == "172.17.0.0/16 dev tailscale0"
    assert str(Route(dst="::/0", via="fd00::1", dev="eth0")) == "default via fd00::1 dev eth0"


_VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.lists(st.integers(), max_size=2)
_KEYS = (
    "priority",
    "src",
    "srclen",
    "dst",
    "table",
    "not",
    "fwmark",
    "fwmask",
    "iif",
    "sport",
    "uid_start",
    "uid_end",
    "goto",
    "nexthops",
    "flags",
    "tos",
)


@given(st.lists(st.dictionaries(st.sampled_from(_KEYS), _VALUES), max_size=4))
def test_hostile_items_crash_nothing(items: list[dict[str, Any]]) -> None:
    for parser in (parse_rules, parse_routes):
        for each in parser(json.dumps(items), Issues("x")) or ():
            assert str(each)
