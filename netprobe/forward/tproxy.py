"""Rules that hand a packet to a local socket, wherever it is sent to: ``TPROXY`` of iptables, ``tproxy`` of nftables.

The socket is one that waits for new connections where the rule says: at its address (else the first one of the interface that the packet came in by) and
port (else the packet's own), and that may take what is sent to others (IP_TRANSPARENT). Without one iptables drops the packet, and nftables leaves
the rule there. The socket takes the packet only where routing has it come in, as ``ip rule … fwmark`` and ``local default dev lo`` do: what is handed
over and routed on is dropped.

Source: net/netfilter/xt_TPROXY.c, nft_tproxy.c, net/ipv4/netfilter/nf_tproxy_ipv4.c, net/ipv4/ip_forward.c, Linux
Documentation/networking/tproxy.rst.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from netprobe.forward.model import Barrier, Flying, Handed, Obstacle, Stopped, UnknownHere, WalkStep
from netprobe.forward.nat import address_of
from netprobe.forward.trail import endpoint
from netprobe.model.endpoint import Endpoint
from netprobe.model.hop import Direction
from netprobe.model.rule import Hook
from netprobe.state.address import is_any
from netprobe.state.iptables import delete_argv
from netprobe.state.iptables_effects import changed
from netprobe.state.lookup import has_address
from netprobe.state.nft_value import NotTold
from netprobe.state.packet import LocalSocket
from netprobe.state.routes import LOCAL
from netprobe.state.sockets import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.evidence.model import Place
    from netprobe.forward.conntrack import Connection
    from netprobe.forward.netfilter import At, Filter
    from netprobe.model.remedy import Argv
    from netprobe.model.rule import RuleRef
    from netprobe.state.iptables import Rule, Ruleset
    from netprobe.state.namespace import Namespace
    from netprobe.state.nft import NftRule, NftRuleset
    from netprobe.state.nft_nat import Translation
    from netprobe.state.packet import PacketTuple
    from netprobe.state.sockets import Socket

TPROXY = "TPROXY"
_CARRIED = frozenset({"tcp", "udp"})


def socket_for(namespace: Namespace, packet: PacketTuple, to: Endpoint) -> Socket | NotTold | None:
    """The socket that takes a new connection; None where there is none that may. ``to``: :func:`end_of`."""
    if packet.proto not in _CARRIED or to.port is None:
        return None
    if packet.ctdir == "REPLY" or packet.answers:
        return NotTold("which socket an answer is for")
    if namespace.sockets is None:
        return NotTold("who listens there")
    found = nearest(namespace.sockets, to.address, to.port, packet.proto, packet.in_if or "")
    kinds = {each.transparent for each in found}
    if None in kinds or len(kinds) > 1:
        return NotTold(f"whether the socket at {found[0].bound} may take what is sent to others (IP_TRANSPARENT)")
    return found[0] if kinds == {True} else None


def sockets_met(
    namespace: Namespace, packet: PacketTuple, connections: Sequence[Connection] = ()
) -> tuple[LocalSocket, ...] | None:
    """The socket that a packet would come to (``-m socket``, ``socket``), or none; None where that is not told.

    Whose an answer is, its destination tells: whoever asked is connected. A new connection finds one that waits, whosesoever address that is.

    Args:
        namespace: whose sockets.
        packet: which comes in.
        connections: what the namespace tracks: an answer to what was only given an address of its own on its way is for no socket here.
    """
    if packet.sockets is not None or not packet.in_if:  # handed over before; what is sent from here has its sender's
        return packet.sockets
    if packet.proto not in _CARRIED:
        return ()
    flags = packet.tcp_flags or frozenset()
    if packet.ctdir == "REPLY" or packet.answers or flags >= {"SYN", "ACK"}:
        if packet.dst_type == "LOCAL" and any(
            _is_others(namespace, packet, each) or _is_missed(namespace, packet, each) for each in connections
        ):
            return ()
        known = {"LOCAL": (LocalSocket(wildcard=False, transparent=None),), None: None}
        return known.get(packet.dst_type, ())
    if flags == {"ACK"} and _is_accepted(packet):
        return (LocalSocket(wildcard=False, transparent=None, full=False),)
    begins = packet.ctdir == "ORIGINAL" or flags == {"SYN"}
    if not begins or namespace.sockets is None or packet.dst is None or packet.dport is None:
        return None
    found = nearest(namespace.sockets, packet.dst, packet.dport, packet.proto, packet.in_if or "")
    if found and flags == {"ACK"} and packet.dst_type != "LOCAL" and _comes_in(namespace, packet.dst):
        return None  # the one that waits, or the connection's own where routing had its SYN come in here
    kinds = {each.transparent for each in found}
    transparent = kinds.pop() if len(kinds) == 1 else None
    return tuple(LocalSocket(wildcard=each.wildcard, transparent=transparent) for each in found[:1])


def _comes_in(namespace: Namespace, address: str) -> bool:
    """Whether a table has what is sent to an address of others come in (``ip route add local default dev lo table 100``)."""
    fib = namespace.fib
    return any(each.kind == LOCAL for table in fib.tables(address) for each in fib.nearest(table, address))


def _is_others(namespace: Namespace, packet: PacketTuple, connection: Connection) -> bool:
    """Whether an answer belongs to a connection that was forwarded, and left with an address of this namespace as its source.

    Source: net/ipv4/netfilter/nf_socket_ipv4.c (nf_sk_lookup_slow_v4 looks for who asked, once conntrack has told that; for nobody before that).
    """
    ends = (packet.src, packet.sport, packet.dst, packet.dport)
    asked_by = connection.original[0]
    forwarded = asked_by is not None and not has_address(namespace, asked_by)
    return forwarded and connection.reply == ends and "SNAT" in connection.translated


def _is_missed(namespace: Namespace, packet: PacketTuple, connection: Connection) -> bool:
    """Whether an answer to a connection of this namespace's own does not find its socket, as nat has not put it back by now.

    The socket has the ends that it dialled from and to. Of an answer that conntrack knows the kernel looks for the one that asked (IPv6: since Linux
    6.15); whom it asked is looked for as the packet has it.
    Source: nf_sk_lookup_slow_v4 (net/ipv4/netfilter/nf_socket_ipv4.c), nf_sk_lookup_slow_v6 (net/ipv6/netfilter/nf_socket_ipv6.c).
    """
    (src, sport, dst, dport), back = connection.original, connection.reply
    asked, answered = (src, sport), (dst, dport)
    here, there = (packet.dst, packet.dport), (packet.src, packet.sport)
    own = bool(connection.translated) and src is not None and has_address(namespace, src)
    if not own or here not in {asked, back[2:]} or there not in {answered, back[:2]}:
        return False
    put_back = here == asked or packet.ctdir == "REPLY"
    return not put_back or there != answered


def _is_accepted(packet: PacketTuple) -> bool:
    """Whether what follows a handshake is sent to its connection's own end here: before nat put that in, the kernel finds none there."""
    at_its_end = (packet.dst, packet.dport) == (packet.repl_src, packet.repl_sport)
    return packet.dst_type == "LOCAL" and (not packet.tracked or at_its_end)


def end_of(namespace: Namespace, packet: PacketTuple, address: str, port: int | None) -> Endpoint:
    """Where a rule says that the socket is (nf_tproxy_laddr4, nf_tproxy_laddr6)."""
    towards = packet.dst or ""
    named = address if address and not is_any(address) else ""
    return Endpoint(named or address_of(namespace, packet.in_if or "", towards) or towards, port or packet.dport)


def handed_by_iptables(at: At, rule: Rule, packet: Flying, view: PacketTuple) -> Flying:
    """The packet behind a TPROXY rule that it meets.

    Raises:
        Stopped: no socket takes it.
        UnknownHere: whether one does is not told.
    """
    port = rule.options.get("--on-port", "")
    if port and not (port.isascii() and port.isdecimal()):
        raise UnknownHere(f"{at.by.place}: {rule.ref} ({rule.text}) is not understood")
    to = end_of(at.by.namespace, view, rule.options.get("--on-ip", ""), int(port or 0) or None)
    handed = _handed(at, packet, view, to, rule.ref, delete_argv(rule))
    if handed is None:
        obstacle = Obstacle.of_rule(
            at.by.place, rule.ref, direction=packet.direction, undo=delete_argv(rule), hook=Hook(at.hook)
        )
        why = f"no transparent proxy listens at {to}, and TPROXY drops what no socket takes"
        raise Stopped(replace(obstacle, text=why), steps=(_step(at, to, rule.ref, packet),))
    mark = changed("MARK", {"--set-xmark": rule.options.get("--tproxy-mark", "0x0/0x0")}, view).mark
    return replace(packet, handed=handed, mark=mark)


def handed_by_nft(at: At, rule: NftRule, to: Translation, packet: Flying, view: PacketTuple) -> Flying:
    """The packet behind a chain whose rule hands it over. Raises UnknownHere where to whom is not told."""
    end = end_of(at.by.namespace, view, to.address, to.port)
    handed = _handed(at, packet, view, end, rule.ref, rule.delete_argv)
    if handed is None:
        raise UnknownHere(f"{at.by.place}: nftables {rule.ref}: which socket takes it is not known", [rule.ref])
    return replace(packet, handed=handed)


def hands(by: Filter) -> bool:
    """Whether some rule hands packets to a socket."""
    return any(map(_iptables_hands, by.rulesets)) or (by.nft is not None and _nft_hands(by.nft))


@lru_cache(maxsize=64)
def _iptables_hands(ruleset: Ruleset) -> bool:
    return any(rule.target == TPROXY for chain in ruleset.tables.get("mangle", {}).values() for rule in chain.rules)


@lru_cache(maxsize=64)
def _nft_hands(nft: NftRuleset) -> bool:
    return any("tproxy" in each for rule in nft.rules() for each in rule.expressions)


def check_what_follows(place: Place, first: Flying, later: Flying) -> None:
    """Of a connection, all of the client's packets must come to the same end: one that is cut in its middle is reset.

    Args:
        place: the namespace.
        first: the handshake's first packet behind PREROUTING.
        later: one that follows the handshake, there, which began with the first one's socket.

    Raises:
        UnknownHere: they do not, as far as is known.
    """
    again = later.handed is not None and later.handed is not first.handed
    if first.handed is None and later.handed is not None:
        raise UnknownHere(
            f"{place}: {later.handed.rule} hands what follows the handshake to a socket, and not the handshake"
        )
    if first.handed is not None and not again and (later.mark is None or later.mark != first.mark):
        raise UnknownHere(f"{place}: {first.handed.rule} hands the handshake to a socket, and not what follows it")


def _handed(at: At, packet: Flying, view: PacketTuple, to: Endpoint, rule: RuleRef, undo: Argv) -> Handed | None:
    if packet.later and packet.handed is not None:  # its connection is found by its own ends
        return replace(packet.handed, rule=rule, undo=undo)
    found = socket_for(at.by.namespace, view, to)
    if isinstance(found, NotTold) or packet.direction is Direction.REPLY:
        what = found.why if isinstance(found, NotTold) else "which socket an answer is for"
        why = f"a local socket at port {to.port} is to take it (TPROXY), and {what} is not known"
        raise UnknownHere(f"{at.by.place}: {rule} ({rule.text}): {why}")
    src, dst = _ends(packet)
    return None if found is None else Handed(socket=found, to=to, src=src, dst=dst, rule=rule, undo=undo)


def _ends(packet: Flying) -> tuple[Endpoint, Endpoint]:
    return endpoint(packet.src, packet.sport, packet.proto), endpoint(packet.dst, packet.dport, packet.proto)


def handing(at: At, before: Flying, after: Flying) -> tuple[WalkStep, ...]:
    """The step that says that a packet was handed over, where it was."""
    if after.handed is None or after.handed is before.handed:
        return ()
    return (_step(at, after.handed.to, after.handed.rule, after),)


def _step(at: At, to: Endpoint, rule: RuleRef, packet: Flying) -> WalkStep:
    what = f"{TPROXY} to {to}"
    return WalkStep(place=at.by.place, stage=f"tproxy/{at.hook}", what=what, rule=rule, direction=packet.direction)


def routed_on(place: Place, packet: Flying) -> Obstacle | None:
    """What stops a packet that a socket was to take and that routing leads on (ip_forward: ``if (unlikely(skb->sk)) goto drop``)."""
    if packet.handed is None:
        return None
    mark = "" if packet.mark is None else f" with mark {packet.mark:#x}"
    text = f"no routing rule has packets{mark} come in, and the kernel drops what is handed to a socket and routed on"
    return _of_rule(place, packet, packet.handed, text)


def cut_off(place: Place, packet: Flying) -> Obstacle | None:
    """What ends a connection that nat translates behind such a rule: its destination, or its source in INPUT.

    The rule looks for the connection by the ends that the packet has there, and nat comes behind it: what follows the handshake finds the socket that waits
    for new connections, and that resets it.
    """
    handed = packet.handed
    if handed is None or packet.proto != "tcp":
        return None
    changed_ends = (pair for pair in zip((handed.src, handed.dst), _ends(packet), strict=True) if pair[0] != pair[1])
    old, now = next(changed_ends, (None, None))
    if old is None:
        return None
    text = (
        f"nat translates {old} to {now} behind that rule: what follows the handshake finds no connection, and is reset"
    )
    return replace(_of_rule(place, packet, handed, text), rejects=True)


def _of_rule(place: Place, packet: Flying, handed: Handed, text: str) -> Obstacle:
    return Obstacle(
        barrier=Barrier.RULE,
        place=place,
        label=str(handed.rule),
        text=text,
        direction=packet.direction,
        undo=handed.undo,
        hook=Hook.PREROUTING,
        rule=handed.rule,
    )
