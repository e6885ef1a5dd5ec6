"""What a hook's other base chains say of a packet that one of them stopped: an accept ends its own base chain alone.

Source: net/netfilter/core.c (nf_hook_slow: NF_ACCEPT goes on with the next chain of the hook, NF_DROP ends the packet); nft(8), "accept".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.forward.model import Stopped, UnknownHere
from netprobe.forward.nft_chain import pass_chain
from netprobe.forward.seen import seen
from netprobe.forward.traverse import traverse
from netprobe.state.iptables import Rule
from netprobe.state.nft import NftRule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from netprobe.forward.model import Flying
    from netprobe.forward.netfilter import At
    from netprobe.model.rule import RuleRef
    from netprobe.state.nft import NftChain


def accepting(at: At, packet: Flying, chains: Iterable[NftChain]) -> Iterator[RuleRef]:
    """The rules (no policies) of the hook's filters that surely accept the packet.

    Args:
        at: where.
        packet: as it came to what stopped it.
        chains: nftables' own base chains there.
    """
    view = seen(at.by.namespace, packet, in_if=at.in_if, out_if=at.out_if)
    for ruleset in at.by.rulesets:
        walk = traverse(ruleset, "filter", at.hook, view, at.gone)
        if walk.verdict == "ACCEPT" and walk.certain and isinstance(walk.decided_by, Rule):
            yield walk.decided_by.ref
    for chain in chains:
        rule = _accepts(at, chain, packet) if chain.type == "filter" else None
        if rule is not None:
            yield rule.ref


def _accepts(at: At, chain: NftChain, packet: Flying) -> NftRule | None:
    try:
        _, end = pass_chain(at, chain, packet)
    except (Stopped, UnknownHere):
        return None
    rule = end.decided_by
    return rule if end.verdict == "accept" and isinstance(rule, NftRule) else None
