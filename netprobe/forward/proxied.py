"""Who answers in IPv6 for an address that is not on the link but behind a host there: that host, where it is told to (NDP proxy).

A host answers for the addresses of the interface that it is asked on, and for those of its proxy entries on it while ``proxy_ndp`` is on and it
forwards; an address of another interface, or of a container, is not enough.

Source: net/ipv6/ndisc.c (ndisc_recv_ns, pndisc_is_router); Documentation/networking/ip-sysctl.rst, proxy_ndp; ip-neighbour(8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.evidence.model import Place
from netprobe.forward.frame import Bearer, with_address
from netprobe.forward.model import Barrier
from netprobe.state.address import covers, same
from netprobe.state.lookup import docker_bridges

if TYPE_CHECKING:
    from netprobe.forward.frame import Frame
    from netprobe.state.links import Link
    from netprobe.state.model import Host


def stand_in(frame: Frame) -> Bearer | None:
    """The host of the inventory that has a frame's address behind it, where it answers for that; None for IPv4, and where there is none.

    Raises:
        Stopped: it does not answer.
    """
    if ":" not in frame.address:
        return None
    for name, host in frame.hosts.items():
        link = facing(host, frame.address) if name != frame.host.name else None
        if link is None or (host.own.proxied is None and not frame.mode.explores):
            continue
        bridge = behind(host, frame.address)
        if host.sysctls is None and (bridge or _has_entry(host, link, frame.address)):
            frame.unknown(f"whether {name} answers for {frame.address} on {link.name} is not known")
        if not answers(host, link, frame.address):
            if not bridge:
                continue
            text = f"{name} has {frame.address} behind {bridge}, and does not answer for it on {link.name}"
            frame.meets(Barrier.NOT_PROXIED, Place(host=name), link.name, text)
        return Bearer(host=host, place=Place(host=name), interface=link.name, parent=link.name, mac=link.mac)
    return None


def facing(host: Host, address: str) -> Link | None:
    """The interface of a host, none of its containers' bridges, on whose subnet an address is."""
    bridges = docker_bridges(host)
    for link in host.own.links or ():
        outer = not link.loopback and link.name not in bridges
        if outer and any(covers(each.prefix, address) for each in link.addresses):
            return link
    return None


def behind(host: Host, address: str) -> str:
    """The bridge that leads to the container with an address; ``""`` where none of the host's has it."""
    return next((network.bridge for _, _, network in with_address(host, address) if network.bridge), "")


def answers(host: Host, link: Link, address: str) -> bool:
    """Whether it has a proxy entry for an address on an interface, and is set to heed it."""
    return _has_entry(host, link, address) and proxies(host, link)


def _has_entry(host: Host, link: Link, address: str) -> bool:
    return any(each.dev == link.name and same(each.address, address) for each in host.own.proxied or ())


def proxies(host: Host, link: Link) -> bool:
    """Whether an interface heeds proxy entries."""
    names = ("all", link.name.replace(".", "/"))
    return any((host.sysctls or {}).get(f"net.ipv6.conf.{name}.proxy_ndp") == "1" for name in names)
