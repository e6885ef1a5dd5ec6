"""Programs that have no command for one connection are named."""

from __future__ import annotations

import pytest

from netprobe.pipeline import analyze
from tests.causes.altered import commands, recorded, with_state
from tests.causes.owners.moved import dropped_in


@pytest.mark.parametrize(
    ("chain", "name"), [("ts-input", "Tailscale"), ("KUBE-FIREWALL", "Kubernetes"), ("LIBVIRT_INP", "libvirt")]
)
def test_others_are_named(chain: str, name: str) -> None:
    found = dropped_in(chain)
    assert commands(found) == ("iptables -I INPUT -d 192.168.3.202 -p tcp --dport 80 -j ACCEPT",)
    assert f"those are {name}'s rules" in found.remedy[-1]


def test_mullvads_own_table_is_its_kill_switch() -> None:
    """What a container sends out is not let past it; its own commands are."""
    evidence = recorded("rules-flushed-closed")
    for old, new in (
        ('"table": "filter"', '"table": "mullvad"'),
        ('"name": "filter", "handle"', '"name": "mullvad", "handle"'),
    ):
        evidence = with_state(evidence, "server2", "nft", old, new)
    cause = analyze(evidence).cause
    assert cause is not None
    assert (cause.code, cause.where.component) == ("forward-drop", "inet mullvad/forward")
    assert "mullvad connect" in cause.remedies[0].advice
    assert not any(argv[0] == "nft" for each in cause.remedies for argv in each.commands)
