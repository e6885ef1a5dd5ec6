from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netprobe.evidence.model import Place
from netprobe.forward import Request, predict
from netprobe.forward.model import PredictedOutcome
from netprobe.model.remedy import advise, run
from netprobe.pipeline import analyze
from netprobe.state.build import build_world
from netprobe.state.effects import NotModelled, fixed
from netprobe.state.lookup import route_lookup
from tests.mutilation import evidence

if TYPE_CHECKING:
    from netprobe.state.model import Host


def hosts(name: str) -> dict[str, Host]:
    return dict(build_world(evidence(name)).before)


def after(name: str, *argv: str, host: str = "server2") -> Host:
    return fixed(hosts(name), [run(host, *argv)])[host]


def texts(host: Host, table: str, chain: str) -> list[str]:
    assert host.ruleset is not None
    found = host.ruleset.chain(table, chain)
    assert found is not None
    return [each.text for each in found.rules]


def test_a_rule_is_deleted_and_the_rest_stays() -> None:
    rule = "-A DOCKER-USER -s 192.168.3.0/24 -j DROP"
    before = hosts("docker-user-drop")["server2"]
    assert rule in texts(before, "filter", "DOCKER-USER")
    then = after("docker-user-drop", "iptables", "-D", *rule.split()[1:])
    assert texts(then, "filter", "DOCKER-USER") == [
        each for each in texts(before, "filter", "DOCKER-USER") if each != rule
    ]
    assert texts(then, "nat", "DOCKER") == texts(before, "nat", "DOCKER")


def test_a_rule_is_inserted_first_or_added_last_in_its_table() -> None:
    first = after("docker-user-drop", "iptables", "-I", "DOCKER-USER", "-p", "tcp", "-j", "ACCEPT")
    assert texts(first, "filter", "DOCKER-USER")[0] == "-A DOCKER-USER -p tcp -j ACCEPT"
    added = after(
        "docker-user-drop", "iptables", "-t", "nat", "-A", "POSTROUTING", "-s", "10.0.0.0/8", "-j", "MASQUERADE"
    )
    assert texts(added, "nat", "POSTROUTING")[-1] == "-A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE"


def test_a_policy() -> None:
    then = after("nft-backend-forward-drop", "iptables", "-P", "FORWARD", "ACCEPT")
    assert then.ruleset is not None
    chain = then.ruleset.chain("filter", "FORWARD")
    assert chain is not None
    assert chain.policy == "ACCEPT"


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


def test_a_container_that_joins_a_network_dials_there_without_being_routed() -> None:
    name = "truth-tcp-other-bridge-direct-normal"
    question = Request(source=Place(host="server2", container="c2"), dialled="172.17.0.2", port=80, proto="tcp")
    assert predict(question, hosts(name)).outcome is PredictedOutcome.STOPPED
    joined = fixed(hosts(name), [run("server2", "docker", "network", "connect", "bridge", "c2")])
    then = predict(question, joined)
    assert then.outcome is PredictedOutcome.WORKS
    assert then.obstacles == ()
    container = joined["server2"].container("c2")
    assert container is not None
    assert set(container.networks) == {"other", "bridge"}
    others = [each for each in joined["server2"].containers or () if each.name != "c2"]
    assert not set(container.networks["bridge"].all_addresses) & {one for each in others for one in each.addresses}


def with_subnet(subnet: str) -> dict[str, Host]:
    """The engine's default network is another one."""
    whole = evidence("truth-tcp-other-bridge-direct-normal")
    server = next(each for each in whole.before if each.host == "server2")
    networks = server.outputs["networks"]
    other = replace(networks, stdout=networks.stdout.replace("172.17.0.0/16", subnet))
    assert other != networks
    state = replace(server, outputs={**server.outputs, "networks": other})
    return dict(build_world(replace(whole, before=(state,), after=())).before)


def test_a_network_of_any_size_is_joined_while_an_address_is_free() -> None:
    """The engine's largest pool would have 16 million addresses: they are not all looked at."""
    connect = run("server2", "docker", "network", "connect", "bridge", "c2")
    container = fixed(with_subnet("172.0.0.0/8"), [connect])["server2"].container("c2")
    assert container is not None
    assert container.networks["bridge"].address == "172.255.255.254"
    with pytest.raises(NotModelled):
        fixed(with_subnet("172.17.0.0/30"), [connect])


def test_a_container_of_an_internal_network_gets_its_way_out() -> None:
    host = after("internal-network", "docker", "network", "connect", "bridge", "client")
    way = route_lookup(host.namespace("client"), "203.0.113.10")
    assert way is not None
    assert way.via == "172.17.0.1"


@pytest.mark.parametrize(
    "argv",
    [
        ("docker", "restart", "demo"),
        ("docker", "network", "connect", "host", "demo"),
        ("docker", "network", "connect", "nowhere", "demo"),
        ("systemctl", "restart", "docker"),
        ("ip", "link", "set", "eth1", "up"),
        ("ip", "route", "add", "10.0.0.0/8", "via", "10.9.9.9"),
        ("ip", "route", "del", "10.0.0.0/8"),
        ("iptables", "-D", "INPUT", "-j", "DROP"),
        ("iptables", "-F"),
        ("nsenter", "-t", "1", "-n", "ip", "route", "del", "default"),
        ("reboot",),
    ],
)
def test_what_is_not_surely_known_is_not_modelled(argv: tuple[str, ...]) -> None:
    with pytest.raises(NotModelled):
        after("docker-user-drop", *argv)


def test_advice_changes_nothing() -> None:
    before = hosts("docker-user-drop")
    assert fixed(before, [advise("server2", "think")]) == before


def test_a_network_made_again_with_another_gateway_moves_the_default_route() -> None:
    name = "macvlan-wrong-gateway"
    cause = analyze(evidence(name)).cause
    assert cause is not None
    way = route_lookup(fixed(hosts(name), cause.remedies)["server1"].namespace("c11"), "203.0.113.10")
    assert way is not None
    assert way.via == "172.21.0.254"


def test_a_network_made_again_otherwise_is_not_modelled() -> None:
    cause = analyze(evidence("macvlan-private")).cause
    assert cause is not None
    with pytest.raises(NotModelled):
        fixed(hosts("macvlan-private"), cause.remedies)
