"""Whether the packet came to a hook of a host: to FORWARD, to INPUT, or not into that host at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.causes.proof.hooks import FORWARDED, last_hop, packet_at
from netprobe.forward.traverse import traverse
from netprobe.model.hop import Direction
from netprobe.model.point import PointName
from netprobe.model.rule import Hook
from netprobe.state.iptables import hits
from netprobe.state.nft import nft_hits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.state.iptables import Ruleset
    from netprobe.state.model import Host
    from netprobe.state.packet import PacketTuple


def moments(case: Case, before: Host, after: Host) -> Iterator[tuple[Ruleset | None, Ruleset | None]]:
    """Each backend's rules for the dialled address's version, before and after."""
    return zip(before.backends(six=case.is_v6), after.backends(six=case.is_v6), strict=True)


def door_unwatched(case: Case, host: Host) -> bool:
    """Whether it may have come into another host than the last that saw it: the first interface there, by the state, was not sniffed."""
    if case.prediction is None:
        return False
    direction = Direction.REPLY if case.reply_lost else Direction.REQUEST
    passed = [PointName.parse(hop.point) for hop in case.prediction.hops if hop.direction is direction]
    sniffed = {point.name for point in case.points}
    last = max((number for number, each in enumerate(passed) if each.host == host.name), default=-1)
    door = next((each for each in passed[last + 1 :] if each.host != host.name), None)
    at = case.dialled_host or case.target_host
    there = next((each for each in passed if at is not None and each.host == at.name != host.name), None)
    return any(each is not None and str(each) not in sniffed for each in (door, there))


def seen_last_at(case: Case) -> str | None:
    """The host where the packet was last seen; None where it was not, or the point is not of the evidence."""
    hop = last_hop(case)
    point = next((each for each in case.points if hop is not None and each.name == hop.point), None)
    return point.host if point else None


def is_forwarded(case: Case, host: Host) -> bool:
    """Whether the packet can have come to FORWARD: a published port's only when its DNAT rule counted meanwhile."""
    if case.reply_lost:
        return True
    if was_routed(case, host):
        return False
    if case.publication is None or case.publication[0].name != host.name:
        elsewhere = case.dialled_host is None or case.dialled_host.name != host.name
        return elsewhere or _may_be_led_on(case, host)
    _, container, published = case.publication
    rules = case.dnat_rules(host, published, container)
    after = case.after(host.name)
    if rules is None or after is None or not case.rulesets(after):
        return True
    if host.in_nftables:
        met = {each.ref for each in rules}
        return any(each.rule.ref in met for each in nft_hits(host.nft, after.nft))
    texts = {rule.text for rule in rules}
    pairs = moments(case, host, after)
    return any(hit.rule is not None and hit.rule.text in texts for old, new in pairs for hit in hits(old, new))


def _may_be_led_on(case: Case, host: Host) -> bool:
    """Whether some rule may give what is for an address of the host's own another destination: static NAT by hand."""
    packet = replace(packet_at(case, host, Hook.PREROUTING), dst_type="LOCAL")
    walks = [traverse(each, "nat", "PREROUTING", packet) for each in case.rulesets(host)]
    if any(walk.verdict in {"DNAT", "NETMAP"} or walk.deciding or walk.given_up for walk in walks):
        return True
    return any("dnat" in each for rule in (host.nft.rules() if host.nft else ()) for each in rule.expressions)


def was_routed(case: Case, host: Host) -> bool:
    """Whether the packet was seen on this host behind its routing (a lower TTL): FORWARD lies behind it then."""
    ttls = [
        hop.packet.ttl
        for hop in case.hops
        if hop.seen
        and hop.packet
        and hop.direction is Direction.REQUEST
        and PointName.parse(hop.point).host == host.name
    ]
    known = [ttl for ttl in ttls if ttl is not None]
    return len(set(known)) > 1 and len(case.journey.legs if case.journey else ()) == 1


def is_translated(ruleset: Ruleset, packet: PacketTuple) -> bool:
    """Whether nat surely gives the packet another destination: then it does not come to INPUT.

    What comes in by lo was sent by the host itself: OUTPUT decided for it.
    """
    walk = traverse(ruleset, "nat", "OUTPUT" if packet.in_if == "lo" else "PREROUTING", packet)
    return walk.certain and walk.verdict == "DNAT"


def came_this_far(case: Case, host: Host, hook: Hook) -> bool:
    """Whether something else than the rule's own count shows that the packet came to FORWARD: its DNAT rule counted."""
    published = case.publication is not None and case.publication[0].name == host.name
    return hook in FORWARDED and published and not case.reply_lost
