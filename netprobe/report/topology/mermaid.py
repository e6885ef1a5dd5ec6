"""A topology as a Mermaid flowchart, which many wikis and code hosts draw. Ids are our own; labels are quoted, and spelt in entities where need be.

Source: https://mermaid.js.org/syntax/flowchart.html (entity codes: ``#35;``; quoted labels).
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from netprobe.report.topology.bands import HostBands
from netprobe.report.topology.shortened import shown
from netprobe.report.topology.stack import grouped, words_of
from netprobe.topology.collapse import collapsed
from netprobe.topology.model import KnownBy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.topology.model import HostNode, InterfaceNode, NamespaceNode, Topology

MOST_CELLS = 60
_PLAIN = frozenset(" .:/-_+,→")


def mermaid(topology: Topology, *, whole: bool = False) -> str:
    """Return the flowchart. ``whole``: leave nothing out of large hosts."""
    topology = topology if whole else collapsed(topology)
    return "\n".join(_Chart(topology).lines()) + "\n"


def label(*lines: str) -> str:
    """Return a quoted label of lines; what is neither letter, number nor plain punctuation is an entity."""
    return '"' + "<br>".join("".join(map(_safe, shown(each, MOST_CELLS))) for each in lines if each) + '"'


def _safe(character: str) -> str:
    if character in _PLAIN or (character.isalnum() and unicodedata.bidirectional(character) not in {"R", "AL"}):
        return character
    return f"#{ord(character)};"


class _Chart:
    """Lines, with an id for each point as it comes."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._ids: dict[tuple[str, ...], str] = {}

    def _id(self, *what: str) -> str:
        return self._ids.setdefault(what, f"n{len(self._ids)}")

    def lines(self) -> Iterator[str]:
        """Return the chart: hosts as subgraphs, then their links, then the wires."""
        yield "flowchart TB"
        for number, host in enumerate(self._topology.hosts):
            yield f"  subgraph h{number}[{label(host.name or 'captures', f'engine {host.engine}' if host.engine else '')}]"
            yield from (f"    {each}" for each in self._host(host, number))
            yield "  end"
        for number, wire in enumerate(self._topology.wires):
            yield f"  w{number}([{label(wire.name)}])"
            for point in wire.points:
                if ("point", point) in self._ids:
                    yield f"  {self._id('point', point)} --- w{number}"

    def _host(self, host: HostNode, number: int) -> Iterator[str]:
        bands = HostBands(host)
        if not host.known and host.name:
            yield f"{self._id('unknown', host.name)}[{label('its state is not known', *host.unknown[:2])}]"
        for each in host.own.interfaces:
            if each.name not in bands.ports and (not each.loopback or each.known_by is KnownBy.STATE or not host.known):
                yield self._interface(each, self._point(host, each, host.own))
        for inner, namespace in enumerate(host.namespaces):
            yield f"subgraph h{number}s{inner}[{label(' + '.join(namespace.containers) or namespace.owner or '', *self._about(host, namespace))}]"
            for each in namespace.interfaces:
                if not each.loopback or each.known_by is KnownBy.STATE or not host.known:
                    yield "  " + self._interface(each, self._point(host, each, namespace))
            yield "end"
        yield from self._links(host, bands)
        for group in grouped(host.proxies or ()).values():
            yield f"{self._id('proxy', host.name, words_of(group))}[[{label(words_of(group))}]]"
        if host.hidden:
            yield f"{self._id('hidden', host.name)}[{label(f'+ {host.hidden} more containers')}]"

    def _about(self, host: HostNode, namespace: NamespaceNode) -> Iterator[str]:
        for each in host.containers or ():
            if each.name in namespace.containers and each.published:
                yield ", ".join(each.published[:3])

    def _point(self, host: HostNode, interface: InterfaceNode, namespace: NamespaceNode) -> str:
        return self._id("point", host.point(interface, namespace))

    def _interface(self, interface: InterfaceNode, ident: str) -> str:
        state = interface.state if interface.state not in {"", "up"} else ""
        text = label(
            interface.name, *interface.addresses[:2], interface.network if interface.kind == "bridge" else "", state
        )
        return f"{ident}([{text}])" if interface.kind == "bridge" else f"{ident}[{text}]"

    def _links(self, host: HostNode, bands: HostBands) -> Iterator[str]:
        for namespace in host.namespaces:
            for joint in bands.joints(namespace):
                one = self._point(host, joint.interface, namespace)
                if joint.bar is not None and joint.bar[0] == "point" and joint.bar in self._ids:
                    port = f"|{label(joint.port)}|" if joint.port else ""
                    yield f"{one} ---{port} {self._id(*joint.bar)}"
                elif joint.interface.parent and host.own.interface(joint.interface.parent) is not None:
                    parent = host.own.interface(joint.interface.parent)
                    assert parent is not None  # noqa: S101 - looked up above
                    yield f"{one} ---|{label(joint.interface.network)}| {self._point(host, parent, host.own)}"
        for each in host.own.interfaces:
            for name in filter(None, (each.parent, each.master)):
                under = host.own.interface(name)
                if under is not None and each.name not in bands.ports:
                    yield f"{self._point(host, each, host.own)} --- {self._point(host, under, host.own)}"
