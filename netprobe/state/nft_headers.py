"""A packet's headers as raw bits, as far as they are told: what ``@nh,96,32`` and ``@th,16,16`` read.

Source: nft(8), "RAW PAYLOAD EXPRESSION"; RFC 791 section 3.1, RFC 8200 section 3, RFC 9293 section 3.1, RFC 768, RFC 792.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.state.address import ip
from netprobe.state.nft_types import PROTOCOL, TCP_FLAG

if TYPE_CHECKING:
    from netprobe.state.packet import PacketTuple

_MOST = 2048  # bits of a header that are looked at


class _Header:
    """Fields one behind the other: a number, and which of its bits are known."""

    def __init__(self) -> None:
        self.value = self.known = self.length = 0

    def add(self, bits: int, value: int | None) -> None:
        """Append a field; None: not known."""
        mask = (1 << bits) - 1
        self.value = self.value << bits | (0 if value is None else value & mask)
        self.known = self.known << bits | (0 if value is None else mask)
        self.length += bits


def raw(base: str, offset: int, bits: int, packet: PacketTuple) -> tuple[int, int] | None:
    """The bits from an offset on: their value, and which of them are known; None where the header is not told at all.

    Args:
        base: ``nh`` the network header, ``th`` the transport header.
        offset: in bits, from the header's begin.
        bits: how many.
        packet: whose.
    """
    if packet.arp is not None or base not in {"nh", "th"} or not 0 <= offset <= _MOST or not 0 < bits <= _MOST:
        return None
    header = _network(packet) if base == "nh" else _transport(packet)
    if header is None:
        return None
    behind = header.length - offset - bits
    mask = (1 << bits) - 1
    if behind < 0:  # past what is told: those bits are not known
        return header.value << -behind & mask, header.known << -behind & mask
    return header.value >> behind & mask, header.known >> behind & mask


def _network(packet: PacketTuple) -> _Header | None:
    src, dst = ip(packet.src or ""), ip(packet.dst or "")
    version = dst.version if dst is not None else src.version if src is not None else None
    if version is None:
        return None
    header = _Header()
    protocol, length = PROTOCOL.names.get(packet.carried or ""), _exact(packet.length)
    header.add(4, version)
    if version == 4:
        header.add(4, 5)
        header.add(8, packet.tos)
        for bits, value in ((16, length), (16, None), (1, 0), (1, None), (14, 0)):
            header.add(bits, value)
        for bits, value in ((8, packet.ttl), (8, protocol), (16, None)):
            header.add(bits, value)
    else:
        header.add(8, packet.tos)
        for bits, value in ((20, None), (16, None if length is None else length - 40), (8, protocol), (8, packet.ttl)):
            header.add(bits, value)
    for each in (src, dst):
        header.add(32 if version == 4 else 128, None if each is None else int(each))
    return header


def _exact(length: tuple[int, int] | None) -> int | None:
    return length[0] if length is not None and length[0] == length[1] else None


def _transport(packet: PacketTuple) -> _Header | None:
    header = _Header()
    if packet.proto in {"tcp", "udp"}:
        header.add(16, packet.sport)
        header.add(16, packet.dport)
        if packet.proto == "tcp" and packet.tcp_flags is not None:
            flags = sum(TCP_FLAG.names.get(each.lower(), 0) for each in packet.tcp_flags)
            for bits, value in ((64, None), (4, None), (4, 0), (8, flags)):
                header.add(bits, value)
        return header
    if packet.proto == "icmp" and packet.icmp is not None:
        for value in packet.icmp:
            header.add(8, value)
        return header
    return None
