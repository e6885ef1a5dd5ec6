"""bridge-address-lost: its remedies, on recorded evidence."""

from __future__ import annotations

import pytest

from netprobe.pipeline import analyze
from tests.causes.altered import commands, recorded

LOST = "bridge-address-lost"


@pytest.mark.parametrize("name", [LOST, f"{LOST}-inbound"])
def test_the_remedy_puts_the_address_back(name: str) -> None:
    found = analyze(recorded(name)).cause
    assert found is not None
    assert (found.code, commands(found)) == (LOST, ("ip addr add 172.17.0.1/16 dev docker0",))


def test_the_remedy_names_the_veth_and_its_bridge() -> None:
    found = analyze(recorded("bridge-port-lost")).cause
    assert found is not None
    veth = found.where.component if found.where else ""
    assert (found.code, commands(found)) == (LOST, (f"ip link set {veth} master docker0",))
