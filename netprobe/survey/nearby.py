"""What engines of this machine list: containers, Compose services, networks. The text of two answers to values, and no more of it than names take.

Whoever listens at an engine's socket may be anything: what has not the shape of an engine's answer is left out.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PROJECT, _SERVICE = "com.docker.compose.project", "com.docker.compose.service"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
"""What Docker and Compose call things; others cannot be typed as a target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NearbyPort:
    """A port that a container serves, as its image or its owner says; ``host_port`` 0: it is not published."""

    port: int
    proto: str
    host_ip: str = ""
    host_port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NearbyContainer:
    """A container; ``service`` is ``shop/web`` where Compose made it, else ``""``; ``networks``: name and address of each."""

    name: str
    running: bool
    state: str
    service: str = ""
    ports: tuple[NearbyPort, ...] = ()
    networks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NearbyNetwork:
    """A network of an engine."""

    name: str
    driver: str
    subnets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NearbyHost:
    """A host of the inventory, as far as it can be known without leaving this machine; ``why``: why nothing more is."""

    name: str
    why: str = ""
    containers: tuple[NearbyContainer, ...] = ()
    networks: tuple[NearbyNetwork, ...] = ()

    @property
    def services(self) -> tuple[str, ...]:
        """The Compose services that its containers are of, each once, in order."""
        return tuple(dict.fromkeys(each.service for each in self.containers if each.service))


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearby:
    """The hosts of an inventory, as far as they can be known without leaving this machine; ``lab``: whose inventory it is, ``""`` for no lab's."""

    hosts: tuple[NearbyHost, ...]
    lab: str = ""


def containers_of(text: str) -> tuple[NearbyContainer, ...]:
    """Read the answer to GET /containers/json."""
    found = (_container(each) for each in _entries(text))
    return tuple(sorted(filter(None, found), key=lambda each: (not each.running, each.name)))


def networks_of(text: str) -> tuple[NearbyNetwork, ...]:
    """Read the answer to GET /networks."""
    found = (_network(each) for each in _entries(text))
    return tuple(sorted(filter(None, found), key=lambda each: each.name))


def _entries(text: str) -> Iterator[dict[str, Any]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    yield from (each for each in (value if isinstance(value, list) else ()) if isinstance(each, dict))


def _container(entry: dict[str, Any]) -> NearbyContainer | None:
    names = [str(each).removeprefix("/") for each in _list(entry.get("Names"))]
    name = next(filter(_NAME.match, names), None)  # "web/db" is an alias that web has for it (--link)
    if name is None:
        return None
    labels, state = _dict(entry.get("Labels")), str(entry.get("State", ""))
    project, service = str(labels.get(_PROJECT, "")), str(labels.get(_SERVICE, ""))
    networks = _dict(_dict(entry.get("NetworkSettings")).get("Networks"))
    return NearbyContainer(
        name=name,
        running=state in {"running", "paused"},
        state=state,
        service=f"{project}/{service}" if _NAME.match(project) and _NAME.match(service) else "",
        ports=tuple(dict.fromkeys(filter(None, map(_port, map(_dict, _list(entry.get("Ports"))))))),
        networks=tuple((str(each), _address(_dict(end))) for each, end in networks.items()),
    )


def _address(endpoint: dict[str, Any]) -> str:
    return str(endpoint.get("IPAddress") or endpoint.get("GlobalIPv6Address") or "")


def _port(entry: dict[str, Any]) -> NearbyPort | None:
    inner, outer = entry.get("PrivatePort"), entry.get("PublicPort") or 0
    if not (isinstance(inner, int) and isinstance(outer, int)):
        return None
    proto, at = str(entry.get("Type", "tcp")), str(entry.get("IP") or "")
    return NearbyPort(port=inner, proto=proto, host_ip=at if outer else "", host_port=outer)


def _network(entry: dict[str, Any]) -> NearbyNetwork | None:
    name = str(entry.get("Name", ""))
    if not name:
        return None
    pools = map(_dict, _list(_dict(entry.get("IPAM")).get("Config")))
    return NearbyNetwork(
        name=name,
        driver=str(entry.get("Driver", "")),
        subnets=tuple(str(each["Subnet"]) for each in pools if each.get("Subnet")),
    )


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Iterable[Any]:
    return value if isinstance(value, list) else ()
