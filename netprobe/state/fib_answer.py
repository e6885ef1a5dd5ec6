"""A route look-up, asked and answered."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.state.routes import Route, RoutingRule


THROW = "throw"
NO_ROUTE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteQuery:
    """What a look-up goes by (the kernel's ``struct flowi``).

    Attributes:
        dst: where to.
        src: the source address; ``""`` where none is chosen yet.
        iif: the interface that it came in by; ``lo`` for what the namespace sends itself (LOOPBACK_IFINDEX).
        mark: the packet's mark; None unknown.
        proto: ``tcp``, ``udp`` or ``icmp``; None unknown. sport, dport: None unknown, or none (ICMP).
        uid: the user id of the socket (0 for what is forwarded: sock_net_uid); None unknown.
        tos: of the IP header; None unknown.
        oif: the interface that the socket is bound to (SO_BINDTODEVICE), ``""`` for none: no other leads anywhere then.
    """

    dst: str
    src: str = ""
    iif: str = "lo"
    mark: int | None = 0
    proto: str | None = None
    sport: int | None = None
    dport: int | None = None
    uid: int | None = None
    tos: int | None = 0
    oif: str = ""

    @property
    def carried(self) -> str | None:
        """The protocol as rules name it: ICMP is another one in IPv6."""
        return "ipv6-icmp" if self.proto == "icmp" and ":" in self.dst else self.proto


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteHop:
    """What a route look-up gives.

    Attributes:
        dev: the interface that it leaves by (``lo`` for the namespace's own addresses).
        via: the next hop, ``""`` when the destination is on the link.
        src: the address that the kernel would send from, ``""`` unknown.
        local: the address is the namespace's own.
        route: the route that decided. rule: the routing rule that asked its table.
        refused: nothing leads there: ``unreachable``, ``blackhole`` or ``prohibit`` by a route or rule, ``none`` for want of a route;
            ``""`` for a way.
    """

    dev: str = ""
    via: str = ""
    src: str = ""
    local: bool = False
    route: Route | None = field(default=None, compare=False)
    rule: RoutingRule | None = field(default=None, compare=False)
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteAnswer:
    """Every way that is possible; one where the state tells, and then ``why`` is ``""``. The first is as if no doubtful rule were for the packet."""

    ways: tuple[RouteHop, ...]
    why: str = ""

    @property
    def known(self) -> RouteHop | None:
        """The one way (or refusal); None where the state does not tell."""
        return None if self.why else self.ways[0]
