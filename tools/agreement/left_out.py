"""What is not compared: link types and tunnels that netprobe names as not read, and what tshark does not read or calls by another name.

Each is a reason, a test of it by what tshark says of the frame, and the columns that it concerns; the frames of each are counted and printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agreement.expected import LINKS, NOTHING, before_network, is_ordinary_arp
from netprobe.decode.dns_header import PORTS as DNS_PORTS
from netprobe.decode.linktypes import linktype_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agreement.tshark import Frame

_LINK = frozenset({*NOTHING, "caplen", "origlen"})
"""What is not compared of a link type that is not read: of some, tshark counts no pseudo header, so that the lengths differ."""
_UPPER = frozenset(NOTHING) - {"eth_src", "eth_dst", "ethertype", "vlan", "vlan_inner"}
_DNS = frozenset({"dns_id", "dns_qr", "dns_rcode", "dns_answers"})
_RARP = 0x8035
_ARP = 0x0806


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Why, and in which columns, a frame is not compared."""

    why: str
    columns: frozenset[str]


def left_out(frame: Frame, linktype: int | None) -> Iterator[LeftOut]:
    """What of a frame is not compared; ``linktype`` is its link type where that is not read."""
    if linktype is not None:
        yield LeftOut(why=f"link type {linktype_name(linktype)}", columns=_LINK)
        return
    layer = not_read(frame)
    if layer is not None:
        yield LeftOut(why=f"behind {layer}, which is not read", columns=frozenset(NOTHING))
    elif frame.protocols == ("chdlc", "data") and frame.number("chdlc.protocol") == _ARP:
        yield LeftOut(why="ARP on Cisco's HDLC, which tshark does not read", columns=_UPPER)
    elif before_network(frame) != frame.protocols and frame.protocols[len(before_network(frame))] == "arp":
        if frame.number("eth.type") == _RARP or frame.number("sll.etype") == _RARP:
            yield LeftOut(why="RARP (RFC 903), which is ARP to tshark and not read by netprobe", columns=_UPPER)
        elif not is_ordinary_arp(frame):
            yield LeftOut(why="ARP of other hardware or protocols than MAC and IPv4 (BAD_ARP)", columns=_UPPER)
    if _shows_no_header(frame):
        yield LeftOut(why="an IP header, malformed or cut off, of which tshark shows no field", columns=_UPPER)
    if "udp" in frame.protocols and "dns" in frame.protocols and not _of_dns_ports(frame):
        yield LeftOut(why="DNS on other ports, which tshark guesses by what it holds", columns=_DNS)
    if "tcp" in frame.protocols and frame.protocols[-1] in ("dns", "mdns"):
        yield LeftOut(why="DNS over TCP: the columns are of datagrams", columns=_DNS)


def _shows_no_header(frame: Frame) -> bool:
    at = len(before_network(frame))
    network = frame.protocols[at] if at < len(frame.protocols) else ""
    return network in ("ip", "ipv6") and frame.text(f"{network}.dst") is None


def _of_dns_ports(frame: Frame) -> bool:
    return any(frame.number(name) in DNS_PORTS for name in ("udp.srcport", "udp.dstport"))


def not_read(frame: Frame) -> str | None:
    """Name the layer before the network's that netprobe does not read; None where it reads them all, or there is no network layer."""
    before = before_network(frame)
    return next((layer for layer in before if layer not in LINKS), None) if len(before) < len(frame.protocols) else None
