"""Who changed the packet: each change of a hop gets the rule or process that made it, from host state.

Without state the change stays, named by what packets alone prove: a rewritten destination is DNAT, a rewritten source is source NAT.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.causes.proof.hooks import entries
from netprobe.model.endpoint import Endpoint, Ends
from netprobe.model.hop import Change, Direction, Hop
from netprobe.state.iptables import find_dnat_to, hits
from netprobe.state.packet import PacketTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netprobe.evidence.model import CapturePoint
    from netprobe.state.iptables import Rule, Ruleset
    from netprobe.state.model import Host, World


def attribute(hops: Sequence[Hop], points: Sequence[CapturePoint], world: World, proto: str) -> tuple[Hop, ...]:
    """The same hops with ``by`` and ``rule`` of their changes filled in as far as state tells."""
    host_of = {point.name: point.host for point in points}
    out: list[Hop] = []
    made: dict[str, Change] = {}
    previous: str | None = None
    for hop in hops:
        here = host_of.get(hop.point, "")
        changed = []
        for change in hop.changes:
            sender = host_of.get(previous, here) if previous else here
            named = _named(change, hop, here, sender, world, proto, made)
            if hop.direction is Direction.REQUEST and change.field in ("src", "dst"):
                made[change.field] = named
            changed.append(named)
        out.append(replace(hop, changes=tuple(changed)))
        if hop.seen:
            previous = hop.point
    return tuple(out)


def _named(
    change: Change, hop: Hop, here: str, sender: str, world: World, proto: str, made: Mapping[str, Change]
) -> Change:
    if change.field == "connection":
        return (
            replace(change, rule=_proxy(change, world.before.get(here), proto))
            if hop.direction is Direction.REQUEST
            else change
        )
    if change.by != "NAT":
        return change
    if hop.direction is Direction.REPLY:
        origin = made.get("dst" if change.field == "src" else "src")
        return replace(change, by="conntrack", rule=f"undoes {origin.rule}" if origin and origin.rule else None)
    if not isinstance(change.before, Endpoint) or not isinstance(change.after, Endpoint):
        return change
    if change.field == "dst":
        rule = _dnat(change.before, change.after, world.before.get(here), world.after.get(here), proto)
        return replace(change, by="DNAT", rule=rule.ref if rule else None)
    rule = _source_nat(change.before, hop, world.before.get(sender), world.after.get(sender), proto)
    return replace(change, by=rule.target if rule else "source NAT", rule=rule.ref if rule else None)


def _rulesets(host: Host | None, *, six: bool) -> list[Ruleset]:
    return [ruleset for ruleset in host.backends(six=six) if ruleset is not None] if host else []


def _counted(before: Host | None, after: Host | None, *, six: bool) -> set[tuple[str, str]]:
    """Table and text of the rules whose counters rose."""
    pairs = zip(_rulesets(before, six=six), _rulesets(after, six=six), strict=False)
    return {(hit.chain.table, hit.rule.text) for one, other in pairs for hit in hits(one, other) if hit.rule}


def _best(rules: list[Rule], before: Host | None, after: Host | None) -> Rule | None:
    """The rule that counted; else the only one that fits."""
    counted = _counted(before, after, six=any(rule.program == "ip6tables" for rule in rules))
    hit = [rule for rule in rules if (rule.table, rule.text) in counted]
    if hit:
        return hit[0]
    return rules[0] if len(rules) == 1 else None


def _dnat(dialled: Endpoint, to: Endpoint, before: Host | None, after: Host | None, proto: str) -> Rule | None:
    packet = PacketTuple(dst=dialled.address, dport=dialled.port, proto=proto, dst_type="LOCAL")
    rules = [
        rule
        for ruleset in _rulesets(after or before, six=to.is_v6)
        for rule in find_dnat_to(ruleset, to.address, to.port or 0, proto)
        if rule.matches(packet) is not False
    ]
    return _best(rules, before, after)


def _source_nat(source: Endpoint, hop: Hop, before: Host | None, after: Host | None, proto: str) -> Rule | None:
    dst, dport = hop.packet.dst if hop.packet else (None, None)
    packet = PacketTuple(src=source.address, sport=source.port, dst=dst, dport=dport, proto=proto)
    rules = [
        rule
        for ruleset in _rulesets(after or before, six=":" in (dst or ""))
        for chain in ruleset.tables.get("nat", {}).values()
        if "POSTROUTING" in entries(ruleset, "nat", chain.name)
        for rule in chain.rules
        if rule.target in ("MASQUERADE", "SNAT") and rule.matches(packet) is not False
    ]
    return _best(rules, before, after)


def _proxy(change: Change, host: Host | None, proto: str) -> str | None:
    """The docker-proxy process whose command line maps the outer to the inner connection."""
    outer, inner = change.before, change.after
    if host is None or host.proxies is None or not isinstance(outer, Ends) or not isinstance(inner, Ends):
        return None
    for proxy in host.proxies:
        to = proxy.container_ip, proxy.container_port
        if (proxy.proto, proxy.host_port) == (proto, outer.dst.port) and to == inner.dst:
            return f"docker-proxy pid {proxy.pid}"
    return None
