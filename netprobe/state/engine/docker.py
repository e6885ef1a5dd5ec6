"""Containers and networks, from the Engine's inspect answers (whole, or kept by :mod:`netprobe.state.engine.allow`).

Source: moby api/types/container and api/types/network; checked with Engine 20.10.24.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from netprobe.model.endpoint import Endpoint
from netprobe.state.engine.allow import link_aliases, link_variables
from netprobe.state.issues import Issues, dict_of, int_of, load_items, text_of, texts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OPTION = "com.docker.network.bridge."


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
    """A container's place in one network. Addresses are ``""`` while it does not run."""

    network: str
    network_id: str = ""
    address: str = ""
    prefixlen: int = 0
    gateway: str = ""
    address6: str = ""
    prefixlen6: int = 0
    gateway6: str = ""
    mac: str = ""
    aliases: tuple[str, ...] = ()
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
class Container:
    """One container.

    Attributes:
        name, id, image, hostname: as inspect has them (name without its slash).
        state: see :class:`ContainerState`; ``pid`` 0 while it does not run; ``exit_code`` of its last end.
        network_mode: ``default`` ``bridge`` ``host`` ``none`` ``container:ID`` or a network's name.
        networks: network name -> endpoint.
        published: what is published now; for a container that does not run, what it asks for.
        requested: what it asks for (HostConfig.PortBindings), also where the engine ignores it (macvlan, host …).
        exposed: ``(port, proto)`` of EXPOSE.
        links: ``--link`` as ``(other container, alias)``. link_env: the variables that links made, name -> value.
        link_env_known: its environment was read (or shows some of them): what is not in ``link_env`` is not there.
        sandbox_key: the last part of the path that names its network namespace; equal for a shared one.
        started: when it was started, RFC 3339 in UTC; ``""`` unknown.
        netns_of: the name of the container whose namespace it is in (``--network container:X``), ``""`` for its own.
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
    sandbox_key: str = ""
    extra_hosts: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    exit_code: int | None = None
    started: str = ""
    netns_of: str = ""

    @property
    def running(self) -> bool:
        """Has processes (paused counts: its namespace and sockets are there)."""
        return self.state in {ContainerState.RUNNING, ContainerState.PAUSED}

    @property
    def restarting(self) -> bool:
        """In a restart loop."""
        return self.state is ContainerState.RESTARTING

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

    @property
    def default_bridge(self) -> bool:
        """The network that needs ``--link`` for names: it has no embedded DNS."""
        return self.name == "bridge" and self.driver == "bridge"


ROUTED = "routed"


def gateway_mode(network: Network, *, six: bool) -> str:
    """How a bridge network is reached from outside (Engine 27 and later): ``nat``, ``nat-unprotected``, ``routed`` or ``isolated``."""
    return network.options.get(f"{_OPTION}gateway_mode_{'ipv6' if six else 'ipv4'}") or "nat"


def parse_containers(text: str, issues: Issues) -> tuple[Container, ...] | None:
    """The JSON list of inspects, in its order; None when the text is no list."""
    items = load_items(text, issues)
    if items is None:
        return None
    found = []
    for number, item in items:
        if text_of(item, "Name").lstrip("/"):
            found.append(_container(item))
        else:
            issues.add(number, item, "a container without name")
    return tuple(_joined(each, found) for each in found)


def _joined(container: Container, others: list[Container]) -> Container:
    """With ``netns_of`` as a name: NetworkMode has an id (or a name, in files written by hand)."""
    mode, _, wanted = container.network_mode.partition(":")
    if mode != "container" or not wanted:
        return container
    owner = next((each for each in others if wanted in {each.id, each.name} or each.id.startswith(wanted)), None)
    return replace(container, netns_of=owner.name if owner else wanted[:12])


def _container(item: dict[str, Any]) -> Container:
    state, host, config = dict_of(item, "State"), dict_of(item, "HostConfig"), dict_of(item, "Config")
    settings = dict_of(item, "NetworkSettings")
    status = _status(state)
    requested = tuple(_published(dict_of(host, "PortBindings")))
    runs = status in {ContainerState.RUNNING, ContainerState.PAUSED}
    environ = (*texts_of(config, "Env"), *texts_of(item, "LinkEnv"))
    link_env = link_variables(environ, link_aliases(item))
    return Container(
        name=text_of(item, "Name").lstrip("/"),
        id=text_of(item, "Id"),
        pid=int_of(state, "Pid") or 0,
        state=status,
        image=text_of(config, "Image"),
        hostname=text_of(config, "Hostname"),
        network_mode=text_of(host, "NetworkMode") or "default",
        networks=_endpoints(dict_of(settings, "Networks")),
        published=tuple(_published(dict_of(settings, "Ports"))) if runs else requested,
        requested=requested,
        exposed=tuple(filter(None, map(_port, dict_of(config, "ExposedPorts")))),
        links=tuple(_links(host)),
        link_env=link_env,
        link_env_known=bool(link_env) or isinstance(item.get("LinkEnv"), list),
        sandbox_key=text_of(settings, "SandboxKey").rsplit("/", 1)[-1],
        extra_hosts=texts_of(host, "ExtraHosts"),
        dns=texts_of(host, "Dns"),
        exit_code=int_of(state, "ExitCode"),
        started=text_of(state, "StartedAt"),
    )


def _status(state: dict[str, Any]) -> ContainerState:
    text = text_of(state, "Status")
    if text in set(ContainerState):
        return ContainerState(text)
    if state.get("Paused") is True:
        return ContainerState.PAUSED
    return ContainerState.RUNNING if state.get("Running") is True else ContainerState.UNKNOWN


def _links(host: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for link in texts_of(host, "Links"):
        other, _, alias = link.partition(":")
        yield other.rsplit("/", 1)[-1], alias.rsplit("/", 1)[-1] or other.rsplit("/", 1)[-1]


def _dicts(value: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((key, each) for key, each in value.items() if isinstance(each, dict))


def _endpoints(networks: dict[str, Any]) -> dict[str, EndpointSettings]:
    return {name: _endpoint(name, item) for name, item in _dicts(networks)}


def _endpoint(name: str, item: dict[str, Any]) -> EndpointSettings:
    return EndpointSettings(
        network=name,
        network_id=text_of(item, "NetworkID"),
        address=text_of(item, "IPAddress"),
        prefixlen=int_of(item, "IPPrefixLen") or 0,
        gateway=text_of(item, "Gateway"),
        address6=text_of(item, "GlobalIPv6Address"),
        prefixlen6=int_of(item, "GlobalIPv6PrefixLen") or 0,
        gateway6=text_of(item, "IPv6Gateway"),
        mac=text_of(item, "MacAddress").lower(),
        aliases=tuple(dict.fromkeys((*texts_of(item, "Aliases"), *texts_of(item, "DNSNames")))),
        links=texts_of(item, "Links"),
    )


def _port(text: str) -> tuple[int, str] | None:
    """``80/tcp`` -> (80, "tcp")."""
    number, _, proto = text.partition("/")
    if not (number.isascii() and number.isdecimal() and int(number[:6]) <= 65535):
        return None
    return int(number), proto or "tcp"


def _published(ports: dict[str, Any]) -> Iterator[Published]:
    for key, bindings in ports.items():
        port = _port(key)
        for binding in bindings if port and isinstance(bindings, list) else ():
            if isinstance(binding, dict) and port:
                host = _port(text_of(binding, "HostPort"))  # empty, or a range: chosen at start
                yield Published(
                    host_ip=text_of(binding, "HostIp") or "0.0.0.0",  # noqa: S104 - what the engine means by ""
                    host_port=host[0] if host else 0,
                    container_port=port[0],
                    proto=port[1],
                )


def parse_networks(text: str, issues: Issues) -> tuple[Network, ...] | None:
    """The JSON list of network inspects; None when the text is no list."""
    items = load_items(text, issues)
    if items is None:
        return None
    found = []
    for number, item in items:
        if text_of(item, "Name"):
            found.append(_network(item))
        else:
            issues.add(number, item, "a network without name")
    return tuple(found)


def _network(item: dict[str, Any]) -> Network:
    options = {key: value for key, value in dict_of(item, "Options").items() if isinstance(value, str)}
    configs = dict_of(item, "IPAM").get("Config")
    pools = [each for each in configs if isinstance(each, dict)] if isinstance(configs, list) else []
    driver = text_of(item, "Driver")
    return Network(
        name=text_of(item, "Name"),
        id=text_of(item, "Id"),
        driver=driver,
        internal=item.get("Internal") is True,
        subnets=tuple(filter(None, (text_of(pool, "Subnet") for pool in pools))),
        gateways=tuple(filter(None, (text_of(pool, "Gateway").partition("/")[0] for pool in pools))),
        bridge=_bridge_name(item, options) if driver == "bridge" else "",
        parent=_parent(options.get("parent", "")),
        mode=options.get("macvlan_mode", options.get("ipvlan_mode", "")),
        icc=options.get(f"{_OPTION}enable_icc", "true") != "false",
        masquerade=options.get(f"{_OPTION}enable_ip_masquerade", "true") != "false"
        and options.get(f"{_OPTION}gateway_mode_ipv4") != ROUTED,  # Engine 27 and later
        containers={ident: text_of(each, "Name") for ident, each in _dicts(dict_of(item, "Containers"))},
        options=options,
    )


def _parent(name: str) -> str:
    """``""`` for the dummy device that the engine makes where no parent was given (moby getDummyName: ``dm-`` or ``di-`` and the id)."""
    return "" if re.fullmatch(r"d[mi]-[0-9a-f]{12}", name) else name


def _bridge_name(item: dict[str, Any], options: dict[str, str]) -> str:
    """As libnetwork does (drivers/bridge): the option, else ``br-`` and twelve digits of the id; docker0 for the default one."""
    named = options.get(f"{_OPTION}name")
    if named:
        return named
    return "docker0" if text_of(item, "Name") == "bridge" else f"br-{text_of(item, 'Id')[:12]}"
