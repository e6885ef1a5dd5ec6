"""What every container engine tells of its containers and networks: the values that an engine's inspect answers become."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from netprobe.model.endpoint import Endpoint
from netprobe.state.address import ip, overlaps
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping


class ContainerState(StrEnum):
    """State.Status of inspect."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"
    UNKNOWN = "unknown"


#: A container in one of these has no process: its published ports and its namespace may be somebody else's.
NOT_RUNNING = frozenset(
    {
        ContainerState.CREATED,
        ContainerState.RESTARTING,
        ContainerState.REMOVING,
        ContainerState.EXITED,
        ContainerState.DEAD,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One published port. ``host_port`` 0: the engine chooses it at start; ``host_ip`` is ``0.0.0.0`` or ``::`` for any."""

    host_ip: str
    host_port: int
    container_port: int
    proto: str

    def __str__(self) -> str:
        return f"{self.at}->{self.container_port}/{self.proto}"

    @property
    def at(self) -> Endpoint:
        """The host's end of it."""
        return Endpoint(self.host_ip, self.host_port)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """A container's place in one network. Addresses are ``""`` while it does not run; ``asked`` is the IPv4 address of ``--ip``."""

    network: str
    network_id: str = ""
    address: str = ""
    prefixlen: int = 0
    gateway: str = ""
    address6: str = ""
    gateway6: str = ""
    mac: str = ""
    aliases: tuple[str, ...] = ()
    asked: str = ""
    links: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        """``172.17.0.2/16``, ``""`` without an address."""
        return f"{self.address}/{self.prefixlen}" if self.address else ""

    @property
    def all_addresses(self) -> tuple[str, ...]:
        """Its IPv4 and IPv6 addresses, those that it has."""
        return tuple(filter(None, (self.address, self.address6)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeLabels:
    """Which container of which Compose service it is; ``number`` counts from 1, 0 unknown."""

    project: str
    service: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.project}/{self.service}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeNetwork:
    """Which network of which project's Compose file it is: its key under ``networks:`` there."""

    project: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container.

    Attributes:
        name, id, image, hostname: as inspect has them (name without its slash).
        state: see :class:`ContainerState`; ``pid`` 0 while it does not run; ``exit_code`` of its last end, ``oom_killed``: the kernel ended it then.
        last_exit: the exit code of its last end where it runs again, as the engine's events told; None unknown.
        health: ``starting``, ``healthy`` or ``unhealthy`` by its health check; ``""`` where it has none, or unknown.
        restarts: how often the engine started it again by its restart policy, since somebody started it last; None unknown.
        network_mode: ``default`` ``bridge`` ``host`` ``none`` ``container:ID`` or a network's name.
        networks: network name -> endpoint.
        published: what is published now; for a container that does not run, what it asks for.
        requested: what it asks for (HostConfig.PortBindings), also where the engine ignores it (macvlan, host …).
        exposed: ``(port, proto)`` of EXPOSE.
        links: ``--link`` as ``(other container, alias)``. link_env: the variables that links made, name -> value.
        link_env_known: its environment was read (or shows some of them): what is not in ``link_env`` is not there.
        started, finished: when it was started, and when it ended last, RFC 3339 in UTC; ``""`` unknown (year 1: never).
        netns_of: the name of the container whose namespace it is in (``--network container:X``), ``""`` for its own.
        compose: the project, service and number that Compose gave it; None where it was not made by Compose, or by ``compose run``.
    """

    name: str
    id: str = ""
    pid: int = 0
    state: ContainerState = ContainerState.UNKNOWN
    image: str = ""
    hostname: str = ""
    network_mode: str = "default"
    networks: Mapping[str, EndpointSettings] = field(default_factory=dict)
    published: tuple[Published, ...] = ()
    requested: tuple[Published, ...] = ()
    exposed: tuple[tuple[int, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    link_env: Mapping[str, str] = field(default_factory=dict)
    link_env_known: bool = False
    extra_hosts: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    exit_code: int | None = None
    last_exit: int | None = None
    oom_killed: bool = False
    health: str = ""
    restarts: int | None = None
    started: str = ""
    finished: str = ""
    netns_of: str = ""
    compose: ComposeLabels | None = None

    @property
    def running(self) -> bool:
        """Has processes (paused counts: its namespace and sockets are there)."""
        return self.state in {ContainerState.RUNNING, ContainerState.PAUSED}

    @property
    def host_network(self) -> bool:
        """It is in the host's own namespace."""
        return self.network_mode == "host"

    @property
    def addresses(self) -> tuple[str, ...]:
        """All its addresses, of all its networks."""
        return tuple(address for each in self.networks.values() for address in each.all_addresses)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that an embedded DNS server would answer for: name, short id, aliases."""
        aliases = (alias for each in self.networks.values() for alias in each.aliases)
        return tuple(dict.fromkeys((self.name, self.id[:12], *aliases)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One network.

    Attributes:
        name, id, driver, internal: as inspect has them.
        subnets, gateways: of IPAM; an old engine names no gateway that it chose itself.
        bridge: the interface of a bridge network, ``""`` for other drivers.
        parent: ``-o parent=`` of a macvlan or ipvlan network, ``""`` for others (and for an engine-made dummy).
        mode: ``macvlan_mode`` or ``ipvlan_mode``, ``""`` by default.
        icc, masquerade: the options of a bridge network.
        containers: container id -> name, of the containers that run in it.
        options: all kept options.
        compose: the project and the key that Compose gave it; None where Compose did not make it.
    """

    name: str
    id: str = ""
    driver: str = ""
    internal: bool = False
    subnets: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    bridge: str = ""
    parent: str = ""
    mode: str = ""
    icc: bool = True
    masquerade: bool = True
    containers: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    compose: ComposeNetwork | None = None

    @property
    def default_bridge(self) -> bool:
        """The network that needs ``--link`` for names: it has no embedded DNS."""
        return self.name == "bridge" and self.driver == "bridge"

    def overlaps(self, other: Network) -> bool:
        """Whether the two have addresses in common: macvlan networks of two hosts that do are one segment."""
        return any(overlaps(one, another) for one in self.subnets for another in other.subnets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """One userland proxy process (docker-proxy): where it listens, and what it dials for a connection."""

    pid: int
    proto: str
    host_ip: str
    host_port: int
    container_ip: str
    container_port: int

    def listens(self, address: str, port: int, proto: str) -> bool:
        """True when it takes connections to this address and port of its host."""
        mine, asked = ip(self.host_ip), ip(address)
        if (self.host_port, self.proto) != (port, proto) or mine is None or asked is None:
            return False
        return mine.version == asked.version and (mine.is_unspecified or mine == asked)
