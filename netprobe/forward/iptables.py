"""One built-in chain of iptables and a packet: how it ends, what it changed, and what stands in the way of knowing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.forward.model import Flying, Obstacle, Shortened, Stopped, UnknownHere
from netprobe.forward.routing import linked
from netprobe.forward.seen import seen
from netprobe.forward.tproxy import handed_by_iptables, sockets_met
from netprobe.forward.traverse import traverse
from netprobe.model.rule import Hook
from netprobe.state.address import is_link_local
from netprobe.state.fib_answer import RouteQuery
from netprobe.state.iptables import Rule, asks, delete_argv, policy_argv
from netprobe.state.iptables_effects import CHANGING
from netprobe.state.iptables_fields import Field

if TYPE_CHECKING:
    from netprobe.evidence.model import Place
    from netprobe.forward.model import Unsure
    from netprobe.forward.netfilter import At
    from netprobe.forward.traverse import Traversal
    from netprobe.state.iptables import Ruleset
    from netprobe.state.packet import PacketTuple

_PRIORITY = {"raw": -300, "mangle": -150, "filter": 0, "security": 50}
TABLES = {
    "PREROUTING": ("raw", "mangle", "nat"),
    "INPUT": ("mangle", "filter", "security", "nat"),
    "FORWARD": ("mangle", "filter", "security"),
    "OUTPUT": ("raw", "mangle", "nat", "filter", "security"),
    "POSTROUTING": ("mangle", "nat"),
}
_TELLING = frozenset({"CT", "NOTRACK"})
_TTL = frozenset({"TTL", "HL"})
_CHANGED = ("mark", "tos", "mss", "ttl")
TRANSLATING = frozenset({"DNAT", "SNAT", "REDIRECT", "MASQUERADE", "NETMAP"})


def priority(ruleset: Ruleset, table: str) -> int:
    """Where a table stands at its hooks: iptables-nft has security at 150 (iptables/nft.c), the kernel's own table is at 50."""
    return 150 if table == "security" and ruleset.nf_tables else _PRIORITY[table]


def pass_table(at: At, ruleset: Ruleset, table: str, packet: Flying) -> tuple[Flying, Rule | None]:
    """Pass a table's chain of a hook; return the packet behind it, and the rule that translates, if one does.

    Raises:
        Stopped: dropped or rejected.
        UnknownHere: a rule that may match would change the walk.
    """
    view = seen(at.by.namespace, packet, in_if=at.in_if, out_if=at.out_if)
    if at.hook == "PREROUTING" and asks(ruleset, Field.RPFILTER):
        ways = [_way_back(at, packet, mark) for mark in (0, packet.mark)]
        view = replace(view, reverse=ways[0], reverse_marked=ways[1])
    if asks(ruleset, Field.SOCKET):
        view = replace(view, sockets=sockets_met(at.by.namespace, view, at.known))
    walk = traverse(ruleset, table, at.hook, view, at.gone)
    _refuse_doubt(at.by.place, walk, view)
    if walk.stops:
        raise Stopped(_obstacle(at, walk, packet))
    rule = walk.decided_by if isinstance(walk.decided_by, Rule) and walk.verdict in TRANSLATING else None
    if walk.packet.zone is None or walk.packet.ctstate is None:
        doubts = [
            f" ({each.ref}, {each.text}: {each.doubtful(view)})" for each in walk.doubts if each.target in _TELLING
        ]
        raise UnknownHere(f"{at.by.place}: what a rule told conntrack of the packet is not known{''.join(doubts[:1])}")
    moved = _noted(_shortened(at, marked(packet, walk.packet), packet, walk), packet, walk, view)
    if walk.verdict == "TPROXY" and isinstance(walk.decided_by, Rule):
        moved = handed_by_iptables(at, walk.decided_by, moved, walk.packet)
    return moved, rule


def _shortened(at: At, packet: Flying, before: Flying, walk: Traversal) -> Flying:
    """The packet with the rule that changed its TTL, where one surely did."""
    by = next((each for each in reversed(walk.taken) if each.target in _TTL), None)
    if by is None or packet.ttl == before.ttl:
        return packet
    told = Shortened(place=at.by.place, rule=by.ref, hook=Hook(at.hook), undo=delete_argv(by))
    return replace(packet, shortened=told)


def _noted(packet: Flying, before: Flying, walk: Traversal, view: PacketTuple) -> Flying:
    """The packet with the rules that may or may not have changed what of it is not known any more."""
    doubts = tuple((each.ref, each.doubtful(view)) for each in walk.doubts if each.target in CHANGING)
    return noted(packet, before, doubts)


def noted(packet: Flying, before: Flying, doubts: tuple[Unsure, ...]) -> Flying:
    """The packet with rules in doubt, as far as something of it is not known any more that was before."""
    if not doubts:
        return packet
    now, then = packet.connection, before.connection
    if now is not None and now.mark is None and (then is None or then.mark is not None):
        packet = replace(packet, connection=replace(now, unsure=(*now.unsure, *doubts)))
    lost = any(getattr(packet, name) is None is not getattr(before, name) for name in _CHANGED)
    return replace(packet, unsure=(*packet.unsure, *doubts)) if lost else packet


def _way_back(at: At, packet: Flying, mark: int | None) -> str | None:
    """The interface that leads to a packet's source; ``""`` for none, ``lo`` for an own address, None where that is not told."""
    namespace = at.by.namespace
    if namespace.routes is None or not packet.src:
        return None
    if is_link_local(packet.src):  # looked up on that interface alone (ip6t_rpfilter.c)
        return at.in_if if linked(namespace, packet.src, at.in_if) else ""
    found = namespace.fib.ways(
        RouteQuery(dst=packet.src, src=packet.dst, mark=mark, proto=packet.proto if ":" in packet.dst else "", uid=0)
    )
    if len(found.ways) != 1 or found.why:
        return None
    return "" if found.ways[0].refused else "lo" if found.ways[0].local else found.ways[0].dev


def marked(packet: Flying, left: PacketTuple) -> Flying:
    """The packet with what rules changed of it beside its ends."""
    connection = packet.connection
    if connection is not None and connection.mark != left.ctmark:
        connection = replace(connection, mark=left.ctmark)
    return replace(
        packet,
        mark=left.mark,
        connection=connection,
        untracked=packet.untracked or (connection is None and left.ctstate == "UNTRACKED"),
        zone=left.zone or 0,
        templated=left.templated,
        tos=left.tos,
        mss=left.mss,
        ttl=left.ttl,
    )


def _refuse_doubt(place: Place, walk: Traversal, view: PacketTuple) -> None:
    """A rule that may match matters only if it would end the walk in another way."""
    if walk.given_up:
        raise UnknownHere(f"{place}: its chains call each other without end, or hold very many rules")
    if walk.unread is not None:
        raise UnknownHere(f"{place}: {walk.unread.ref}: its policy {walk.unread.policy} is not understood")
    for rule in walk.deciding:
        raise UnknownHere(f"{place}: {rule.ref} ({rule.text}): {rule.doubtful(view)}", [rule.ref], place)


def _obstacle(at: At, walk: Traversal, packet: Flying) -> Obstacle:
    decided = walk.decided_by
    if decided is None:
        raise UnknownHere(f"{at.by.place}: a verdict without a rule")
    undo = delete_argv(decided) if isinstance(decided, Rule) else policy_argv(decided)
    return Obstacle.of_rule(at.by.place, decided.ref, direction=packet.direction, undo=undo, hook=Hook(at.hook))
