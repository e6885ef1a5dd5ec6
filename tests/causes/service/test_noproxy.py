"""noproxy-no-route-localnet, the other way round: a rule sends what comes in by an interface to 127.0.0.1."""

from __future__ import annotations

from netprobe.pipeline import analyze
from tests.causes.altered import commands, recorded, with_state

DROP = "-A DOCKER-USER -s 192.168.3.0/24 -j DROP"


def test_a_rule_that_sends_to_loopback_needs_the_interfaces_setting() -> None:
    """The request is seen at the door and nowhere behind it, and the walk ends at the setting of that interface."""
    evidence = recorded("docker-user-drop")
    assert any(DROP in each.outputs["iptables"].stdout for each in evidence.before if each.host == "server2")
    led = with_state(evidence, "server2", "iptables", DROP, "-A DOCKER-USER -s 198.51.100.0/24 -j DROP")
    led = with_state(led, "server2", "iptables", "--to-destination 172.17.0.2:80", "--to-destination 127.0.0.1:80")
    cause = analyze(led).cause
    assert cause is not None
    assert cause.code == "noproxy-no-route-localnet"
    assert "to 127.0.0.1:80, and net.ipv4.conf.eth0.route_localnet = 0" in cause.summary
    assert commands(cause) == ("sysctl -w net.ipv4.conf.eth0.route_localnet=1",)
    on = with_state(led, "server2", "sysctl", "conf.eth0.route_localnet = 0", "conf.eth0.route_localnet = 1")
    found = analyze(on).cause
    assert found is None or found.code != "noproxy-no-route-localnet"
