"""Links, bridge ports and switches that keep a packet from a socket: recorded state with one of them changed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.evidence.model import Evidence, Outcome, Place, ProbeResult
from netprobe.forward.model import Barrier, Flying
from netprobe.forward.question import predict_probe
from netprobe.forward.settings import echo_ignored
from netprobe.pipeline import analyze
from netprobe.state.build import build_world
from tests.causes.altered import changed, commands, recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.forward.model import Obstacle

LAN, BRIDGE, LOCALHOST = "truth-tcp-lan-normal", "truth-tcp-same-bridge-direct-normal", "truth-tcp-loopback-normal"


def with_links(evidence: Evidence, key: str, change: Callable[[dict[str, Any]], object]) -> Evidence:
    """Every link of one output of server2's changed in place, before and after."""
    moments = []
    for states in (evidence.before, evidence.after):
        found = []
        for state in states:
            output = state.outputs.get(key) if state.host == "server2" else None
            if output is not None:
                links = json.loads(output.stdout)
                for link in filter(None, links):
                    change(link)
                text = replace(output, stdout=json.dumps(links))
                found.append(replace(state, outputs={**state.outputs, key: text}))
            else:
                found.append(state)
        moments.append(tuple(found))
    return replace(evidence, before=moments[0], after=moments[1])


def down(*names: str) -> Callable[[dict[str, Any]], object]:
    def change(link: dict[str, Any]) -> None:
        if link["ifname"].startswith(names):
            link["flags"] = [each for each in link["flags"] if each not in {"UP", "LOWER_UP"}]

    return change


def port(**facts: Any) -> Callable[[dict[str, Any]], object]:
    return lambda link: link.get("linkinfo", {}).get("info_slave_data", {}).update(facts)


def first(evidence: Evidence) -> Obstacle | None:
    told = predict_probe(evidence.probe, build_world(evidence).before)
    assert told is not None
    return told.obstacles[0] if told.obstacles else None


@pytest.mark.parametrize(
    ("name", "key", "change", "barrier", "text"),
    [
        (LAN, "addr", down("docker0"), Barrier.LINK_DOWN, "docker0 is down"),
        (LAN, "addr", down("veth"), Barrier.LINK_DOWN, "is down"),
        (LAN, "ns/demo/addr", down("eth0"), Barrier.LINK_DOWN, "eth0 is down"),
        (LAN, "ns/demo/addr", lambda link: link.update(addr_info=[]), Barrier.NO_NEIGHBOUR, "eth0 of demo has lost"),
        (BRIDGE, "addr", port(isolated=True), Barrier.BRIDGE_PORT, "are isolated ports of docker0"),
        (BRIDGE, "addr", port(state="blocking"), Barrier.BRIDGE_PORT, "port of docker0 in state blocking"),
        (LAN, "addr", port(state="disabled"), Barrier.BRIDGE_PORT, "in state disabled"),
        (LOCALHOST, "addr", down("lo"), Barrier.LINK_DOWN, "lo is down"),
    ],
)
def test_a_link_or_port_that_does_not_let_it_pass(
    name: str, key: str, change: Callable[[dict[str, Any]], object], barrier: Barrier, text: str
) -> None:
    evidence = recorded(name)
    assert first(evidence) is None
    obstacle = first(with_links(evidence, key, change))
    assert obstacle is not None
    assert (obstacle.barrier, text in obstacle.text) == (barrier, True)


def test_isolated_ports_pass_what_is_no_other_isolated_ones() -> None:
    assert first(with_links(recorded(LAN), "addr", port(isolated=True))) is None


def test_an_echo_that_the_kernel_is_told_to_leave_unanswered() -> None:
    evidence = recorded(LAN)
    switch = "net.ipv4.icmp_echo_ignore_all = "
    told = [changed(each, "sysctl", f"{switch}0", f"{switch}1") for each in evidence.before if each.host == "server2"]
    at, hosts = Place(host="server2"), build_world(replace(evidence, before=tuple(told))).before
    echo = Flying(src="192.168.3.201", sport=None, dst="192.168.3.202", dport=None, proto="icmp")
    ignored = echo_ignored(at, hosts["server2"], echo)
    assert ignored is not None
    assert (ignored.barrier, ignored.undo) == (Barrier.ECHO_IGNORED, ("sysctl", "-w", f"{switch.strip(' =')}=0"))
    assert echo_ignored(at, hosts["server2"], replace(echo, proto="tcp")) is None
    assert echo_ignored(at, build_world(evidence).before["server2"], echo) is None


@pytest.mark.parametrize(
    ("key", "change", "command"),
    [
        ("addr", down("docker0"), "ip link set docker0 up"),
        ("ns/demo/addr", down("eth0"), "docker restart demo"),
        ("ns/demo/addr", lambda link: link.update(addr_info=[]), "docker restart demo"),
    ],
)
def test_what_brings_it_up_again(key: str, change: Callable[[dict[str, Any]], object], command: str) -> None:
    whole = with_links(recorded(LAN), key, change)
    assert whole.probe is not None
    probe = replace(whole.probe, predict=True, result=ProbeResult(outcome=Outcome.NOT_RUN))
    cause = analyze(Evidence(probe=probe, before=whole.before)).cause
    assert cause is not None
    assert cause.code == "bridge-address-lost"
    assert commands(cause) == (command,)
