"""Look-ups with all that routing rules choose by, as a walk makes them: sent, received, looked up again, and in reverse."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.evidence.state import CommandOutput
from netprobe.forward import PredictedOutcome
from netprobe.forward.model import Flying
from netprobe.forward.plan import itinerary
from netprobe.forward.question import predict_probe, request_of
from netprobe.forward.routing import look_up, reverse
from netprobe.model.hop import Direction
from netprobe.state.build import build_world
from netprobe.state.links import Address, Link
from netprobe.state.model import Host
from netprobe.state.namespace import Namespace
from netprobe.state.outputs import Outputs
from netprobe.state.routes import DEFAULT_RULES, Route, RoutingRule
from tests.causes.altered import recorded
from tests.forward.test_walk import changed, normal, predicted

if TYPE_CHECKING:
    from collections.abc import Callable

VPN = Route(dst="0.0.0.0/0", dev="wg0", table="52")
MAIN = (
    Route(dst="172.17.0.0/16", dev="docker0"),
    Route(dst="0.0.0.0/0", dev="eth0", via="192.168.3.1"),
    Route(dst="192.168.3.202/32", dev="eth0", kind="local", table="local"),
)
LINKS = (Link(name="eth0", ifindex=2, addresses=(Address(address="192.168.3.202", prefixlen=24),)),)
PACKET = Flying(src=None, sport=40000, dst="203.0.113.10", dport=80, proto="tcp")


def namespace(*rules: RoutingRule) -> Namespace:
    return Namespace.known(links=LINKS, routes=(*MAIN, VPN), rules=(*DEFAULT_RULES, *rules), rules6=None)


def way(*rules: RoutingRule, packet: Flying = PACKET, in_if: str = "") -> str:
    found = look_up(namespace(*rules), packet, in_if).known
    return found.dev if found else "?"


def test_connect_looks_again_with_the_source_that_it_was_given() -> None:
    by_source = RoutingRule(priority=9, table="52", src="192.168.3.202/32")
    assert way(by_source) == "wg0"
    assert way(by_source, packet=replace(PACKET, proto="udp")) == "eth0"  # sendto(2) does not
    assert way(by_source, packet=replace(PACKET, proto="udp", leg=2)) == "wg0"  # docker-proxy connects
    assert way(by_source, packet=replace(PACKET, src="192.168.3.202", proto="udp")) == "wg0"


def test_forwarded_packets_are_roots_and_whose_an_answer_is_is_not_known() -> None:
    roots = RoutingRule(priority=9, table="52", uids=(0, 0))
    answer = PACKET.back()
    assert (way(roots), way(roots, in_if="docker0")) == ("wg0", "wg0")
    assert way(roots, packet=replace(answer, dst="203.0.113.10")) == "?"


def test_marks_and_interfaces() -> None:
    marked = RoutingRule(priority=9, table="52", mark=1, mask=0xFF, iif="docker0")
    assert way(marked, packet=replace(PACKET, mark=0x101), in_if="docker0") == "wg0"
    assert way(marked, packet=replace(PACKET, mark=0x101)) == "eth0"
    assert way(marked, packet=replace(PACKET, mark=None), in_if="docker0") == "?"


@pytest.mark.parametrize(("marked", "device"), [(False, "eth0"), (True, "wg0")])
def test_the_reverse_path_knows_the_mark_only_where_told(marked: bool, device: str) -> None:
    rule = RoutingRule(priority=9, table="52", mark=7)
    packet = replace(PACKET, src="203.0.113.10", dst="192.168.3.202", mark=7)
    found = reverse(namespace(rule), packet, "wg0", "lo", marked=marked).known
    assert found is not None
    assert found.dev == device


def altered(host: Host, **texts: str) -> Host:
    """A recorded host with some outputs replaced, or (``_`` for ``-``) added."""
    new = {key: CommandOutput(argv=(key,), rc=0, stdout=text) for key, text in texts.items()}
    return Host(host.name, Outputs({**host.outputs.outputs, **new}))


RULE = '{"priority":0,"src":"all","table":"local"},%s,{"priority":32766,"src":"all","table":"main"}'


def told(rule: str, table: str = "") -> Any:
    """How the recorded request to server2's published port goes, with one more routing rule, and a table, there."""
    evidence = recorded("demo")
    hosts = dict(build_world(evidence).before)
    server2 = hosts["server2"]
    routes = server2.outputs.outputs["route"].stdout.rstrip()
    more = routes[:-1] + f",{table}]" if table else routes
    hosts["server2"] = altered(server2, rule="[" + RULE % rule + "]", route=more)
    return predict_probe(evidence.probe, hosts)


def test_a_routing_rule_that_refuses_is_named() -> None:
    found = told('{"priority":9,"src":"all","dst":"172.17.0.0","dstlen":16,"action":"prohibit"}')
    assert found.outcome is PredictedOutcome.STOPPED
    (met, *_) = found.obstacles
    assert (met.label, met.refusal.refused, met.refusal.rule.priority) == ("routing", "prohibit", 9)
    assert met.text == "routing rule 9: from all to 172.17.0.0/16 prohibit refuses 172.17.0.2"


def test_a_tables_own_refusal_is_named_with_it() -> None:
    refusing = '{"type":"unreachable","dst":"172.17.0.0/16","table":"52","flags":[]}'
    found = told('{"priority":9,"src":"all","table":"52"}', refusing)
    assert found.obstacles[0].text == "unreachable 172.17.0.0/16 in table 52 refuses 172.17.0.2"


def test_a_rule_by_the_incoming_interface_is_not_for_the_answer() -> None:
    refusing = '{"type":"unreachable","dst":"default","table":"52","flags":[]}'
    (there,) = (each for each in told('{"priority":9,"src":"all","iif":"eth0","table":"52"}', refusing).obstacles)
    (back,) = (each for each in told('{"priority":9,"src":"all","iif":"docker0","table":"52"}', refusing).obstacles)
    assert (there.direction, back.direction) == (Direction.REQUEST, Direction.REPLY)
    assert told('{"priority":9,"src":"all","iif":"eth7","table":"52"}', refusing).outcome is PredictedOutcome.WORKS


def test_a_rule_of_which_nobody_knows_whether_it_is_for_the_packet() -> None:
    refusing = '{"type":"unreachable","dst":"default","table":"52","flags":[]}'
    found = told('{"priority":9,"src":"all","dscp":"CS1","table":"52"}', refusing)
    assert found.outcome is PredictedOutcome.UNKNOWN
    assert found.unknown == "whether routing rule 9: from all dscp lookup 52 is for it is not known"


def test_into_a_tunnel_and_not_beyond() -> None:
    wg0 = '{"dst":"172.17.0.0/16","dev":"wg0","table":"52","flags":[]}'
    evidence = recorded("demo")
    hosts = dict(build_world(evidence).before)
    links = hosts["server2"].outputs.outputs["addr"].stdout.rstrip()
    tunnel = '{"ifindex":900,"ifname":"wg0","flags":["POINTOPOINT","NOARP","UP","LOWER_UP"],"mtu":1420,"addr_info":[]}'
    routes = hosts["server2"].outputs.outputs["route"].stdout.rstrip()
    rules = "[" + RULE % '{"priority":9,"src":"all","table":"52"}' + "]"
    hosts["server2"] = altered(
        hosts["server2"], rule=rules, route=f"{routes[:-1]},{wg0}]", addr=f"{links[:-1]},{tunnel}]", iptables=hosts["server2"].outputs.outputs["iptables"].stdout.replace(":FORWARD DROP", ":FORWARD ACCEPT"),
    )  # fmt: skip
    found = predict_probe(evidence.probe, hosts)
    assert found is not None
    assert (found.outcome, found.unknown) == (
        PredictedOutcome.UNKNOWN,
        "wg0 is a tunnel: what lies beyond is not known",
    )
    assert (found.hops[-1].point, found.hops[-1].seen, found.resolved) == ("server2/wg0", True, ("192.168.3.202",))


def test_every_interface_that_a_table_leads_to_is_sniffed() -> None:
    evidence = recorded("demo")
    hosts = dict(build_world(evidence).before)
    wg0 = '{"dst":"default","dev":"wg0","table":"52","flags":[]}'
    routes = hosts["server2"].outputs.outputs["route"].stdout.rstrip()
    hosts["server2"] = altered(hosts["server2"], route=f"{routes[:-1]},{wg0}]")
    assert evidence.probe is not None
    found = itinerary(hosts, request_of(evidence.probe, evidence.probe.dialled or ""), answers=True)
    assert "server2/wg0" in {stop.point for stop in found.back}
    assert all(stop.optional for stop in found.back)
    assert "server2/wg0" not in found.points


MOST = 10_000
SECONDS = 10.0  # on a busy machine; each takes a fraction of one on an idle one


def rules(*more: dict[str, Any]) -> Callable[[str], str]:
    """Routing rules behind the first one, before all others."""

    def edit(text: str) -> str:
        first, *others = json.loads(text)
        return json.dumps([first, *({"src": "all", **each} for each in more), *others])

    return edit


@pytest.mark.parametrize(
    "make",
    [
        lambda n: {"priority": n, "goto": n + 1},
        lambda n: {"priority": n, "goto": max(1, n - 1)},  # the kernel refuses it, a file may hold it
        lambda n: {"priority": 5, "goto": 5},
        lambda n: {"priority": n, "uid_start": 5, "uid_end": 9, "goto": n + 2},
        lambda n: {"priority": n, "odd": 1, "goto": n + 7},
        lambda n: {"priority": n, "src": f"10.{n >> 8}.{n & 255}.0", "srclen": 24, "table": str(n)},
        lambda n: {"priority": n, "not": None, "fwmark": hex(n), "table": "7"},
    ],
)
def test_ten_thousand_routing_rules_are_walked_once_each(make: Callable[[int], dict[str, Any]]) -> None:
    began = time.process_time()
    got = predicted(changed(normal(), "server2", "rule", rules(*map(make, range(1, MOST + 1)))))
    assert got.outcome is PredictedOutcome.WORKS, got.unknown
    assert time.process_time() - began < SECONDS


def test_one_of_ten_thousand_that_is_not_understood_is_named() -> None:
    """Whether it is for the packet is not known, and it would refuse it."""
    odd = [{"priority": n, "odd": 1, "action": "unreachable" if n == MOST else "nop"} for n in range(1, MOST + 1)]
    got = predicted(changed(normal(), "server2", "rule", rules(*odd)))
    assert got.outcome is PredictedOutcome.UNKNOWN
    assert "routing rule 1:" in got.unknown
