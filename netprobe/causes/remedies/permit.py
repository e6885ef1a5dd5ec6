"""The rule that accepts one connection, before the rule or policy that stops it: what matches the packet as it is there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netprobe.causes.proof.hooks import FORWARDED, base_of, before_conntrack, last_hop
from netprobe.causes.proof.translations import translations
from netprobe.model.endpoint import UNCHOSEN, Endpoint
from netprobe.model.hop import Direction
from netprobe.model.rule import Hook, Program
from netprobe.state.address import is_loopback

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.model.remedy import Argv
    from netprobe.model.rule import RuleRef

_BY_SOURCE = re.compile(r"--match-set \S+ src|--src-range|(?<!\S)-s |saddr")


def permit(
    case: Case, place: Place, rule: RuleRef, *, hook: Hook | None, reply: bool = False, to: Endpoint | None = None
) -> Argv:
    """The argv that accepts the connection before a rule or policy, in its own table; empty where nothing tells what to accept."""
    nft = rule.program is Program.NFT
    packet = _packet(case, place, rule, hook, reply=reply, to=to) if hook else ()
    if hook is None or not packet:
        return ()
    if nft:
        return ("nft", "insert", "rule", rule.family, rule.table, rule.chain, *packet, "accept")
    named = () if rule.table == "filter" else ("-t", rule.table)
    if hook is Hook.USER:  # the engine's own rules go on to decide
        return (rule.program, *named, "-I", case.engine_at(place.host).user_chain, *packet, "-j", "RETURN")
    return (rule.program, *named, "-I", base_of(hook, rule.table), *packet, "-j", "ACCEPT")


def destination_met(case: Case, place: Place, rule: RuleRef, hook: Hook) -> Endpoint | None:
    """The destination that rules see there: behind DNAT, where it is forwarded, or filtered on its way out of its own host."""
    probe = case.probe
    if probe is None or not probe.dialled:
        return None
    led = _led_to(case, place, rule, hook)
    if led is not None:
        return led
    inside = place.container is not None and place == case.intent.target
    if probe.target_address and (inside or _is_translated(case, place.host, rule, hook)):
        return Endpoint(probe.target_address, probe.target_port)
    return Endpoint(probe.dialled, probe.dialled_port)


def _led_to(case: Case, place: Place, rule: RuleRef, hook: Hook) -> Endpoint | None:
    """Where the walk has the request translated to before it meets the rule, by whoever's rule; None where it knows of no translation there."""
    told = case.prediction
    first = told.obstacles[0] if told is not None and told.obstacles else None
    met = first is not None and (first.rule, first.place) == (rule, place)
    if told is None or not (met or hook in FORWARDED):
        return None
    found = [each.to for each in translations(told) if each.of_destination and each.place == place]
    to = Endpoint.parse(found[-1]) if found else None
    port = case.probe.dialled_port if case.probe else None
    return (
        None
        if to is None or UNCHOSEN in {to.port, port}
        else Endpoint(to.address, port if to.port is None else to.port)
    )


def _is_translated(case: Case, host: str, rule: RuleRef, hook: Hook) -> bool:
    """Whether the packet meets the rule behind DNAT: forwarded, or in filter OUTPUT (nat comes before it) where a rule translates there."""
    if case.publication is None or case.publication[0].name != host or case.dialled is None:
        return False
    if hook in FORWARDED:
        return True
    at, container, published = case.publication
    sent = hook is Hook.OUTPUT and rule.table == "filter" and not is_loopback(case.dialled[0])
    return sent and bool(case.dnat_rules(at, published, container))


def last_source(case: Case) -> str:
    """The address that the request last came from; ``""`` where it was not seen."""
    hop = last_hop(case)
    return hop.packet.src.address if hop and hop.packet and hop.direction is Direction.REQUEST else ""


def _packet(case: Case, place: Place, rule: RuleRef, hook: Hook, *, reply: bool, to: Endpoint | None) -> Argv:
    """What matches it there: its destination and port, and its source where the rule chose by that; an answer by its connection."""
    nft, to = rule.program is Program.NFT, to or destination_met(case, place, rule, hook)
    if to is None:
        return ()
    if reply and before_conntrack(case, place, rule):
        return _from(case, _answers_from(case), nft=nft)
    if reply:
        known = "ct state established,related" if nft else "-m conntrack --ctstate RELATED,ESTABLISHED"
        return tuple(known.split())
    ping = "ipv6-icmp" if to.is_v6 else "icmp"
    source = last_source(case) if _BY_SOURCE.search(rule.text) else ""
    if nft:
        version = "ip6" if to.is_v6 else "ip"
        by: Argv = (version, "saddr", source) if source else ()
        what: Argv = (case.transport, "dport", str(to.port)) if to.port is not None else ("meta", "l4proto", ping)
        return (*by, version, "daddr", to.address, *what)
    by = ("-s", source) if source else ()
    last = ("-p", case.transport, "--dport", str(to.port)) if to.port is not None else ("-p", ping)
    return (*by, "-d", to.address, *last)


def _answers_from(case: Case) -> Endpoint | None:
    """Which end an answer has where it was seen last; where none was, the one that was dialled."""
    hop = last_hop(case)
    if hop is not None and hop.packet is not None and hop.direction is Direction.REPLY:
        return hop.packet.src
    probe = case.probe
    return Endpoint(probe.dialled, probe.dialled_port) if probe is not None and probe.dialled else None


def _from(case: Case, end: Endpoint | None, *, nft: bool) -> Argv:
    """What matches the packets of one end."""
    if end is None:
        return ()
    ping = "ipv6-icmp" if end.is_v6 else "icmp"
    if nft:
        what: Argv = (case.transport, "sport", str(end.port)) if end.port is not None else ("meta", "l4proto", ping)
        return ("ip6" if end.is_v6 else "ip", "saddr", end.address, *what)
    last = ("-p", case.transport, "--sport", str(end.port)) if end.port is not None else ("-p", ping)
    return ("-s", end.address, *last)
