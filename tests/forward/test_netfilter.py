"""The order of a hook's chains, and what conntrack and nat make of a packet."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from netprobe.evidence.model import Place
from netprobe.forward.conntrack import Connection
from netprobe.forward.model import Flying, Stopped, UnknownHere
from netprobe.forward.netfilter import Filter, pass_hook, pass_netdev
from netprobe.model.report import Direction
from netprobe.state.iptables_parse import parse_iptables
from netprobe.state.issues import Issues
from netprobe.state.links import Address, Link
from netprobe.state.model import Namespace
from netprobe.state.nft_parse import parse_nft

ETH0 = Link(name="eth0", ifindex=2, addresses=(Address(address="192.0.2.1", prefixlen=24),))
ETH1 = Link(name="eth1", ifindex=3, addresses=(Address(address="198.51.100.1", prefixlen=24),))
SYN = Flying(src="192.0.2.7", sport=40000, dst="198.51.100.2", dport=80, proto="tcp")


def base(
    name: str, hook: str, prio: int, *expressions: object, kind: str = "filter", policy: str = "accept"
) -> list[object]:
    """A chain of nft with one rule."""
    at = {"family": "inet", "table": "t"}
    chain = {**at, "name": name, "type": kind, "hook": hook, "prio": prio, "policy": policy, "handle": 1}
    rule = {**at, "chain": name, "handle": 2, "expr": list(expressions)}
    return [{"chain": chain}, *([{"rule": rule}] if expressions else [])]


def by(iptables: str = "", nft: list[object] | None = None) -> Filter:
    issues = Issues("")
    ruleset = parse_iptables(iptables, issues) if iptables else None
    rules = parse_nft(json.dumps({"nftables": nft}), issues) if nft else None
    namespace = Namespace.known(links=(ETH0, ETH1), routes=None, rules=None)
    return Filter(place=Place(host="r"), namespace=namespace, rulesets=(ruleset,) if ruleset else (), nft=rules)


def table(name: str, *rules: str, policies: str = "") -> str:
    hooks = {"raw": "PREROUTING OUTPUT", "nat": "PREROUTING INPUT OUTPUT POSTROUTING"}.get(
        name, "PREROUTING INPUT FORWARD OUTPUT POSTROUTING"
    )
    chains = "".join(f":{each} {policies or 'ACCEPT'} [0:0]\n" for each in hooks.split())
    return f"*{name}\n{chains}" + "".join(f"{each}\n" for each in rules) + "COMMIT\n"


def stopped(found: Filter, hook: str, packet: Flying = SYN) -> str:
    with pytest.raises(Stopped) as caught:
        pass_hook(found, hook, packet, in_if="eth0", out_if="eth1")
    return caught.value.obstacle.label


DROP = {"drop": None}


@pytest.mark.parametrize(("prio", "label"), [(-1, "inet t/c handle 2"), (1, "filter/FORWARD #1")])
def test_what_has_the_lower_priority_comes_first(prio: int, label: str) -> None:
    found = by(table("filter", "-A FORWARD -j DROP"), base("c", "forward", prio, DROP))
    assert stopped(found, "FORWARD") == label


def test_of_equal_priority_the_only_one_that_ends_it_is_named() -> None:
    assert stopped(by(table("filter"), base("c", "forward", 0, DROP)), "FORWARD") == "inet t/c handle 2"


def test_of_equal_priority_two_that_end_it_are_not_told_apart() -> None:
    found = by(table("filter", "-A FORWARD -j DROP"), base("c", "forward", 0, DROP))
    with pytest.raises(UnknownHere, match=r"filter/FORWARD #1 or inet t/c handle 2.*no listing shows"):
        pass_hook(found, "FORWARD", SYN, in_if="eth0", out_if="eth1")


def test_a_mark_of_mangle_is_seen_by_filter_and_by_nat() -> None:
    mangle = table("mangle", "-A PREROUTING -p tcp -j MARK --set-xmark 0x7/0xffffffff")
    nat = table("nat", "-A PREROUTING -p tcp -m mark --mark 0x7 -j DNAT --to-destination 198.51.100.9:8080")
    passed, steps = pass_hook(by(mangle + nat), "PREROUTING", SYN, in_if="eth0")
    assert (passed.mark, passed.dst, passed.dport) == (7, "198.51.100.9", 8080)
    assert [each.what for each in steps] == ["DNAT to 198.51.100.9:8080"]
    assert passed.connection is not None
    assert (passed.connection.original[2:], passed.connection.reply[:2]) == (
        ("198.51.100.2", 80),
        ("198.51.100.9", 8080),
    )


def test_conntrack_lies_between_raw_and_mangle() -> None:
    raw = table("raw", "-A PREROUTING -m conntrack --ctstate NEW -j DROP")
    assert pass_hook(by(raw), "PREROUTING", SYN, in_if="eth0")[0].connection is not None
    mangle = table("mangle", "-A PREROUTING -m conntrack --ctstate NEW -j DROP")
    assert stopped(by(mangle), "PREROUTING") == "mangle/PREROUTING #1"


def test_what_is_not_tracked_is_not_translated() -> None:
    rules = table("raw", "-A PREROUTING -j NOTRACK") + table(
        "nat", "-A PREROUTING -j DNAT --to-destination 198.51.100.9"
    )
    passed, _ = pass_hook(by(rules), "PREROUTING", SYN, in_if="eth0")
    assert (passed.untracked, passed.connection, passed.dst) == (True, None, SYN.dst)
    filtering = table("filter", "-A FORWARD -m conntrack --ctstate UNTRACKED -j DROP")
    assert stopped(by(filtering), "FORWARD", passed) == "filter/FORWARD #1"


def test_nat_is_decided_once_by_the_first_that_translates() -> None:
    nat = table("nat", "-A PREROUTING -j DNAT --to-destination 198.51.100.9")
    first = base("c", "prerouting", -101, {"dnat": {"family": "ip", "addr": "198.51.100.8"}}, kind="nat")
    passed, _ = pass_hook(by(nat, first), "PREROUTING", SYN, in_if="eth0")
    assert passed.dst == "198.51.100.8"
    again, _ = pass_hook(by(nat, first), "PREROUTING", passed, in_if="eth0")
    assert again.dst == "198.51.100.8"


def answer(packet: Flying, known: Connection, hook: str, found: Filter) -> Flying:
    return pass_hook(found, hook, packet, in_if="eth1", out_if="eth0", known=(known,))[0]


def test_an_answer_is_put_back_where_the_kernel_does_it() -> None:
    known = Connection(
        proto="tcp", original=("192.0.2.7", 40000, "203.0.113.1", 80), reply=("198.51.100.2", 8080, "198.51.100.1", 40000)
    )  # fmt: skip
    came = Flying(
        src="198.51.100.2", sport=8080, dst="198.51.100.1", dport=40000, proto="tcp", direction=Direction.REPLY
    )
    dropping = table(
        "filter", "-A FORWARD -s 198.51.100.2 -d 192.0.2.7 -m conntrack --ctstate ESTABLISHED --ctdir REPLY -j DROP"
    )
    passed = answer(came, known, "PREROUTING", by(dropping))
    assert (passed.dst, passed.src) == ("192.0.2.7", "198.51.100.2")
    assert stopped(by(dropping), "FORWARD", passed) == "filter/FORWARD #1"
    left = answer(passed, known, "POSTROUTING", by(dropping))
    assert (left.src, left.sport, left.dst, left.dport) == ("203.0.113.1", 80, "192.0.2.7", 40000)


def test_an_answer_that_belongs_to_nothing_is_invalid_or_new() -> None:
    rules = table(
        "filter", "-A FORWARD -m conntrack --ctstate INVALID -j DROP", "-A FORWARD -m conntrack --ctstate NEW -j REJECT"
    )
    came = replace(SYN, direction=Direction.REPLY)
    assert stopped(by(rules), "FORWARD", came) == "filter/FORWARD #1"
    assert stopped(by(rules), "FORWARD", replace(came, proto="udp")) == "filter/FORWARD #2"


def test_another_zone_is_another_connection() -> None:
    known = Connection(proto="tcp", original=SYN.endpoints, reply=("198.51.100.2", 80, "192.0.2.7", 40000), zone=5)
    came = Flying(src="198.51.100.2", sport=80, dst="192.0.2.7", dport=40000, proto="tcp", direction=Direction.REPLY)
    assert answer(came, known, "PREROUTING", by(table("filter"))).connection is None
    zoned = by(table("raw", "-A PREROUTING -j CT --zone 5"))
    assert answer(came, known, "PREROUTING", zoned).connection == known


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (["-A FORWARD -m recent --update --name x -j DROP"], "-m recent is decided by what no listing shows"),
        (["-A FORWARD -m string --string x --algo bm -j DROP"], "-m string is not understood"),
        (["-A FORWARD -j NFQUEUE --queue-num 0"], "-j NFQUEUE is not understood"),
    ],
)
def test_what_may_match_and_would_end_it_is_named(rules: list[str], reason: str) -> None:
    with pytest.raises(UnknownHere, match=reason):
        pass_hook(by(table("filter", *rules)), "FORWARD", SYN, in_if="eth0", out_if="eth1")


def test_what_may_match_and_changes_nothing_is_passed() -> None:
    rules = [
        ":A - [0:0]",
        "-A FORWARD -m limit --limit 1/sec -j A",
        "-A A -j LOG",
        "-A FORWARD -m limit --limit 1/sec -j ACCEPT",
    ]
    assert pass_hook(by(table("filter", *rules)), "FORWARD", SYN, in_if="eth0", out_if="eth1")[0].mark == 0


def test_what_may_match_and_sets_a_mark_leaves_the_mark_unknown() -> None:
    rules = table("mangle", "-A FORWARD -m limit --limit 1/sec -j MARK --set-xmark 0x1/0xffffffff")
    assert pass_hook(by(rules), "FORWARD", SYN, in_if="eth0", out_if="eth1")[0].mark is None
    later = rules + table("filter", "-A FORWARD -m mark --mark 0x1 -j DROP")
    with pytest.raises(UnknownHere, match="whether mark --mark 0x1 holds is not known"):
        pass_hook(by(later), "FORWARD", SYN, in_if="eth0", out_if="eth1")


# -- what random rulesets on a real kernel showed ---------------------------------------------------------------------------


def test_each_conntrack_match_is_asked_by_itself() -> None:
    """Before conntrack looked, only a match that asks for the state can hold: another ``-m conntrack`` of the same rule does not."""
    two = (
        "-A PREROUTING -m conntrack ! --ctstate RELATED,ESTABLISHED -m conntrack --ctproto 6 --ctreplsrcport 80 -j DROP"
    )
    assert pass_hook(by(table("raw", two)), "PREROUTING", SYN, in_if="eth0")[0].dst == SYN.dst


def test_a_mark_of_netdev_ingress_is_kept() -> None:
    chain = {
        "family": "netdev",
        "table": "t",
        "name": "c",
        "type": "filter",
        "hook": "ingress",
        "prio": 0,
        "policy": "accept",
    }
    mark = {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 5}}
    rule = {"family": "netdev", "table": "t", "chain": "c", "handle": 2, "expr": [mark]}
    found = by(nft=[{"chain": {**chain, "dev": "eth0", "handle": 1}}, {"rule": rule}])
    assert pass_netdev(found, "ingress", "eth0", SYN).mark == 5
    assert pass_netdev(found, "ingress", "eth1", SYN).mark == 0


def test_a_dnat_to_a_range_takes_the_port_if_it_lies_there_and_else_the_first() -> None:
    nat = by(table("nat", "-A PREROUTING -p tcp -j DNAT --to-destination 198.51.100.9:8080-8090"))
    assert pass_hook(nat, "PREROUTING", SYN, in_if="eth0")[0].dport == 8080
    assert pass_hook(nat, "PREROUTING", replace(SYN, dport=8085), in_if="eth0")[0].dport == 8085


def test_what_a_doubtful_rule_tells_conntrack_is_named() -> None:
    raw = table("raw", "-A PREROUTING -m limit --limit 1/sec -j NOTRACK")
    with pytest.raises(UnknownHere, match=r"raw/PREROUTING #1.*-m limit is decided by what no listing shows"):
        pass_hook(by(raw), "PREROUTING", SYN, in_if="eth0")


def test_of_two_of_equal_priority_the_rules_are_named_for_their_counters() -> None:
    found = by(table("filter", "-A FORWARD -j DROP"), base("c", "forward", 0, DROP))
    with pytest.raises(UnknownHere) as caught:
        pass_hook(found, "FORWARD", SYN, in_if="eth0", out_if="eth1")
    assert [str(rule) for _, rule in caught.value.doubtful] == ["filter/FORWARD #1", "inet t/c handle 2"]


def test_tproxy_is_named() -> None:
    rules = table("mangle", "-A PREROUTING -p tcp -j TPROXY --on-port 3128 --on-ip 0.0.0.0 --tproxy-mark 0x1/0x1")
    with pytest.raises(UnknownHere, match="a local socket is to take it"):
        pass_hook(by(rules), "PREROUTING", SYN, in_if="eth0")
