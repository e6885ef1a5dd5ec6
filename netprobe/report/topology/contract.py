"""The JSON of ``netprobe topology`` as types. As in ``report.contract``: every key is always there, null is what is not known."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from msgspec import Meta

from netprobe.topology.model import Basis, KnownBy
from netprobe.topology.reach import Reached


def _says(description: str) -> Meta:
    return Meta(description=description)


class LinkJson(TypedDict):
    """One interface of a namespace."""

    name: str
    point: Annotated[str, _says("its name as a capture point: HOST/INTERFACE or HOST/CONTAINER/INTERFACE")]
    kind: Annotated[
        str | None, _says("veth, bridge, macvlan, vlan …; null for hardware and lo, and where it is not known")
    ]
    mode: Annotated[str | None, _says("of macvlan or ipvlan")]
    mac: str | None
    mtu: Annotated[int | None, _says("bytes")]
    state: Annotated[str | None, _says("up, down or no carrier")]
    addresses: Annotated[list[str], _says("with prefix lengths; link-local IPv6 ones are left out")]
    vlan: Annotated[int | None, _says("the id of a VLAN interface")]
    master: Annotated[str | None, _says("the bridge that it is a port of")]
    parent: Annotated[str | None, _says("the interface of the host that it stands on (macvlan, ipvlan, VLAN)")]
    peer: Annotated[str | None, _says("the point at the other end of its veth pair")]
    network: Annotated[str | None, _says("the engine's network that it belongs to")]
    known_by: Annotated[
        KnownBy,
        _says("state: read in its namespace; engine: as the engine tells; capture: sniffed there, no more is known"),
    ]


class NamespaceJson(TypedDict):
    """A network namespace."""

    owner: Annotated[str | None, _says("the container that it belongs to; null: the host's own")]
    containers: Annotated[list[str], _says("the running containers in it, its owner first")]
    known: Annotated[bool, _says("its interfaces were read")]
    interfaces: list[LinkJson]


class AttachmentJson(TypedDict):
    """A container's place in one network."""

    network: str
    addresses: list[str]
    mac: str | None


class TopologyContainerJson(TypedDict):
    """A container."""

    name: str
    image: str | None
    state: Annotated[str, _says("as the engine says: running, paused, exited …")]
    running: bool
    namespace: Annotated[str | None, _says("the owner of the namespace that it is in; null: the host's own")]
    networks: list[AttachmentJson]
    published: Annotated[list[str], _says("0.0.0.0:80->80/tcp; of one that does not run, what it asks for")]
    service: Annotated[str | None, _says("PROJECT/SERVICE of Compose")]


class NetworkJson(TypedDict):
    """A network of the engine."""

    name: str
    driver: str
    internal: bool
    subnets: list[str]
    gateways: list[str]
    bridge: Annotated[str | None, _says("its bridge on the host")]
    parents: Annotated[list[str], _says("the interfaces of the host that its containers stand on")]
    containers: Annotated[int, _says("how many run in it")]


class PlacedNetworkJson(NetworkJson):
    """A network, and whose it is."""

    host: str


class ProxyJson(TypedDict):
    """A docker-proxy process."""

    pid: int
    proto: str
    listens: str
    dials: str
    container: Annotated[str | None, _says("whose address that is")]


class TopologyHostJson(TypedDict):
    """One host."""

    name: Annotated[str, _says("of the inventory; empty for captures that do not say where they were taken")]
    known: Annotated[bool, _says("false: nothing of its state is known")]
    engine: Annotated[str | None, _says("the engine's version")]
    unknown: Annotated[list[str], _says("what could not be learnt")]
    own: NamespaceJson
    namespaces: Annotated[list[NamespaceJson], _says("of its containers")]
    containers: Annotated[list[TopologyContainerJson] | None, _says("all, running or not; null unknown")]
    networks: Annotated[list[NetworkJson] | None, _says("null unknown")]
    proxies: Annotated[list[ProxyJson] | None, _says("null unknown")]


class PlacedContainerJson(TopologyContainerJson):
    """A container, and whose it is."""

    host: str


class ReachJson(TypedDict):
    """Whether one reaches another, by prediction: nothing was sent."""

    source: Annotated[str, _says("a host, or CONTAINER@HOST")]
    target: Annotated[str, _says("CONTAINER@HOST")]
    reach: Annotated[
        Reached,
        _says(
            "direct: at its own address; published: only by a published port; no; unknown: state does not tell; self: it is the same"
        ),
    ]
    dialled: Annotated[
        str | None, _says("what the answer is of: ADDRESS:PORT/tcp, or ADDRESS/icmp; null where it has no address")
    ]
    why: Annotated[str | None, _says("what stops it, or where state does not tell")]


class PsJson(TypedDict):
    """Containers, their networks and published ports, and who reaches whom."""

    schema: Literal["netprobe/ps/1"]
    containers: list[PlacedContainerJson]
    networks: Annotated[list[PlacedNetworkJson], _says("of all hosts")]
    reach: Annotated[list[ReachJson], _says("a row after the other")]
    left_out: Annotated[int, _says("running containers that reach says nothing of, as there are too many")]
    unknown: Annotated[list[str], _says("what could not be learnt, HOST: WHY")]


class WireJson(TypedDict):
    """A link between hosts, as far as state tells."""

    name: Annotated[str, _says("its subnet, or the networks on it")]
    points: Annotated[list[str], _says("the interfaces that hear each other")]
    basis: Annotated[Basis, _says("what says so: neighbour tables, a shared subnet, networks of one subnet on them")]


class TopologyJson(TypedDict):
    """The network of some hosts, whole: nothing is left out."""

    schema: Literal["netprobe/topology/1"]
    hosts: list[TopologyHostJson]
    wires: list[WireJson]
    unknown: Annotated[list[str], _says("what could not be learnt and is no one host's")]
