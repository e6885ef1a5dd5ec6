"""A connection as all points saw it, and a journey: one connection, or two with docker-proxy between them."""

from __future__ import annotations

from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.decode.table import Kind
    from netprobe.flows.model import Flow


@dataclass(frozen=True, kw_only=True)
class Connection:
    """The flows that carry the same packets at different points (or twice at one point: hairpin), in order of time."""

    flows: tuple[Flow, ...]

    @property
    def kind(self) -> Kind:
        """TCP, UDP or ICMP."""
        return self.flows[0].kind

    @cached_property
    def points(self) -> frozenset[int]:
        """Indexes of the capture points that saw it."""
        return frozenset(flow.point for flow in self.flows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """One way from client to server.

    Attributes:
        legs: one connection; or the outer and the inner one of docker-proxy.
        joined_by: why the two legs belong together: ``order``, ``payload``, ``gateway source``, ``proxy process``; empty with one leg.
        stray: UDP: the answer that came from another address than the dialled one (docker-proxy answers a container from the
            bridge's address); its *forward* rows are the replies. None as a rule.
        assumptions: sentences on what the joins rest on.
        unknowns: sentences on joins that could not be decided.
    """

    legs: tuple[Connection, ...]
    joined_by: tuple[str, ...] = ()
    stray: Connection | None = None
    assumptions: tuple[str, ...] = field(default=())
    unknowns: tuple[str, ...] = field(default=())

    @property
    def outer(self) -> Connection:
        """The connection that the client opened."""
        return self.legs[0]

    @property
    def inner(self) -> Connection:
        """The connection that reached the server (the same one without docker-proxy)."""
        return self.legs[-1]

    @property
    def proxied(self) -> bool:
        """True when a proxy's two connections were joined."""
        return len(self.legs) > 1
