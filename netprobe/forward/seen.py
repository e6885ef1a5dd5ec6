"""A packet on its way in the form that rules match on (:class:`~netprobe.state.packet.PacketTuple`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.forward.conntrack import begins
from netprobe.model.report import Direction
from netprobe.state.lookup import has_address
from netprobe.state.packet import PacketTuple

if TYPE_CHECKING:
    from netprobe.forward.conntrack import Connection
    from netprobe.forward.model import Flying
    from netprobe.state.model import Namespace

_ECHO = {False: ((8, 0), (0, 0)), True: ((128, 0), (129, 0))}  # request and reply, RFC 792 and RFC 4443
_HEADER = {False: 20, True: 40}  # of IP
_TCP = (24, 40)  # a SYN's header: the maximum segment size alone, up to all that Linux sends (RFC 9293, RFC 7323)


def seen(namespace: Namespace, packet: Flying, *, in_if: str, out_if: str) -> PacketTuple:
    """What the rules of a namespace see of a packet that comes in and leaves by these interfaces (``""`` for none)."""
    request = packet.direction is Direction.REQUEST
    in_port, out_port = packet.bridge or ("", "")
    return PacketTuple(
        src=packet.src,
        dst=packet.dst,
        proto=packet.proto,
        sport=packet.sport,
        dport=packet.dport,
        in_if=in_if,
        out_if=out_if,
        src_type=_type(namespace, packet.src),
        dst_type=_type(namespace, packet.dst),
        mark=packet.mark,
        tcp_flags=_flags(packet, request=request),
        icmp=_ECHO[":" in packet.dst][0 if request else 1] if packet.proto == "icmp" else None,
        ttl=packet.ttl,
        tos=packet.tos,
        length=_length(packet),
        mss=packet.mss,
        mac=packet.mac if in_if else None,
        in_port=in_port,
        out_port=out_port,
        uid=0 if request and not in_if and packet.leg == 1 else None,
        **_connection(packet, packet.connection),  # type: ignore[arg-type]  # the fields of its type
    )


def _flags(packet: Flying, *, request: bool) -> frozenset[str] | None:
    if packet.proto != "tcp":
        return None
    return frozenset({"SYN"} if request else {"SYN", "ACK"})


def _length(packet: Flying) -> tuple[int, int] | None:
    """The least and the most that it may be long: of a TCP handshake that is known."""
    if packet.proto != "tcp":
        return None
    header = _HEADER[":" in packet.dst]
    return header + _TCP[0], header + _TCP[1]


def _connection(packet: Flying, found: Connection | None) -> dict[str, object]:
    """What conntrack adds (net/netfilter/xt_conntrack.c; an answer that belongs to nothing is invalid, but for UDP, where it begins something)."""
    if found is None:
        state = "UNTRACKED" if packet.untracked else "INVALID"
        return {"ctstate": state, "tracked": False, "ctmark": 0, "ctstatus": frozenset()}
    request = begins(packet)
    return {
        "ctstate": "NEW" if request else "ESTABLISHED",
        "tracked": True,
        "ctdir": "ORIGINAL" if request else "REPLY",
        "ctstatus": found.translated | (frozenset() if request else frozenset({"SEEN_REPLY", "CONFIRMED"})),
        "ctmark": found.mark,
        "zone": found.zone,
        "orig_src": found.original[0],
        "orig_sport": found.original[1],
        "orig_dst": found.original[2],
        "orig_dport": found.original[3],
        "repl_src": found.reply[0],
        "repl_sport": found.reply[1],
        "repl_dst": found.reply[2],
        "repl_dport": found.reply[3],
    }


def _type(namespace: Namespace, address: str | None) -> str | None:
    if address is None or namespace.links is None:
        return None
    return "LOCAL" if has_address(namespace, address) else "UNICAST"
