"""One packet's layers from its columns: which bytes are whose, and what they say. For people; nothing is decided by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.decode.address import mac, text
from netprobe.decode.decoder import network_start
from netprobe.decode.dns import parse_message
from netprobe.decode.table import Flag, Kind
from netprobe.model.details import PacketLayer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.decode.table import PacketTable

    Fields = list[tuple[str, str]]

_LINKS = {
    0: "Loopback",
    1: "Ethernet",
    108: "Loopback",
    113: "Linux cooked capture",
    276: "Linux cooked capture v2",
}  # pcap-linktype(7)
_TAG = 4  # bytes of an 802.1Q tag
_ETHERNET, _ARP = 14, 28
_SHOWN = 160  # bytes of a payload that is text
_RECORDS = 12  # of a DNS message
_ICMP = {
    8: "echo request",
    0: "echo reply",
    128: "echo request",
    129: "echo reply",
    135: "neighbour solicitation",
    136: "neighbour advertisement",
}
_ARP_OP = {1: "request", 2: "reply"}


def layers(table: PacketTable, row: int, linktype: int) -> tuple[PacketLayer, ...]:
    """Return the layers of one row, outermost first; bytes that no layer claims come last, as data.

    Args:
        table: the packet table.
        row: which packet.
        linktype: of its capture point (LINKTYPE_ values).
    """
    raw = table.packets.raw(row)
    start = network_start(raw, linktype)
    if start is None:
        start = min(_ETHERNET + _TAG * _tags(table, row), len(raw)) if linktype == 1 else 0
    found = [*_link(table, row, linktype, start), *_network(table, row, raw, start)]
    done = max((each.end for each in found), default=0)
    if done < len(raw):
        found.append(PacketLayer(name="Data", start=done, end=len(raw), fields=tuple(_data(raw[done:]))))
    return tuple(found)


def _tags(table: PacketTable, row: int) -> int:
    return int(table.vlan[row] >= 0) + int(table.vlan_inner[row] >= 0)


def _link(table: PacketTable, row: int, linktype: int, end: int) -> Iterator[PacketLayer]:
    if end == 0:
        return
    ends = [("source", int(table.eth_src[row])), ("destination", int(table.eth_dst[row]))]
    fields = [(name, mac(value)) for name, value in ends if value >= 0]
    tags = _tags(table, row) if linktype == 1 else 0
    first = end - 2 - _TAG * tags if linktype == 1 else end
    yield PacketLayer(name=_LINKS.get(linktype, "Link"), start=0, end=first if tags else end, fields=tuple(fields))
    for number, value in enumerate((int(table.vlan[row]), int(table.vlan_inner[row]))[:tags]):
        last = number == tags - 1
        yield PacketLayer(
            name="802.1Q VLAN tag", start=first + _TAG * number, end=end if last else first + _TAG * (number + 1),
            fields=(("VLAN", str(value)),),
        )  # fmt: skip


def _network(table: PacketTable, row: int, raw: bytes, start: int) -> Iterator[PacketLayer]:
    kind = Kind(int(table.kind[row]))
    if kind == Kind.ARP:
        yield PacketLayer(name="ARP", start=start, end=min(start + _ARP, len(raw)), fields=tuple(_arp(table, row)))
        return
    if not int(table.ip_version[row]) or start >= len(raw):
        return
    payload = _payload(table, row)
    transport = _transport_start(table, row, raw, start, payload)
    version = int(table.ip_version[row])
    yield PacketLayer(name=f"IPv{version}", start=start, end=transport, fields=tuple(_ip(table, row)))
    if transport >= len(raw):
        return
    name, fields = _transport(table, row, kind)
    end = len(raw) if payload is None else payload
    yield PacketLayer(name=name, start=transport, end=end, fields=tuple(fields))
    if payload is not None and payload < len(raw) and int(table.payload_len[row]) > 0:
        stop = min(payload + int(table.payload_cap[row]), len(raw))
        name, fields = _content(table, row, raw[payload:stop])
        yield PacketLayer(name=name, start=payload, end=stop, fields=tuple(fields))


def _payload(table: PacketTable, row: int) -> int | None:
    """Where the payload begins within the packet; None where there is none."""
    at = int(table.payload_off[row])
    return None if at < 0 else at - int(table.packets.offset[row])


def _transport_start(table: PacketTable, row: int, raw: bytes, start: int, payload: int | None) -> int:
    if int(table.ip_version[row]) == 4:
        return min(start + (raw[start] & 0x0F) * 4, len(raw))
    if payload is None:
        return min(start + 40, len(raw))
    if int(table.kind[row]) != Kind.TCP:
        return max(payload - 8, start)
    # the one offset at which a TCP header says that it is so long (RFC 9293 section 3.1)
    sizes = (
        size for size in range(20, 64, 4) if payload - size >= start + 40 and raw[payload - size + 12] >> 4 == size // 4
    )
    return payload - next(sizes, 20)


def _ip(table: PacketTable, row: int) -> Fields:
    version = int(table.ip_version[row])
    fields = [
        ("source", text(version, int(table.src_hi[row]), int(table.src_lo[row]))),
        ("destination", text(version, int(table.dst_hi[row]), int(table.dst_lo[row]))),
        ("TTL" if version == 4 else "hop limit", str(int(table.ttl[row]))),
        ("length", f"{int(table.ip_len[row])} bytes"),
        ("protocol", str(int(table.ip_proto[row]))),
    ]
    if version == 4:
        fields.append(("identification", f"0x{int(table.ip_id[row]) & 0xFFFF:04x}"))
        fields.append(("don't fragment", "yes" if table.dont_frag[row] else "no"))
    if table.frag_off[row] or table.more_frag[row]:
        fields.append(
            ("fragment", f"at {int(table.frag_off[row])}{', more follow' if table.more_frag[row] else ', the last'}")
        )
    return fields


def _transport(table: PacketTable, row: int, kind: Kind) -> tuple[str, Fields]:
    ports = [("source port", str(int(table.sport[row]))), ("destination port", str(int(table.dport[row])))]
    if kind == Kind.TCP:
        return "TCP", [*ports, *_tcp(table, row)]
    if kind == Kind.UDP:
        return "UDP", [*ports, ("payload", f"{int(table.payload_len[row])} bytes")]
    if kind in (Kind.ICMP, Kind.ICMP_ERROR):
        return "ICMP" if int(table.ip_version[row]) == 4 else "ICMPv6", _icmp(table, row)
    return "Data", []


def _tcp(table: PacketTable, row: int) -> Fields:
    flags = Flag(int(table.tcp_flags[row]) & 0xFF)
    names = ", ".join(each.name or "" for each in Flag if each in flags)
    fields = [
        ("flags", names or "none"),
        ("sequence number", str(int(table.seq[row]))),
        ("acknowledgment number", str(int(table.ack[row]))),
        ("window", str(int(table.window[row]))),
    ]
    options = (("MSS", table.mss), ("timestamp", table.tsval), ("timestamp echo", table.tsecr))
    return [*fields, *((name, str(int(column[row]))) for name, column in options if column[row] >= 0)]


def _icmp(table: PacketTable, row: int) -> Fields:
    kind, code = int(table.icmp_type[row]), int(table.icmp_code[row])
    fields = [("type", f"{kind} ({_ICMP[kind]})" if kind in _ICMP else str(kind)), ("code", str(code))]
    if int(table.kind[row]) == Kind.ICMP_ERROR:
        version = int(table.ip_version[row])
        source = text(version, int(table.inner_src_hi[row]), int(table.inner_src_lo[row]))
        target = text(version, int(table.inner_dst_hi[row]), int(table.inner_dst_lo[row]))
        return [*fields, ("answers a packet", f"{source} → {target}")]
    if table.sport[row] >= 0:
        fields += [("identifier", str(int(table.sport[row]))), ("sequence number", str(int(table.seq[row])))]
    return fields


def _arp(table: PacketTable, row: int) -> Fields:
    operation = int(table.arp_op[row])
    sender = text(4, int(table.src_hi[row]), int(table.src_lo[row]))
    target = text(4, int(table.dst_hi[row]), int(table.dst_lo[row]))
    hardware = [int(table.arp_sha[row]), int(table.arp_tha[row])]
    said = [mac(each) if each >= 0 else "unknown" for each in hardware]
    return [
        ("operation", _ARP_OP.get(operation, str(operation))),
        ("sender", f"{sender} is at {said[0]}"),
        ("target", f"{target} ({said[1]})"),
    ]


def _content(table: PacketTable, row: int, kept: bytes) -> tuple[str, Fields]:
    if int(table.kind[row]) == Kind.ICMP_ERROR:
        return "Quoted packet", _data(kept)
    message = parse_message(kept) if table.is_dns(row) else None
    if message is None:
        return "Payload", _data(kept)
    fields = [("kind", "response" if message.qr else "query"), ("id", f"0x{message.id:04x}")]
    fields += [("asks for", " ".join(each)) for each in message.questions[:_RECORDS]]
    if message.qr:
        fields += [("response code", message.rcode)]
        fields += [("answer", " ".join(each)) for each in message.answers[:_RECORDS]]
    return "DNS", fields


def _data(kept: bytes) -> Fields:
    """How long it is, and its text where it is text."""
    size = ("length", f"{len(kept)} bytes")
    if not kept or sum(byte in b"\t\r\n" or 32 <= byte < 127 for byte in kept) < len(kept):
        return [size]
    said = kept[:_SHOWN].decode("ascii") + ("…" if len(kept) > _SHOWN else "")
    return [size, *(("text", line) for line in said.splitlines() if line)]
