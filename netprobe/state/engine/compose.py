"""What a person does to a container or a network that Docker Compose made: its file is where the options stand, and ``up`` makes it anew from there.

What is done by hand to such a container holds until Compose makes it again.

Source: compose-spec 05-services.md and 06-networks.md; docker/compose pkg/compose/convergence.go (mustRecreate), create.go (resolveOrCreateNetwork).
"""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.state.engine.model import Container, Network


def recreated(container: Container, options: str, keys: str) -> str:
    """In words: a container that is made again with other options, in its Compose file where it has them from there.

    Args:
        container: which.
        options: ``with -p 8080:80``, ``without --dns 10.0.0.9``: as for ``docker run``.
        keys: the same as keys of the service: ``ports: ["8080:80"]``.
    """
    again, there = f"recreate {quote(container.name)} {options}", in_file(container, keys)
    return f"{again} ({there})" if there else again


def in_file(container: Container, keys: str) -> str:
    """``service web in shop's compose file: KEYS, then docker compose up -d web``; ``""`` where Compose did not make it."""
    own = container.compose
    if own is None:
        return ""
    return f"service {own.service} in {own.project}'s compose file: {keys}, then docker compose up -d {own.service}"


def listed(*values: str) -> str:
    """``["8080:80", "8443:443"]``."""
    return f"[{', '.join(f'{chr(34)}{each}{chr(34)}' for each in values)}]"


def key_of(container: Container, network: Network) -> str:
    """A network's key in the file that has the container: its own project's by what the label says, another's by the network's name."""
    there, own = network.compose, container.compose
    return there.key if there is not None and own is not None and there.project == own.project else network.name


def kept_joined(container: Container, network: Network) -> str:
    """How a container that joined a network by hand stays there when Compose makes it anew; ``""`` where Compose did not make it."""
    own = container.compose
    if own is None:
        return ""
    key = key_of(container, network)
    mine = network.compose is not None and network.compose.project == own.project
    keys = dict.fromkeys((*(_key(each, own.project) for each in container.networks), key))
    foreign = "" if mine else f" (networks: {key}: external: true)"
    wanted = f"networks: [{', '.join(keys)}]{foreign}"
    return f"to keep it when Compose makes it anew, {in_file(container, wanted)}"


def kept_left(container: Container, network: Network) -> str:
    """How a container that left a network by hand stays out of it when Compose makes it anew; ``""`` where Compose did not make it."""
    own = container.compose
    if own is None:
        return ""
    mine = network.compose is not None and network.compose.project == own.project
    key = network.compose.key if mine and network.compose is not None else _key(network.name, own.project)
    there = in_file(container, f"networks without {key}")
    return f"to keep it so when Compose makes it anew, {there}"


def kept_address(container: Container, network: Network, address: str) -> str:
    """How a container keeps an address on a network when Compose makes it anew; ``""`` where Compose did not make it."""
    own = container.compose
    if own is None:
        return ""
    key = network.compose.key if network.compose is not None else _key(network.name, own.project)
    return in_file(container, f"networks: {key}: ipv4_address: {address}")


def network_again(network: Network, values: Mapping[str, str], subnet: str, gateway: str) -> str:
    """What its project's Compose file has to say of a network that is made again; ``""`` where it is none of Compose's.

    Args:
        network: which.
        values: the options that change, name to value.
        subnet: the one that it gets, ``""`` where it keeps its own.
        gateway: the same.
    """
    if network.compose is None:
        return ""
    pool = [f"{name}: {value}" for name, value in (("subnet", subnet), ("gateway", gateway)) if value]
    if gateway and not subnet:
        pool = [f"subnet: {network.subnets[0]}", *pool] if network.subnets else pool
    ipam = f"ipam: {{config: [{{{', '.join(pool)}}}]}}" if pool else ""
    options = ", ".join(f"{name}: {value}" for name, value in values.items())
    said = ", ".join(filter(None, (ipam, f"driver_opts: {{{options}}}" if options else "")))
    where = f"{network.compose.project}'s compose file has to say the same, or its next down and up undoes it"
    return f"{where}: networks: {network.compose.key}: {said}"


def network_labels(network: Network) -> tuple[str, ...]:
    """The options of ``docker network create`` by which Compose knows a network again as its own; none for other networks."""
    own = network.compose
    if own is None:
        return ()
    labels = {"project": own.project, "network": own.key}
    return tuple(word for key, value in labels.items() for word in ("--label", f"{_LABEL}.{key}={value}"))


_LABEL = "com.docker.compose"


def _key(network: str, project: str) -> str:
    """A network's key in its project's file: Compose names it ``PROJECT_KEY`` where the file gives no name."""
    return network.removeprefix(f"{project}_")
