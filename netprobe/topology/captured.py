"""Capture points that state does not tell of: they are part of the picture all the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.topology.model import HostNode, InterfaceNode, KnownBy, NamespaceNode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe.model.point import PointName


def with_points(nodes: dict[str, HostNode], points: Iterable[PointName]) -> dict[str, HostNode]:
    """Return the hosts with an interface for each point. lo, which every namespace has, is only there where it was sniffed."""
    wanted: dict[str, dict[str | None, list[str]]] = {}
    for host, container, interface in dict.fromkeys(points):
        wanted.setdefault(host, {}).setdefault(container, []).append(interface)
    found = dict(nodes)
    for host, places in wanted.items():
        node = found.get(host) or HostNode(name=host, known=False, own=NamespaceNode(owner=None, known=False))
        found[host] = _with(node, places)
    return found


def _with(node: HostNode, places: dict[str | None, list[str]]) -> HostNode:
    inside = [_more(each, places.get(each.owner, ())) for each in node.namespaces]
    there = {each.owner for each in node.namespaces}
    inside += [
        _more(NamespaceNode(owner=owner, known=False), names)
        for owner, names in places.items()
        if owner is not None and owner not in there
    ]
    return replace(node, own=_more(node.own, places.get(None, ())), namespaces=tuple(inside))


def _more(namespace: NamespaceNode, names: Iterable[str]) -> NamespaceNode:
    there = {each.name for each in namespace.interfaces}
    more = [InterfaceNode(name=name, known_by=KnownBy.CAPTURE) for name in names if name not in there]
    return replace(namespace, interfaces=(*namespace.interfaces, *more)) if more else namespace
