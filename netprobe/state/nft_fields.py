"""What nftables' payload expressions read of a packet's headers.

Source: nft(8), "PAYLOAD EXPRESSIONS"; net/netfilter/nft_payload.c, nft_exthdr.c.
"""

from __future__ import annotations

from string import hexdigits
from typing import TYPE_CHECKING, Any

from netprobe.state import nft_types as t
from netprobe.state.address import ip
from netprobe.state.issues import int_of, text_of
from netprobe.state.nft_headers import raw
from netprobe.state.nft_value import ABSENT, Bits, Bounds, Context, NotTold, Scalar, known
from netprobe.state.packet import CHOSEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.state.nft_types import DataType
    from netprobe.state.packet import ArpMessage, PacketTuple


def payload(body: dict[str, Any], at: Context) -> Scalar:
    """A field of a header, or raw bits."""
    if "base" in body:
        offset, length = int_of(body, "offset"), int_of(body, "len")
        found = raw(text_of(body, "base"), offset, length, at.packet) if offset is not None and length else None
        if found is None:
            return NotTold("bytes of the packet")
        value, told = found
        return value if told == (1 << (length or 0)) - 1 else Bits(value, told)
    protocol, name = text_of(body, "protocol"), text_of(body, "field")
    if is_absent(protocol, at):
        return ABSENT
    packet = at.packet
    if protocol in {"ip", "ip6"}:
        return _ip_field(name, packet)
    if protocol == "arp" and packet.arp is not None:
        return _arp_field(name, packet, packet.arp)
    if protocol in {"tcp", "udp", "th"}:
        return _transport_field(protocol, name, packet)
    if protocol in {"icmp", "icmpv6"}:
        return _icmp_field(name, packet)
    if protocol == "ether":
        return _ether_field(name, at)
    return NotTold(f"{protocol} {name}")


def is_absent(protocol: str, at: Context) -> bool:
    """The packet has no such header: nft adds a test for it before the rule's own, which fails (proto_ctx_update)."""
    if protocol in {"ip", "ip6"}:
        return at.version is not None and {"ip": 4, "ip6": 6}[protocol] != at.version
    if protocol in _CARRIED:
        return at.packet.carried is not None and protocol != at.packet.carried
    if protocol in {"arp", "th"}:
        return (protocol == "arp") is not (at.packet.arp is not None)
    return protocol == "vlan"


def _arp_field(name: str, packet: PacketTuple, message: ArpMessage) -> Scalar:
    """A field of ARP over Ethernet for IPv4 (RFC 826)."""
    if name in {"saddr ip", "daddr ip"}:
        return address(packet.src if name == "saddr ip" else packet.dst, "an address of the ARP message")
    if name in {"saddr ether", "daddr ether"}:
        mac = message.sender if name == "saddr ether" else message.target
        return _mac(mac, "a link address of the ARP message")
    fixed = {"operation": message.operation, "htype": 1, "ptype": 0x800, "hlen": 6, "plen": 4}
    return fixed.get(name, NotTold(f"arp {name}"))


def _ip_field(name: str, packet: PacketTuple) -> Scalar:
    if name in {"saddr", "daddr"}:
        return address(packet.src if name == "saddr" else packet.dst, f"the packet's {_ENDS[name]}")
    if name in {"protocol", "nexthdr"}:
        return protocol_of(packet)
    if name in {"ttl", "hoplimit"}:
        return known(packet.ttl, "the packet's TTL")
    if name in {"dscp", "ecn"}:
        if packet.tos is None:
            return NotTold("the packet's type of service")
        return packet.tos >> 2 if name == "dscp" else packet.tos & 3
    if name == "length":
        return length_of(packet, payload=packet.dst is not None and ":" in packet.dst)
    if name == "frag-off":
        return Bits(0, 0xBFFF)  # a whole packet; whether it may be fragmented is not told
    return {"version": 6 if ":" in (packet.dst or "") else 4, "hdrlength": 5}.get(name, NotTold(f"the header's {name}"))


def _ether_field(name: str, at: Context) -> Scalar:
    """Of the frame that it came in by; what is sent from here has none yet."""
    if name == "type":
        return NotTold("the packet's protocol") if at.version is None else t.ETHERTYPES[at.version]
    return _mac(at.packet.mac if name == "saddr" and at.packet.in_if else None, f"the frame's {name}")


def _mac(text: str | None, what: str) -> Scalar:
    """A link address as a number."""
    digits = (text or "").replace(":", "")
    return int(digits, 16) if len(digits) == 12 and all(each in hexdigits for each in digits) else NotTold(what)


def _transport_field(protocol: str, name: str, packet: PacketTuple) -> Scalar:
    if name in {"sport", "dport"}:
        if packet.proto == "icmp":
            return NotTold("bytes of an ICMP packet")
        return _port(packet.sport, packet.dport, name) if name == "sport" else _port(packet.dport, packet.sport, name)
    if protocol == "tcp" and name == "flags":
        flags = packet.tcp_flags
        return (
            NotTold("the TCP flags") if flags is None else sum(t.TCP_FLAG.names.get(each.lower(), 0) for each in flags)
        )
    if protocol == "udp" and name == "length" and packet.length is not None:
        header = 40 if ":" in (packet.dst or "") else 20
        low, high = (each - header for each in packet.length)
        return low if low == high else Bounds(low, high)
    return NotTold(f"{protocol} {name}")


def _port(port: int | None, other: int | None, name: str) -> Scalar:
    """A port; one that the client's kernel is still to choose is none that needs a privilege (ip_local_port_range, ip-sysctl.rst)."""
    if port is None and other is not None:
        return EPHEMERAL
    return known(port, f"the {_ENDS[name]}")


def _icmp_field(name: str, packet: PacketTuple) -> Scalar:
    if name in {"type", "code"} and packet.icmp is not None:
        return packet.icmp[name == "code"]
    return NotTold(f"the ICMP {name}")


def length_of(packet: PacketTuple, *, payload: bool = False) -> Scalar:
    """How long it is, in bytes; ``payload``: as IPv6's header says, which leaves itself out."""
    if packet.arp is not None:
        return NotTold("how long the frame is")
    six = ":" in (packet.dst or packet.src or "")
    least, most = packet.length or (48 if six else 28, 0xFFFF)  # a header of IP, and of UDP or ICMP at least
    low, high = (each - (40 if payload else 0) for each in (least, most))
    return low if low == high else Bounds(low, high)


def protocol_of(packet: PacketTuple) -> Scalar:
    """Its transport's number; ARP has none."""
    if packet.arp is not None:
        return ABSENT
    number = t.PROTOCOL.names.get(packet.carried or "")
    return known(number, "the packet's protocol")


def address(text: str | None, what: str) -> Scalar:
    """An address as a number."""
    found = ip(text) if text else None
    return NotTold(what) if found is None else int(found)


def exthdr(body: dict[str, Any], at: Context) -> Scalar:  # noqa: ARG001 - the form of all
    """A probe's packet has no extension header, and no IP option: its existence is False, a field of it is absent."""
    return ABSENT if "field" in body else 0


_OF_HANDSHAKES = frozenset({"maxseg", "window", "sack-permitted", "sack-perm"})


def tcp_option(body: dict[str, Any], at: Context) -> Scalar:
    """A TCP option; a SYN has one that tells its segment size."""
    if is_absent("tcp", at):
        return ABSENT
    flags, name = at.packet.tcp_flags, text_of(body, "name")
    if flags is not None and "SYN" in flags and name == "maxseg":
        return 1 if "field" not in body else known(at.packet.mss, "the TCP option maxseg")
    if flags is not None and "SYN" not in flags and name in _OF_HANDSHAKES:
        return ABSENT if "field" in body else 0
    return NotTold(f"the TCP option {name}")


def chunk(body: dict[str, Any], at: Context) -> Scalar:  # noqa: ARG001 - the form of all
    """A part of a protocol that no probe speaks."""
    return ABSENT if at.packet.carried is not None else NotTold("the packet's protocol")


EPHEMERAL = Bounds(*CHOSEN)
_CARRIED = frozenset({"tcp", "udp", "icmp", "icmpv6", "sctp", "dccp", "udplite", "ah", "esp", "comp", "igmp", "gre"})
_ENDS = {"saddr": "source address", "daddr": "destination address", "sport": "source port", "dport": "destination port"}
PAYLOAD_TYPES: Mapping[tuple[str, str], DataType] = {
    **{("ip", name): t.V4 for name in ("saddr", "daddr")},
    **{("ip6", name): t.V6 for name in ("saddr", "daddr")},
    **{(each, name): t.PORT for each in ("tcp", "udp", "th", "sctp", "dccp", "udplite") for name in ("sport", "dport")},
    **{(each, "dscp"): t.DSCP for each in ("ip", "ip6")},
    **{(each, "ecn"): t.ECN for each in ("ip", "ip6")},
    **{("ether", name): t.ETHER_ADDR for name in ("saddr", "daddr")},
    ("ip", "protocol"): t.PROTOCOL,
    ("ip6", "nexthdr"): t.PROTOCOL,
    ("tcp", "flags"): t.TCP_FLAG,
    ("icmp", "type"): t.ICMP_TYPE,
    ("icmp", "code"): t.ICMP_CODE,
    ("icmpv6", "type"): t.ICMP6_TYPE,
    ("icmpv6", "code"): t.ICMP6_CODE,
    ("ether", "type"): t.ETHER_TYPE,
    ("vlan", "type"): t.ETHER_TYPE,
    ("arp", "operation"): t.ARP_OP,
    ("arp", "ptype"): t.ETHER_TYPE,
    **{("arp", name): t.INTEGER for name in ("htype", "hlen", "plen")},
    ("arp", "saddr ip"): t.V4,
    ("arp", "daddr ip"): t.V4,
    ("arp", "saddr ether"): t.ETHER_ADDR,
    ("arp", "daddr ether"): t.ETHER_ADDR,
}
