"""Each deciding fact of the causes of others' translation changed by itself: another verdict, another remedy, or silence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.model.report import Confidence
from netprobe.pipeline import analyze
from tests.causes.altered import code, commands, recorded, with_state

if TYPE_CHECKING:
    from netprobe.evidence.state import HostState


def test_a_rule_of_the_engines_own_is_not_foreign() -> None:
    own = with_state(
        recorded("foreign-nat"),
        "server2",
        "iptables",
        "-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT",
        "-A DOCKER -p tcp -m tcp --dport 80 -j REDIRECT",
    )
    assert code(own) != "foreign-nat"


def test_a_rule_that_the_packet_does_not_meet_is_not_it() -> None:
    other = with_state(
        recorded("foreign-nat"), "server2", "iptables", "--dport 80 -j REDIRECT", "--dport 81 -j REDIRECT"
    )
    assert code(other) is None


def test_an_owner_is_named_and_its_chain_is_left_alone() -> None:
    text = "-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 20559"
    kept = with_state(
        recorded("foreign-nat"),
        "server2",
        "iptables",
        text,
        "-A PREROUTING -j KUBE-SERVICES\n[0:0] -A KUBE-SERVICES -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 20559",
    )
    report = analyze(
        with_state(kept, "server2", "iptables", ":DOCKER - [0:0]", ":DOCKER - [0:0]\n:KUBE-SERVICES - [0:0]")
    )
    assert report.cause is not None
    assert "Kubernetes" in report.cause.summary
    assert all("-D" not in argv for each in report.cause.remedies for argv in each.commands)


def test_an_address_that_the_host_has_is_not_wrong() -> None:
    has = with_state(
        recorded("snat-wrong-address"), "server2", "iptables", "--to-source 192.168.3.222", "--to-source 192.168.3.202"
    )
    assert code(has) is None


def test_without_the_arp_that_nobody_answered_it_is_likely() -> None:
    whole = recorded("snat-wrong-address")
    report = analyze(whole)
    assert report.cause is not None
    assert report.cause.confidence is Confidence.CERTAIN
    assert any("192.168.3.222" in each and "no answer" in each for each in report.cause.evidence)


INSIDE = """*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
[0:0] -A PREROUTING -p tcp -j REDIRECT --to-ports 15006
COMMIT
"""


def test_a_rule_inside_the_container_is_passed_there_by_the_address_that_it_sees() -> None:
    """A published port: the chain and the dialled address are the host's, and mean nothing in the container's namespace."""

    def state(each: HostState) -> HostState:
        if "ns/demo/sockets" not in each.outputs:
            return each
        rules, sockets = each.outputs["ns/demo/iptables"], each.outputs["ns/demo/sockets"]
        listens = sockets.stdout + "tcp LISTEN 0 5 0.0.0.0:81 0.0.0.0:* ino:1 sk:1\n"
        changed = {
            "ns/demo/iptables": replace(rules, stdout=INSIDE),
            "ns/demo/sockets": replace(sockets, stdout=listens),
        }
        return replace(each, outputs={**each.outputs, **changed})

    refused = recorded("app-not-listening")
    moments = (tuple(map(state, refused.before)), tuple(map(state, refused.after)))
    cause = analyze(replace(refused, before=moments[0], after=moments[1])).cause
    assert cause is not None
    assert cause.code == "foreign-nat"
    (command,) = commands(cause)
    assert command.endswith("iptables -t nat -I PREROUTING -d 172.17.0.2 -p tcp --dport 81 -j ACCEPT")
