"""Settings, routes and routing rules."""

from __future__ import annotations

from netprobe.state.lookup import route_lookup
from tests.state.effects.changed import after, hosts


def test_the_switch_of_all_interfaces_sets_each() -> None:
    then = after("ip-forward-off", "sysctl", "-w", "net.ipv4.ip_forward=1")
    settings = {name: value for name, value in (then.sysctls or {}).items() if name.endswith(".forwarding")}
    assert (then.sysctls or {})["net.ipv4.ip_forward"] == "1"
    assert {value for name, value in settings.items() if name.startswith("net.ipv4.conf.")} == {"1"}


def test_a_route_by_the_link_of_its_next_hop() -> None:
    then = after("missing-return-route", "ip", "route", "add", "172.25.0.0/24", "via", "192.168.3.202", host="outside")
    way = route_lookup(then.own, "172.25.0.2")
    assert way is not None
    assert (way.dev, way.via) == ("eth0", "192.168.3.202")


def test_a_refusing_route_is_deleted() -> None:
    then = after("no-route-refused", "ip", "route", "del", "unreachable", "203.0.113.10/32")
    assert route_lookup(hosts("no-route-refused")["server2"].own, "203.0.113.10") is None
    assert route_lookup(then.own, "203.0.113.10") is not None


def test_a_routing_rule_comes_before_those_of_a_higher_priority() -> None:
    name = "policy-route-away"
    then = after(name, "ip", "rule", "add", "to", "172.17.0.0/16", "lookup", "main", "pref", "5269")
    before, changed = (route_lookup(each.own, "172.17.0.2") for each in (hosts(name)["server2"], then))
    assert before is not None
    assert changed is not None
    assert (before.dev, changed.dev) == ("mesh0", "docker0")
    marked = after(name, "ip", "rule", "add", "fwmark", "0x8/0x8", "lookup", "main", "pref", "9")
    assert str((marked.own.rules or ())[1]) == "9: from all fwmark 0x8/0x8 lookup main"


def test_a_route_of_a_table_of_its_own() -> None:
    name = "policy-route-away"
    then = after(name, "ip", "route", "add", "172.17.0.0/16", "dev", "docker0", "table", "52")
    way = route_lookup(then.own, "172.17.0.2")
    assert way is not None
    assert way.dev == "docker0"
    gone = after(name, "ip", "route", "del", "default", "table", "52")
    assert [each for each in gone.own.routes or () if each.table == "52" and each.dst == "0.0.0.0/0"] == []
