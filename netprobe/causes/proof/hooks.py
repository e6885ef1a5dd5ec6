"""Where a rule stands in the host's packet path, and the packet as rules there see it.

Source: netfilter hooks (Linux include/uapi/linux/netfilter.h). Places of an engine's own within FORWARD are told by its chains.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from netprobe.model.hop import Direction
from netprobe.model.point import PointName
from netprobe.model.rule import Hook, Program
from netprobe.state.engine import ENGINES, role_of
from netprobe.state.engine.base import ChainRole
from netprobe.state.lookup import route_lookup, rule_of
from netprobe.state.packet import PacketTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.forward.model import Obstacle
    from netprobe.model.hop import Hop
    from netprobe.model.rule import RuleRef
    from netprobe.state.iptables import Rule, Ruleset
    from netprobe.state.model import Host


BASES = (Hook.PREROUTING, Hook.INPUT, Hook.FORWARD, Hook.OUTPUT, Hook.POSTROUTING)
_TRACKED, _CONNTRACK = frozenset({"prerouting", "output"}), -200  # NF_IP_PRI_CONNTRACK
_IPTABLES_FILTER = frozenset({("ip", "filter"), ("ip6", "filter")})
FORWARDED = frozenset({Hook.FORWARD, Hook.USER, Hook.ISOLATION})


def base_of(hook: Hook, table: str) -> str:
    """The built-in chain that leads there."""
    if hook is Hook.ISOLATION and table == "raw":
        return Hook.PREROUTING.value
    return Hook.FORWARD.value if hook in FORWARDED else hook.value


def entries(ruleset: Ruleset, table: str, chain: str) -> frozenset[str]:
    """The chain itself, and the roots (built-in chains, an engine's for users and isolation) from which it can be reached by jumps."""
    return _reached(ruleset, table).get(chain, frozenset()) | {chain}


@lru_cache(maxsize=32)
def _reached(ruleset: Ruleset, table: str) -> Mapping[str, frozenset[str]]:
    """Chain -> the roots from which it can be reached; each root is followed once, so that it takes as long as there are rules."""
    chains = ruleset.tables.get(table, {})
    leads = {name: {rule.target for rule in each.rules} & chains.keys() for name, each in chains.items()}
    found: dict[str, set[str]] = {}
    for root in filter(_is_root, chains):
        stack, seen = [root], {root}
        while stack:
            name = stack.pop()
            found.setdefault(name, set()).add(root)
            new = leads[name] - seen
            seen |= new
            stack.extend(new)
    return {name: frozenset(roots) for name, roots in found.items()}


def _is_root(chain: str) -> bool:
    return chain in BASES or role_of(chain) in {ChainRole.ISOLATION, ChainRole.USER}


def hook_of(roots: frozenset[str], table: str, rule: Rule | None) -> Hook | None:
    """Where a chain (with these :func:`entries`) stands; None when it is reached from several hooks, or from none."""
    roles = {role_of(name) for name in roots}
    if ChainRole.ISOLATION in roles:
        return Hook.ISOLATION
    if ChainRole.USER in roles:
        return Hook.USER
    if "PREROUTING" in roots and any(engine.isolates(table, rule) for engine in ENGINES):
        return Hook.ISOLATION
    bases = [hook for hook in BASES if hook.value in roots]
    return bases[0] if len(bases) == 1 else None


def hook_at(case: Case, obstacle: Obstacle) -> Hook | None:
    """Where the rule stands at which a predicted walk ends; None where that cannot be told."""
    at, host = obstacle.rule, case.before(obstacle.place.host)
    if obstacle.place.container is not None:
        return obstacle.hook
    if at is not None and at.program is Program.NFT:  # a base chain of its own says where it stands
        keeps = host is not None and host.engine.isolates(at.table, rule_of(host, at))
        return Hook.ISOLATION if keeps else _engines_own(obstacle) or obstacle.hook
    rulesets = case.rulesets(host) if host else ()
    if not rulesets or at is None:
        return None
    ruleset = rulesets[-1] if at.program in {Program.LEGACY, Program.LEGACY6} else rulesets[0]
    rule = next((each for each in ruleset.rules() if each.text == at.text), None)
    return (
        hook_of(entries(ruleset, at.table, at.chain), at.table, rule) or obstacle.hook
    )  # several hooks may lead there


def _engines_own(obstacle: Obstacle) -> Hook | None:
    """Of a rule in iptables' own table that nft alone lists: the place that its chain has for the engine."""
    rule = obstacle.rule
    if rule is None or obstacle.place.container is not None or (rule.family, rule.table) not in _IPTABLES_FILTER:
        return None
    return {ChainRole.USER: Hook.USER, ChainRole.ISOLATION: Hook.ISOLATION}.get(role_of(rule.chain) or ChainRole.OWN)


def before_conntrack(case: Case, place: Place, rule: RuleRef) -> bool:
    """Whether a rule (or policy) sees packets before their connection is known: at a device, in ``raw``, in an nft chain of such a priority.

    Where several base chains may lead to the rule, one of them is enough.
    """
    if rule.program is not Program.NFT:
        return rule.table == "raw"
    if rule.family == "netdev":
        return True
    host = case.before(place.host)
    nft = host.namespace(place.container).nft if host is not None else None
    chains = [each for each in nft.chains if (each.family, each.table) == (rule.family, rule.table)] if nft else []
    own = [each for each in chains if each.name == rule.chain and each.hook]
    return any(each.hook in _TRACKED and each.prio < _CONNTRACK for each in own or chains)


def on_host(obstacle: Obstacle) -> bool:
    """Whether a predicted obstacle stops the request, and on a host rather than in a container."""
    return obstacle.direction is Direction.REQUEST and obstacle.place.container is None


def last_hop(case: Case) -> Hop | None:
    """The last sighting: of the request, or of the answer where that was lost on its way back."""
    direction = Direction.REPLY if case.reply_lost else Direction.REQUEST
    seen = [hop for hop in case.hops if hop.seen and hop.packet and hop.direction is direction]
    return seen[-1] if seen else None


def packet_at(case: Case, host: Host, hook: Hook) -> PacketTuple:
    """The lost packet as rules at this hook see it (behind DNAT where it was forwarded to a published container)."""
    hop, probe = last_hop(case), case.probe
    if hop is None or hop.packet is None or probe is None:
        return PacketTuple(proto=case.transport)
    (src, sport), (dst, dport) = hop.packet.src, hop.packet.dst
    forwarded = hook in FORWARDED
    here = case.publication is not None and case.publication[0].name == host.name
    if (
        forwarded
        and here
        and not case.reply_lost
        and (dst, dport) == (probe.dialled, probe.dialled_port)
        and probe.target_address
    ):
        dst, dport = probe.target_address, probe.target_port
    route = route_lookup(host.own, dst) if forwarded else None
    return PacketTuple(
        src=src,
        dst=dst,
        proto=case.transport,
        sport=sport,
        dport=dport,
        in_if=_in_interface(host, hop.point),
        out_if=(route.dev if route else None) if forwarded else "",
        ctstate="ESTABLISHED" if case.reply_lost else "NEW",
        dst_type=None if forwarded else "LOCAL" if hook is Hook.INPUT else None,
        ctdir="REPLY" if case.reply_lost else "ORIGINAL",
        orig_dst=None if case.reply_lost else probe.dialled,
        orig_dport=None if case.reply_lost else probe.dialled_port,
    )


def _in_interface(host: Host, point: str) -> str | None:
    """The interface as iptables names it: the bridge, not its port. A point in a container or on another host tells none."""
    at = PointName.parse(point)
    if at.container is not None or at.host != host.name:
        return None
    link = host.own.link(at.interface)
    return link.master if link is not None and link.master else at.interface
