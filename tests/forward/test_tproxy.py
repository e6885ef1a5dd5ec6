"""Transparent proxies: which socket a rule hands a packet to, and what becomes of the packet then."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.evidence.model import Place
from netprobe.forward import Barrier, PredictedOutcome
from netprobe.forward.model import Flying, Stopped, UnknownHere
from netprobe.forward.netfilter import Filter, pass_hook
from netprobe.forward.sockets import taken
from netprobe.state.iptables_parse import parse_iptables
from netprobe.state.issues import Issues
from netprobe.state.model import Host
from netprobe.state.namespace import Namespace
from netprobe.state.nft_parse import parse_nft
from netprobe.state.sockets import parse_sockets
from tests.forward.test_netfilter import ETH0, ETH1, SYN, base, table
from tests.forward.test_walk import changed, normal, predicted

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.state.sockets import Socket

ANY = "0.0.0.0"  # noqa: S104 - compared, not bound
RULE = f"-A PREROUTING -p tcp -j TPROXY --on-port 3128 --on-ip {ANY} --tproxy-mark 0x1/0x1"
HANDS = {"tproxy": {"family": "ip", "port": 3128}}
MARKS = {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 1}}
TCP = {"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "tcp"}}
TRANSPARENT, PLAIN = "( is_icsk transparent mc_loop)", "( is_icsk mc_loop)"


def listing(*sockets: tuple[str, str]) -> str:
    """What ss says of TCP sockets that wait: their own ends, and the line of their options."""
    lines = (
        f'tcp LISTEN 0 128 {end} 0.0.0.0:* users:(("tool",pid=7,fd=3)) ino:1 sk:1 cgroup:/ <->\n'
        + (f"\tinet-sockopt: {options}\n" if options else "")
        for end, options in sockets
    )
    return "".join(lines)


def sockets(*given: tuple[str, str]) -> tuple[Socket, ...] | None:
    return parse_sockets(listing(*given), Issues("ss"))


def router(rules: str = "", nft: list[object] | None = None, **state: Any) -> Filter:
    issues = Issues("")
    ruleset = parse_iptables(rules, issues) if rules else None
    return Filter(
        place=Place(host="r"),
        namespace=Namespace.known(links=(ETH0, ETH1), routes=None, rules=None, **state),
        rulesets=(ruleset,) if ruleset else (),
        nft=parse_nft(json.dumps({"nftables": nft}), issues) if nft else None,
    )


def handed(found: Filter, packet: Flying = SYN) -> Flying:
    return pass_hook(found, "PREROUTING", packet, in_if="eth0")[0]


@pytest.mark.parametrize(
    ("end", "rule"),
    [
        ("0.0.0.0:3128", RULE),
        ("*:3128", RULE),
        ("192.0.2.1:3128", RULE),  # the first address of the interface that it came in by
        ("127.0.0.1:3128", RULE.replace(ANY, "127.0.0.1")),
        ("0.0.0.0:80", RULE.replace("3128", "0")),
    ],
)
def test_the_socket_is_where_the_rule_says(end: str, rule: str) -> None:
    got = handed(router(table("mangle", rule), sockets=sockets((end, TRANSPARENT), ("0.0.0.0:22", PLAIN))))
    assert got.handed is not None
    assert (got.handed.socket.process, got.mark, got.dst, got.dport) == ("tool", 1, SYN.dst, 80)


@pytest.mark.parametrize("end", ["0.0.0.0:3129", "127.0.0.1:3128", "198.51.100.1:3128", "192.0.2.1%eth1:3128"])
def test_without_such_a_socket_iptables_drops_it(end: str) -> None:
    with pytest.raises(Stopped) as caught:
        handed(router(table("mangle", RULE), sockets=sockets((end, TRANSPARENT))))
    obstacle = caught.value.obstacle
    assert (obstacle.barrier, obstacle.label, obstacle.rejects) == (Barrier.RULE, "mangle/PREROUTING #1", False)
    assert "no transparent proxy listens at 192.0.2.1:3128" in obstacle.text


def test_one_that_may_not_take_what_is_sent_to_others_does_not_count() -> None:
    with pytest.raises(Stopped):
        handed(router(table("mangle", RULE), sockets=sockets(("0.0.0.0:3128", PLAIN))))


def test_a_socket_of_the_address_is_preferred() -> None:
    both = sockets(("0.0.0.0:3128", TRANSPARENT), ("192.0.2.1:3128", PLAIN))
    with pytest.raises(Stopped):
        handed(router(table("mangle", RULE), sockets=both))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"sockets": sockets(("0.0.0.0:3128", ""))}, "IP_TRANSPARENT"),
        ({"sockets": None}, "who listens there"),
        ({}, "who listens there"),
        ({"sockets": sockets(("0.0.0.0:3128", PLAIN), ("0.0.0.0:3128", TRANSPARENT))}, "IP_TRANSPARENT"),
    ],
)
def test_what_is_not_told_is_named(given: dict[str, Any], why: str) -> None:
    with pytest.raises(UnknownHere, match=rf"mangle/PREROUTING #1 .*{why}"):
        handed(router(table("mangle", RULE), **given))
    with pytest.raises(UnknownHere, match=rf"inet t/c handle 2.*{why}"):
        handed(router(nft=base("c", "prerouting", -150, TCP, HANDS, MARKS, {"accept": None}), **given))


@pytest.mark.parametrize("behind", [[MARKS, {"accept": None}], [MARKS], []])
def test_nftables_goes_on_behind_it(behind: list[object]) -> None:
    got = handed(
        router(nft=base("c", "prerouting", -150, TCP, HANDS, *behind), sockets=sockets(("0.0.0.0:3128", TRANSPARENT)))
    )
    assert got.handed is not None
    assert got.handed.rule.handle == 2
    assert got.mark == (1 if behind else 0)


@pytest.mark.parametrize("given", [sockets(("0.0.0.0:3128", PLAIN)), ()])
def test_without_a_socket_nftables_leaves_the_rule(given: tuple[Socket, ...]) -> None:
    got = handed(
        router(nft=base("c", "prerouting", -150, TCP, HANDS, MARKS, {"drop": None}, policy="accept"), sockets=given)
    )
    assert (got.handed, got.mark) == (None, 0)


def test_an_answer_that_meets_such_a_rule_is_unknown() -> None:
    answer = SYN.back()
    with pytest.raises(UnknownHere, match="which socket an answer is for"):
        handed(router(table("mangle", RULE), sockets=sockets(("0.0.0.0:3128", TRANSPARENT))), answer)


@pytest.mark.parametrize(
    ("options", "end", "matches"),
    [
        ("", "198.51.100.2:80", True),
        ("", "0.0.0.0:80", False),
        (" --nowildcard", "0.0.0.0:80", True),
        (" --transparent", "198.51.100.2:80", True),
        ("", "198.51.100.2:81", False),
    ],
)
def test_a_match_of_sockets(options: str, end: str, *, matches: bool) -> None:
    """As xt_socket.c: a socket that is bound to every address counts only where that is asked for."""
    rules = table("mangle", f"-A PREROUTING -p tcp -m socket{options} -j DROP")
    found = router(rules, sockets=sockets((end, TRANSPARENT)))
    if not matches:
        assert handed(found) == handed(router(sockets=()))
        return
    with pytest.raises(Stopped):
        handed(found)


@pytest.mark.parametrize(
    ("key", "options", "drops"),
    [("transparent", TRANSPARENT, True), ("transparent", PLAIN, False), ("wildcard", PLAIN, True)],
)
def test_a_socket_expression(key: str, options: str, *, drops: bool) -> None:
    asks = {"match": {"op": "==", "left": {"socket": {"key": key}}, "right": 1}}
    found = router(
        nft=base("c", "prerouting", -150, TCP, asks, {"drop": None}), sockets=sockets(("0.0.0.0:80", options))
    )
    if drops:
        with pytest.raises(Stopped):
            handed(found)
    else:
        assert handed(found).handed is None


# -- the whole way ----------------------------------------------------------------------------------------------------

MANGLE = f"*mangle\n:PREROUTING ACCEPT [0:0]\n[0:0] {RULE}\nCOMMIT\n"
FWMARK = {"priority": 100, "src": "all", "fwmark": "0x1", "table": "100"}
LOCAL = {"type": "local", "dst": "default", "dev": "lo", "table": "100", "scope": "host", "flags": []}


def proxied(*, led_in: bool, listens: tuple[tuple[str, str], ...] = (("0.0.0.0:3128", TRANSPARENT),)) -> Evidence:
    """The lab's server2, with a transparent proxy before its published port."""
    evidence = changed(normal(), "server2", "iptables", lambda text: text.replace("*nat\n", f"{MANGLE}*nat\n", 1))
    evidence = changed(
        evidence, "server2", "sockets", lambda text: text + listing(*listens) if listens else f"{text}\n"
    )
    if led_in:
        evidence = changed(evidence, "server2", "rule", lambda text: json.dumps([FWMARK, *json.loads(text)]))
        evidence = changed(evidence, "server2", "route", lambda text: json.dumps([*json.loads(text), LOCAL]))
    return evidence


def test_the_proxy_takes_it_and_answers_as_whom_it_was_sent_to() -> None:
    """For the host's own address that nobody publishes: nat leaves it alone."""
    unpublished = changed(proxied(led_in=True), "server2", "iptables", lambda text: text.replace("-A DOCKER ", "-A X "))
    got = predicted(unpublished)
    assert (got.outcome, got.arrives) == (PredictedOutcome.WORKS, Place(host="server2"))
    what = [step.what for step in got.steps if step.place.host == "server2" and step.direction == "request"]
    assert "TPROXY to 192.168.3.202:3128" in what
    assert what[-1] == "tool takes it at port 3128"


def test_what_is_translated_behind_the_rule_is_reset_after_its_handshake() -> None:
    """The rule looks for the connection of what was dialled, and the proxy's socket has the translated end."""
    got = predicted(proxied(led_in=True))
    assert got.outcome is PredictedOutcome.STOPPED
    first = got.obstacles[0]
    assert (first.barrier, first.label, first.rejects) == (Barrier.RULE, "mangle/PREROUTING #1", True)
    assert "nat translates 192.168.3.202:80 to 172.17.0.2:80 behind that rule" in first.text


def test_what_is_handed_over_and_routed_on_is_dropped() -> None:
    got = predicted(proxied(led_in=False))
    assert got.outcome is PredictedOutcome.STOPPED
    assert got.obstacles[0].label == "mangle/PREROUTING #1"
    assert "no routing rule has packets with mark 0x1 come in" in got.obstacles[0].text


def test_without_a_proxy_it_ends_at_the_rule_and_behind_it_all_is_well() -> None:
    got = predicted(proxied(led_in=True, listens=()))
    assert (got.outcome, got.beyond) == (PredictedOutcome.STOPPED, PredictedOutcome.WORKS)
    assert [step.what for step in got.steps][-1] == "TPROXY to 192.168.3.202:3128"


# -- what follows the handshake ---------------------------------------------------------------------------------------

DIVERT = "-A PREROUTING -p tcp -m socket --transparent -j MARK --set-xmark 0x1/0xffffffff"
ONLY_SYN = RULE.replace("-p tcp", "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN")
ONLY_LATER = RULE.replace("-p tcp", "-p tcp -m conntrack --ctstate ESTABLISHED")


@pytest.mark.parametrize("rules", [(RULE,), (DIVERT, ONLY_SYN)])
def test_what_follows_the_handshake_goes_to_the_same_socket(rules: tuple[str, ...]) -> None:
    """By the rule itself, or by the usual rule that marks what has a transparent socket already."""
    got = handed(router(table("mangle", *rules), sockets=sockets(("0.0.0.0:3128", TRANSPARENT))))
    assert got.handed is not None


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ((ONLY_SYN,), "hands the handshake to a socket, and not what follows it"),
        ((ONLY_LATER,), "hands what follows the handshake to a socket, and not the handshake"),
    ],
)
def test_a_connection_that_is_cut_in_its_middle_is_unknown(rules: tuple[str, ...], why: str) -> None:
    with pytest.raises(UnknownHere, match=rf"mangle/PREROUTING #1 {why}"):
        handed(router(table("mangle", *rules), sockets=sockets(("0.0.0.0:3128", TRANSPARENT))))


def at_80(options: str) -> Host:
    return Host.known(
        "r",
        own=Namespace.known(
            links=(ETH0, ETH1), routes=(), rules=(), rules6=(), sockets=sockets((f"{ANY}:80", options))
        ),
    )


def test_from_an_address_of_nobodys_a_transparent_socket_alone_answers() -> None:
    """What routing alone leads in comes to whoever listens at every address; the answer of one that may not is never sent (ip_route_output_key_hash)."""
    there = at_80(TRANSPARENT)
    found = taken(there, there.own, Place(host="r"), SYN)
    assert found is not None
    assert (found.obstacle, found.refused) == (None, False)
    there = at_80(PLAIN)
    found = taken(there, there.own, Place(host="r"), SYN)
    assert found is not None
    assert found.obstacle is not None
    assert (found.obstacle.barrier, found.obstacle.rejects) == (Barrier.NOBODY_LISTENS, False)
    there = at_80("")
    with pytest.raises(UnknownHere, match=r"answers from 198\.51\.100\.2 is not known"):
        taken(there, there.own, Place(host="r"), SYN)


def test_from_an_own_address_every_socket_answers() -> None:
    there = at_80(PLAIN)
    there.__dict__["proxies"] = ()
    found = taken(there, there.own, Place(host="r"), replace(SYN, dst="192.0.2.1"))
    assert found is not None
    assert found.obstacle is None
