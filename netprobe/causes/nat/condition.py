"""A masquerade rule that is there, and whose condition did not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.nat import nft_source
from netprobe.causes.nat.missing import SOURCE_NAT
from netprobe.causes.owners.table import OWNERS
from netprobe.causes.proof.hooks import entries
from netprobe.causes.proof.translations import any_rule, translations
from netprobe.causes.proof.untracked import untracking, untracks
from netprobe.causes.remedies.past_rule import tracked_again
from netprobe.causes.remedies.steps import IN_FIREWALL
from netprobe.evidence.model import Place
from netprobe.model.hop import Direction
from netprobe.model.point import PointName
from netprobe.model.remedy import advise, run
from netprobe.model.report import Confidence, Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.address import covers
from netprobe.state.iptables import Rule
from netprobe.state.iptables_fields import Field
from netprobe.state.lookup import docker_bridges, route_lookup
from netprobe.state.packet import PacketTuple
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.causes.proof.untracked import Untracking
    from netprobe.forward.model import Prediction
    from netprobe.model.endpoint import Endpoint
    from netprobe.model.hop import Hop
    from netprobe.model.remedy import Remedy
    from netprobe.model.rule import RuleRef
    from netprobe.state.iptables import Ruleset
    from netprobe.state.iptables_match import Condition
    from netprobe.state.model import Host
    from netprobe.state.nft import NftRule

_MARKS = frozenset({"mark --mark", "connmark --mark"})
_LOOKED_AT = frozenset({Field.SRC, Field.DST, Field.IN, Field.OUT})
_SPOILS = frozenset({"MARK", "CONNMARK"})
_PASSES = frozenset({"ACCEPT", "RETURN"})
_MOST = 64  # rules that are taken away in thought, one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class _Near:
    """A source NAT rule that all but one condition fits, and what is wrong with that one."""

    ref: RuleRef
    failed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leak:
    """The request as it left a host that forwards it, with the source that it came with."""

    host: Host
    hop: Hop
    source: Endpoint
    out_if: str


class MasqueradeCondition(Cause):
    """A masquerade rule is there, and one of its conditions did not hold: packets leave with an inner address.

    What it is: the rule asks for a packet mark, an interface or a subnet, and this packet has another; or a rule before it lets the packet pass untranslated,
        or clears the mark that it asks for, or has conntrack leave it out (NOTRACK): no NAT rule sees it then.
    Why it happens: masquerading by mark (Tailscale, Kubernetes, Calico) needs every other program to leave the mark's bits alone; rules for ``-o eth0`` or one
        subnet outlive the interface's name and the network.
    Evidence: the request at the host's outer interface, its source still the inner address; the rule, and the condition that failed; the rule without which it
        would have been translated.
    Remedy: a masquerade rule for this network; then mend the condition, or the rule that clears the mark.
    Source: tailscale/tailscale#4917; iptables-extensions(8), "mark", "MARK", "MASQUERADE".
    """

    code = "masquerade-condition"
    reads = ("iptables", "nft")
    tells = "iptables-save -c -t nat on the host: the MASQUERADE rule that did not count"
    symptoms = frozenset({Symptom.SILENCE, Symptom.UNREACHABLE})

    def find(self, case: Case) -> Finding | None:
        """Fires when a forwarding host let the inner address out, and a rule of its own would have translated it but for one condition."""
        leak = _leak(case)
        if leak is None or leak.host.networks is None or case.reply_lost or _way_back(case, leak):
            return None
        left_out = untracking(case, leak.host, lambda told: _translated(leak.host, told))
        if left_out is not None:
            return self._left_out(case, leak, left_out)
        spoiler = _spoiler(case, leak)
        near = _nearest(case, leak)
        if near is None and spoiler is None:
            return None
        name = leak.host.name
        said = f"{near.ref} of {name} would give it the host's address, but {near.failed}" if near else ""
        blame = f"{spoiler} {_does(spoiler)}" if spoiler is not None else ""
        rule = near.ref if near else spoiler
        return Finding(
            code=self.code,
            summary=f"packets leave {name} with the inner address {leak.source.address}: {'; '.join(filter(None, (said, blame)))}",
            where=Where(host=name, component=rule.component if rule else "nat/POSTROUTING", rule=rule.text if rule else None),
            evidence=tuple(filter(None, (
                f"at {leak.hop.point} the source is still {leak.source.address}: frame {leak.hop.packet.frame if leak.hop.packet else ''}",
                f"{near.ref}: {near.ref.text}" if near else "",
                f"{spoiler}: {spoiler.text}; without it, the packet would be translated" if spoiler is not None else "",
            ))),
            remedies=_remedies(case, leak, near, spoiler),
            confidence=Confidence.CERTAIN if case.dialled_host is not None else Confidence.LIKELY,
        )  # fmt: skip

    def _left_out(self, case: Case, leak: _Leak, found: Untracking) -> Finding:
        """A rule has conntrack leave the packet out: then no NAT rule sees it."""
        name, source = leak.host.name, leak.source.address
        return Finding(
            code=self.code,
            summary=f"packets leave {name} with the inner address {source}: {found.ref} has conntrack leave them out, so that no NAT rule sees them",
            where=Where(host=name, component=found.ref.component, rule=found.ref.shown),
            evidence=(
                f"at {leak.hop.point} the source is still {source}: frame {leak.hop.packet.frame if leak.hop.packet else ''}",
                f"{found.ref}: {found.ref.shown}; without it, the packet would be translated",
            ),
            remedies=(tracked_again(case, found.place, found.ref, found.undo),),
            confidence=Confidence.CERTAIN if case.dialled_host is not None else Confidence.LIKELY,
        )

    def possible(self, case: Case) -> bool:
        """Only where some host has a rule for it that can fail, as far as is known, and no hop shows a new source."""
        hidden = any(change.field == "src" for hop in case.hops for change in hop.changes)
        if hidden or case.reply_lost:
            return False
        return may_be_meant(case)


def may_be_meant(case: Case) -> bool:
    """Whether some host has a rule that may be meant to translate the source, on a condition of its own."""
    mine = case.source_container.addresses if case.source_container else ()

    def meant(host: Host, rule: Rule | NftRule) -> bool:
        others = [each for each in rule.conditions if each.field is Field.SRC] if isinstance(rule, Rule) else []
        elsewhere = bool(mine) and any(not any(covers(each.value, address) for address in mine) for each in others)
        return not elsewhere and _may_fail(host, rule)

    return any(any_rule(host, meant) for host in case.world.before.values())


def _may_fail(host: Host, rule: Rule | NftRule) -> bool:
    """Whether a rule masquerades on a condition of its own, clears marks, or lets packets pass before those that masquerade."""
    if untracks(rule):
        return True
    if not isinstance(rule, Rule):
        return nft_source.translates_source(rule)
    if rule.target in _SPOILS or (rule.table == "nat" and rule.target in _PASSES and not host.engine.owns(rule.ref)):
        return True
    subnets = {subnet for network in host.networks or () for subnet in network.subnets}
    own = any(
        each.field is Field.SRC and (each.value in subnets or each.value.endswith(("/32", "/128")))
        for each in rule.conditions
    )
    leaves = any(each.field is Field.OUT and not each.negated for each in rule.conditions)
    return rule.target in SOURCE_NAT and (leaves or not own)


def _leak(case: Case) -> _Leak | None:
    """The first outer interface of a forwarding host at which the request still has the source that it was sent with."""
    first = next((hop for hop in case.hops if hop.packet and hop.direction is Direction.REQUEST), None)
    source = case.intent.source
    if first is None or first.packet is None or source is None:
        return None
    for hop in case.hops:
        at, packet = PointName.parse(hop.point), hop.packet
        host = case.before(at.host)
        outer = at.container is None and (at.host != source.host or source.container is not None)
        if not hop.seen or packet is None or hop.direction is Direction.REPLY or host is None or not outer:
            continue
        link = host.own.link(at.interface)
        uplink = link is not None and not link.is_bridge and not link.master and not link.loopback
        way = route_lookup(host.own, packet.dst.address)
        if uplink and way is not None and way.dev == at.interface and not _local(host, packet.src.address):
            return (
                _Leak(host=host, hop=hop, source=packet.src, out_if=at.interface)
                if packet.src == first.packet.src
                else None
            )
    return None


def _local(host: Host, address: str) -> bool:
    return host.own.link_with(address) is not None


def _way_back(case: Case, leak: _Leak) -> bool:
    """Whether the dialled host knows the way back: then nothing need be translated."""
    far = case.dialled_host
    hop = route_lookup(far.own, leak.source.address) if far is not None else None
    return far is not None and hop is not None and not hop.local and hop.dev not in docker_bridges(far)


def _source_rules(case: Case, host: Host) -> Iterator[Rule]:
    for ruleset in case.rulesets(host):
        for chain in ruleset.tables.get("nat", {}).values():
            if "POSTROUTING" in entries(ruleset, "nat", chain.name):
                yield from (rule for rule in chain.rules if rule.target in SOURCE_NAT)


def _nearest(case: Case, leak: _Leak) -> _Near | None:
    """The source NAT rule of which just one condition failed."""
    packet = PacketTuple(
        src=leak.source.address, dst=leak.hop.packet.dst.address if leak.hop.packet else None, proto=case.transport,
        sport=leak.source.port, dport=leak.hop.packet.dst.port if leak.hop.packet else None, out_if=leak.out_if,
    )  # fmt: skip
    for rule in _source_rules(case, leak.host):
        failed = [each for each in rule.conditions if each.holds(packet) is False and not _is_mark(each)]
        marks = [each for each in rule.conditions if _is_mark(each)]
        if len(failed) + len(marks) == 1 and not _anothers(leak.host, rule, [*failed, *marks][0]):
            return _Near(ref=rule.ref, failed=_failed([*failed, *marks][0]))
    return _nearest_of_nft(leak.host, packet)


def _nearest_of_nft(host: Host, packet: PacketTuple) -> _Near | None:
    found = nft_source.nearest(host.nft, packet) if host.nft is not None else None
    if found is None or host.engine.owns(found[0].ref):
        return None
    words = nft_source.words(found[1])
    if any(subnet in words for network in host.networks or () for subnet in network.subnets):
        return None  # meant for another network
    what = "the packet does not have the mark" if nft_source.is_mark(found[1]) else "the packet is not one"
    return _Near(ref=found[0].ref, failed=f"{what} that it asks for ({words})")


def _is_mark(condition: Condition) -> bool:
    return condition.field.value in _MARKS


def _anothers(host: Host, rule: Rule, failed: Condition) -> bool:
    """Whether a rule is meant for another network: an engine's of that network, or a program's own."""
    if _is_mark(failed):
        return False
    if failed.field not in _LOOKED_AT or failed.field is Field.DST:
        return True
    subnets = {subnet for network in host.networks or () for subnet in network.subnets}
    theirs = any(owner.chains.match(rule.chain) for owner in OWNERS)
    return failed.field is Field.SRC and (theirs or failed.value in subnets or failed.value.endswith(("/32", "/128")))


def _failed(condition: Condition) -> str:
    no = "not " if condition.negated else ""
    if _is_mark(condition):
        return f"the packet does not have the mark {condition.value} that it asks for"
    what = {Field.SRC: "its subnet", Field.IN: "its incoming interface", Field.OUT: "its outgoing interface"}
    return (
        f"{what.get(condition.field, condition.field.value)} ({condition.field.value} {no}{condition.value}) is another"
    )


def _spoiler(case: Case, leak: _Leak) -> RuleRef | None:
    """The one rule without which the request would be translated there: it clears the mark, or lets it pass before."""
    place = Place(host=leak.host.name)
    found = []
    for rule in list(_suspects(case, leak.host))[:_MOST]:
        told = case.without(place, rule)
        if told is not None and _translated(host=leak.host, told=told):
            found.append(rule)
    return found[0] if len(found) == 1 else None


def _translated(host: Host, told: Prediction) -> bool:
    """Whether a walk gets another source on that host."""
    return any(not each.of_destination and each.place == Place(host=host.name) for each in translations(told))


def _suspects(case: Case, host: Host) -> Iterator[RuleRef]:
    for ruleset in case.rulesets(host):
        for rule in ruleset.rules():
            if rule.target in _SPOILS or (
                rule.table == "nat" and rule.target in _PASSES and _at_the_end(ruleset, rule)
            ):
                yield rule.ref
    if host.nft is not None:
        passing = {each.ref for each in nft_source.at_the_end(host.nft) if each.verdict.upper() in _PASSES}
        yield from (each.ref for each in host.nft.rules() if each.ref in passing or nft_source.sets_mark(each))


def _at_the_end(ruleset: Ruleset, rule: Rule) -> bool:
    return "POSTROUTING" in entries(ruleset, "nat", rule.chain)


def _does(rule: RuleRef) -> str:
    return "lets it pass before" if rule.verdict.upper() in _PASSES else "clears the mark before"


def _remedies(case: Case, leak: _Leak, near: _Near | None, spoiler: RuleRef | None) -> tuple[Remedy, ...]:
    """The network's own masquerade rule, before all others; then what a person mends."""
    host, address = leak.host, leak.source.address
    program = "ip6tables" if case.is_v6 else "iptables"
    subnets = [subnet for network in host.networks or () for subnet in network.subnets if covers(subnet, address)]
    links = [each.prefix for link in host.own.links or () for each in link.addresses if covers(each.prefix, address)]
    subnet = (*subnets, *links, address)[0]
    argv = (program, "-t", "nat", "-I", "POSTROUTING", "-s", subnet, "-o", leak.out_if, "-j", "MASQUERADE")
    said = f"all of {subnet} leaves by {leak.out_if} with the host's address; {IN_FIREWALL}"
    mend = f"or mend {near.ref}: {near.failed}" if near else "or narrow that rule"
    blame = f"; {spoiler} {_does(spoiler)}: {spoiler.text}" if spoiler is not None else ""
    return (run(host.name, *argv, advice=said), advise(host.name, f"{mend}{blame}"))
