"""Which rules may lead packets another way than the routes alone."""

from __future__ import annotations

import json

import pytest

from netprobe.forward.elsewhere import leads_elsewhere
from netprobe.state.iptables_parse import parse_iptables
from netprobe.state.issues import Issues
from netprobe.state.model import Host
from netprobe.state.namespace import Namespace
from netprobe.state.nft_parse import parse_nft
from netprobe.state.routes import RoutingRule

DNAT = "-A PREROUTING -p tcp -j DNAT --to-destination 203.0.113.9"
OWN = "-A DOCKER -p tcp -j DNAT --to-destination 172.17.0.2:80"
MARK = "-A PREROUTING -p tcp -j MARK --set-xmark 0x1/0xffffffff"


def host(table: str, *rules: str, nft: object = None, marked: bool = False) -> Host:
    issues = Issues("x")
    found = Host.known(
        "h",
        ruleset=parse_iptables(f"*{table}\n" + "".join(f"{each}\n" for each in rules) + "COMMIT\n", issues),
        legacy=None,
        ruleset6=None,
        legacy6=None,
        nft=parse_nft(json.dumps({"nftables": nft}), issues) if nft else None,
    )
    rules4 = (RoutingRule(priority=5, mark=1, table="7"),) if marked else ()
    found.own = Namespace.known(routes=(), rules=rules4, rules6=(), links=())
    return found


@pytest.mark.parametrize(
    ("table", "rule", "marked", "elsewhere"),
    [
        ("nat", DNAT, False, True),
        ("nat", OWN, False, False),
        ("mangle", "-A PREROUTING -p tcp -j TPROXY --on-port 1", False, True),
        ("mangle", MARK, False, False),  # nothing asks for it
        ("mangle", MARK, True, True),
        ("filter", "-A FORWARD -j DROP", True, False),
    ],
)
def test_rules_of_others_that_move_a_packet(table: str, rule: str, *, marked: bool, elsewhere: bool) -> None:
    assert leads_elsewhere(host(table, rule, marked=marked)) is elsewhere


@pytest.mark.parametrize(
    ("table", "expression", "elsewhere"),
    [
        ("tool", {"dnat": {"addr": "203.0.113.9"}}, True),
        ("tool", {"tproxy": {"port": 3128}}, True),
        ("tool", {"drop": None}, False),
        ("docker-bridges", {"dnat": {"addr": "172.17.0.2"}}, False),
    ],
)
def test_so_do_rules_of_nftables(table: str, expression: object, *, elsewhere: bool) -> None:
    at = {"family": "ip", "table": table}
    items = [{"chain": {**at, "name": "c"}}, {"rule": {**at, "chain": "c", "handle": 1, "expr": [expression]}}]
    assert leads_elsewhere(host("filter", nft=items)) is elsewhere
