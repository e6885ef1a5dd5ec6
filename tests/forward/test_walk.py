"""The walk over recorded state of real hosts, and over that state with one fact changed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.evidence.model import Place
from netprobe.evidence.stream.whole import read
from netprobe.forward import Barrier, PredictedOutcome, Request, predict
from netprobe.forward.model import Flying
from netprobe.forward.settings import ttl_expired
from netprobe.state.build import build_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.evidence.model import Evidence
    from netprobe.evidence.state import CommandOutput
    from netprobe.forward import Prediction

CAPTURES = Path(__file__).parents[2] / "captures"
DEMO = Request(source=Place(host="server1"), dialled="192.168.3.202", port=80, proto="tcp")


def saved(name: str) -> Evidence:
    return read((CAPTURES / f"{name}.pcapng").read_bytes())


def changed(evidence: Evidence, host: str, key: str, edit: Callable[[str], str]) -> Evidence:
    """The evidence with one command's output edited."""

    def one(output: CommandOutput) -> CommandOutput:
        text = edit(output.stdout)
        assert text != output.stdout
        return replace(output, stdout=text)

    before = tuple(
        replace(state, outputs={**state.outputs, key: one(state.outputs[key])}) if state.host == host else state
        for state in evidence.before
    )
    return replace(evidence, before=before, after=())


def predicted(evidence: Evidence, question: Request = DEMO) -> Prediction:
    return predict(question, build_world(evidence).before)


def points(prediction: Prediction) -> list[str]:
    return [re.sub(r"veth\w+", "veth", hop.point) for hop in prediction.hops if hop.direction == "request"]


def rule(line: str) -> Callable[[str], str]:
    """Insert a rule of DOCKER-USER before its others, as iptables-save would show it."""
    return lambda text: re.sub(r"(?m)^(\[\d+:\d+\] -A DOCKER-USER)", rf"[0:0] {line}\n\1", text, count=1)


def normal() -> Evidence:
    return saved("truth-tcp-lan-normal")


def test_a_published_port_by_dnat_and_back() -> None:
    told = predicted(normal())
    assert told.outcome is PredictedOutcome.WORKS
    assert told.arrives == Place(host="server2", container="demo")
    assert points(told) == ["server1/eth0", "server2/eth0", "server2/docker0", "server2/veth", "server2/demo/eth0"]
    (dnat,) = [step for step in told.steps if step.rule]
    assert (str(dnat.rule), dnat.what) == ("nat/DOCKER #3", "DNAT to 172.17.0.2:80")
    back = [hop for hop in told.hops if hop.direction == "reply"]
    assert back[-1].point == "server1/eth0"
    assert back[-1].packet is not None
    assert str(back[-1].packet.src) == "192.168.3.202:80"


def test_what_lies_behind_the_first_obstacle() -> None:
    first = changed(normal(), "server2", "iptables", rule("-A DOCKER-USER -s 192.168.3.0/24 -j DROP"))
    both = changed(
        first, "server2", "sysctl", lambda text: text.replace("conf.eth0.forwarding = 1", "conf.eth0.forwarding = 0")
    )
    told = predicted(both)
    assert told.outcome is PredictedOutcome.STOPPED
    assert [each.barrier for each in told.obstacles] == [Barrier.FORWARDING_OFF, Barrier.RULE]
    assert told.obstacles[1].label == "filter/DOCKER-USER #1"
    assert told.obstacles[1].undo == ("iptables", "-D", "DOCKER-USER", "-s", "192.168.3.0/24", "-j", "DROP")
    assert points(told) == ["server1/eth0", "server2/eth0"]


def test_what_lies_behind_it_in_the_same_chain() -> None:
    """Deleting a rule lets the packet come to the next one; Docker's own rules nobody mends by deleting them."""
    first = changed(normal(), "server2", "iptables", rule("-A DOCKER-USER -s 192.168.3.0/24 -j DROP"))
    told = predicted(changed(first, "server2", "iptables", rule("-A DOCKER-USER -p tcp -j REJECT")))
    assert [each.label for each in told.obstacles] == ["filter/DOCKER-USER #1", "filter/DOCKER-USER #2"]
    assert [each.rejects for each in told.obstacles] == [True, False]
    assert told.beyond is PredictedOutcome.WORKS
    apart = saved("icc-false")
    assert apart.probe is not None
    assert apart.probe.dialled is not None
    asked = Request(source=apart.probe.source_at, dialled=apart.probe.dialled, port=80, proto="tcp")
    assert len(predicted(apart, asked).obstacles) == 1


def test_a_rule_that_is_not_understood_ends_the_prediction() -> None:
    told = predicted(changed(normal(), "server2", "iptables", rule("-A DOCKER-USER -m limit --limit 1/sec -j DROP")))
    assert told.outcome is PredictedOutcome.UNKNOWN
    assert "filter/DOCKER-USER #1" in told.unknown
    assert points(told) == ["server1/eth0", "server2/eth0"]


def test_a_rule_that_is_not_understood_and_would_change_nothing_does_not() -> None:
    told = predicted(changed(normal(), "server2", "iptables", rule("-A DOCKER-USER -m limit --limit 1/sec -j ACCEPT")))
    assert told.outcome is PredictedOutcome.WORKS


def test_unknown_state_ends_the_prediction() -> None:
    whole = normal()
    for key in ("iptables", "route", "sockets", "sysctl"):
        before = tuple(
            replace(state, outputs={name: out for name, out in state.outputs.items() if not name.endswith(key)})
            for state in whole.before
        )
        told = predicted(replace(whole, before=before))
        assert (told.outcome, bool(told.unknown)) == (PredictedOutcome.UNKNOWN, True), key


def test_docker_proxy_dials_anew() -> None:
    told = predicted(saved("truth-tcp-lan-dnat-deleted"))
    assert told.outcome is PredictedOutcome.WORKS
    assert {hop.leg for hop in told.hops} == {1, 2}
    (inner,) = [
        change
        for hop in told.hops
        for change in hop.changes
        if change.field == "connection" and hop.direction == "request"
    ]
    assert str(inner.after).startswith("172.17.0.1:* → 172.17.0.2:80")


def test_no_route_and_nobody_there() -> None:
    whole = normal()
    far = replace(DEMO, dialled="198.51.100.7")
    assert predicted(whole, far).obstacles[0].barrier is Barrier.NO_ROUTE
    bridge = Request(source=Place(host="server2"), dialled="172.17.0.99", port=80, proto="tcp")
    told = predicted(whole, bridge)
    assert told.obstacles[0].barrier is Barrier.NO_NEIGHBOUR
    assert [hop.seen for hop in told.hops] == [None], "what nobody resolves is never sent"


def test_a_loop_ends() -> None:
    """Two hosts that route an address to each other."""
    state = normal()
    for host, via in (("server1", "192.168.3.202"), ("server2", "192.168.3.201")):
        new = f'[{{"dst":"198.51.100.0/24","gateway":"{via}","dev":"eth0","table":"main"}},'
        state = changed(state, host, "route", lambda text, new=new: text.replace("[", new, 1))  # type: ignore[misc]
    told = predicted(state, replace(DEMO, dialled="198.51.100.7"))
    assert told.outcome is not PredictedOutcome.WORKS
    assert len(told.hops) < 100


def test_a_docker_proxy_that_dials_itself_ends() -> None:
    argv = ["docker-proxy", "-proto", "tcp", "-host-ip", "127.0.0.1", "-host-port", "80", "-container-ip", "127.0.0.1"]
    own = json.dumps([{"pid": 1, "argv": [*argv, "-container-port", "80"]}])
    state = changed(normal(), "server2", "proxies", lambda _: own)
    told = predicted(state, replace(DEMO, source=Place(host="server2"), dialled="127.0.0.1"))
    assert told.outcome is PredictedOutcome.UNKNOWN
    assert len(told.hops) < 100


def test_what_a_transparent_proxy_is_to_take_does_not_go_on_as_if_nothing_were_there() -> None:
    """xt_TPROXY.c gives it to a local socket, whatever its destination; there is none on that port."""
    mangle = "*mangle\n:PREROUTING ACCEPT [0:0]\n[0:0] -A PREROUTING -p tcp -m tcp --dport 80 -j TPROXY --on-port 15001 --on-ip 0.0.0.0 --tproxy-mark 0x1/0x1\nCOMMIT\n"
    got = predicted(changed(normal(), "server2", "iptables", lambda text: text.replace("*nat\n", f"{mangle}*nat\n", 1)))
    assert got.outcome is PredictedOutcome.STOPPED
    assert got.obstacles[0].label == "mangle/PREROUTING #1"
    assert "15001" in got.obstacles[0].text
    assert "TPROXY" in got.obstacles[0].text


def test_who_forwards_it_needs_a_hop_left() -> None:
    packet = Flying(src="192.168.3.201", sport=None, dst="172.17.0.2", dport=80, proto="tcp", ttl=1)
    met = ttl_expired(Place(host="server2"), packet)
    assert met is not None
    assert (met.barrier, met.rejects) == (Barrier.TTL_EXPIRED, True)
    assert ttl_expired(Place(host="server2"), replace(packet, ttl=2)) is None
    assert ttl_expired(Place(host="server2"), replace(packet, ttl=None)) is None


def test_who_is_behind_a_port_that_is_no_containers_is_not_known() -> None:
    nobody = Request(source=Place(host="server2"), dialled="172.17.0.99", port=80, proto="tcp")
    assert predicted(saved("nobody-on-bridge"), nobody).obstacles[0].barrier is Barrier.NO_NEIGHBOUR

    def with_port(text: str) -> str:
        port = {"ifindex": 99, "ifname": "vx0", "flags": ["UP", "LOWER_UP"], "master": "docker0", "addr_info": []}
        return json.dumps([*json.loads(text), {**port, "linkinfo": {"info_kind": "vxlan"}}])

    told = predicted(changed(saved("nobody-on-bridge"), "server2", "addr", with_port), nobody)
    assert (told.outcome, told.unknown.partition(" ")[0]) == (PredictedOutcome.UNKNOWN, "vx0")
