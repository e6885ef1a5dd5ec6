"""A packet at one netfilter hook of a namespace: both iptables backends' tables and nftables' base chains in the order of their priority.

Conntrack (-200) lies between raw (-300) and mangle (-150). The nat chains of both tools are one stage, at -100 where destinations are translated
and at 100 where sources are; their own priorities order them within. Of chains of equal priority the one that was registered last runs first, which no
listing shows: where their order matters, how it goes on is not known.

Source: include/uapi/linux/netfilter_ipv4.h (priorities), net/netfilter/core.c (nf_hook_entries_grow), net/netfilter/nf_nat_core.c (nf_nat_inet_fn:
nat rules see a connection's first packet only; later ones, and answers, are translated by what was decided then).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from netprobe.forward.accepts import accepting
from netprobe.forward.conntrack import DST, SIDE, SRC, applied, begins, decided, followed, tracked, undone
from netprobe.forward.iptables import TABLES, pass_table, priority
from netprobe.forward.model import Flying, Stopped, UnknownHere, WalkStep
from netprobe.forward.nat import translate
from netprobe.forward.nft_chain import pass_chain, translate_nft
from netprobe.forward.order import Stage, by_priority, pass_all, pass_equals
from netprobe.forward.tproxy import check_what_follows, handing, hands
from netprobe.model.endpoint import Endpoint
from netprobe.model.hop import Direction
from netprobe.state.engine import EMBEDDED_DNS
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from netprobe.evidence.model import Place
    from netprobe.forward.conntrack import Connection
    from netprobe.forward.order import Passed
    from netprobe.model.rule import RuleRef
    from netprobe.state.iptables import Ruleset
    from netprobe.state.model import Host
    from netprobe.state.namespace import Namespace
    from netprobe.state.nft import NftChain, NftRuleset

TRACKING = frozenset({"PREROUTING", "OUTPUT"})
_CONNTRACK = -200
_NAT = {DST: -100, SRC: 100}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What filters one namespace's packets of one IP version.

    ``rulesets``: of both iptables backends, where there are two. ``known`` False: they were not read. ``recorded`` False: an older version, or a
    container that was not looked into; then there are taken to be none beside those here.
    """

    place: Place
    namespace: Namespace
    rulesets: tuple[Ruleset, ...] = ()
    nft: NftRuleset | None = None
    known: bool = True
    recorded: bool = True


def filter_of(host: Host, place: Place, address: str) -> Filter:
    """The filter that a namespace's packets to this address pass.

    Raises:
        UnknownHere: it was not read.
    """
    namespace, six = host.namespace(place.container), ":" in address
    read: Host | Namespace = host if place.container is None else namespace
    main, backend = (read.ruleset6, "ip6tables") if six else (read.ruleset, "iptables")
    main = main or (namespace.listed6 if six else namespace.listed)  # what it cannot list is among nft's chains
    legacy = read.legacy6 if six else read.legacy
    for key, rules in ((backend, main), (f"{backend}-legacy", legacy), ("nft", read.nft)):
        if rules is None and (read.asked(key) or (key == backend and place.container is None)):
            raise UnknownHere(f"the {'nftables' if key == 'nft' else key} rules of {place} are not known")
    if read.nft is None and place.container is not None and host.in_nftables and address in EMBEDDED_DNS:
        raise UnknownHere(f"the engine's nftables rules in {place}, which lead to {address}, were not recorded")
    return Filter(
        place=place,
        namespace=namespace,
        rulesets=tuple(filter(None, (main, legacy))),
        nft=read.nft,
        recorded=main is not None and read.nft is not None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """Where a packet is: a namespace's hook, the interfaces, and the rules and policies that are passed as if they were not there.

    ``again``: look a packet up again that OUTPUT changed; raises Stopped where nothing leads on.
    ``known``: the connections that the namespace tracks. ``on_bridge``: a bridge's own hook. ``unknown_port``: of its two ports, those that are ``""`` are not known.
    """

    by: Filter
    hook: str
    in_if: str = ""
    out_if: str = ""
    gone: frozenset[RuleRef] = frozenset()
    again: Callable[[Flying], None] | None = None
    known: tuple[Connection, ...] = ()
    on_bridge: bool = False
    unknown_port: bool = False


def pass_hook(
    by: Filter,
    hook: str,
    packet: Flying,
    *,
    in_if: str = "",
    out_if: str = "",
    gone: frozenset[RuleRef] = frozenset(),
    known: Sequence[Connection] = (),
    again: Callable[[Flying], None] | None = None,
) -> Passed:
    """Return the packet behind a hook, and the steps that say how it was translated.

    Args:
        by: the namespace's filter.
        hook: ``PREROUTING``, ``INPUT`` …
        packet: as it comes to the hook.
        in_if: the interface that it came in by, ``""`` for none.
        out_if: the one that it leaves by, ``""`` for none.
        gone: rules and policies that are passed as if they were not there.
        known: the connections that the namespace tracks, for an answer.
        again: of OUTPUT, the look-up of what was changed there; raises Stopped where nothing leads on.

    Raises:
        Stopped: dropped or rejected, or nothing leads on any more.
        UnknownHere: a rule that may match is not understood, and would change the walk.
    """
    at = At(by=by, hook=hook, in_if=in_if, out_if=out_if, gone=gone, again=again, known=tuple(known))
    if hook not in TRACKING:
        packet = tracked(packet, known)
    passed = _pass_groups(at, packet, known)
    if packet.proto == "tcp" and not packet.later:
        _check_followers(at, packet, passed[0])
    return passed


def _pass_groups(at: At, packet: Flying, known: Sequence[Connection]) -> Passed:
    """Pass all that looks at a packet at a hook; what stops it also tells which other base chains accept it there."""
    moving = packet
    steps: tuple[WalkStep, ...] = ()
    for group in by_priority(_stages(at, packet, known)):
        try:
            moving, more = pass_equals(at.by.place, group, moving)
        except Stopped as stopped:
            accepted = tuple(accepting(at, moving, _nft_chains(at, moving)))
            raise Stopped(replace(stopped.obstacle, accepted=accepted), stopped.step, stopped.steps) from None
        except UnknownHere as why:
            raise why.because(moving) from None
        steps += more
    return moving, steps


def _check_followers(at: At, packet: Flying, first: Flying) -> None:
    """What conntrack and a transparent proxy make of the handshake they must make of what follows it. Raises UnknownHere."""
    if at.hook in TRACKING and first.untracked and not packet.untracked:
        _follow(at, packet)
    if at.hook == "PREROUTING" and packet.direction is Direction.REQUEST and hands(at.by):
        _follow_handed(at, packet, first)


def _follow_handed(at: At, packet: Flying, first: Flying) -> None:
    """Where rules hand packets to a socket, what follows the handshake must go where that went.

    Raises:
        UnknownHere: it does not, or that is not known.
    """
    stages = list(_stages(at, packet, ()))
    begun = replace(packet, later=True, handed=first.handed)
    try:
        raw, _ = pass_all(at.by.place, [each for each in stages if each.prio < _CONNTRACK], begun)
        tied = raw if raw.untracked else replace(raw, connection=first.connection)
        later, _ = pass_all(at.by.place, [each for each in stages if each.prio > _CONNTRACK], tied)
    except Stopped:
        return  # a rule that drops what follows alone is looked for nowhere else either
    check_what_follows(at.by.place, first, later)


def _follow(at: At, packet: Flying) -> None:
    """Of a connection that is not tracked, what follows must not be either: conntrack would begin it in the middle, and nat decide anew.

    Raises:
        UnknownHere: what follows is tracked, or that is not known.
    """
    before = [each for each in _stages(at, packet, ()) if each.prio < _CONNTRACK]
    try:
        later, _ = pass_all(at.by.place, before, replace(packet, later=True))
    except Stopped:
        later = packet
    if not later.untracked:
        raise UnknownHere(f"{at.by.place}: rules leave the handshake untracked, and not what follows it")


def _stages(at: At, packet: Flying, known: Sequence[Connection]) -> Iterator[Stage]:
    """Everything that looks at a packet at a hook, unordered."""
    for ruleset in at.by.rulesets:
        for table in TABLES[at.hook]:
            if table != "nat" and ruleset.chain(table, at.hook) is not None:
                go = partial(_table, at, ruleset, table)
                yield Stage(prio=priority(ruleset, table), go=_rerouted(at, go) if table == "mangle" else go)
    for chain in _nft_chains(at, packet):
        if chain.type != "nat":
            go = partial(_nft, at, chain)
            yield Stage(prio=chain.prio, go=_rerouted(at, go) if chain.type == "route" else go)
    if at.hook in TRACKING:
        yield Stage(prio=_CONNTRACK, go=lambda moving: (_tracked(at, moving, known), ()))
    if at.hook in SIDE:
        yield Stage(prio=_NAT[SIDE[at.hook]], go=_rerouted(at, partial(_nat, at), _whither))


def _tracked(at: At, packet: Flying, known: Sequence[Connection]) -> Flying:
    """The packet behind conntrack. Raises UnknownHere where what follows a handshake is another connection there: nat would decide anew."""
    found = replace(tracked(packet, known), templated=False)
    if packet.later and not found.untracked and followed(packet, known) is None:
        raise UnknownHere(
            f"{at.by.place}: conntrack knows no connection there to which what follows the handshake belongs"
        )
    return found


def _whither(packet: Flying) -> object:
    return packet.dst


def _routed_by(packet: Flying) -> object:
    return packet.mark, packet.tos, packet.src, packet.dst, packet.ttl if ":" in packet.dst else None


def _rerouted(
    at: At, go: Callable[[Flying], Passed], by: Callable[[Flying], object] = _routed_by
) -> Callable[[Flying], Passed]:
    """What OUTPUT's nat (the destination), its mangle table, or an nft chain of type route changes has the packet looked up again, there and then.

    The stages behind it see it no more where nothing leads on, and what they change is not looked up (nf_nat_proto.c, nf_nat_ipv4_local_fn;
    iptable_mangle.c, nft_chain_route.c).
    """

    def passed(packet: Flying) -> Passed:
        moved, steps = go(packet)
        if by(packet) == by(moved):
            return moved, steps
        moved = replace(moved, rerouted=replace(moved, rerouted=None))
        if at.again is not None:
            at.again(moved)
        return moved, steps

    return passed if at.hook == "OUTPUT" else go


def _table(at: At, ruleset: Ruleset, table: str, packet: Flying) -> Passed:
    passed, _ = pass_table(at, ruleset, table, packet)
    return passed, handing(at, packet, passed)


def _nft(at: At, chain: NftChain, packet: Flying) -> Passed:
    passed, _ = pass_chain(at, chain, packet)
    return passed, handing(at, packet, passed)


# -- nat --------------------------------------------------------------------------------------------------------------


def _nat(at: At, packet: Flying) -> Passed:
    """The nat chains of both tools: the first that translates decides; what is decided for a connection stays."""
    connection = packet.connection
    if packet.later:
        return applied(packet, at.hook), ()
    if connection is None or not begins(packet):
        return undone(packet, at.hook), ()
    if SIDE[at.hook] in connection.decided:
        return packet, ()
    for group in by_priority(_nat_chains(at, packet)):
        moved, steps = pass_equals(at.by.place, group, packet)
        if moved is not packet:
            return decided(moved, at.hook), steps
    return decided(packet, at.hook), ()


def _nat_chains(at: At, packet: Flying) -> Iterator[Stage]:
    """Each a stage that leaves a packet alone that was translated before it."""
    for ruleset in at.by.rulesets:
        if ruleset.chain("nat", at.hook) is not None:
            yield Stage(prio=_NAT[SIDE[at.hook]], go=_unless_done(packet, partial(_iptables_nat, at, ruleset)))
    for chain in _nft_chains(at, packet):
        if chain.type == "nat":
            yield Stage(prio=chain.prio, go=_unless_done(packet, partial(_nft_nat, at, chain)))


def _unless_done(came: Flying, go: Callable[[Flying], Passed]) -> Callable[[Flying], Passed]:
    return lambda packet: go(packet) if packet is came else (packet, ())


def _iptables_nat(at: At, ruleset: Ruleset, packet: Flying) -> Passed:
    behind, rule = pass_table(at, ruleset, "nat", packet)
    if rule is None:
        return (packet if behind == packet else behind), ()
    packet = behind
    moved = translate(at.by.namespace, rule, at.hook, packet, at.in_if or "lo", at.out_if)
    return moved, (_step(at, rule.target, rule.ref, packet, moved),)


def _nft_nat(at: At, chain: NftChain, packet: Flying) -> Passed:
    passed, end = pass_chain(at, chain, packet)
    if end.translation is None:
        return passed, ()
    moved = translate_nft(at, end, passed)
    return moved, (_step(at, end.translation.kind, end.decided_by.ref, packet, moved),)


def _step(at: At, kind: str, rule: RuleRef, before: Flying, after: Flying) -> WalkStep:
    to = Endpoint(after.dst, after.dport) if SIDE[at.hook] == DST else after.src
    what = f"{kind} to {to}" if before.endpoints != after.endpoints else f"{kind}, nothing changes"
    return WalkStep(place=at.by.place, stage=f"nat/{at.hook}", what=what, rule=rule, direction=after.direction)


# -- nftables ---------------------------------------------------------------------------------------------------------


def _nft_chains(at: At, packet: Flying) -> tuple[NftChain, ...]:
    families = ("inet", "ip6" if ":" in packet.dst else "ip")
    return at.by.nft.base(at.hook.lower(), *families) if at.by.nft else ()


def pass_netdev(by: Filter, hook: str, device: str, packet: Flying, gone: frozenset[RuleRef] = frozenset()) -> Flying:
    """Pass the chains of a device (of family netdev, or inet), by priority; return the packet behind them. Raises as :func:`pass_hook`.

    ``ingress`` is before everything else and behind the sniffers' taps; ``egress`` is behind everything else and before the taps
    (net/core/dev.c, __netif_receive_skb_core and __dev_queue_xmit).

    nft 1.0.6 does not tell a chain's devices in its JSON: then one that would stop the packet makes the rest unknown.
    """
    chains = by.nft.base(hook, "netdev", "inet") if by.nft else ()
    here = [each for each in chains if not each.devices or device in each.devices]
    comes = hook == "ingress"
    at = At(by=by, hook=hook, in_if=device if comes else "", out_if="" if comes else device, gone=gone)
    stages = (Stage(prio=each.prio, go=partial(_pass_of_device, at, each, device)) for each in here)
    return pass_all(by.place, stages, packet)[0]


def _pass_of_device(at: At, chain: NftChain, device: str, packet: Flying) -> Passed:
    """Pass a chain that is this device's, or of which that is not told."""
    try:
        passed, _ = pass_chain(at, chain, packet)
    except Stopped as stopped:
        if chain.devices:
            raise
        rule = stopped.obstacle.rule
        raise UnknownHere(f"{at.by.place}: whether nftables {rule} is for {device} is not known") from None
    if passed != packet and not chain.devices:
        raise UnknownHere(f"{at.by.place}: whether nftables {chain.ref.bare} is for {device} is not known")
    return passed, ()


def pass_arp(
    by: Filter, hook: str, packet: Flying, *, in_if: str, out_if: str, gone: frozenset[RuleRef] = frozenset()
) -> Flying:
    """Pass the chains of family arp at ``input`` or ``output``, by priority; return the message behind them. Raises as :func:`pass_hook`."""
    at = At(by=by, hook=hook, in_if=in_if, out_if=out_if, gone=gone)
    chains = by.nft.base(hook, "arp") if by.nft else ()
    stages = (Stage(prio=each.prio, go=partial(_arp_chain, at, each)) for each in chains)
    return pass_all(by.place, stages, packet)[0]


def _arp_chain(at: At, chain: NftChain, packet: Flying) -> Passed:
    return pass_chain(at, chain, packet)[0], ()


def pass_bridge(
    by: Filter,
    hook: str,
    packet: Flying,
    *,
    in_if: str | None,
    out_if: str | None,
    gone: frozenset[RuleRef] = frozenset(),
) -> Flying:
    """Pass the chains of family bridge at a hook (``prerouting`` …) of a host's bridges; the interfaces are their ports (None not known).

    Raises as :func:`pass_hook`.

    They come before what bridge netfilter hands to iptables (NF_BR_PRI_FILTER_BRIDGED and NF_BR_PRI_BRNF of netfilter_bridge.h).
    """
    at = At(
        by=by,
        hook=hook,
        in_if=in_if or "",
        out_if=out_if or "",
        gone=gone,
        on_bridge=True,
        unknown_port=None in {in_if, out_if},
    )
    chains = by.nft.base(hook, "bridge") if by.nft else ()
    stages = (Stage(prio=each.prio, go=partial(_switched, at, each)) for each in chains)
    return pass_all(by.place, stages, packet)[0]


def _switched(at: At, chain: NftChain, packet: Flying) -> Passed:
    return pass_chain(at, chain, packet)[0], ()
