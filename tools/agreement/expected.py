"""What netprobe's columns ought to hold by what tshark says of a frame.

netprobe reads the outermost packet; tshark goes on inside it. So each field is taken from the layer that the column is about: the first
one, or for ``inner_*`` the one that an ICMP error quotes. A column that tshark says nothing of is None, and is not compared.
"""

from __future__ import annotations

import ipaddress
import itertools
from decimal import Decimal
from typing import TYPE_CHECKING

from netprobe.decode.address import text as address_text
from netprobe.decode.net import EXTENSIONS as EXTENSION_NUMBERS
from netprobe.decode.table import ABSENT, Flag, Kind

if TYPE_CHECKING:
    from agreement.tshark import Frame

    Value = int | str | None
    Values = dict[str, Value]

LINKS = frozenset(
    {
        *("eth", "ethertype", "vlan", "ieee8021ad", "sll", "null", "raw", "loop"),
        *("llc", "pppoes", "ppp", "chdlc", "mpls", "nflog"),
    }
)
"""Layers that netprobe passes on its way to the network layer."""

EXTENSIONS = frozenset({"ipv6.hopopts", "ipv6.fraghdr", "ipv6.routing", "ipv6.dstopts", "ah", "mipv6", "shim6", "hip"})
NETWORKS = ("arp", "ip", "ipv6")
_ETHERTYPES = {"arp": 0x0806, "ip": 0x0800, "ipv6": 0x86DD}
_ERRORS = {"icmp": (3, 4, 5, 11, 12), "icmpv6": (1, 2, 3, 4)}
_ECHO = {"icmp": (0, 8), "icmpv6": (128, 129)}
_DNS = ("dns", "mdns", "llmnr")
_LEAST_ETHERTYPE = 0x0600
_ICMP_HEADER = 8
_DNS_HEADER = 24  # hexadecimal digits of it
_MAC_HARDWARE = (1, 6)  # Ethernet, IEEE 802
_EMBEDDED = "127.0.0.11"  # Docker's name server, on a port that changes

_EXTENSION_FIELDS = {  # what follows, and the length in bytes (of AH in its own unit)
    **{name: (f"{name}.nxt", f"{name}.len_oct") for name in ("ipv6.hopopts", "ipv6.dstopts", "ipv6.routing")},
    "ipv6.fraghdr": ("ipv6.fraghdr.nxt", ""),
    "ah": ("ah.next_header", "ah.length"),
}
_ROUTES = {  # a type's addresses, and which of them is the last of the way
    0: ("ipv6.routing.src.addr", -1),
    2: ("ipv6.routing.mipv6.home_address", -1),
    4: ("ipv6.routing.srh.addr", 0),
}

NOTHING: Values = {
    **dict.fromkeys(
        (
            *("eth_src", "eth_dst", "ethertype", "vlan", "vlan_inner", "ip_proto", "ttl", "ip_id", "ip_len"),
            *("sport", "dport", "tcp_flags", "seq", "ack", "window", "tsval", "tsecr", "mss", "payload_len"),
            *("icmp_type", "icmp_code", "inner_proto", "inner_sport", "inner_dport", "inner_seq"),
            *("arp_op", "arp_sha", "arp_tha", "nd_flags", "nd_lla", "dns_id", "dns_qr", "dns_rcode", "dns_answers"),
        ),
        ABSENT,
    ),
    **dict.fromkeys(("kind", "ip_version", "frag_off", "more_frag", "dont_frag"), 0),
    **dict.fromkeys(("src", "dst", "inner_src", "inner_dst", "nd_target", "payload"), ""),
}
"""A frame of which nothing is read."""


def before_network(frame: Frame) -> tuple[str, ...]:
    """The layers that stand before the network's; all of them where there is none."""
    at = next((n for n, layer in enumerate(frame.protocols) if layer in NETWORKS), len(frame.protocols))
    return frame.protocols[:at]


def expected(frame: Frame) -> Values:
    """Return all columns of one frame."""
    values = {**NOTHING, **_captured(frame), **_link(frame)}
    at = len(before_network(frame))
    if at < len(frame.protocols):
        network = frame.protocols[at]
        values |= {"arp": _arp, "ip": _ipv4, "ipv6": _ipv6}[network](frame)
        if network != "arp":
            values |= _upper(frame, network, _layers_above(frame, at), values)
    return values


def _layers_above(frame: Frame, at: int) -> tuple[str, ...]:
    """The layers above a network layer; IPv6's extension headers are part of that, and IPv4 has none."""
    above = frame.protocols[at + 1 :]
    return tuple(layer for layer in above if layer not in EXTENSIONS) if frame.protocols[at] == "ipv6" else above


def _captured(frame: Frame) -> Values:
    epoch = frame.text("frame.time_epoch")
    return {
        "time_ns": None if epoch is None else int(Decimal(epoch) * 1_000_000_000),
        "caplen": frame.number("frame.cap_len"),
        "origlen": frame.number("frame.len"),
        "point": frame.number("frame.interface_id"),
    }


def _link(frame: Frame) -> Values:
    before = before_network(frame)
    if before[:1] == ("eth",):
        values: Values = {"eth_src": _mac(frame.text("eth.src")), "eth_dst": _mac(frame.text("eth.dst"))}
    else:
        values = {"eth_src": _mac(frame.text("sll.src.eth"))} if before[:1] == ("sll",) else {}
    values |= _tags(frame, before)
    if before[:1] == ("sll",) and frame.text("sll.etype") is None:
        values["ethertype"] = None  # some kinds of interfaces have another field
    return values


def _tags(frame: Frame, before: tuple[str, ...]) -> Values:
    kinds = [layer for layer in before if layer in ("vlan", "ieee8021ad")]
    seen = {"vlan": 0, "ieee8021ad": 0}
    ids = []
    for kind in kinds:
        ids.append(_or_absent(frame.number(f"{kind}.id", seen[kind])))
        seen[kind] += 1
    ids = [each for each in ids if each != 0]  # a priority alone
    types = [frame.number(name, index) for name, index in _type_fields(before, seen)]
    ethertype = types[-1] if types else None  # behind a tag a length may follow, as behind the addresses
    return {
        "vlan": (ids or [ABSENT])[0],
        "vlan_inner": (ids[1:] or [ABSENT])[0],
        "ethertype": _after_8021ad(frame) if kinds[-1:] == ["ieee8021ad"] else _type_or_absent(ethertype),
    }


def _after_8021ad(frame: Frame) -> int | None:
    """Its dissector has no field for the type: the layer that follows tells the usual ones."""
    at = len(before_network(frame))
    return (
        _ETHERTYPES[frame.protocols[at]]
        if at < len(frame.protocols) and before_network(frame)[-1] == "ethertype"
        else None
    )


def _type_fields(before: tuple[str, ...], seen: dict[str, int]) -> list[tuple[str, int]]:
    first = {"eth": "eth.type", "sll": "sll.etype"}.get(before[0] if before else "")
    return [*([(first, 0)] if first else []), *(("vlan.etype", index) for index in range(seen["vlan"]))]


def is_ordinary_arp(frame: Frame) -> bool:
    """Whether an ARP message is one for IPv4 over MAC addresses."""
    sizes = (frame.number("arp.proto.type"), frame.number("arp.hw.size"), frame.number("arp.proto.size"))
    return sizes == (0x0800, 6, 4) and frame.number("arp.hw.type") in _MAC_HARDWARE


def _arp(frame: Frame) -> Values:
    if not is_ordinary_arp(frame):
        return {}
    return {
        "kind": Kind.ARP,
        "ip_version": 4,
        "arp_op": frame.number("arp.opcode"),
        "src": frame.text("arp.src.proto_ipv4"),
        "dst": frame.text("arp.dst.proto_ipv4"),
        "arp_sha": _mac(frame.text("arp.src.hw_mac")),
        "arp_tha": _mac(frame.text("arp.dst.hw_mac")),
    }


def _ipv4(frame: Frame) -> Values:
    if frame.text("ip.dst") is None:
        return {}
    return {
        "kind": Kind.IP_OTHER,
        "ip_version": 4,
        "src": frame.text("ip.src"),
        "dst": frame.text("ip.dst"),
        "ip_proto": frame.number("ip.proto"),
        "ttl": frame.number("ip.ttl"),
        "ip_id": frame.number("ip.id"),
        "frag_off": (frame.number("ip.frag_offset") or 0) * 8,
        "more_frag": frame.number("ip.flags.mf"),
        "dont_frag": frame.number("ip.flags.df"),
        "ip_len": frame.number("ip.len") or None,
    }


def _ipv6(frame: Frame) -> Values:
    if frame.text("ipv6.dst") is None:
        return {}
    layers = frame.protocols[frame.protocols.index("ipv6") + 1 :]
    headers = tuple(itertools.takewhile(EXTENSIONS.__contains__, layers))
    own = "ipv6.fraghdr" in headers
    length = frame.number("ipv6.plen")
    return {
        "kind": Kind.IP_OTHER,
        "ip_version": 6,
        "src": _canonical(frame.text("ipv6.src")),
        "dst": _canonical(_last_of_route(frame) if "ipv6.routing" in headers else frame.text("ipv6.dst")),
        "ip_proto": _after(frame, headers)[0],
        "ttl": frame.number("ipv6.hlim"),
        "frag_off": (frame.number("ipv6.fraghdr.offset") or 0) * 8 if own else 0,
        "more_frag": (frame.number("ipv6.fraghdr.more") or 0) if own else 0,
        "ip_len": length + 40 if length else None,
    }


def _after(frame: Frame, headers: tuple[str, ...]) -> tuple[int | None, int | None]:
    """What follows a packet's extension headers, and how many bytes these have; None where no field says it."""
    follows, size = frame.number("ipv6.nxt"), 0
    for place, header in enumerate(headers):
        names = _EXTENSION_FIELDS.get(header)
        if names is None:
            return None, None
        number = headers[:place].count(header)
        follows, length = frame.number(names[0], number), frame.number(names[1], number) if names[1] else 8
        if follows is None or length is None:
            return None, None
        size += (length + 2) * 4 if header == "ah" else length
    return follows, size


def _last_of_route(frame: Frame) -> str | None:
    """Whom a packet is for that a routing header leads; None where there are several of these, or it is of another type."""
    if frame.protocols.count("ipv6.routing") != 1:
        return None
    if not frame.number("ipv6.routing.segleft"):
        return frame.text("ipv6.dst")
    name, place = _ROUTES.get(frame.number("ipv6.routing.type") or 0, ("", 0))
    addresses = frame.said.get(name, [])
    return addresses[place] if addresses else None


def _upper(frame: Frame, network: str, layers: tuple[str, ...], values: Values) -> Values:
    """The first layer above the network's, where this packet holds its beginning."""
    layer = layers[0] if layers else ""
    if values["frag_off"] or (layer, network) in (("icmp", "ipv6"), ("icmpv6", "ip")):
        return {}
    if layer == "tcp":
        return _tcp(frame)
    if layer == "sctp":
        return _sctp(frame)
    if layer in ("udp", "udplite"):
        return _udp(frame, layers, values) if layer == "udp" else {}
    return _icmp(frame, layers, values) if layer in _ERRORS else {}


def _tcp(frame: Frame) -> Values:
    flags = frame.number("tcp.flags")
    whole = frame.text("tcp.len") is not None
    return {
        "kind": Kind.TCP,
        "sport": frame.number("tcp.srcport"),
        "dport": frame.number("tcp.dstport"),
        "tcp_flags": None if flags is None else flags & 0xFF,
        "seq": frame.number("tcp.seq_raw"),
        "ack": frame.number("tcp.ack_raw"),
        "window": frame.number("tcp.window_size_value"),
        "tsval": _or_absent(frame.number("tcp.options.timestamp.tsval")),
        "tsecr": _or_absent(frame.number("tcp.options.timestamp.tsecr")),
        "mss": _or_absent(frame.number("tcp.options.mss_val")),
        "payload_len": frame.number("tcp.len"),
        "payload": (frame.text("tcp.payload") or "")
        if whole and not (flags or 0) & Flag.RST
        else None,  # RFC 9293: text
    }


def _sctp(frame: Frame) -> Values:
    return {
        "kind": Kind.SCTP,
        "sport": frame.number("sctp.srcport"),
        "dport": frame.number("sctp.dstport"),
        **dict.fromkeys(("payload_len", "payload")),  # no field says how long all chunks are together
    }


def _udp(frame: Frame, layers: tuple[str, ...], outer: Values) -> Values:
    length = frame.number("udp.length")
    size = _datagram(frame, length, outer)
    values: Values = {
        "kind": Kind.UDP,
        "sport": frame.number("udp.srcport"),
        "dport": frame.number("udp.dstport"),
        "payload_len": size,
        "payload": (frame.text("udp.payload") or "")[
            : None if size is None else 2 * size
        ],  # it goes on past the length
    }
    ends = {frame.text("ip.src"), frame.text("ip.dst")}
    if layers[1:2] not in {(name,) for name in _DNS}:
        return values | (dict.fromkeys(_dns(frame)) if _EMBEDDED in ends else {})
    cut = frame.text("udp.payload") is not None and len(str(values["payload"])) < _DNS_HEADER
    return values | ({"dns_qr": None} if cut else _dns(frame))  # netprobe tells question and answer by the ports then


def _datagram(frame: Frame, length: int | None, outer: Values) -> int | None:
    """How much payload of a datagram is in this packet: a first fragment holds less than its header says, an impossible length means none."""
    if not length:
        return None
    room = _room(frame, outer)
    if room is None:
        return None if outer["more_frag"] else length - 8
    return max(min(length, room), 8) - 8


def _room(frame: Frame, outer: Values) -> int | None:
    """The bytes of a packet behind its network header; None where no field says where they begin."""
    whole = outer["ip_len"]
    if not isinstance(whole, int):
        return None
    if outer["ip_version"] == 4:
        return whole - (frame.number("ip.hdr_len") or 20)
    layers = frame.protocols[frame.protocols.index("ipv6") + 1 :]
    extensions = _after(frame, tuple(itertools.takewhile(EXTENSIONS.__contains__, layers)))[1]
    return None if extensions is None else whole - 40 - extensions


def _dns(frame: Frame) -> Values:
    return {
        "dns_id": frame.number("dns.id"),
        "dns_qr": frame.number("dns.flags.response"),
        "dns_rcode": frame.number("dns.flags.rcode") if frame.number("dns.flags.response") else None,
        "dns_answers": frame.number("dns.count.answers"),
    }


def _icmp(frame: Frame, layers: tuple[str, ...], outer: Values) -> Values:
    layer, room = layers[0], _room(frame, outer)
    kind = frame.number(f"{layer}.type")
    values: Values = {
        "kind": Kind.ICMP_ERROR if kind in _ERRORS[layer] else Kind.ICMP,
        "icmp_type": kind,
        "icmp_code": frame.number(f"{layer}.code"),
        "payload": _echoed(frame, layers)
        if kind in _ECHO[layer]
        else None,  # of others there is no field for all of it
        "payload_len": None if room is None or room < _ICMP_HEADER else room - _ICMP_HEADER,
    }
    if kind in _ERRORS[layer]:
        values |= _quoted(frame, layers[1:])
    elif kind in _ECHO[layer]:
        values |= _echo(frame, layer)
    elif layer == "icmpv6" and kind in (135, 136):
        values |= _discovery(frame, kind)
    return values


def _echoed(frame: Frame, layers: tuple[str, ...]) -> str | None:
    """What an echo carries; tshark takes a time that ping put there out of it."""
    if frame.text("icmp.data_time") is not None or layers[1:] not in ((), ("data",)):
        return None
    return frame.text("data.data") or ""


def _echo(frame: Frame, layer: str) -> Values:
    six = layer == "icmpv6"
    identifier = frame.number("icmpv6.echo.identifier" if six else "icmp.ident")
    sequence = frame.number("icmpv6.echo.sequence_number" if six else "icmp.seq")
    return {"sport": identifier, "dport": identifier, "seq": sequence}


def _discovery(frame: Frame, kind: int) -> Values:
    if frame.number("ipv6.hlim") != 255 or frame.number("icmpv6.code") != 0:
        return {}  # no host takes it (RFC 4861 section 7.1)
    asks = kind == 135
    target = frame.text("icmpv6.nd.ns.target_address" if asks else "icmpv6.nd.na.target_address")
    if target is None:
        return {}
    flags = [frame.number(f"icmpv6.nd.na.flag.{flag}") or 0 for flag in "rso"]
    types = [int(each) for each in frame.said.get("icmpv6.opt.type", []) if each in ("1", "2")]
    addresses = frame.said.get("icmpv6.opt.linkaddr", [])
    mine = [_mac(address) for each, address in zip(types, addresses, strict=False) if each == (1 if asks else 2)]
    return {
        "payload": "",  # all of it is header
        "payload_len": 0,
        "nd_target": _canonical(target),
        "nd_flags": 0 if asks else flags[0] << 7 | flags[1] << 6 | flags[2] << 5,
        "nd_lla": (mine or [ABSENT])[-1],
    }


def _quoted(frame: Frame, layers: tuple[str, ...]) -> Values:
    """The packet that an error quotes: its network layer is the frame's second."""
    network = layers[0] if layers else ""
    if network not in ("ip", "ipv6"):
        return {}
    upper = layers[1] if len(layers) > 1 else ""
    second = 1 if frame.protocols.count(network) > 1 else 0
    fragment = frame.number("ip.frag_offset", second) if network == "ip" else frame.number("ipv6.fraghdr.offset")
    values: Values = {
        "inner_src": _canonical(frame.text(f"{network}.src", second)),
        "inner_dst": _canonical(frame.text(f"{network}.dst", second)),
        "inner_proto": _quoted_protocol(frame, network, second),
    }
    return values if fragment else values | _quoted_ports(frame, upper)


def _quoted_protocol(frame: Frame, network: str, place: int) -> int | None:
    if network == "ip":
        return frame.number("ip.proto", place)
    follows = frame.number("ipv6.nxt", place)
    return None if follows in EXTENSION_NUMBERS or EXTENSIONS & {*frame.protocols} else follows


def _quoted_ports(frame: Frame, upper: str) -> Values:
    if upper in ("tcp", "udp"):
        return {
            "inner_sport": _or_absent(frame.number(f"{upper}.srcport")),
            "inner_dport": _or_absent(frame.number(f"{upper}.dstport")),
            "inner_seq": frame.number("tcp.seq_raw") if upper == "tcp" else ABSENT,
        }
    if upper in _ECHO and frame.number(f"{upper}.type", 1) in _ECHO[upper]:
        identifier = _or_absent(frame.number("icmp.ident" if upper == "icmp" else "icmpv6.echo.identifier"))
        return {"inner_sport": identifier, "inner_dport": identifier}
    return {}


def _or_absent(value: int | None) -> int:
    return ABSENT if value is None else value


def _type_or_absent(value: int | None) -> int:
    """An EtherType; what is less is a length, or one of Linux's own numbers."""
    return ABSENT if value is None or value < _LEAST_ETHERTYPE else value


def _mac(text: str | None) -> int | None:
    """A link-layer address as a number; tshark leaves out the colons in some fields."""
    if text is None:
        return ABSENT
    digits = text.replace(":", "")
    return int(digits, 16) if len(digits) == 12 else None


def _canonical(text: str | None) -> str | None:
    """An address as netprobe writes it."""
    if text is None:
        return None
    packed = ipaddress.ip_address(text)
    half = int(packed) >> 64, int(packed) & 0xFFFF_FFFF_FFFF_FFFF
    return address_text(packed.version, *half)
