"""Where a namespace's routing sends a packet: the look-ups of sending, of receiving, and of the reverse path, with all that rules choose by.

A locally sent packet is looked up without a source first where none is chosen yet; connect() of IPv4 looks again with the one that this gave
(include/net/route.h, ip_route_connect), IPv6 and an unconnected socket do not (net/ipv6/ip6_output.c, ip6_dst_lookup_tail).
What is forwarded counts as the root user's (include/net/sock.h, sock_net_uid); whose socket an answer's is, is not known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.model.hop import Direction
from netprobe.state.address import covers
from netprobe.state.fib_answer import RouteAnswer, RouteQuery

if TYPE_CHECKING:
    from netprobe.forward.model import Flying
    from netprobe.state.namespace import Namespace

_ROOT = 0


def look_up(namespace: Namespace, packet: Flying, in_if: str = "", *, again: bool = False) -> RouteAnswer:
    """Where a packet goes: one that came in by ``in_if``, or (``""``) one that the namespace sends itself.

    ``again``: what OUTPUT changed of it has it looked up once more; in IPv4 that counts as the root user's (net/ipv4/netfilter.c,
    ip_route_me_harder), in IPv6 as the socket's (net/ipv6/netfilter.c, ip6_route_me_harder).
    """
    six = ":" in packet.dst
    roots = in_if or packet.direction is Direction.REQUEST or packet.proto == "icmp" or (again and not six)
    query = RouteQuery(
        dst=packet.dst,
        src=packet.src or "",
        iif=in_if or "lo",
        mark=packet.mark,
        proto=packet.proto,
        sport=packet.sport,
        dport=packet.dport,
        uid=_ROOT if roots else None,
        tos=packet.tos,
        oif="" if in_if else packet.device,
    )
    first = namespace.fib.ways(query)
    connects = packet.proto == "tcp" or packet.leg > 1  # a probe's datagram is sent by sendto(2)
    source = first.known.src if first.known is not None else ""
    if in_if or packet.src or not connects or not source or six:
        return first
    then = namespace.fib.ways(replace(query, src=source))
    return RouteAnswer(ways=tuple(replace(way, src=source) for way in then.ways), why=then.why)


def reverse(namespace: Namespace, packet: Flying, in_if: str, out_if: str, *, marked: bool) -> RouteAnswer:
    """The way back to a packet's source, as the reverse path filter looks it up (net/ipv4/fib_frontend.c, __fib_validate_source).

    Args:
        namespace: that it came into.
        packet: as it is behind PREROUTING.
        in_if: the interface that it came in by.
        out_if: that it goes on by; ``lo`` where it is for the namespace itself.
        marked: src_valid_mark of the interface: the packet's mark counts.
    """
    query = RouteQuery(
        dst=packet.src or "",
        src=packet.dst,
        iif=out_if or in_if,
        mark=packet.mark if marked else 0,
        proto=packet.proto,
        sport=packet.dport,
        dport=packet.sport,
        uid=_ROOT,
        tos=packet.tos,
    )
    return namespace.fib.ways(query)


def linked(namespace: Namespace, address: str, device: str) -> bool:
    """Whether a route by a device covers a link-local address: such a one is looked up on one device alone."""
    return any(each.dev == device and covers(each.dst, address) for each in namespace.routes or ())
