from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from netprobe.model.remedy import shell_line
from netprobe.state.iptables import (
    delete_argv,
    find_dnat_to,
    hits,
    policy_argv,
    split,
)
from netprobe.state.iptables_fields import Field
from netprobe.state.iptables_parse import parse_iptables
from netprobe.state.issues import Issues
from netprobe.state.packet import PacketTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.state.iptables import Rule
    from netprobe.state.issues import ParseIssue

# What Engine 28 and 29 write for `-p 8080:80` on a user-defined bridge.
ENGINE_29 = """*raw
:PREROUTING ACCEPT [10:600]
:OUTPUT ACCEPT [0:0]
[3:180] -A PREROUTING -d 192.0.2.2/32 ! -i bridge1 -j DROP
[0:0] -A PREROUTING -d 127.0.0.1/32 ! -i lo -p tcp -m tcp --dport 8081 -j DROP
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-BRIDGE - [0:0]
:DOCKER-CT - [0:0]
:DOCKER-FORWARD - [0:0]
:DOCKER-INTERNAL - [0:0]
:DOCKER-USER - [0:0]
[1:60] -A FORWARD -j DOCKER-USER
[1:60] -A FORWARD -j DOCKER-FORWARD
[1:60] -A DOCKER -d 192.0.2.2/32 ! -i bridge1 -o bridge1 -p tcp -m tcp --dport 80 -j ACCEPT
[0:0] -A DOCKER ! -i bridge1 -o bridge1 -j DROP
[1:60] -A DOCKER-BRIDGE -o bridge1 -j DOCKER
[0:0] -A DOCKER-CT -o bridge1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[1:60] -A DOCKER-FORWARD -j DOCKER-CT
[1:60] -A DOCKER-FORWARD -j DOCKER-INTERNAL
[1:60] -A DOCKER-FORWARD -j DOCKER-BRIDGE
[0:0] -A DOCKER-FORWARD -i bridge1 -j ACCEPT
[0:0] -A DOCKER-INTERNAL ! -s 198.51.100.0/24 -o bridgeINC -j DROP
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
[1:60] -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
[0:0] -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
[0:0] -A POSTROUTING -s 192.0.2.0/24 ! -o bridge1 -j MASQUERADE
[1:60] -A DOCKER ! -i bridge1 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.0.2.2:80
COMMIT
"""


def read(parser: Callable[..., Any], text: str, issues: Issues, **more: str) -> Any:
    """Parse a text that can be read: an unknown value fails the test where it is used."""
    return parser(text, issues, **more)


def rules_of(text: str, table: str = "filter") -> tuple[tuple[Rule, ...], list[ParseIssue]]:
    issues = Issues("iptables")
    ruleset = read(parse_iptables, f"*{table}\n:FORWARD ACCEPT [0:0]\n{text}\nCOMMIT\n", issues)
    return ruleset.chain(table, "FORWARD").rules, issues.found


def rule_of(options: str) -> Rule:
    (rule,), found = rules_of(f"[1:2] -A FORWARD {options}")
    assert not found
    return rule


def test_engine_20_10_on_the_nft_backend(server2: Any) -> None:
    ruleset = server2.ruleset
    assert list(ruleset.tables) == ["filter", "nat"]
    assert ruleset.chain("filter", "FORWARD").policy == "DROP"
    assert ruleset.chain("nat", "DOCKER").policy == ""
    rule = ruleset.chain("nat", "DOCKER").rules[3]
    assert (rule.number, rule.target, rule.destination, rule.unknown) == (4, "DNAT", ("172.17.0.2", 80), ())
    assert rule.text == "-A DOCKER ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80"
    assert rule.get(Field.IN).negated
    assert str(rule.ref) == "nat/DOCKER #4"
    assert not any(rule.unknown for rule in ruleset.rules())
    assert not server2.issues


def dnats(ruleset: Any, address: str, port: int, proto: str, in_if: str | None = None) -> list[str]:
    """The DNAT rules that what is dialled would meet."""
    packet = PacketTuple(dst=address, dport=port, proto=proto, in_if=in_if, dst_type="LOCAL")
    rules = (rule for rule in ruleset.rules() if rule.target == "DNAT")
    return [str(rule.ref) for rule in rules if rule.matches(packet) is not False]


def test_engine_29(issues: Issues) -> None:
    ruleset = read(parse_iptables, ENGINE_29, issues)
    assert not issues.found
    assert [rule.table for rule in ruleset.rules()][:3] == ["raw", "raw", "nat"]
    assert not any(rule.unknown for rule in ruleset.rules())
    raw = ruleset.chain("raw", "PREROUTING").rules[0]
    assert raw.matches(PacketTuple(dst="192.0.2.2", in_if="eth0")) is True
    assert raw.matches(PacketTuple(dst="192.0.2.2", in_if="bridge1")) is False
    assert raw.matches(PacketTuple(dst="192.0.2.2")) is None
    assert dnats(ruleset, "192.168.3.202", 8080, "tcp") == ["nat/DOCKER #1"]


def test_legacy_backend_and_its_warning(issues: Issues) -> None:
    text = "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n# Table `x' is incompatible, use 'nft' tool.\n*filter\n:FORWARD DROP [5:300]\nCOMMIT\n"
    ruleset = read(parse_iptables, text, issues, program="iptables-legacy")
    assert not issues.found
    chain = ruleset.chain("filter", "FORWARD")
    assert chain.policy_packets == 5
    assert shell_line(policy_argv(chain)) == "iptables-legacy -P FORWARD ACCEPT"


def test_embedded_dns_rules_of_a_container(server2: Any) -> None:
    ruleset = server2.namespaces["c2"].ruleset
    assert len(dnats(ruleset, "127.0.0.11", 53, "udp")) == 1
    sources = [rule.options["--to-source"] for rule in ruleset.chain("nat", "DOCKER_POSTROUTING").rules]
    assert sources == [":53", ":53"]


@pytest.mark.parametrize(
    ("options", "packet", "answer"),
    [
        ("-s 10.0.0.0/8 -j DROP", PacketTuple(src="10.1.2.3"), True),
        ("-s 10.0.0.0/8 -j DROP", PacketTuple(src="11.1.2.3"), False),
        ("! -s 10.0.0.0/8 -j DROP", PacketTuple(src="11.1.2.3"), True),
        ("-s 10.0.0.0/8 -j DROP", PacketTuple(), None),
        ("-s 10.0.0.0/255.0.255.0 -j DROP", PacketTuple(src="10.1.2.3"), False),
        ("-i br+ -j DROP", PacketTuple(in_if="br-12"), True),
        ("-i br+ -j DROP", PacketTuple(in_if="eth0"), False),
        ("! -i docker0 -j DROP", PacketTuple(in_if=""), True),
        ("-i docker0 -j DROP", PacketTuple(in_if=""), False),
        ("-p tcp -m tcp --dport 80 -j DROP", PacketTuple(proto="tcp", dport=80), True),
        ("-p tcp -m tcp --dport 80 -j DROP", PacketTuple(proto="udp", dport=80), False),
        ("-p tcp -m tcp --dport 80 -j DROP", PacketTuple(proto="tcp"), None),
        ("-p tcp -m tcp --dport 8000: -j DROP", PacketTuple(proto="tcp", dport=9000), True),
        ("-p tcp -m multiport --dports 80,443,8000:8010 -j DROP", PacketTuple(proto="tcp", dport=8005), True),
        ("-p tcp -m multiport ! --dports 80,443 -j DROP", PacketTuple(proto="tcp", dport=443), False),
        ("-p tcp -m multiport --ports 53 -j DROP", PacketTuple(proto="tcp", sport=53, dport=9), True),
        ("-p 17 -j DROP", PacketTuple(proto="udp"), True),
        ("-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", PacketTuple(ctstate="NEW"), False),
        ("-m conntrack ! --ctstate NEW -j ACCEPT", PacketTuple(ctstate="NEW"), False),
        ("-m conntrack --ctstate DNAT -j ACCEPT", PacketTuple(ctstate="NEW"), None),
        ("-m state --state NEW -j ACCEPT", PacketTuple(ctstate="NEW"), True),
        ("-p tcp -m conntrack --ctorigdstport 8080 -j DROP", PacketTuple(proto="tcp", dport=80, orig_dport=8080), True),
        ("-m addrtype --dst-type LOCAL -j DROP", PacketTuple(dst_type="LOCAL"), True),
        ("-m addrtype --dst-type LOCAL -j DROP", PacketTuple(), None),
        ("-m limit --limit 1/sec -j DROP", PacketTuple(), None),
        ("-s 10.0.0.0/8 -m limit --limit 1/sec -j DROP", PacketTuple(src="11.0.0.1"), False),
        ("-m set ! --match-set bad src -j DROP", PacketTuple(src="11.0.0.1"), None),
        ("-m comment --comment -j -j DROP", PacketTuple(), True),
    ],
)
def test_matches(options: str, packet: PacketTuple, answer: bool | None) -> None:
    assert rule_of(options).matches(packet) is answer


def test_comments_are_read_and_quoted_again() -> None:
    rule = rule_of(
        r'-s 10.0.0.0/8 -m comment --comment "a \"b\" it\'s; rm -rf $(x)" -j REJECT --reject-with icmp-port-unreachable'
    )
    assert rule.comment == 'a "b" it\'s; rm -rf $(x)'
    assert rule.options == {"--reject-with": "icmp-port-unreachable"}
    assert delete_argv(rule)[8] == rule.comment
    assert "'a \"b\" it'\"'\"'s; rm -rf $(x)'" in shell_line(delete_argv(rule))


def test_commands() -> None:
    (rule,), _ = rules_of("[3:180] -A FORWARD ! -i docker0 -p tcp -j DNAT --to-destination 172.17.0.2:80", "nat")
    assert (
        shell_line(delete_argv(rule))
        == "iptables -t nat -D FORWARD ! -i docker0 -p tcp -j DNAT --to-destination 172.17.0.2:80"
    )


def test_what_a_request_hit(world: Any) -> None:
    before, after = world.before["server2"].ruleset, world.after["server2"].ruleset
    found = {str(hit.ref): hit.delta for hit in hits(before, after)}
    assert found["nat/DOCKER #4"] == 1
    assert found["filter/DOCKER #2"] == 1
    assert "filter/DOCKER #1" not in found
    assert hits(before, before) == ()
    assert hits(None, after) == ()


def test_hits_by_text_not_by_number(issues: Issues) -> None:
    one = "[5:0] -A FORWARD -s 10.0.0.1/32 -j DROP"
    two = "[7:0] -A FORWARD -s 10.0.0.2/32 -j DROP"
    head = "*filter\n:FORWARD DROP [4:0]\n"
    before = read(parse_iptables, f"{head}{one}\n{two}\n{two}\nCOMMIT\n", issues)
    inserted = "[2:0] -A FORWARD -j LOG"
    after = read(
        parse_iptables,
        f"*filter\n:FORWARD DROP [6:0]\n{inserted}\n{one}\n{two}\n{two.replace('7', '9')}\nCOMMIT\n",
        issues,
    )
    assert [(str(hit.ref), hit.delta, hit.before, hit.after) for hit in hits(before, after)] == [
        ("filter/FORWARD #1", 2, 0, 2),
        ("filter/FORWARD #4", 2, 7, 9),
        ("filter/FORWARD policy", 2, 4, 6),
    ]
    assert shell_line(policy_argv(hits(before, after)[-1].chain)) == "iptables -P FORWARD ACCEPT"


def test_a_counter_that_went_back_counts_from_zero(issues: Issues) -> None:
    before = read(parse_iptables, "*filter\n:FORWARD DROP [9:0]\n[9:0] -A FORWARD -j DROP\n", issues)
    after = read(parse_iptables, "*filter\n:FORWARD DROP [0:0]\n[2:0] -A FORWARD -j DROP\n", issues)
    assert [(hit.ref.number, hit.delta) for hit in hits(before, after)] == [(1, 2)]


def test_rules_without_counters_hit_nothing(issues: Issues) -> None:
    before = read(parse_iptables, "*filter\n:FORWARD DROP\n-A FORWARD -j DROP\n", issues)
    after = read(parse_iptables, "*filter\n:FORWARD DROP [9:1]\n[2:0] -A FORWARD -j DROP\n", issues)
    assert hits(before, after) == ()
    assert not issues.found


def test_dnat_rules_by_what_was_dialled(server2: Any) -> None:
    ruleset = server2.ruleset
    assert dnats(ruleset, "192.168.3.202", 80, "tcp") == ["nat/DOCKER #4"]
    assert dnats(ruleset, "192.168.3.202", 80, "udp") == []
    assert dnats(ruleset, "192.168.3.202", 80, "tcp", in_if="docker0") == []
    assert dnats(ruleset, "192.168.3.202", 8053, "udp") == []
    assert len(dnats(ruleset, "127.0.0.1", 8053, "udp")) == 1
    assert [rule.destination for rule in find_dnat_to(ruleset, "172.17.0.2", 80, "tcp")] == [("172.17.0.2", 80)]
    assert find_dnat_to(ruleset, "172.17.0.2", 81, "tcp") == ()


def test_an_unreadable_rule_keeps_its_number() -> None:
    rules, found = rules_of('[0:0] -A FORWARD -m comment --comment "open -j DROP\n[0:0] -A FORWARD -j ACCEPT')
    assert [(rule.number, rule.target) for rule in rules] == [(1, "UNREADABLE"), (2, "ACCEPT")]
    assert rules[0].matches(PacketTuple()) is None
    assert [issue.line for issue in found] == [3]


def test_no_table_is_unknown(issues: Issues) -> None:
    assert read(parse_iptables, "iptables-save: Permission denied", issues) is None
    assert issues.found
    assert read(parse_iptables, "", Issues("x")).tables == {}
    assert read(parse_iptables, "# Generated\n", Issues("x")).tables == {}


def test_split() -> None:
    assert split('-A X "a \\" b" "" c') == ("-A", "X", 'a " b', "", "c")
    assert split('-A X "a') is None


@pytest.mark.parametrize(
    ("line", "chains"),
    [
        ('[0:0] -A FORWARD -s 192.0.2.0/24 -m comment --comment "open -j DROP', ["FORWARD"]),
        (f"[{'9' * 5000}:0] -A FORWARD -s 192.0.2.0/24 -j DROP", ["FORWARD"]),
        ("[0:0] what no version of iptables-save writes", ["FORWARD", "OWN"]),
        (":FORWARD", ["FORWARD", "OWN"]),
    ],
)
def test_what_cannot_be_read_may_do_anything(line: str, chains: list[str]) -> None:
    """Of the chain that it names, else of any of its table: the walk does not go past it as if it were not there."""
    issues = Issues("iptables")
    ruleset = read(parse_iptables, f"*filter\n:FORWARD ACCEPT [0:0]\n:OWN - [0:0]\n{line}\nCOMMIT\n", issues)
    rules = tuple(ruleset.rules())
    assert issues.found
    assert [rule.chain for rule in rules] == chains
    assert all((rule.target, rule.matches(PacketTuple())) == ("UNREADABLE", None) for rule in rules)


def test_a_policy_is_read_whatever_its_counter_is() -> None:
    text = f"*filter\n:FORWARD DROP [{'9' * 5000}:{'9' * 5000}]\nCOMMIT\n"
    ruleset = read(parse_iptables, text, Issues("iptables"))
    assert ruleset is not None
    chain = ruleset.chain("filter", "FORWARD")
    assert chain is not None
    assert (chain.policy, chain.policy_packets) == ("DROP", None)
