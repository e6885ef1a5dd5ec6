from __future__ import annotations

from netprobe.state.engine.model import Network

HERE = Network(name="here", subnets=("fd00::/64", "172.21.0.0/24"))


def test_networks_overlap_where_any_of_their_subnets_do() -> None:
    assert HERE.overlaps(Network(name="there", subnets=("172.21.0.128/25",)))
    assert Network(name="there", subnets=("172.16.0.0/12",)).overlaps(HERE)
    assert not HERE.overlaps(Network(name="there", subnets=("172.22.0.0/24", "fd01::/64")))


def test_a_network_without_subnets_overlaps_none() -> None:
    assert not HERE.overlaps(Network(name="none"))
