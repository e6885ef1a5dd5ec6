"""One packet at one capture point, and what changed on its way there."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.model.endpoint import Endpoint, Ends
    from netprobe.model.rule import RuleRef


class Direction(StrEnum):
    """Whose packet a hop shows."""

    REQUEST = "request"
    REPLY = "reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class HopPacket:
    """The packet seen at a hop.

    Attributes:
        src, dst: its two ends; no ports for ICMP and ARP.
        proto: ``tcp``, ``udp``, ``icmp``, ``arp``.
        info: ``SYN``, ``SYN-ACK``, ``RST``, ``echo request``, ``17 bytes`` …
        ttl, vlan: None absent; ``vlan`` is the outermost tag. src_mac, dst_mac: None where the link type has none.
        frame: the number Wireshark shows.
        vlan_inner: the second tag (QinQ), None without one.
        tag_known: False where this kind of capture does not tell whether there was a tag.
    """

    src: Endpoint
    dst: Endpoint
    proto: str
    info: str
    ttl: int | None = None
    src_mac: str | None = None
    dst_mac: str | None = None
    vlan: int | None = None
    frame: int = 0
    vlan_inner: int | None = None
    tag_known: bool = True

    @property
    def tag(self) -> str:
        """The VLAN tags as people write them, outermost first: ``1``, ``100.7``; empty without one."""
        return ".".join(str(each) for each in (self.vlan, self.vlan_inner) if each is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What changed between the previous hop and this one.

    Attributes:
        field: ``src``, ``dst`` (address:port), ``src_mac``, ``dst_mac``, ``ttl``, ``vlan``, ``connection`` (docker-proxy's new one).
        before, after: an endpoint for ``src`` and ``dst``, both ends for ``connection``, else the text; JSON calls them ``from`` and ``to``.
        by: ``DNAT``, ``SNAT``, ``MASQUERADE``, ``conntrack`` (a reply's address put back), ``docker-proxy``, ``routing``, ``bridge``, ``VLAN`` …
        rule: the rule that did it, or the process (``docker-proxy pid 4711``), or None.
    """

    field: str
    before: Endpoint | Ends | str
    after: Endpoint | Ends | str
    by: str
    rule: RuleRef | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One packet of the journey at one capture point.

    Attributes:
        point: the capture point's name.
        seen: True; False: it should have been here and was not; None: it could not have been observed.
        time_us: µs since the first packet of the journey, on the source's clock (:class:`Clock`), None when not seen.
        packet: None when not seen.
        changes: against the previous seen hop of the same direction.
        direction: request or reply.
        leg: 1, or 2 for the second connection of docker-proxy.
        count: how often that packet was seen here (retransmissions).
    """

    point: str
    seen: bool | None
    time_us: float | None = None
    packet: HopPacket | None = None
    changes: tuple[Change, ...] = ()
    direction: Direction = Direction.REQUEST
    leg: int = 1
    count: int = 0

    @property
    def is_error(self) -> bool:
        """An ICMP error that answers, in place of what was asked."""
        answered = self.direction is Direction.REPLY and self.packet is not None
        return answered and self.packet is not None and self.packet.info.startswith("ICMP ")
