"""Whether one test of an iptables rule is passed: every match extension that a packet's walk can decide.

A test is named by its option, with the match extension in front where several have that option (``mark --mark``, ``connmark --mark``).
Source: iptables-extensions(8), net/netfilter/xt_*.c, net/ipv4/netfilter/ipt_*.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.state.address import covers, ip
from netprobe.state.iptables_fields import NEEDS_CONNECTION, Field
from netprobe.state.iptables_icmp import ICMP, ICMPV6, is_icmp
from netprobe.state.numbers import in_mask, in_range, number
from netprobe.state.packet import CHOSEN, PacketTuple, any_of, in_ports, invert
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

"""Tests that nothing passes, negated or not, whose connection is not tracked (xt_conntrack.c, xt_connmark.c)."""
_PROTOCOLS = {
    "1": "icmp",
    "2": "igmp",
    "6": "tcp",
    "17": "udp",
    "33": "dccp",
    "47": "gre",
    "50": "esp",
    "51": "ah",
    "58": "icmpv6",
    "132": "sctp",
    "136": "udplite",
    "ipv6-icmp": "icmpv6",
}
_SURE_OPTIONS = frozenset({2})  # the maximum segment size; the others are settings of the sender
_POSSIBLE_OPTIONS = frozenset({0, 1, 2, 3, 4, 5, 8, 30, 34})  # kinds that Linux may send in a handshake
_OF_HANDSHAKES = frozenset({2, 3, 4, 34})  # sent with a SYN alone (RFC 9293, RFC 7323, RFC 2018, RFC 7413)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One test of a rule: ``! -i docker0`` is Condition(IN, "docker0", negated=True). ``match``: of which of the rule's ``-m``, from 1."""

    field: Field
    value: str
    negated: bool = False
    match: int = 0

    def is_not(self, value: str) -> bool:
        """Whether it is passed by all but this value."""
        return self.negated and self.value == value

    def holds(self, packet: PacketTuple) -> bool | None:
        """Whether this test is passed; None when the packet (or the text) does not tell."""
        if packet.tracked is False and not packet.templated and self.field in NEEDS_CONNECTION:
            return False
        answer = TESTS[self.field](self.value, packet)
        return invert(answer) if self.negated else answer


def _interface(spec: str, name: str | None) -> bool | None:
    if name is None:
        return None
    return name.startswith(spec[:-1]) if spec.endswith("+") else name == spec


def _address(spec: str, address: str | None) -> bool | None:
    return None if address is None else covers(spec, address)


def _between(spec: str, address: str | None) -> bool | None:
    """``192.0.2.1-192.0.2.9``."""
    low, _, high = spec.partition("-")
    first, last, here = ip(low), ip(high or low), ip(address or "")
    if first is None or last is None or here is None or first.version != last.version:
        return None
    return first.version == here.version and int(first) <= int(here) <= int(last)


def _word(spec: str, word: str | None) -> bool | None:
    return None if word is None else word in spec.split(",")


def _ctstate(spec: str, packet: PacketTuple) -> bool | None:
    """``DNAT`` and ``SNAT`` are not states but what became of the connection."""
    words = set(spec.split(","))
    answer = _word(spec, packet.ctstate)
    if answer is True or not words & {"DNAT", "SNAT"}:
        return answer
    if packet.ctstatus is None:
        return None
    return True if packet.ctstatus & words & {"DNAT", "SNAT"} else answer


def _ctstatus(spec: str, packet: PacketTuple) -> bool | None:
    """Any of the bits; ``NONE`` is none of them, and never matches (status_mask is 0)."""
    return None if packet.ctstatus is None else bool(packet.ctstatus & set(spec.split(",")))


def _protocol(spec: str, proto: str | None) -> bool | None:
    if spec in {"all", "0"}:
        return True
    return None if proto is None else _PROTOCOLS.get(spec, spec) == proto


def _port(spec: str, port: int | None, other: int | None) -> bool | None:
    """A packet's port, or a connection's; where the other end's is known, it has ports, and this one is chosen by a kernel."""
    return in_ports(spec, port, CHOSEN if other is not None else None)


def _both_ports(spec: str, packet: PacketTuple) -> bool | None:
    return any_of((_port(spec, packet.sport, packet.dport), _port(spec, packet.dport, packet.sport)))


def _tcp_flags(spec: str, packet: PacketTuple) -> bool | None:
    """``FIN,SYN,RST,ACK SYN``: of those looked at, just these are set."""
    mask, _, wanted = spec.partition(" ")
    if packet.tcp_flags is None:
        return False if packet.proto not in {None, "tcp"} else None
    every = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"}
    sets = [every if each == "ALL" else set() if each == "NONE" else set(each.split(",")) for each in (mask, wanted)]
    return packet.tcp_flags & sets[0] == sets[1] if wanted else None


def _tcp_option(spec: str, packet: PacketTuple) -> bool | None:
    kind = number(spec)
    if kind is None or packet.tcp_flags is None:
        return None
    if "SYN" not in packet.tcp_flags:
        return False if kind in _OF_HANDSHAKES or kind not in _POSSIBLE_OPTIONS else None
    return True if kind in _SURE_OPTIONS else None if kind in _POSSIBLE_OPTIONS else False


def _mss(spec: str, packet: PacketTuple) -> bool | None:
    """What a handshake offers; what follows it offers nothing (xt_tcpmss.c)."""
    if packet.tcp_flags is not None and "SYN" not in packet.tcp_flags:
        return False
    return None if packet.mss is None else in_range(spec, packet.mss)


def _compare(compare: Callable[[int, int], bool], spec: str, value: int | None) -> bool | None:
    wanted = number(spec)
    return None if wanted is None or value is None else compare(value, wanted)


def _length(spec: str, packet: PacketTuple) -> bool | None:
    """Surely inside, surely outside, or not known."""
    if packet.length is None:
        return None
    ends = {in_range(spec, each) for each in range(packet.length[0], packet.length[1] + 1)}
    return ends.pop() if len(ends) == 1 else None


def _kind(spec: str, kind: str | None, address: str | None) -> bool | None:
    """An address's type. IPv6 asks for all classes that are named, and then for one of the others (xt_addrtype.c, match_type6)."""
    if kind is None or address is None or ":" not in address:
        return _word(spec, kind)
    words = set(spec.split(","))
    multicast = kind == "MULTICAST"
    if ("MULTICAST" in words and not multicast) or ("UNICAST" in words and multicast) or "UNSPEC" in words:
        return False
    looked_up = words & {"LOCAL", "ANYCAST", "UNREACHABLE"}
    if not looked_up or kind in looked_up:
        return True
    return False if looked_up == {"LOCAL"} or kind == "LOCAL" else None


def _type_at(spec: str, kind: str | None, owner: str | None, device: str | None, address: str | None) -> bool | None:
    """With ``--limit-iface-in`` or ``-out`` an address is LOCAL only if it is that interface's own (inet_dev_addr_type, net/ipv4/fib_frontend.c)."""
    if kind is None or owner is None or device is None:
        return None
    return _kind(spec, kind if owner == device else "UNICAST", address)


def _same(one: str, other: str | None) -> bool | None:
    return None if other is None else one.lower() == other.lower()


def _uid(spec: str, packet: PacketTuple) -> bool | None:
    """Whose process sends it: what was forwarded is nobody's (xt_owner.c)."""
    if packet.in_if:
        return False
    low, _, high = spec.partition("-")
    first, last = number(low), number(high or low)
    if packet.uid is None or first is None or last is None:
        return None
    return first <= packet.uid <= last


def _is_sent(_spec: str, packet: PacketTuple) -> bool | None:
    return None if packet.in_if is None else not packet.in_if


def _rpfilter(spec: str, packet: PacketTuple) -> bool | None:
    """The way back to the source leads out of the interface that it came in by (ipt_rpfilter.c); IPv6 takes any route there (ip6t_rpfilter.c)."""
    words = set(spec.split())
    way = packet.reverse_marked if "--validmark" in words else packet.reverse
    if packet.in_if is None or (packet.in_if != "lo" and (way is None or (way == "lo" and "--accept-local" in words))):
        return None
    good = packet.in_if == "lo" or (way not in {"", "lo"} and ("--loose" in words or way == packet.in_if))
    if not good and way not in {"", "lo"} and ":" in (packet.src or ""):
        return None
    return good != ("--invert" in words)


def _socket(spec: str, packet: PacketTuple) -> bool | None:
    """A socket is there that the packet would come to; those that are bound to every address count where that is asked for (xt_socket.c)."""
    words = set(spec.split())
    if packet.sockets is None or "--restore-skmark" in words:
        return None
    found = [each for each in packet.sockets if "--nowildcard" in words or not each.wildcard]
    if "--transparent" not in words or not found:
        return bool(found)
    return found[0].transparent


def _bridge_port(spec: str, port: str | None) -> bool | None:
    return None if port is None else bool(port) and _interface(spec, port)


def _port_known(port: str | None) -> bool | None:
    return None if port is None else bool(port)


TESTS: dict[Field, Callable[[str, PacketTuple], bool | None]] = {
    Field.SRC: lambda spec, p: _address(spec, p.src),
    Field.DST: lambda spec, p: _address(spec, p.dst),
    Field.IN: lambda spec, p: _interface(spec, p.in_if),
    Field.OUT: lambda spec, p: _interface(spec, p.out_if),
    Field.PROTO: lambda spec, p: _protocol(spec, p.carried),
    Field.FRAGMENT: lambda _spec, _p: False,  # conntrack has put together what came in parts
    Field.SPORT: lambda spec, p: _port(spec, p.sport, p.dport),
    Field.DPORT: lambda spec, p: _port(spec, p.dport, p.sport),
    Field.PORTS: _both_ports,
    Field.TCP_FLAGS: _tcp_flags,
    Field.TCP_OPTION: _tcp_option,
    Field.MSS: _mss,
    Field.ICMP_TYPE: lambda spec, p: is_icmp(spec, p, ICMP),
    Field.ICMPV6_TYPE: lambda spec, p: is_icmp(spec, p, ICMPV6),
    Field.CTSTATE: _ctstate,
    Field.CTSTATUS: _ctstatus,
    Field.CTDIR: lambda spec, p: _same(spec, p.ctdir),
    Field.CTPROTO: lambda spec, p: _protocol(spec, p.carried),
    Field.CTORIGSRC: lambda spec, p: _address(spec, p.orig_src),
    Field.CTORIGDST: lambda spec, p: _address(spec, p.orig_dst),
    Field.CTREPLSRC: lambda spec, p: _address(spec, p.repl_src),
    Field.CTREPLDST: lambda spec, p: _address(spec, p.repl_dst),
    Field.CTORIGSRCPORT: lambda spec, p: _port(spec, p.orig_sport, p.orig_dport),
    Field.CTORIGDSTPORT: lambda spec, p: _port(spec, p.orig_dport, p.orig_sport),
    Field.CTREPLSRCPORT: lambda spec, p: _port(spec, p.repl_sport, p.repl_dport),
    Field.CTREPLDSTPORT: lambda spec, p: _port(spec, p.repl_dport, p.repl_sport),
    Field.CONNMARK: lambda spec, p: in_mask(spec, p.ctmark),
    Field.MARK: lambda spec, p: in_mask(spec, p.mark),
    Field.SRC_RANGE: lambda spec, p: _between(spec, p.src),
    Field.DST_RANGE: lambda spec, p: _between(spec, p.dst),
    Field.TTL_EQ: lambda spec, p: _compare(int.__eq__, spec, p.ttl),
    Field.TTL_LT: lambda spec, p: _compare(int.__lt__, spec, p.ttl),
    Field.TTL_GT: lambda spec, p: _compare(int.__gt__, spec, p.ttl),
    Field.HL_EQ: lambda spec, p: _compare(int.__eq__, spec, p.ttl),
    Field.HL_LT: lambda spec, p: _compare(int.__lt__, spec, p.ttl),
    Field.HL_GT: lambda spec, p: _compare(int.__gt__, spec, p.ttl),
    Field.DSCP: lambda spec, p: _compare(int.__eq__, spec, None if p.tos is None else p.tos >> 2),
    Field.TOS: lambda spec, p: in_mask(spec, p.tos, whole=0xFF),
    Field.LENGTH: _length,
    Field.SRC_TYPE: lambda spec, p: _kind(spec, p.src_type, p.src),
    Field.DST_TYPE: lambda spec, p: _kind(spec, p.dst_type, p.dst),
    Field.SRC_TYPE_IN: lambda spec, p: _type_at(spec, p.src_type, p.src_dev, p.in_if, p.src),
    Field.DST_TYPE_IN: lambda spec, p: _type_at(spec, p.dst_type, p.dst_dev, p.in_if, p.dst),
    Field.SRC_TYPE_OUT: lambda spec, p: _type_at(spec, p.src_type, p.src_dev, p.out_if, p.src),
    Field.DST_TYPE_OUT: lambda spec, p: _type_at(spec, p.dst_type, p.dst_dev, p.out_if, p.dst),
    Field.PKT_TYPE: lambda spec, _p: spec in {"unicast", "host"},  # a probe is sent to one address
    Field.MAC: lambda spec, p: False if p.in_if in {"", "lo"} else _same(spec, p.mac),
    Field.UID: _uid,
    Field.SOCKET_EXISTS: _is_sent,
    Field.RPFILTER: _rpfilter,
    Field.SOCKET: _socket,
    Field.PHYSDEV_IN: lambda spec, p: _bridge_port(spec, p.in_port),
    Field.PHYSDEV_OUT: lambda spec, p: _bridge_port(spec, p.out_port),
    Field.PHYSDEV_IS_IN: lambda _spec, p: _port_known(p.in_port),
    Field.PHYSDEV_IS_OUT: lambda _spec, p: _port_known(p.out_port),
    Field.PHYSDEV_IS_BRIDGED: lambda _spec, p: _port_known(p.out_port),
}
