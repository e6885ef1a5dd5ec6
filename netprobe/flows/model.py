"""What a flow is: the packets of one 5-tuple (and VLAN) at one capture point, with its initiator known or guessed."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

from netprobe.decode.address import text as address_text
from netprobe.decode.table import Kind
from netprobe.errors import UsageFault
from netprobe.model.endpoint import Endpoint
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

PROTO_NAME = {Kind.TCP: "tcp", Kind.UDP: "udp", Kind.ICMP: "icmp"}


class PackedEndpoint(NamedTuple):
    """An endpoint as the packet columns hold it (ICMP echo: the identifier as port): cheap to make, hash and compare.

    ``version`` is 4 or 6; an IPv4 address is ``hi = 0``.
    """

    version: int
    hi: int
    lo: int
    port: int

    @property
    def for_many(self) -> bool:
        """Whether it is a multicast group's address (RFC 1112 section 4, RFC 4291 section 2.7), or that of all on a link (RFC 919)."""
        if self.version == 6:
            return self.hi >> 56 == 0xFF
        return self.lo >> 28 == 0xE or self.lo == 0xFFFFFFFF

    @property
    def address(self) -> str:
        """The address in text form."""
        return address_text(self.version, self.hi, self.lo)

    def unpack(self, *, port: bool = True) -> Endpoint:
        """The value that all rooms share, without the port where that is none."""
        return Endpoint(self.address, self.port if port else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One 5-tuple at one capture point.

    Attributes:
        number: index of the flow in its table.
        point: index of the capture point.
        kind: TCP, UDP or ICMP (echo).
        client, server: initiator and responder. TCP: the SYN's sender (or the SYN-ACK's receiver) is the client; else the first sender.
        vlan: outermost VLAN id, -1 untagged.
        forward, reverse: int64 rows of the packet table, in time order: client to server, and back.
        isn: the client's initial sequence number (RFC 9293 §3.4), None if no SYN was seen.
        reply_isn: the server's, None if no SYN-ACK was seen.
        errors: int64 rows of ICMP errors at the same point that quote a packet of this flow.
    """

    number: int
    point: int
    kind: Kind
    client: PackedEndpoint
    server: PackedEndpoint
    vlan: int
    forward: NDArray[np.int64]
    reverse: NDArray[np.int64]
    isn: int | None = None
    reply_isn: int | None = None
    errors: tuple[int, ...] = field(default=())

    @property
    def proto(self) -> str:
        """``tcp``, ``udp`` or ``icmp``."""
        return PROTO_NAME[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSummary:
    """One candidate connection for people to choose from: what a listing of flows shows.

    Attributes:
        proto: ``tcp``, ``udp`` or ``icmp``.
        src, dst: initiator and responder where the connection was first seen.
        packets, payload_bytes: summed over both directions at the point that saw most of it.
        points: every capture point that saw it (under any address), in order of time.
        first_us: when it was first seen, µs since the first packet of the capture.
        number: its place in the listing of all, from 1: ``--flow '#N'``.
        carries: ``VXLAN`` or ``GENEVE`` where its datagrams are a tunnel's, whose packets are not read; else ``""``.
    """

    proto: str
    src: Endpoint
    dst: Endpoint
    packets: int
    payload_bytes: int
    points: tuple[str, ...]
    first_us: float
    number: int
    carries: str = field(default="")


class SeveralFlows(UsageFault):
    """A capture from elsewhere has several connections and nobody said which (exit 2).

    Attributes:
        flows: the connections to choose from, in order of time.
    """

    def __init__(self, flows: Sequence[FlowSummary], example: str, beside: str = "") -> None:
        super().__init__(
            f"the capture has {len(flows)} connections{beside}",
            f"choose one with --flow, for example --flow '{example}'",
        )
        self.flows = flows
