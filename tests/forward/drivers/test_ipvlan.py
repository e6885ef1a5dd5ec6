"""ipvlan is macvlan, but for the link address."""

from __future__ import annotations

from dataclasses import replace

from netprobe.evidence.model import Place
from netprobe.forward.drivers import driver_of
from tests.forward.drivers.test_macvlan import NET, PARENT, a_host, sent

IPVLAN = replace(NET, driver="ipvlan")


def test_inside_the_host_and_across_the_wire() -> None:
    _, arrival, end = sent("172.21.0.12", a_host("a", "172.21.0.11", "172.21.0.12", network=IPVLAN))
    assert (arrival.into, end) == (Place(host="a", container="c1"), None)
    other = a_host("b", "172.21.0.12", network=IPVLAN, links=(PARENT,))
    _, arrival, end = sent("172.21.0.12", a_host("a", "172.21.0.11", network=IPVLAN), other)
    assert (arrival.into, end) == (Place(host="b", container="c0"), None)


def test_whether_the_host_reaches_them_by_the_parent_is_not_told() -> None:
    _, arrival, end = sent("172.21.0.11", a_host("a", "172.21.0.11", network=IPVLAN), container=None, device="eth1")
    assert (arrival.into, end) == (None, None)


def test_all_share_the_parents_link_address() -> None:
    assert (driver_of(IPVLAN).flat, driver_of(IPVLAN).own_mac) == (True, False)
