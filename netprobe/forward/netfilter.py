"""A packet at one netfilter hook of a namespace: every table in the order of its priority, both iptables backends, nftables.

Source: include/uapi/linux/netfilter_ipv4.h (priorities), net/netfilter/nf_nat_core.c (nat rules see a connection's first packet
only; later ones, and answers, are translated by what was decided then).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from netprobe.forward.model import Flying, Obstacle, Stopped, UnknownHere, WalkStep
from netprobe.forward.nftables import translation, walk_chain
from netprobe.forward.traverse import traverse
from netprobe.model.endpoint import Endpoint
from netprobe.model.report import Direction
from netprobe.model.rule import Hook
from netprobe.state.iptables import Rule, delete_argv, policy_argv
from netprobe.state.lookup import has_address
from netprobe.state.nft import NftRule
from netprobe.state.packet import PacketTuple

if TYPE_CHECKING:
    from netprobe.evidence.model import Place
    from netprobe.forward.traverse import Traversal
    from netprobe.model.rule import RuleRef
    from netprobe.state.iptables import Ruleset
    from netprobe.state.model import Host, Namespace
    from netprobe.state.nft import NftChain, NftRuleset

TABLES = {
    "PREROUTING": ("raw", "mangle", "nat"),
    "INPUT": ("mangle", "filter", "nat"),
    "FORWARD": ("mangle", "filter"),
    "OUTPUT": ("raw", "mangle", "nat", "filter"),
    "POSTROUTING": ("mangle", "nat"),
}
_REJECTING = frozenset({"REJECT", "TARPIT"})
_BY_DESTINATION = frozenset({"DNAT", "REDIRECT"})
_BY_SOURCE = frozenset({"SNAT", "MASQUERADE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What filters one namespace's packets of one IP version.

    ``rulesets``: of both iptables backends, where there are two. ``known`` False: they were not read.
    """

    place: Place
    namespace: Namespace
    rulesets: tuple[Ruleset, ...] = ()
    nft: NftRuleset | None = None
    known: bool = True

    def seen(self, packet: Flying, *, in_if: str, out_if: str, new: bool) -> PacketTuple:
        """The packet in the form that rules match on."""
        dialled, port = packet.orig or (packet.dst, packet.dport)
        return PacketTuple(
            src=packet.src,
            dst=packet.dst,
            proto=packet.proto,
            sport=packet.sport,
            dport=packet.dport,
            in_if=in_if,
            out_if=out_if,
            ctstate="NEW" if new and packet.direction is Direction.REQUEST else "ESTABLISHED",
            src_type=_type(self.namespace, packet.src),
            dst_type=_type(self.namespace, packet.dst),
            orig_dst=dialled,
            orig_dport=port,
            mark=packet.mark,
        )


def filter_of(host: Host, place: Place, address: str) -> Filter:
    """The filter that a namespace's packets to this address pass.

    Raises:
        UnknownHere: it was not read.
    """
    namespace = host.namespace(place.container)
    if place.container is not None:  # a container's own rules are Docker's for its resolver, as a rule, or none
        rulesets = () if ":" in address else (namespace.ruleset,)
        return Filter(place=place, namespace=namespace, rulesets=tuple(filter(None, rulesets)))
    main = host.ruleset6 if ":" in address else host.ruleset
    if main is None:
        raise UnknownHere(f"the {'ip6tables' if ':' in address else 'iptables'} rules of {place} are not known")
    legacy = None if ":" in address else host.legacy
    return Filter(place=place, namespace=namespace, rulesets=tuple(filter(None, (main, legacy))), nft=host.nft)


def pass_hook(
    by: Filter,
    hook: str,
    packet: Flying,
    *,
    in_if: str = "",
    out_if: str = "",
    new: bool = True,
    gone: frozenset[RuleRef] = frozenset(),
) -> tuple[Flying, tuple[WalkStep, ...]]:
    """Return the packet behind a hook, and the steps that say how it was translated.

    Args:
        by: the namespace's filter.
        hook: ``PREROUTING``, ``INPUT`` …
        packet: as it comes to the hook.
        in_if: the interface that it came in by, ``""`` for none.
        out_if: the one that it leaves by, ``""`` for none.
        new: the connection's first packet in this namespace: nat tables decide.
        gone: rules and policies that are passed as if they were not there.

    Raises:
        Stopped: dropped or rejected.
        UnknownHere: a rule that may match is not understood, and would change the walk.
    """
    steps: list[WalkStep] = []
    nat = new and packet.direction is Direction.REQUEST
    seen = by.seen(packet, in_if=in_if, out_if=out_if, new=new)
    for table in TABLES[hook]:
        for ruleset in by.rulesets if table != "nat" or nat else ():
            walk = traverse(ruleset, table, hook, seen, gone)
            _refuse_doubt(by.place, walk)
            if walk.stops:
                raise Stopped(_obstacle(by.place, walk, packet.direction, Hook(hook)))
            if table == "nat" and isinstance(walk.decided_by, Rule) and walk.verdict != "ACCEPT":
                before, packet = packet, _translate(by, walk.verdict, walk.decided_by, packet, in_if or "lo", out_if)
                seen = by.seen(packet, in_if=in_if, out_if=out_if, new=new)
                steps.append(_step(by.place, hook, walk.verdict, walk.decided_by, before, packet))
                break
    for chain in _nft_chains(by, hook.lower(), packet.dst):
        if chain.type == "nat" and not nat:
            continue
        rule = _nft_chain(by, chain, seen, packet.direction, gone)
        if rule is not None:
            before, packet = packet, _translate_nft(by, rule, packet, out_if)
            seen = by.seen(packet, in_if=in_if, out_if=out_if, new=new)
            steps.append(_nft_step(by.place, hook, rule, before, packet))
    return packet, tuple(steps)


def pass_netdev(by: Filter, hook: str, device: str, packet: Flying, gone: frozenset[RuleRef] = frozenset()) -> None:
    """Pass the netdev chains of a device. Raises as :func:`pass_hook`.

    ``ingress`` is before everything else and behind the sniffers' taps; ``egress`` is behind everything else and before the taps
    (net/core/dev.c, __netif_receive_skb_core and __dev_queue_xmit).

    nft 1.0.6 does not tell a chain's devices in its JSON: then one that would stop the packet makes the rest unknown.
    """
    chains = by.nft.base(hook, "netdev") if by.nft else ()
    here = [each for each in chains if not each.devices or device in each.devices]
    ends = {"in_if": device, "out_if": ""} if hook == "ingress" else {"in_if": "", "out_if": device}
    seen = by.seen(packet, new=True, **ends) if here else PacketTuple()
    for chain in here:
        try:
            _nft_chain(by, chain, seen, packet.direction, gone)
        except Stopped as stopped:
            if chain.devices:
                raise
            rule = stopped.obstacle.rule
            raise UnknownHere(f"{by.place}: whether nftables {rule} is for {device} is not known") from None


def _type(namespace: Namespace, address: str | None) -> str | None:
    if address is None or namespace.links is None:
        return None
    return "LOCAL" if has_address(namespace, address) else "UNICAST"


def _refuse_doubt(place: Place, walk: Traversal) -> None:
    """A rule that may match matters only if it would end the walk in another way."""
    if walk.given_up:
        raise UnknownHere(f"{place}: its chains call each other without end, or hold very many rules")
    for rule in walk.doubts:
        if rule.target != (walk.verdict or "ACCEPT"):
            what = ", ".join(rule.unknown) or "what the packet does not tell"
            raise UnknownHere(f"{place}: {rule.ref} ({rule.text}) matches on {what}")


def _obstacle(place: Place, walk: Traversal, direction: Direction, hook: Hook) -> Obstacle:
    decided = walk.decided_by
    if decided is None:
        raise UnknownHere(f"{place}: a verdict without a rule")
    undo = delete_argv(decided) if isinstance(decided, Rule) else policy_argv(decided)
    return Obstacle.of_rule(place, decided.ref, direction=direction, undo=undo, hook=hook)


def _step(place: Place, hook: str, kind: str, rule: Rule, before: Flying, after: Flying) -> WalkStep:
    to = Endpoint(after.dst, after.dport) if kind in _BY_DESTINATION else after.src
    what = f"{kind} to {to}" if before.endpoints != after.endpoints else f"{kind}, nothing changes"
    return WalkStep(place=place, stage=f"nat/{hook}", what=what, rule=rule.ref, direction=after.direction)


def _translate(by: Filter, kind: str, rule: Rule, packet: Flying, in_if: str, out_if: str) -> Flying:
    if kind == "DNAT" and rule.destination is not None and rule.destination[0]:
        address, port = rule.destination
        return replace(packet, dst=address, dport=port or packet.dport, orig=(packet.dst, packet.dport))
    if kind == "REDIRECT":
        return _redirected(by.namespace, rule, packet, in_if)
    source = None
    if kind in _BY_SOURCE:
        source = _address_of(by.namespace, out_if, packet.dst) if kind == "MASQUERADE" else _to_source(rule)
    if source is None:
        raise UnknownHere(f"{by.place}: {rule.ref} ({rule.text}) translates to what is not known")
    return replace(packet, src=source)


def _redirected(namespace: Namespace, rule: Rule, packet: Flying, in_if: str) -> Flying:
    """To the namespace's own address: 127.0.0.1 for what it sent itself, else the arrival interface's (nf_nat_redirect.c)."""
    port = rule.options.get("--to-ports", "")
    address = _address_of(namespace, in_if, packet.dst)
    if address is None or (port and not port.isdecimal()):
        raise UnknownHere(f"{rule.ref} redirects to what is not known")
    return replace(packet, dst=address, dport=int(port) if port else packet.dport, orig=(packet.dst, packet.dport))


def _to_source(rule: Rule) -> str | None:
    """The one address of ``--to-source`` (``192.0.2.1:1024-2048``, ``[2001:db8::1]:80``, ``2001:db8::1``); None for a range."""
    text = rule.options.get("--to-source", "")
    address = (
        text[1:].partition("]")[0] if text.startswith("[") else text if text.count(":") > 1 else text.partition(":")[0]
    )
    return address if address and "-" not in address else None


def _address_of(namespace: Namespace, device: str, towards: str) -> str | None:
    link = namespace.link(device)
    same_family = (each.address for each in link.addresses if (":" in each.address) == (":" in towards)) if link else ()
    return next(iter(same_family), None)


def _nft_chains(by: Filter, hook: str, address: str) -> tuple[NftChain, ...]:
    families = ("inet", "ip6" if ":" in address else "ip")
    return by.nft.base(hook, *families) if by.nft else ()


def _nft_chain(
    by: Filter, chain: NftChain, packet: PacketTuple, direction: Direction, gone: frozenset[RuleRef]
) -> NftRule | None:
    """Pass one base chain; return the rule that translates, if one does."""
    end = walk_chain(by.nft, chain, packet, gone) if by.nft else None
    if end is None or end.verdict == "accept":
        return None
    if end.verdict == "translate" and isinstance(end.decided_by, NftRule):
        return end.decided_by
    decided = end.decided_by
    if end.verdict == "unknown":
        raise UnknownHere(f"{by.place}: nftables {decided.ref} is not understood")
    undo = decided.delete_argv if isinstance(decided, NftRule) else decided.accept_argv
    rule, hook = replace(decided.ref, verdict=end.verdict), Hook(chain.hook.upper())
    raise Stopped(Obstacle.of_rule(by.place, rule, direction=direction, undo=undo, hook=hook))


def _translate_nft(by: Filter, rule: NftRule, packet: Flying, out_if: str) -> Flying:
    kind, address, port = translation(rule) or ("", "", None)
    if kind == "dnat":
        return replace(packet, dst=address, dport=port or packet.dport, orig=(packet.dst, packet.dport))
    source = address if kind == "snat" else _address_of(by.namespace, out_if, packet.dst) if kind else None
    if source is None:
        raise UnknownHere(f"{by.place}: nftables {rule.ref} translates to what is not known")
    return replace(packet, src=source)


def _nft_step(place: Place, hook: str, rule: NftRule, before: Flying, after: Flying) -> WalkStep:
    kind = (translation(rule) or ("NAT", "", None))[0]
    to = Endpoint(after.dst, after.dport) if kind == "dnat" else after.src
    what = f"{kind} to {to}" if before.endpoints != after.endpoints else f"{kind}, nothing changes"
    return WalkStep(place=place, stage=f"nat/{hook}", what=what, rule=rule.ref, direction=after.direction)
