"""The look-up itself; tests/lab/test_kernel_routes.py holds it against the kernel's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.state.fib import Fib
from netprobe.state.fib_answer import RouteQuery
from netprobe.state.links import Address, Link
from netprobe.state.routes import DEFAULT_RULES, Route, RoutingRule, RuleAction

MAIN = (
    Route(dst="192.168.3.0/24", dev="eth0", src="192.168.3.202"),
    Route(dst="172.17.0.0/16", dev="docker0"),
    Route(dst="0.0.0.0/0", dev="eth0", via="192.168.3.1"),
)
VPN = (Route(dst="0.0.0.0/0", dev="wg0", table="51820"),)
#: wg-quick's own, for a full tunnel.
WG_QUICK = (
    RoutingRule(priority=32764, table="main", suppress_length=0),
    RoutingRule(priority=32765, table="51820", inverted=True, mark=51820),
)


def fib(*routes: Route, rules: tuple[RoutingRule, ...] = (), links: tuple[Link, ...] = (), **doubt: str) -> Fib:
    known = {4: (*DEFAULT_RULES, *rules)}
    return Fib(routes, known, links, {int(version[1:]): why for version, why in doubt.items()})


def way(table: Fib, dst: str, **query: Any) -> str:
    """The interface, or what refuses it; a question mark where that is not known."""
    found = table.ways(RouteQuery(dst=dst, **query)).known
    return "?" if found is None else found.refused or found.dev


def test_a_full_tunnel_takes_what_main_has_by_its_default_route_only() -> None:
    table = fib(*MAIN, *VPN, rules=WG_QUICK)
    assert [way(table, each) for each in ("172.17.0.2", "192.168.3.7", "203.0.113.10")] == ["docker0", "eth0", "wg0"]
    assert way(table, "203.0.113.10", mark=51820) == "eth0"
    assert way(table, "203.0.113.10", mark=None) == "?"
    assert "32765: not from all fwmark 0xca6c" in table.ways(RouteQuery(dst="203.0.113.10", mark=None)).why


def test_a_doubtful_rule_that_changes_nothing_is_no_doubt() -> None:
    rule = RoutingRule(priority=5, table="main", uids=(1000, 1000))
    assert way(fib(*MAIN, rules=(rule,)), "203.0.113.10") == "eth0"
    answer = fib(*MAIN, *VPN, rules=(RoutingRule(priority=5, table="51820", uids=(1000, 1000)),)).ways(
        RouteQuery(dst="203.0.113.10")
    )
    assert [each.dev for each in answer.ways] == ["eth0", "wg0"]  # the first as if it were not for the packet


@pytest.mark.parametrize("kind", ["unreachable", "blackhole", "prohibit"])
def test_refusals_by_rule_and_by_route(kind: str) -> None:
    by_rule = fib(*MAIN, rules=(RoutingRule(priority=9, action=RuleAction(kind), src="172.29.0.0/24"),))
    assert (way(by_rule, "203.0.113.10", src="172.29.0.2", iif="br-1"), way(by_rule, "203.0.113.10")) == (kind, "eth0")
    refusing = Route(dst="0.0.0.0/0", kind=kind, table="200")
    found = (
        fib(*MAIN, refusing, rules=(RoutingRule(priority=9, table="200"),)).ways(RouteQuery(dst="203.0.113.10")).known
    )
    assert found is not None
    assert (found.refused, found.route, found.rule and found.rule.priority) == (kind, refusing, 9)


def test_throw_asks_the_next_rule() -> None:
    routes = (*MAIN, *VPN, Route(dst="192.168.3.0/24", kind="throw", table="51820"))
    table = fib(*routes, rules=(RoutingRule(priority=9, table="51820"),))
    assert (way(table, "192.168.3.7"), way(table, "172.17.0.2")) == ("eth0", "wg0")


def test_goto_and_nop() -> None:
    rules = (
        RoutingRule(priority=9, action=RuleAction.GOTO, goto=20, iif="eth0"),
        RoutingRule(priority=10, action=RuleAction.NOP),
        RoutingRule(priority=15, action=RuleAction.BLACKHOLE),
        RoutingRule(priority=20, table="main"),
        RoutingRule(priority=21, action=RuleAction.GOTO, goto=9),  # the kernel takes none that leads back
    )
    table = fib(*MAIN, rules=rules)
    assert (way(table, "172.17.0.2", iif="eth0"), way(table, "172.17.0.2")) == ("docker0", "blackhole")


def test_what_rules_choose_by() -> None:
    rule = RoutingRule(priority=9, table="51820", iif="docker0", proto="tcp", dport=(80, 90), sport=(1, 50000), tos=0)
    table = fib(*MAIN, *VPN, rules=(rule,))
    packet: dict[str, Any] = {"iif": "docker0", "proto": "tcp", "sport": 40000, "dport": 80}
    assert way(table, "203.0.113.10", **packet) == "wg0"
    for other in ({"iif": "lo"}, {"proto": "udp"}, {"dport": 91}, {"tos": 16}):
        assert way(table, "203.0.113.10", **(packet | other)) == "eth0"
    assert way(table, "203.0.113.10", **(packet | {"sport": None})) == "?"


def test_several_next_hops_are_not_known_apart() -> None:
    alike = [
        Route(dst="10.0.0.0/8", dev=dev, via=via, shared=True) for dev, via in (("a", "192.0.2.1"), ("b", "192.0.2.2"))
    ]
    answer = fib(*alike).ways(RouteQuery(dst="10.1.1.1"))
    assert (answer.known, [each.dev for each in answer.ways]) == (None, ["a", "b"])
    assert answer.why == "which of several next hops of 10.0.0.0/8 the kernel takes is not known"
    one_dead = [alike[0], Route(dst="10.0.0.0/8", dev="b", via="192.0.2.2", shared=True, dead=True)]
    assert way(fib(*one_dead), "10.1.1.1") == "a"


def test_a_vrf_is_not_known() -> None:
    links = (
        Link(name="red", ifindex=2, kind="vrf"),
        Link(name="eth1", ifindex=3, master="red"),
        Link(name="eth0", ifindex=4),
    )
    table = fib(*MAIN, links=links)
    assert (way(table, "172.17.0.2", iif="eth1"), way(table, "172.17.0.2", iif="eth0")) == ("?", "docker0")


def test_rules_that_could_not_be_read() -> None:
    table = fib(*MAIN, _4="the routing rules of the host are not known")
    assert table.ways(RouteQuery(dst="172.17.0.2")).why == "the routing rules of the host are not known"


def test_a_route_for_some_sources_of_ipv6() -> None:
    routes = (Route(dst="::/0", dev="a", via="fe80::1"), Route(dst="::/0", dev="b", via="fe80::2", source="fd07::/16"))
    assert (way(fib(*routes), "2001:db8::1", src="fd07::1"), way(fib(*routes), "2001:db8::1", src="fd08::1")) == (
        "b",
        "a",
    )


def test_device_groups() -> None:
    links = (Link(name="eth0", ifindex=2, group="5", addresses=(Address(address="192.168.3.202", prefixlen=24),)),)
    rules = (
        RoutingRule(priority=9, table="main", suppress_group="5"),
        RoutingRule(priority=10, action=RuleAction.PROHIBIT),
    )
    table = fib(*MAIN, links=links, rules=rules)
    assert (way(table, "203.0.113.10"), way(table, "172.17.0.2")) == ("prohibit", "docker0")


_PREFIXES = st.sampled_from(("0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "", "nonsense", "::/0"))
_RULES = st.builds(
    RoutingRule,
    priority=st.integers(0, 40),
    table=st.sampled_from(("main", "7", "")),
    src=_PREFIXES,
    dst=_PREFIXES,
    inverted=st.booleans(),
    action=st.sampled_from(RuleAction),
    goto=st.integers(0, 40),
    uids=st.none() | st.just((0, 5)),
    other=st.sampled_from(((), ("dscp",))),
)


@given(st.lists(_RULES, max_size=30), _PREFIXES)
def test_any_rules_end(rules: list[RoutingRule], address: str) -> None:
    table = Fib((*MAIN, *VPN), {4: tuple(rules)}, None, {})
    answer = table.ways(RouteQuery(dst=address.partition("/")[0], iif="eth0"))
    assert answer.ways
    assert answer.why or len(answer.ways) == 1


def test_ten_thousand_rules_are_looked_at_once_each() -> None:
    rules = tuple(
        RoutingRule(priority=n, table="7", uids=(0, 5), action=RuleAction.GOTO, goto=n + 2) for n in range(10_000)
    )
    assert way(fib(*MAIN, rules=rules), "172.17.0.2") == "docker0"


# -- sockets that are bound to an interface ---------------------------------------------------------------------------------

BOUND = (
    Route(dst="192.0.2.0/24", dev="eth0"),
    Route(dst="0.0.0.0/0", dev="eth0", via="192.0.2.1"),
    Route(dst="0.0.0.0/0", dev="wg0", table="52"),
)
WG0 = Link(name="wg0", ifindex=3, addresses=(Address(address="10.8.0.2", prefixlen=24),))


def test_a_bound_socket_is_led_by_its_interface_alone() -> None:
    by_oif = RoutingRule(priority=9, table="52", oif="wg0")
    assert way(fib(*BOUND, rules=(by_oif,)), "203.0.113.10") == "eth0"
    found = fib(*BOUND, rules=(by_oif,)).ways(RouteQuery(dst="203.0.113.10", oif="wg0")).known
    assert found is not None
    assert (found.dev, found.route is not None) == ("wg0", True)


@pytest.mark.parametrize("action", [RuleAction.LOOKUP, RuleAction.UNREACHABLE])
def test_what_leads_a_bound_socket_nowhere_is_on_its_link(action: RuleAction) -> None:
    rule = RoutingRule(priority=9, table="99", oif="wg0", action=action)
    found = fib(*BOUND, rules=(rule,), links=(WG0,)).ways(RouteQuery(dst="203.0.113.10", oif="wg0")).known
    assert found is not None
    assert (found.dev, found.via, found.src, found.route) == ("wg0", "", "10.8.0.2", None)


@pytest.mark.parametrize(("kind", "expected"), [("unreachable", "none"), ("throw", "none"), ("unicast", "wg0")])
def test_of_ipv6_nothing_is_assumed_and_a_refusal_is_another_interfaces(kind: str, expected: str) -> None:
    routes = (
        Route(dst="::/0", dev="eth0", via="2001:db8::1"),
        Route(dst="::/0", dev="wg0" if kind == "unicast" else "lo", kind=kind, table="52"),
    )
    rules = {6: (*DEFAULT_RULES, RoutingRule(priority=9, table="52", oif="wg0"))}
    table = Fib(routes, rules, (WG0,), {})
    assert way(table, "2001:db8:9::9", oif="wg0") == expected
