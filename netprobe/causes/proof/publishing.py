"""What becomes of ``-p``: networks that publish nothing, containers without any network, and the ports of those that have the host's own."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from netprobe.forward.drivers import driver_of
from netprobe.state.engine.compose import listed, recreated
from netprobe.state.lookup import networks_of

if TYPE_CHECKING:
    from netprobe.state.engine.model import Container, Network
    from netprobe.state.model import Host


def unpublishable(host: Host, container: Container) -> str:
    """What its networks are, in words, if none of them publishes ports; ``""`` where one does, or they are not all known."""
    if container.host_network:
        return "the host network"
    if left_alone(container):
        return "no network"
    networks = [network for _, network in networks_of(host, container)]
    if not networks or len(networks) != len(container.networks) or any(not _ignores(each) for each in networks):
        return ""
    kinds = {each.name: "internal " if each.internal else f"{each.driver} " for each in networks}
    kinds |= dict.fromkeys((each.name for each in networks if driver_of(each).alone), "")
    return " and ".join(f"the {kind}network {name}" for name, kind in kinds.items())


def left_alone(container: Container) -> bool:
    """Whether it runs, with a namespace of its own, and is on no network any more (``docker network disconnect``)."""
    joined = container.network_mode.partition(":")[0] not in {"none", "container", "ns"}
    return container.running and not container.networks and joined and not container.host_network


def _ignores(network: Network) -> bool:
    return driver_of(network).publishes is False or network.internal


def published_again(container: Container, *ports: str) -> str:
    """In words: a container that is made again with these ports published (``8080:80/udp``), in its Compose file where it has its ports from there."""
    options = " ".join(f"-p {quote(each)}" for each in ports)
    return recreated(container, f"with {options}", f"ports: {listed(*ports)}")


def is_alone(host: Host, container: Container) -> bool:
    """Whether it is known to have nothing but lo: no network leads to it, or out of it."""
    networks = [network for _, network in networks_of(host, container)]
    return (
        bool(networks) and len(networks) == len(container.networks) and all(driver_of(each).alone for each in networks)
    )


def ports_on_host(host: Host, container: Container, proto: str) -> list[int]:
    """The ports of the host, other than loopback's, that the first process of a container with the host's network serves; none where that is not known."""
    return sorted(
        {
            each.port
            for each in host.own.sockets or ()
            if each.serving and each.proto == proto and not each.loopback and container.pid in each.pids
        }
    )
