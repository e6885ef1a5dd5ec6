"""Who reaches whom, by prediction: each host and container asks each container, at its own addresses, then by what publishes a port of it.

A question is a TCP connection to a port that is served, an echo where none is known. Containers that share a namespace are one.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from netprobe.evidence.model import Place
from netprobe.forward import Request, predict
from netprobe.forward.model import PredictedOutcome
from netprobe.model.endpoint import Endpoint
from netprobe.state.address import is_any, is_link_local, is_loopback
from netprobe.state.build import build_host
from netprobe.state.sockets import served
from netprobe.topology.wires import uplinks
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from netprobe.evidence.model import Evidence
    from netprobe.forward.model import Prediction
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host

MOST_ASKED = 12
"""Containers that a matrix has rows and columns for: the number of predictions goes by the square."""


class Reached(StrEnum):
    """How one reaches another: at its own address, only by a published port, not at all; or state does not tell. ``self``: it is the same."""

    DIRECT = "direct"
    PUBLISHED = "published"
    NO = "no"
    UNKNOWN = "unknown"
    SELF = "self"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialled:
    """What is dialled: ``172.17.0.2:80/tcp``; ``port`` None: an echo. published: at a port of its host."""

    address: str
    port: int | None
    proto: str
    published: bool = False

    def __str__(self) -> str:
        return f"{Endpoint(self.address, self.port)}/{self.proto}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachCell:
    """One question and its answer.

    Attributes:
        source, target: who asks whom.
        reach: the answer.
        dialled: what reached it, else the first that was dialled; None where the target has no address.
        why: what stops it, or where state does not tell; ``""`` where it is reached.
    """

    source: Place
    target: Place
    reach: Reached
    dialled: Dialled | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Everyone's questions to every container: ``rows`` in the order of ``sources``, each in that of ``targets``.

    ``left_out``: running containers with namespaces of their own that have neither row nor column.
    """

    sources: tuple[Place, ...] = ()
    targets: tuple[Place, ...] = ()
    rows: tuple[tuple[ReachCell, ...], ...] = ()
    left_out: int = 0


def of_evidence(evidence: Evidence, names: Collection[str], most: int = MOST_ASKED) -> Matrix:
    """Return the matrix of those hosts of the evidence, by their state before its probe."""
    return matrix({each.host: build_host(each) for each in evidence.before if each.host in names}, most)


def matrix(hosts: Mapping[str, Host], most: int = MOST_ASKED) -> Matrix:
    """Return the matrix of all hosts whose state is known, and of the first containers of them.

    Args:
        hosts: their state, by name.
        most: containers that take part.
    """
    every = tuple(each for host in hosts.values() for each in asked_of(host))
    targets = every[:most]
    sources = (*(Place(host=name) for name, host in hosts.items() if host.own.links is not None), *targets)
    dials = {each: tuple(_dials(hosts[each.host], each)) for each in targets}
    rows = tuple(tuple(_cell(hosts, source, target, dials[target]) for target in targets) for source in sources)
    return Matrix(sources=sources, targets=targets, rows=rows, left_out=len(every) - len(targets))


def asked_of(host: Host) -> Iterator[Place]:
    """Yield the namespaces of a host's running containers, by their owners."""
    for each in host.containers or ():
        if each.running and host.owner_of(each.name) == each.name:
            yield Place(host=host.name, container=each.name)


def _cell(hosts: Mapping[str, Host], source: Place, target: Place, dials: tuple[Dialled, ...]) -> ReachCell:
    if source == target:
        return ReachCell(source=source, target=target, reach=Reached.SELF)
    first: ReachCell | None = None
    for dial in dials:
        reach, why = _answer(hosts, source, target, dial)
        cell = ReachCell(source=source, target=target, reach=reach, dialled=dial, why=why)
        if reach in {Reached.DIRECT, Reached.PUBLISHED}:
            return cell
        if (
            first is None or first.reach is Reached.NO
        ):  # what is not known weighs more, and a published port is the way in
            first = cell
    return first or ReachCell(source=source, target=target, reach=Reached.NO, why=f"{target} has no address")


def _answer(hosts: Mapping[str, Host], source: Place, target: Place, dial: Dialled) -> tuple[Reached, str]:
    prediction = predict(Request(source=source, dialled=dial.address, port=dial.port, proto=dial.proto), hosts)
    if prediction.outcome is PredictedOutcome.UNKNOWN:
        return Reached.UNKNOWN, prediction.unknown
    if prediction.arrives is not None and prediction.arrives != target and not _on_its_way(prediction, target, dial):
        return Reached.NO, f"{dial.address} is {prediction.arrives} from there"
    if prediction.outcome is PredictedOutcome.WORKS:
        return (Reached.PUBLISHED if dial.published else Reached.DIRECT), ""
    return Reached.NO, _stopped(prediction)


def _on_its_way(prediction: Prediction, target: Place, dial: Dialled) -> bool:
    """Whether it ended at the target's own host, as a published port may: that is no other container."""
    where = prediction.arrives
    return dial.published and where is not None and where.container is None and where.host == target.host


def _stopped(prediction: Prediction) -> str:
    if not prediction.obstacles:
        return "it is stopped"
    first = prediction.obstacles[0]
    answer = "the answer: " if prediction.outcome is PredictedOutcome.REPLY_LOST else ""
    said = first.label if first.rule is not None or not first.text else first.text
    return f"{answer}{said} on {first.place}"


def _dials(host: Host, target: Place) -> Iterator[Dialled]:
    """What may reach a container: its own addresses, then the ports of its host that lead to it."""
    container = host.container(target.container or "")
    if container is None:
        return
    port = _port(host, container)
    proto = "tcp" if port is not None else "icmp"
    for endpoint in container.networks.values():
        for address in endpoint.all_addresses[:1]:
            yield Dialled(address=address, port=port, proto=proto)
    for each in container.published:
        if each.proto == "tcp" and each.host_port and port in {None, each.container_port}:
            for address in _own_addresses(host, each.host_ip):
                yield Dialled(address=address, port=each.host_port, proto="tcp", published=True)


def _port(host: Host, container: Container) -> int | None:
    """A port to ask for: a published one that is served, else the lowest served; None where none is, or nothing tells."""
    published = [each.container_port for each in container.published if each.proto == "tcp"]
    sockets = host.namespace(container.name).sockets
    if sockets is None:
        return published[0] if published else None
    ports = served(sockets, "tcp")
    return next((each for each in published if each in ports), next(iter(ports), published[0] if published else None))


def _own_addresses(host: Host, bound: str) -> Iterator[str]:
    """The address that a port is bound to; of any address the host's first on the outside, of the same IP version."""
    if not is_any(bound):
        yield bound
        return
    found = (
        each.address
        for link in uplinks(host)
        for each in link.addresses
        if not is_loopback(each.address) and not is_link_local(each.address) and (":" in each.address) == (":" in bound)
    )
    yield from islice(found, 1)
