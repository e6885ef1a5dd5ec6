"""Programs that have no command for one connection are named."""

from __future__ import annotations

import pytest

from tests.causes.altered import commands
from tests.causes.owners.moved import dropped_in


@pytest.mark.parametrize(
    ("chain", "name"), [("ts-input", "Tailscale"), ("KUBE-FIREWALL", "Kubernetes"), ("LIBVIRT_INP", "libvirt")]
)
def test_others_are_named(chain: str, name: str) -> None:
    found = dropped_in(chain)
    assert commands(found) == ("iptables -I INPUT -d 192.168.3.202 -p tcp --dport 80 -j ACCEPT",)
    assert f"those are {name}'s rules" in found.remedy[-1]
