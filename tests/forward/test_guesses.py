"""By which interface a packet from another host comes in."""

from __future__ import annotations

import pytest

from netprobe.forward.guesses import arrival_interface
from netprobe.state.links import Address, Link
from netprobe.state.model import Host
from netprobe.state.namespace import Namespace
from netprobe.state.routes import Route


def host(name: str, links: dict[str, str]) -> Host:
    """A host with one address of a /24 on each interface, and its connected routes."""
    own = tuple(
        Link(name=device, ifindex=number, addresses=(Address(address=address, prefixlen=24, scope="global"),))
        for number, (device, address) in enumerate(links.items(), 2)
    )
    routes = tuple(Route(dst=f"{address.rpartition('.')[0]}.0/24", dev=device) for device, address in links.items())
    return Host.known(name, own=Namespace.known(links=own, routes=routes, rules=()))


@pytest.mark.parametrize("order", [("eth0", "eth1"), ("eth1", "eth0")])
def test_of_two_links_that_both_are_on_it_is_that_of_the_address(order: tuple[str, str]) -> None:
    """The next hop is virbr0's address: that both are on another wire, too, says nothing."""
    sender = host("router", {name: {"eth0": "192.0.2.254", "eth1": "192.168.122.50"}[name] for name in order})
    receiver = host("server2", {"eth0": "192.0.2.2", "virbr0": "192.168.122.1"})
    assert arrival_interface(receiver, "virbr0", sender) == "virbr0"


def test_an_address_of_no_shared_link_is_reached_by_the_link_that_is_shared() -> None:
    sender = host("router", {"eth0": "192.0.2.254"})
    receiver = host("server2", {"eth0": "192.0.2.2", "dummy0": "198.51.100.1"})
    assert arrival_interface(receiver, "dummy0", sender) == "eth0"
