from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.model.remedy import shell_line
from netprobe.state.issues import Issues
from netprobe.state.nft import nft_hits
from netprobe.state.nft_parse import parse_nft
from netprobe.state.packet import PacketTuple

if TYPE_CHECKING:
    from collections.abc import Callable


def read(parser: Callable[..., Any], text: str, issues: Issues, **more: str) -> Any:
    """Parse a text that can be read: an unknown value fails the test where it is used."""
    return parser(text, issues, **more)


def test_only_what_iptables_does_not_own(server2: Any) -> None:
    assert [(chain.ref.component, chain.hook, chain.policy) for chain in server2.nft.chains] == [
        ("inet guard/input", "input", "accept"),
        ("inet guard/more", "", ""),
        ("netdev door/ingress", "ingress", "accept"),
    ]
    ssh, web, jump = server2.nft.chains[0].rules
    assert (ssh.verdict, ssh.packets, ssh.text) == ("drop", 0, "tcp dport 2222 counter packets 0 bytes 0 drop")
    assert web.text == "ip saddr 192.0.2.0/24 tcp dport { 80, 443 } reject with icmp port-unreachable"
    assert (jump.verdict, jump.target) == ("jump", "more")
    assert shell_line(ssh.delete_argv) == f"nft delete rule inet guard input handle {ssh.handle}"


def test_hits(world: Any) -> None:
    (hit,) = nft_hits(world.before["server2"].nft, world.after["server2"].nft)
    assert (str(hit.rule.ref), hit.delta, hit.rule.verdict) == (
        f"inet guard/input handle {hit.rule.handle}",
        1,
        "drop",
    )
    assert nft_hits(None, world.after["server2"].nft) == ()


def test_matches(server2: Any) -> None:
    ssh, web, _ = server2.nft.chains[0].rules
    assert ssh.matches(PacketTuple(proto="tcp", dport=2222)) is True
    assert ssh.matches(PacketTuple(proto="udp", dport=2222)) is False
    assert ssh.matches(PacketTuple(proto="tcp")) is None
    assert web.matches(PacketTuple(src="192.0.2.9", dst="192.168.3.202", proto="tcp", dport=443)) is True
    assert web.matches(PacketTuple(src="192.0.3.9", dst="192.168.3.202", proto="tcp", dport=443)) is False
    assert server2.nft.chains[2].rules[0].matches(PacketTuple(src="192.0.2.9")) is None


def test_another_ip_versions_rules_are_not_met(issues: Issues) -> None:
    """A table of family ip sees no IPv6, and ICMPv6 is no ICMP; nft calls it ipv6-icmp (RFC 4443 section 2.1)."""
    chain = {"table": "t", "name": "in", "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}
    ping = {"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "ipv6-icmp"}}
    entries: list[dict[str, Any]] = []
    for family in ("ip", "ip6"):
        entries.append({"chain": {"family": family, "handle": 1, **chain}})
        rule = {"family": family, "table": "t", "chain": "in", "handle": 2, "expr": [ping, {"drop": None}]}
        entries.append({"rule": rule})
    nft = read(parse_nft, json.dumps({"nftables": entries}), issues)
    four, six = PacketTuple(dst="192.0.2.1", proto="icmp"), PacketTuple(dst="fd00::1", proto="icmp")
    old, new = (chain.rules[0] for chain in nft.chains)
    assert (old.matches(six), new.matches(four), new.matches(six)) == (False, False, True)
    assert old.matches(four) is False
    assert [str(each.ref) for each in nft.stopping("input", four)] == ["ip t/in policy"]
    assert [str(each.ref) for each in nft.stopping("input", six)] == ["ip6 t/in handle 2", "ip6 t/in policy"]


def test_stopping_follows_jumps(server2: Any) -> None:
    invalid = PacketTuple(src="192.168.3.201", proto="tcp", dport=80, ctstate="INVALID")
    assert [str(each.ref).split()[1] for each in server2.nft.stopping("input", invalid)] == ["guard/more"]
    new = PacketTuple(src="192.168.3.201", dst="192.168.3.202", proto="tcp", dport=80, ctstate="NEW")
    assert server2.nft.stopping("input", new) == ()


def nft_text(*objects: object) -> str:
    return json.dumps({"nftables": list(objects)})


def chain(family: str, table: str, name: str, **more: object) -> dict[str, Any]:
    return {"chain": {"family": family, "table": table, "name": name, "handle": 1, **more}}


def test_dockers_own_backend_is_kept_and_a_foreign_filter_table_too(issues: Issues) -> None:
    text = nft_text(
        {"table": {"family": "ip", "name": "docker-bridges"}},
        {"table": {"family": "ip", "name": "filter"}},
        {"table": {"family": "ip", "name": "nat"}},
        chain("ip", "docker-bridges", "filter-FORWARD", hook="forward", prio=0, policy="accept", type="filter"),
        chain("ip", "filter", "mine", hook="forward", prio=-5, policy="drop", type="filter"),
        chain("ip", "nat", "DOCKER"),
    )
    ruleset = read(parse_nft, text, issues)
    assert [each.ref.component for each in ruleset.base("forward")] == [
        "ip filter/mine",
        "ip docker-bridges/filter-FORWARD",
    ]
    assert [str(each.ref) for each in ruleset.stopping("forward", PacketTuple())] == ["ip filter/mine policy"]


@pytest.mark.parametrize(
    ("left", "op", "right", "packet", "answer"),
    [
        ({"meta": {"key": "iifname"}}, "==", "br-*", PacketTuple(in_if="br-1"), True),
        ({"meta": {"key": "iifname"}}, "!=", "docker0", PacketTuple(in_if="eth0"), True),
        ({"meta": {"key": "oifname"}}, "==", "docker0", PacketTuple(), None),
        ({"meta": {"key": "l4proto"}}, "==", {"set": ["tcp", "udp"]}, PacketTuple(proto="udp"), True),
        ({"meta": {"key": "l4proto"}}, "==", 6, PacketTuple(proto="tcp"), True),
        ({"payload": {"protocol": "th", "field": "dport"}}, "==", {"range": [80, 90]}, PacketTuple(dport=85), True),
        ({"payload": {"protocol": "tcp", "field": "dport"}}, "!=", 80, PacketTuple(proto="udp", dport=81), False),
        ({"payload": {"protocol": "ip6", "field": "saddr"}}, "!=", "::1", PacketTuple(src="10.0.0.1"), False),
        ({"payload": {"protocol": "ip", "field": "daddr"}}, "==", "@blocked", PacketTuple(dst="10.0.0.1"), None),
        ({"ct": {"key": "state"}}, "in", ["established", "related"], PacketTuple(ctstate="NEW"), False),
        ({"fib": {"result": "type"}}, "==", "local", PacketTuple(), None),
    ],
)
def test_match_expressions(
    issues: Issues, left: dict[str, Any], op: str, right: Any, packet: PacketTuple, answer: bool | None
) -> None:
    rule = {
        "rule": {
            "family": "inet",
            "table": "t",
            "chain": "c",
            "handle": 3,
            "expr": [{"match": {"op": op, "left": left, "right": right}}, {"drop": None}],
        }
    }
    ruleset = read(parse_nft, nft_text(chain("inet", "t", "c", hook="input"), rule), issues)
    (found,) = ruleset.rules()
    assert found.matches(packet) is answer
    assert found.text.endswith("drop")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["ip", "tcp", "==", "dport"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "match",
                        "left",
                        "right",
                        "op",
                        "payload",
                        "protocol",
                        "field",
                        "meta",
                        "key",
                        "set",
                        "prefix",
                        "range",
                        "jump",
                    ]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=12,
    )
)
def test_any_expression_is_survived(value: Any) -> None:
    rule = {"rule": {"family": "ip", "table": "t", "chain": "c", "handle": 1, "expr": [value, {"match": value}]}}
    ruleset = read(parse_nft, nft_text(chain("ip", "t", "c", hook="input", prio=value, dev=value), rule), Issues("x"))
    for found in ruleset.rules():
        assert found.matches(PacketTuple(src="10.0.0.1", proto="tcp", dport=80, in_if="x", ctstate="NEW")) in {
            True,
            False,
            None,
        }
    ruleset.stopping("input", PacketTuple())


def test_what_is_not_nft_is_unknown() -> None:
    for text in ("[]", "{}", "{", '{"nftables": 3}', "x" * 1000):
        found = Issues("nft")
        assert read(parse_nft, text, found) is None
        assert found.found
    assert read(parse_nft, "", Issues("nft")).chains == ()
