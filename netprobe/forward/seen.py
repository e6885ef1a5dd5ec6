"""A packet on its way in the form that rules match on (:class:`~netprobe.state.packet.PacketTuple`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.forward.conntrack import begins
from netprobe.model.hop import Direction
from netprobe.state.address import ip, is_loopback, prefix
from netprobe.state.fib_answer import RouteQuery
from netprobe.state.lookup import has_address
from netprobe.state.packet import KERNEL, LocalSocket, PacketTuple

if TYPE_CHECKING:
    from netprobe.forward.conntrack import Connection
    from netprobe.forward.model import Flying
    from netprobe.state.namespace import Namespace

_ECHO = {False: ((8, 0), (0, 0)), True: ((128, 0), (129, 0))}  # request and reply, RFC 792 and RFC 4443
_HEADER = {False: 20, True: 40}  # of IP
_ANSWERED, _ASSURED = (
    frozenset({"SEEN_REPLY", "CONFIRMED"}),
    frozenset({"ASSURED"}),
)  # nf_conntrack_tcp_packet: by the handshake's last
_UDP = 8  # its header, and that of ICMP's echo
_TCP = {
    False: (24, 40),
    True: (20, 40),
}  # a SYN's header: the maximum segment size alone, up to all that Linux sends (RFC 9293, RFC 7323); that of what follows


def seen(namespace: Namespace, packet: Flying, *, in_if: str, out_if: str) -> PacketTuple:
    """What the rules of a namespace see of a packet that comes in and leaves by these interfaces (``""`` for none)."""
    request = packet.direction is Direction.REQUEST
    in_port, out_port = _bridge_ports(namespace, packet, in_if)
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
        src_dev=_owner(namespace, packet.src),
        dst_dev=_owner(namespace, packet.dst),
        mark=packet.mark,
        answers=not request,
        zone=packet.zone,
        tcp_flags=_flags(packet, request=request),
        icmp=packet.icmp or (_ECHO[":" in packet.dst][0 if request else 1] if packet.proto == "icmp" else None),
        ttl=packet.ttl,
        tos=packet.tos,
        length=_length(packet),
        mss=None if packet.later else packet.mss,
        mac=packet.mac if in_if else None,
        in_port=in_port,
        out_port=out_port,
        sockets=_handed(packet),
        arp=packet.arp,
        uid=_sender(packet, sent=not in_if),
        **_connection(packet, packet.connection),  # type: ignore[arg-type]  # the fields of its type
    )


def _handed(packet: Flying) -> tuple[LocalSocket, ...] | None:
    """The socket that a rule handed it to before."""
    taker = packet.handed.socket if packet.handed is not None else None
    return (
        None
        if taker is None
        else (
            LocalSocket(
                wildcard=taker.wildcard and not packet.later, transparent=taker.transparent, full=not packet.later
            ),
        )
    )


def _sender(packet: Flying, *, sent: bool) -> int | None:
    """Whose process sends it: the prober is root; whose an answer's is, or docker-proxy's, is not known."""
    if packet.asked is not None:
        return KERNEL
    return 0 if sent and packet.direction is Direction.REQUEST and packet.leg == 1 else None


def _flags(packet: Flying, *, request: bool) -> frozenset[str] | None:
    if packet.proto != "tcp":
        return None
    if packet.later:
        return frozenset({"ACK"})
    return frozenset({"SYN"} if request else {"SYN", "ACK"})


def _length(packet: Flying) -> tuple[int, int] | None:
    """The least and the most that it may be long: a TCP handshake is known, of others the payload."""
    header = _HEADER[":" in packet.dst]
    if packet.proto == "tcp":
        return header + _TCP[packet.later][0], header + _TCP[packet.later][1]
    if packet.payload is None:
        return None
    return header + _UDP + packet.payload[0], header + _UDP + packet.payload[1]


def _connection(packet: Flying, found: Connection | None) -> dict[str, object]:
    """What conntrack adds (net/netfilter/xt_conntrack.c; an answer that belongs to nothing is invalid, but for UDP, where it begins something)."""
    if found is None:
        plain = {"tracked": False, "ctmark": 0, "ctstatus": frozenset()}
        if packet.templated:
            return plain | {"ctstate": "NEW", "ctdir": "ORIGINAL", "ctstatus": None}
        return plain | {"ctstate": "UNTRACKED" if packet.untracked else "INVALID"}
    request = begins(packet)
    new = request and not packet.later
    told = frozenset() if new else _ANSWERED | (_ASSURED if packet.later else frozenset())
    return {
        "ctstate": "NEW" if new else "ESTABLISHED",
        "tracked": True,
        "ctdir": "ORIGINAL" if request else "REPLY",
        "ctstatus": found.translated | told,
        "ctmark": found.mark,
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
    """What the local table says of an address (inet_addr_type_dev_table, net/ipv4/fib_frontend.c)."""
    here = ip(address or "")
    if here is None or namespace.links is None:
        return None
    if has_address(namespace, str(address)):
        return "LOCAL"
    if here.is_multicast:
        return "MULTICAST"
    every = (prefix(each.prefix) for link in namespace.links for each in link.addresses if here.version == 4)
    broadcast = any(net is not None and net.prefixlen < 31 and net.broadcast_address == here for net in every)
    if (
        here.version == 6 and namespace.routes is not None
    ):  # that rules or routes refuse is no unicast address (nft_fib_ipv6.c, xt_addrtype.c)
        led = namespace.fib.ways(RouteQuery(dst=str(here), mark=None))
        return None if led.why or led.ways[0].refused else "UNICAST"
    return "BROADCAST" if broadcast or str(here) in {"255.255.255.255", "0.0.0.0"} else "UNICAST"  # noqa: S104 - compared, not bound


def _owner(namespace: Namespace, address: str | None) -> str | None:
    if address is None or namespace.links is None:
        return None
    link = namespace.link_with(address)
    return link.name if link else "lo" if is_loopback(address) else ""


def _bridge_ports(namespace: Namespace, packet: Flying, in_if: str) -> tuple[str | None, str | None]:
    """The ports that it comes in and leaves by; which one it came in by is not told for what a bridge hands up."""
    if packet.bridge is not None:
        return packet.bridge
    link = namespace.link(in_if)
    return (None if link is not None and link.is_bridge else ""), ""
