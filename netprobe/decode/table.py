"""The packet table: numpy columns, one row a packet, all points together in file order.

A column is filled only where its layer was decoded; elsewhere it holds the "absent" value named below. Nothing here is
an object a packet.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netprobe.evidence.packets import Packets

ABSENT = -1  # the absent value of every signed column
TAG_UNKNOWN = -2  # in ``vlan``: this kind of capture does not tell whether there was a tag


class Kind(IntEnum):
    """What a row is, outermost recognised layer first."""

    OTHER = 0
    ARP = 1
    TCP = 2
    UDP = 3
    ICMP = 4  # ICMP or ICMPv6 that is not an error: echo and the rest
    ICMP_ERROR = 5  # ICMP type 3, 4, 5, 11, 12 or ICMPv6 1-4: the inner_* columns hold the quoted packet
    IP_OTHER = 6  # another IP protocol, or a non-first fragment
    SCTP = 7


class Flag(IntFlag):
    """TCP flags (RFC 9293 §3.1)."""

    FIN = 0x01
    SYN = 0x02
    RST = 0x04
    PSH = 0x08
    ACK = 0x10
    URG = 0x20
    ECE = 0x40
    CWR = 0x80


# Plain numbers for comparisons in inner loops: enum arithmetic costs a microsecond each.
SYN = int(Flag.SYN)
SYN_ACK = int(Flag.SYN | Flag.ACK)


class Anomaly(IntFlag):
    """Named oddities (after zeek's "weird"): parsing of that packet stopped at the odd layer, nothing crashed."""

    NONE = 0
    TRUNCATED_LINK = 1  # fewer bytes kept than the link header needs
    TRUNCATED_NET = 2
    TRUNCATED_TRANSPORT = 4
    BAD_IP_VERSION = 8
    BAD_IP_HEADER_LEN = 16
    BAD_TCP_OFFSET = 32
    BAD_TCP_OPTION = 64
    TOO_MANY_TAGS = 128  # more than eight 802.1Q/802.1ad tags
    TOO_MANY_EXT_HEADERS = 256
    UNKNOWN_LINKTYPE = 512
    BAD_DNS = 1024
    BAD_ARP = 2048
    BAD_ND = 8192  # neighbour discovery that no host would take: hop limit, code, target or an option's length (RFC 4861 section 7.1)
    BAD_UDP_LENGTH = (
        4096  # less than the header's own 8 bytes: no host takes it (RFC 768), and nothing of it is payload
    )


_BAD_DNS = int(Anomaly.BAD_DNS)
_DNS, _MDNS, _LLMNR = 53, 5353, 5355


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketTable:
    """Columns, each of shape (n,).

    Addresses: an IPv4 address is ``addr_hi = 0, addr_lo = value`` with ``ip_version`` 4; an IPv6 address fills both halves.

    Attributes:
        packets: where the bytes are.
        kind: uint8, :class:`Kind`.
        anomaly: uint16, :class:`Anomaly` bits.
        eth_src, eth_dst: int64, 48-bit MAC address; -1 absent (SLL gives only eth_src).
        ethertype: int32, innermost after VLAN tags (PPPoE's or MPLS' own, not what they carry); -1 absent (also after an LLC header).
        vlan, vlan_inner: int32, VLAN id of the outermost and the second tag; -1 untagged (or tagged with a priority alone);
            ``vlan`` is :data:`TAG_UNKNOWN` in SLL2 captures where no tag is in the bytes.
        ip_version: int8, 4, 6 or 0 (ARP for IPv4: 4, since it fills addresses).
        src_hi, src_lo, dst_hi, dst_lo: uint64, network addresses (ARP: sender and target protocol address). Under a source route ``dst`` is
            the last address of that, not the next router's that the header has.
        ip_proto: int16, final upper-layer protocol number; -1 absent.
        ttl: int16, TTL or hop limit; -1 absent.
        ip_id: int32, IPv4 identification; -1 absent.
        frag_off: int32, fragment offset in bytes (0: first or whole); more_frag: bool; dont_frag: bool.
        ip_len: int32, length of the IP packet in bytes as its header says (origlen-based where the header says 0: TSO); -1 absent.
        sport, dport: int32, TCP, UDP, SCTP ports; for ICMP echo both are the identifier; -1 absent.
        tcp_flags: int16, :class:`Flag` bits; -1 absent.
        seq, ack: int64, TCP sequence and acknowledgement numbers; -1 absent. For ICMP echo ``seq`` is the echo sequence number.
        window: int32, raw window; -1 absent.
        tsval, tsecr: int64, TCP timestamps option (RFC 7323); -1 absent.
        mss: int32, MSS option; -1 absent.
        payload_off: int64, offset of the transport payload in ``packets.data``; -1 absent (ICMP echo: after the 8-byte header; SCTP: its chunks).
        payload_cap: int64, payload bytes kept; payload_len: int64, payload bytes on the wire (padding excluded).
        icmp_type, icmp_code: int16; -1 absent.
        inner_proto: int16, inner_src_hi/lo, inner_dst_hi/lo: uint64, inner_sport, inner_dport: int32: the packet quoted by an
            ICMP error; for a quoted echo both ports are its identifier. inner_seq: int64, quoted TCP sequence number; -1 absent.
        arp_op: int32, 1 request, 2 reply; -1 absent. arp_sha, arp_tha: int64, hardware addresses; -1 absent.
        nd_flags: int16, of a neighbour solicitation (ICMPv6 135) 0, of an advertisement (136) its R, S and O bits (0x80, 0x40, 0x20); -1 absent.
            nd_target_hi/lo: uint64, whom it is about. nd_lla: int64, the source's (135) or the target's (136) link-layer address option; -1 none.
            A solicitation from :: asks whether somebody has the address already (duplicate address detection, RFC 4862 section 5.4).
        dns_id: int32, for UDP to or from port 53, 5353, 5355 or 127.0.0.11; -1 another port, or its header was not kept. What comes to these
            ports and does not look like DNS is :attr:`Anomaly.BAD_DNS`: :meth:`is_dns` leaves it out.
            dns_qr: int8 0 query, 1 response, -1 none; where the header was not kept, by the side that is the server's. dns_rcode: int16; -1 none. dns_answers: int32, ANCOUNT; -1 none.
        tunnel: int32, of a packet inside of another the number of the tunnel (:mod:`netprobe.decode.tunnels`); -1 none. Only where the decoder was
            asked for them there are such rows, each behind the packet that carries it: its row of ``packets`` is the frame inside, and its time,
            point and frame number are those of what carries it.
    """

    packets: Packets
    kind: NDArray[np.uint8]
    anomaly: NDArray[np.uint16]
    eth_src: NDArray[np.int64]
    eth_dst: NDArray[np.int64]
    ethertype: NDArray[np.int32]
    vlan: NDArray[np.int32]
    vlan_inner: NDArray[np.int32]
    ip_version: NDArray[np.int8]
    src_hi: NDArray[np.uint64]
    src_lo: NDArray[np.uint64]
    dst_hi: NDArray[np.uint64]
    dst_lo: NDArray[np.uint64]
    ip_proto: NDArray[np.int16]
    ttl: NDArray[np.int16]
    ip_id: NDArray[np.int32]
    frag_off: NDArray[np.int32]
    more_frag: NDArray[np.bool_]
    dont_frag: NDArray[np.bool_]
    ip_len: NDArray[np.int32]
    sport: NDArray[np.int32]
    dport: NDArray[np.int32]
    tcp_flags: NDArray[np.int16]
    seq: NDArray[np.int64]
    ack: NDArray[np.int64]
    window: NDArray[np.int32]
    tsval: NDArray[np.int64]
    tsecr: NDArray[np.int64]
    mss: NDArray[np.int32]
    payload_off: NDArray[np.int64]
    payload_cap: NDArray[np.int64]
    payload_len: NDArray[np.int64]
    icmp_type: NDArray[np.int16]
    icmp_code: NDArray[np.int16]
    inner_proto: NDArray[np.int16]
    inner_src_hi: NDArray[np.uint64]
    inner_src_lo: NDArray[np.uint64]
    inner_dst_hi: NDArray[np.uint64]
    inner_dst_lo: NDArray[np.uint64]
    inner_sport: NDArray[np.int32]
    inner_dport: NDArray[np.int32]
    inner_seq: NDArray[np.int64]
    arp_op: NDArray[np.int32]
    arp_sha: NDArray[np.int64]
    arp_tha: NDArray[np.int64]
    nd_flags: NDArray[np.int16]
    nd_target_hi: NDArray[np.uint64]
    nd_target_lo: NDArray[np.uint64]
    nd_lla: NDArray[np.int64]
    dns_id: NDArray[np.int32]
    dns_qr: NDArray[np.int8]
    dns_rcode: NDArray[np.int16]
    dns_answers: NDArray[np.int32]
    tunnel: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.kind)

    def is_dns(self, rows: NDArray[np.int64] | int | slice = slice(None)) -> NDArray[np.bool_]:
        """Which of these rows are messages of DNS or mDNS over UDP (all, without rows): by port and by how they look, also where their header was not kept.

        LLMNR has the same header and no name servers: a group is asked, and any of its members answers from its own address (RFC 4795 section 2).
        """
        source, target = self.sport[rows], self.dport[rows]
        ported = (source == _DNS) | (target == _DNS) | (source == _MDNS) | (target == _MDNS)
        ported |= (source != _LLMNR) & (target != _LLMNR)
        looks: NDArray[np.bool_] = ported & (self.dns_qr[rows] >= 0) & (self.anomaly[rows] & _BAD_DNS == 0)
        return looks

    def payload(self, row: int) -> bytes:
        """The kept transport payload of one row, ``b""`` when there is none."""
        start = int(self.payload_off[row])
        return b"" if start < 0 else self.packets.data[start : start + int(self.payload_cap[row])]
