"""Steps that many remedies share."""

from __future__ import annotations

from netprobe.causes.remedies.steps import publishing, setting
from netprobe.evidence.model import Place
from tests.causes.altered import case_of


def test_a_published_port_is_tcps_where_it_says_nothing() -> None:
    assert publishing(80, 8080, "tcp") == "-p 80:8080"
    assert publishing(53, 53, "udp", address="127.0.0.1") == "-p 127.0.0.1:53:53/udp"


def test_a_setting_of_a_container_is_set_in_the_container() -> None:
    argv = ("sysctl", "-w", "net.ipv4.ip_forward=1")
    inside = setting(case_of("demo"), Place(host="server2", container="demo"), argv)
    assert inside.commands[0][:2] == ("nsenter", "-t")
    assert inside.commands[0][3:] == ("-n", *argv)
    assert "until demo starts again" in inside.advice
    assert setting(case_of("demo"), Place(host="server2"), argv).commands == (argv,)
