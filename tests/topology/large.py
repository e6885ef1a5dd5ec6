"""A host with very many containers, as a CI runner has them."""

from __future__ import annotations

from dataclasses import replace

from netprobe.state.links import FdbEntry, Link
from netprobe.state.model import Host
from netprobe.state.namespace import Namespace
from tests.worlds import BRIDGE, container, link


def large_host(number: int) -> Host:
    """One whose containers c0, c1 … stand on docker0, each by a veth."""
    made = [container(f"c{each}", f"172.17.{each // 250}.{each % 250 + 2}") for each in range(number)]
    macs = [f"02:42:ac:11:{each // 256:02x}:{each % 256:02x}" for each in range(number)]
    containers = [
        replace(each, networks={name: replace(end, mac=mac) for name, end in each.networks.items()})
        for each, mac in zip(made, macs, strict=True)
    ]
    veths = [
        Link(name=f"veth{each:07x}", ifindex=100 + each, kind="veth", master="docker0", peer_index=5)
        for each in range(number)
    ]
    fdb = [FdbEntry(mac=mac, port=veth.name, master="docker0") for mac, veth in zip(macs, veths, strict=True)]
    host = Host.known("big", containers=tuple(containers), networks=(BRIDGE,), namespaces={}, proxies=())
    own = (
        link("lo", 1, "127.0.0.1/8"),
        link("eth0", 2, "192.168.3.7/24"),
        link("docker0", 3, "172.17.0.1/16", kind="bridge"),
    )
    host.own = Namespace.known(links=(*own, *veths), fdb=tuple(fdb), neighbours=None, routes=None)
    return host
