"""Who is meant, and what was dialled for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.forward.question import predict_probe
from netprobe.pipeline import analyze
from netprobe.state.build import build_world
from netprobe.verdict.target import intent_of, led_to_itself
from tests.causes.altered import recorded
from tests.craft import evidence, handshake

if TYPE_CHECKING:
    from netprobe.evidence.state import HostState


def test_an_ipv6_endpoint_is_written_in_brackets() -> None:
    whole = recorded("v6-direct-open")
    assert whole.probe is not None
    assert analyze(whole).dialled == f"[{whole.probe.dialled}]:{whole.probe.dialled_port}/tcp"


def test_captures_from_elsewhere_name_their_own_ends() -> None:
    report = analyze(evidence(handshake("eth0", "10.0.0.1:4000", "10.0.0.2:80", 0)))
    assert (report.source, report.target) == ("10.0.0.1", "10.0.0.2:80/tcp")


def test_a_target_that_is_known_not_to_run_did_not_answer() -> None:
    whole = recorded("demo")
    assert whole.probe is not None
    assert whole.probe.target_at is not None
    probe = replace(whole.probe, target_at=replace(whole.probe.target_at, container="stopped"))
    assert analyze(replace(whole, probe=probe)).verdict.value != "works"


REDIRECTED = """*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
[0:0] -A PREROUTING -p tcp -m tcp --dport 81 -j REDIRECT --to-ports 80
COMMIT
"""


def test_a_host_that_leads_its_own_port_to_its_own_process_is_itself_the_one_that_answers() -> None:
    """Port 80 for an application on 8080, 127.0.0.1 for a bridge's address: where something listens at the port itself, the rule takes it away."""
    closed = recorded("port-closed")

    def itself(rules: str, listens: str = "") -> bool:
        def state(each: HostState) -> HostState:
            outputs = dict(each.outputs)
            if each.host == "outside":
                outputs["iptables"] = replace(outputs["iptables"], stdout=rules)
                outputs["sockets"] = replace(outputs["sockets"], stdout=outputs["sockets"].stdout + listens)
            return replace(each, outputs=outputs)

        moments = (tuple(map(state, closed.before)), tuple(map(state, closed.after)))
        world = build_world(replace(closed, before=moments[0], after=moments[1]))
        intent = intent_of(closed, world, None)
        return led_to_itself(closed.probe, world, intent, predict_probe(closed.probe, world.before))

    assert itself(REDIRECTED)
    assert not itself("")
    assert not itself(REDIRECTED, "tcp LISTEN 0 5 0.0.0.0:81 0.0.0.0:* ino:1 sk:1\n")
    assert not itself(REDIRECTED.replace("--to-ports 80", "--to-ports 82"))
