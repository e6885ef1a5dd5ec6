"""``-p`` where it does nothing: with the network none, the host's, another container's; and what is advised instead."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netprobe.evidence.model import ProbeResult
from netprobe.model.report import Finding, Verdict
from netprobe.pipeline import analyze
from tests.causes.altered import recorded, with_state


def cause(name: str) -> Finding:
    found = analyze(recorded(name)).cause
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("publish-ignored-none", "recreate demo with -p 8080:80 on a bridge network instead of none"),
        (
            "publish-nothing-none",
            "recreate demo with -p 80:80 on a bridge network: on the network none -p does nothing",
        ),
        ("publish-ignored-host", "dial 192.168.3.202:80, the port that demo itself has on the host"),
        (
            "publish-ignored-host-port",
            "dial 192.168.3.202:88, which demo has on the host: nothing listens on tcp port 80 of server2 either",
        ),
        ("host-network-other-port", "ask demo:88"),
        (
            "publish-by-sharer",
            "recreate vpn with -p 81:81, whose network demo shares (no -p is allowed for demo), then recreate demo again",
        ),
        (
            "port-not-published-protocol",
            "if demo is meant, ask port 80/tcp; or, if it speaks udp there too, recreate demo with -p 80:80/udp, beside what it has",
        ),
    ],
)
def test_what_is_advised(name: str, advice: str) -> None:
    assert [each.advice for each in cause(name).remedies] == [advice]
    assert not cause(name).remedies[0].commands


def test_what_listens_on_no_port_is_not_to_be_dialled() -> None:
    """Sockets of other processes are no ports of the container's."""
    found = analyze(with_state(recorded("publish-ignored-host-port"), "server2", "sockets", "pid=", "pid=9")).cause
    assert found is not None
    assert found.remedies[0].advice.startswith("docker logs demo says on which port it listens")


def test_a_prediction_names_it_too() -> None:
    """The same question, unsent."""
    whole = recorded("publish-ignored-none")
    assert whole.probe is not None
    probe = replace(whole.probe, predict=True, tag="", result=ProbeResult())
    report = analyze(replace(whole.without_packets(), probe=probe, points=(), after=()))
    assert (report.verdict, report.sent) == (Verdict.FAILS, False)
    assert report.cause is not None
    assert report.cause.code == "publish-ignored"
    assert "on a bridge network instead of none" in report.cause.remedies[0].advice


def test_a_namespace_without_a_network_reaches_no_name_server() -> None:
    found = cause("no-route-none")
    assert found.summary.startswith("demo is on the network none: it has nothing but lo")
    bridged = with_state(recorded("no-route-none"), "server2", "networks", '"Driver": "null"', '"Driver": "bridge"')
    report = analyze(bridged)
    assert report.cause is None or report.cause.code != "no-route"


def test_who_has_the_name_of_a_shared_namespace() -> None:
    found = cause("dns-no-shared-network-sharer")
    assert found.remedies[0].commands == (("docker", "network", "connect", "shop", "vpn"),)
    assert found.remedies[1].advice.startswith("ask vpn instead of demo")
    assert "--add-host=demo:host-gateway" in cause("dns-no-shared-network-host").remedies[0].advice
