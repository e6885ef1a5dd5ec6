"""What is modelled, and what is not."""

from __future__ import annotations

import pytest

from netprobe.model.remedy import advise
from netprobe.state.effects.commands import fixed
from netprobe.state.effects.texts import NotModelled
from tests.state.effects.changed import after, hosts


@pytest.mark.parametrize(
    "argv",
    [
        ("docker", "restart", "demo"),
        ("docker", "network", "connect", "host", "demo"),
        ("docker", "network", "connect", "nowhere", "demo"),
        ("systemctl", "restart", "docker"),
        ("ip", "link", "set", "eth1", "up"),
        ("ip", "route", "add", "10.0.0.0/8", "via", "10.9.9.9"),
        ("ip", "route", "del", "10.0.0.0/8"),
        ("iptables", "-D", "INPUT", "-j", "DROP"),
        ("iptables", "-F"),
        ("nsenter", "-t", "1", "-n", "ip", "route", "del", "default"),
        ("reboot",),
    ],
)
def test_what_is_not_surely_known_is_not_modelled(argv: tuple[str, ...]) -> None:
    with pytest.raises(NotModelled):
        after("docker-user-drop", *argv)


def test_advice_changes_nothing() -> None:
    before = hosts("docker-user-drop")
    assert fixed(before, [advise("server2", "think")]) == before
