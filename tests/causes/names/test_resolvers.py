"""Failed lookups: what each deciding fact decides, on recorded evidence with that one fact changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.evidence.stream.whole import read
from netprobe.pipeline import analyze
from netprobe_lab.edit import edited
from netprobe_lab.experiments.model import Edit

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence

CAPTURES = Path(__file__).parents[3] / "captures"
HOST = "server2"
NAT = "ns/client/iptables"
SERVERS = "nameserver 127.0.0.1\n"


def whole(name: str) -> Evidence:
    return read((CAPTURES / f"{name}.pcapng").read_bytes())


def told(evidence: Evidence) -> tuple[str, str | None]:
    report = analyze(evidence)
    return report.verdict.value, report.cause.code if report.cause else None


def with_text(name: str, key: str, pattern: str, text: str) -> Evidence:
    return edited(whole(name), (Edit(host=HOST, key=key, pattern=pattern, text=text),))


def unless(name: str, key: str, pattern: str, text: str) -> tuple[str, str | None]:
    """What is said where one text of the state is another."""
    return told(with_text(name, key, pattern, text))


UNDETERMINED = ("undetermined", None)


def test_docker_s_rules_in_the_namespace_are_not_flushed() -> None:
    rules = ":DOCKER_OUTPUT - [0:0]\n[0:0] -A DOCKER_OUTPUT -d 127.0.0.11/32 -p udp -m udp --dport 53 -j DNAT --to-destination 127.0.0.11:4000\nCOMMIT"
    nat = f"*nat\n:OUTPUT ACCEPT [0:0]\n{rules}\n"
    assert unless("dns-nat-flushed", NAT, r"\A", nat) == UNDETERMINED


@pytest.mark.parametrize("name", ["dns-internal-net", "dns-internal-net-no-route"])
def test_a_network_that_leads_out_is_not_internal(name: str) -> None:
    assert unless(name, "networks", r'"Internal": true', '"Internal": false') == UNDETERMINED


def test_a_container_s_name_is_no_name_of_the_outside() -> None:
    """Then that it shares no network with the asker is the reason."""
    verdict = unless("dns-internal-net", "containers", r'"Name": "/client"', '"Name": "/www.outside.test"')
    assert verdict[1] != "dns-internal-net"


def test_without_its_rule_the_host_s_firewall_is_not_to_blame() -> None:
    assert unless("dns-host-resolver-firewalled", "iptables", r"\[\d+:\d+\] -A INPUT [^\n]*\n", "") == UNDETERMINED


def test_a_rule_that_came_meanwhile_proves_nothing() -> None:
    evidence = whole("dns-host-resolver-firewalled")
    changed = with_text("dns-host-resolver-firewalled", "iptables", r"\[\d+:\d+\] -A INPUT [^\n]*\n", "")
    assert told(replace(evidence, before=changed.before)) == UNDETERMINED
    assert told(replace(evidence, after=changed.after)) == UNDETERMINED


@pytest.mark.parametrize(
    ("key", "pattern", "text"),
    [
        (
            "resolv-conf",
            SERVERS,
            "nameserver 127.0.0.53\n",
        ),  # systemd-resolved's stub: the engine reads another file then
        ("resolv-conf", SERVERS, "nameserver 127.0.0.1\nnameserver 192.168.3.1\n"),
        ("containers", r'"Dns": \[\]', '"Dns": ["8.8.8.8"]'),
    ],
)
def test_servers_that_were_meant_are_no_fallback(key: str, pattern: str, text: str) -> None:
    assert unless("dns-8888-fallback-silent", key, pattern, text) == ("fails", "dns-upstream-dead")
    assert unless("dns-8888-fallback", key, pattern, text) == UNDETERMINED


def test_with_a_route_the_host_s_own_error_is_not_explained() -> None:
    default = '[{"dst":"default","gateway":"192.168.3.1","dev":"eth0","flags":[]},'
    assert unless("dns-8888-fallback", "route", r"\A\[", default) == UNDETERMINED


@pytest.mark.parametrize("name", ["dns-upstream-dead", "dns-upstream-dead-default"])
def test_a_query_that_was_not_seen_to_leave_may_have_been_dropped(name: str) -> None:
    evidence = whole(name)
    points = tuple(replace(each, dropped=3) if each.name == f"{HOST}/eth0" else each for each in evidence.points)
    assert told(replace(evidence, points=points)) == UNDETERMINED


def test_a_second_server_behind_the_dead_one_makes_it_likely() -> None:
    report = analyze(
        with_text("dns-upstream-dead", "resolv-conf", r"\Anameserver", "nameserver 192.168.3.9\nnameserver")
    )
    assert report.cause is not None
    assert (report.cause.code, report.cause.confidence.value) == ("dns-upstream-dead", "likely")
    assert "192.168.3.9" in report.cause.summary


def test_a_network_s_drop_on_the_own_host_is_not_the_server_s_silence() -> None:
    assert told(whole("dns-query-dropped")) == ("fails", "docker-user-drop")


DROP = r"\[\d+:\d+\] -A DOCKER-USER [^\n]*--dport 53 -j DROP\n"
FORWARDING = (r"(?m)^(net\.ipv4\.(?:ip_forward|conf\.\S+\.forwarding)) = 1$", r"\1 = 0")
TO_PROXY = "[0:0] -A PREROUTING -i br-dc3a958e6314 -p udp -m udp --dport 53 -j REDIRECT --to-ports 5353\n"
TO_ONE = TO_PROXY.replace("-p udp", "-d 192.168.3.9/32 -p udp")


def dropped(*more: tuple[str, str, str]) -> Evidence:
    """The query that ended on its own host, with the rule that dropped it gone, and something else in its way."""
    edits = (("iptables", DROP, ""), *more)
    return edited(
        whole("dns-query-dropped"), [Edit(host=HOST, key=key, pattern=seen, text=text) for key, seen, text in edits]
    )


def test_a_host_that_does_not_forward_ends_the_query() -> None:
    report = analyze(dropped(("sysctl", *FORWARDING)))
    assert report.cause is not None
    assert (report.verdict.value, report.cause.code) == ("fails", "ip-forward-off")
    assert "the name server 192.168.3.1" in report.cause.summary
    assert report.cause.remedies[0].commands == (("sysctl", "-w", "net.ipv4.ip_forward=1"),)


def test_a_redirect_of_port_53_is_named() -> None:
    report = analyze(dropped(("iptables", r"(?m)^(?=\[0:0\] -A PREROUTING)", TO_PROXY)))
    assert report.cause is not None
    assert (report.verdict.value, report.cause.code) == ("fails", "foreign-nat")
    assert report.cause.where.rule == TO_PROXY.split("] ")[1].strip()
    assert "for the name server 192.168.3.1:53 to" in report.cause.summary
    assert report.cause.remedies[0].commands[0][5:11] == ("-d", "192.168.3.1", "-p", "udp", "--dport", "53")


def test_a_redirect_of_another_server_s_questions_is_not() -> None:
    assert told(dropped(("iptables", r"(?m)^(?=\[0:0\] -A PREROUTING)", TO_ONE))) == UNDETERMINED


NFT = """{"nftables": [{"metainfo": {"json_schema_version": 1}}, {"table": {"family": "inet", "name": "edge", "handle": 1}},
{"chain": {"family": "inet", "table": "edge", "name": "fwd", "handle": 1, "type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}},
{"rule": {"family": "inet", "table": "edge", "chain": "fwd", "handle": 2, "expr": [
{"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": PORT}}, {"drop": null}]}}]}"""


@pytest.mark.parametrize(("port", "expected"), [("53", ("fails", "forward-drop")), ("54", UNDETERMINED)])
def test_a_rule_that_does_not_count_is_named_where_the_walk_of_the_query_ends(
    port: str, expected: tuple[str, str]
) -> None:
    evidence = dropped(("nft", r"(?s)\A.*\Z", NFT.replace("PORT", port)))
    assert told(evidence) == expected
    if port == "53":
        assert analyze(evidence).why.startswith(
            "The DNS query for www.outside.test reached server2/br-dc3a958e6314 (once)"
        )
