"""A container whose /etc/resolv.conf somebody else wrote: its lookups go past the embedded DNS server, which knows the containers' names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.remedies.steps import restarted
from netprobe.model.remedy import advise
from netprobe.state.engine import EMBEDDED_DNS
from netprobe.state.lookup import networks_of

if TYPE_CHECKING:
    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host


def replaced_by(host: Host, source: Container) -> tuple[str, ...]:
    """The servers that a container on a network with names asks in place of the embedded one; none where it asks that, or is on no such network."""
    conf = host.namespace(source.name).resolv_conf
    if conf is None or not conf.nameservers or not EMBEDDED_DNS.isdisjoint(conf.nameservers):
        return ()
    if not any(not network.default_bridge and network.bridge for _, network in networks_of(host, source)):
        return ()
    return conf.nameservers


def in_place_of(host: Host, source: Container) -> str:
    """``ow's /etc/resolv.conf names 10.0.0.1 in place of Docker's 127.0.0.11``; ``""`` where it does not."""
    servers = " and ".join(replaced_by(host, source)[:2])
    own = host.engine.embedded_dns
    return f"{source.name}'s /etc/resolv.conf names {servers} in place of Docker's {own}" if servers else ""


def put_back(host: Host, source: Container) -> tuple[Remedy, ...]:
    """What has the container ask the embedded DNS server again."""
    keep = f"have what writes /etc/resolv.conf in {source.name} (a VPN client, an entry point) leave it alone; the engine writes it when {source.name} starts:"
    return (advise(host.name, keep), *restarted(host, source))
