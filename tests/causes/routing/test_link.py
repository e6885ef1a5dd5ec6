"""bridge-address-lost and mtu-blackhole: what each of their facts decides, on recorded evidence with that one fact changed."""

from __future__ import annotations

import pytest

from netprobe.pipeline import analyze
from tests.causes.altered import code, commands, lossy, recorded, with_state, without

LOST, MTU = "bridge-address-lost", "mtu-blackhole"


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


def test_a_segment_that_fits_is_no_blackhole() -> None:
    """The same packets, while the interface takes 1500 bytes: something else lost them."""
    assert code(with_state(recorded(MTU), "server2", "addr", '"mtu":1400', '"mtu":1500')) is None


def test_a_point_that_lost_packets_proves_nothing() -> None:
    assert code(lossy(recorded(MTU), "server2/eth0")) is None


def test_a_point_that_saw_nothing_proves_nothing() -> None:
    """Small packets must have passed the interface."""
    assert code(without(recorded(MTU), "server2/eth0")) is None
