"""firewalld: a port or a rich rule of the zone by which a packet comes; its bridges' zone, which the engine asks for.

Source: firewall-cmd(1), firewalld.richlanguage(5) (priorities), firewalld src/firewall/core/nftables.py and ipXtables.py (chains, flush at a
reload); moby libnetwork/iptables/firewalld.go (the zone ``docker``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netprobe.causes.owners.opening import KEPT
from netprobe.model.remedy import Remedy, advise, run
from netprobe.model.rule import Hook, Program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.owners.opening import Opening

_ZONE = re.compile(r"(?:filter_)?IN_(?!policy_)(\w+?)(?:_(pre|log|deny|allow|post))?")
_LASTING = "this holds until firewalld loads its rules again; for good: the same with --permanent besides"
_BESIDE_ZONES = {  # words of its rules that no zone's setting passes
    "invalid": "conntrack takes it for invalid; find out why (a way back past this host, a segment outside the window)",
    "fib saddr": "its source has no way back by the interface that it came by; give the bridge an address of that subnet, or set IPv6_rpfilter=no in /etc/firewalld/firewalld.conf",
}
_FIRST = -32768  # the least priority of a rich rule


def by_firewalld(opening: Opening) -> Remedy:
    """The port in the zone by which it comes; for a container's way out the engine, which tells firewalld of its bridges; else what to look at."""
    beside = next((said for sign, said in _BESIDE_ZONES.items() if sign in opening.rule.text.lower()), "")
    if beside:
        return advise(opening.host.name, f"firewalld drops it whatever its zones accept: {beside}")
    zone, part = _zone(opening) if opening.hook is Hook.INPUT and opening.to.port is not None else ("", "")
    if zone:
        return _in_zone(opening, zone, part)
    bridge, theirs = _bridge(opening), opening.host.engine.firewalld_zone
    if bridge and theirs and f"filter_FWD_{theirs}" in _chains(opening):
        return _moved(opening, bridge, theirs)
    if bridge and theirs and not any(device == bridge for device, _ in _dispatch(opening)):
        return _told_by_engine(opening, bridge)
    look = f"firewall-cmd --get-zone-of-interface={opening.device or 'INTERFACE'} tells the zone"
    let = f"let its zone or policy accept {opening.whom}"
    return advise(
        opening.host.name, f"firewalld keeps that rule, and nobody else is to edit its tables: {let} ({look})"
    )


def _in_zone(opening: Opening, zone: str, part: str) -> Remedy:
    """A port; where a rule of the zone denies it, or one network alone is to come in, a rich rule, which may stand before all others."""
    host, port = opening.host.name, opening.to.port
    before = {"deny": -1, "log": -1, "pre": _FIRST}.get(part, 0)
    sender = opening.sender
    source = opening.network if opening.via else sender
    if not before and not source:
        argv = ("firewall-cmd", f"--zone={zone}", f"--add-port={port}/{opening.transport}")
        opens = f"this opens port {port}/{opening.transport} of {host} to all of zone {zone}"
        return run(host, *argv, advice=f"{opens}; {_LASTING}")
    family = "ipv6" if opening.to.is_v6 else "ipv4"
    words = [f'priority="{before}"'] if before else []
    words += [f'family="{family}"', *([f'source address="{source}"'] if source else [])]
    rule = f'rule {" ".join(words)} port port="{port}" protocol="{opening.transport}" accept'
    opens = f"this opens port {port}/{opening.transport} of {host} to {source or f'all of zone {zone}'}"
    return run(host, "firewall-cmd", f"--zone={zone}", f"--add-rich-rule={rule}", advice=f"{opens}; {_LASTING}")


def _bridge(opening: Opening) -> str:
    """The engine's bridge by which it came on its way through the host; ``""`` where it came by another interface."""
    bridges = {each.bridge for each in opening.host.networks or () if each.bridge}
    return opening.device if opening.hook is Hook.FORWARD and opening.device in bridges else ""


def _chains(opening: Opening) -> set[str]:
    """The chains of firewalld's table; those of iptables by the names that the same would have in nftables."""
    if opening.rule.program is Program.NFT:
        return {each.ref.chain for each in (opening.host.nft.chains if opening.host.nft else ())}
    rulesets = (opening.host.ruleset, opening.host.ruleset6)
    return {f"filter_{each.ref.chain}" for ruleset in rulesets if ruleset for each in ruleset.chains()}


def _moved(opening: Opening, bridge: str, zone: str) -> Remedy:
    """Back into the engine's own zone."""
    argv = ("firewall-cmd", f"--zone={zone}", f"--change-interface={bridge}")
    opens = f"this lets all behind {bridge} out, to {opening.host.name} and to all that it forwards to, as the engine has it"
    return run(opening.host.name, *argv, advice=f"{opens}; {_LASTING}")


def _told_by_engine(opening: Opening, bridge: str) -> Remedy:
    """Docker asks firewalld, where that runs when it starts, for a zone of its own that accepts, with its bridges in it."""
    steps = opening.host.engine.remedies.restart_engine(opening.host.name, opening.host.containers or ())
    commands = tuple(argv for step in steps for argv in step.commands)
    why = f"firewalld has {bridge} in no zone, as the engine was started before it: the engine puts its bridges into one that accepts all they send"
    said = "; ".join(step.advice for step in steps)
    return Remedy(host=opening.host.name, commands=commands, advice=f"{why}; {said}; {KEPT}")


def _zone(opening: Opening) -> tuple[str, str]:
    """The zone whose rule it is, or of the interface, by the chain that the packet is sent to, and in which part of it the rule stands.

    ``("", "")`` where sources decide as well.
    """
    own = _ZONE.fullmatch(opening.rule.chain)
    if own is not None:
        return own[1], own[2] or ""
    if opening.rule.chain not in {"INPUT", "filter_INPUT"} or not opening.device:
        return "", ""
    for device, target in _dispatch(opening):
        found = _ZONE.fullmatch(target)
        if found is None:
            return "", ""
        if device in {"", opening.device}:
            return found[1], ""
    return "", ""


def _dispatch(opening: Opening) -> Iterator[tuple[str, str]]:
    """Interface (``""`` any) and target of each rule that chooses a zone for what comes in (or is forwarded); ``("", "")`` for one not understood."""
    nft = opening.host.nft if opening.rule.program is Program.NFT else None
    hook = "FORWARD" if opening.hook is Hook.FORWARD else "INPUT"
    for rule in nft.rules() if nft else ():
        if rule.table == opening.rule.table and rule.chain == f"filter_{hook}_ZONES":
            found = re.fullmatch(r'(?:iifname "?([^\s"*]+)"? )?goto (\S+)', rule.text)
            yield (found[1] or "", found[2]) if found else ("", "")
    for ruleset in (opening.host.ruleset, opening.host.ruleset6, opening.host.legacy) if nft is None else ():
        for each in ruleset.rules() if ruleset else ():
            if each.program is opening.rule.program and each.chain in {f"{hook}_ZONES", f"{hook}_IN_ZONES"}:
                found = re.fullmatch(r"-A \S+_ZONES (?:-i ([^\s+]+) )?-g (\S+)", each.text)
                yield (found[1] or "", found[2]) if found else ("", "")
