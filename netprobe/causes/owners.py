"""Programs that keep firewall rules of their own: how each is told by its chains and tables, and how it lets one connection through.

What they own is never deleted or edited by hand: they write it again. ufw, firewalld, fail2ban and crowdsec have a command for it; before the
rules of others the connection is accepted for the time being, and the report says whose rules they are.

Source: ufw(8); firewall-cmd(1), firewalld src/firewall/core/nftables.py and ipXtables.py (chain names); fail2ban-client(1), fail2ban
config/action.d/iptables.conf and nftables.conf; cscli decisions delete; kube-proxy pkg/proxy/iptables; tailscale util/linuxfw; libvirt
src/network/network_iptables.c.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.model.remedy import Remedy, advise, run
from netprobe.model.rule import Hook, Program
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.model.endpoint import Endpoint
    from netprobe.model.rule import RuleRef
    from netprobe.state.model import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What an owner is asked to let through.

    Attributes:
        host: where.
        rule: what stops it. hook: where that stands.
        transport: ``tcp``, ``udp``, ``icmp``.
        to: the destination as rules see it there; source: from where, ``""`` not known.
        device: the interface by which it came, ``""`` not known.
        via: the interface by which alone it is let in, ``""`` any.
        whom: ``port 80/tcp of demo``.
    """

    host: Host
    rule: RuleRef
    hook: Hook
    transport: str
    to: Endpoint
    source: str
    device: str
    via: str
    whom: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A program.

    Attributes:
        name: as its users call it.
        chains: its chains of iptables. tables: its tables of nftables.
        lasting: how long an ACCEPT before its rules holds, and where it is kept for good.
        permitted: its own way to let a connection through; None where none surely fits.
        closed: its tables of nftables may be its own alone (``owner`` flag): then nobody else's rule goes in.
    """

    name: str
    chains: re.Pattern[str]
    tables: re.Pattern[str]
    lasting: str
    permitted: Callable[[Opening], Remedy | None]
    closed: bool = False


def owner_of(case: Case, place: Place, rule: RuleRef) -> Owner | None:
    """Whose rule it is (a policy: whose chains it ends); None for an administrator's, an engine's, and inside containers."""
    host = case.before(place.host)
    if host is None or place.container is not None:
        return None
    if rule.program is Program.NFT:
        return next((each for each in OWNERS if each.tables.match(rule.table)), None)
    found = next((each for each in OWNERS if each.chains.match(rule.chain)), None)
    if found is not None:
        return found
    jumps = set(_jumps(host, rule))
    if rule.policy and any(UFW.chains.match(each) for each in jumps):
        return UFW
    last = rule.text.endswith(_FIREWALLD_ENDS) and any(_ZONES.fullmatch(each) for each in jumps)
    return FIREWALLD if last else None


def _jumps(host: Host, rule: RuleRef) -> Iterator[str]:
    """Where the rules of its chain jump to."""
    for ruleset in (host.ruleset, host.legacy, host.ruleset6, host.legacy6):
        for each in ruleset.rules() if ruleset else ():
            if (each.program, each.table, each.chain) == (rule.program, rule.table, rule.chain):
                yield each.target


_FIREWALLD_ENDS = (
    "-j REJECT --reject-with icmp-host-prohibited",
    "-j REJECT --reject-with icmp6-adm-prohibited",
    "-m conntrack --ctstate INVALID -j DROP",
)
_ZONES = re.compile(r"(INPUT|FORWARD_IN|FORWARD_OUT|FORWARD)_(ZONES|POLICIES)(_SOURCE|_pre|_post)?")
_ZONE = re.compile(r"(?:filter_)?IN_(\w+?)")
_UFW_FIRST = re.compile(r"ufw6?-(before|not-local|track|logging-allow)")  # before a user's rules


def _by_ufw(opening: Opening) -> Remedy | None:
    """``ufw prepend allow``, before a user's own deny; ufw knows no ICMP, and what /etc/ufw/before.rules drops comes before its rules."""
    way = {Hook.INPUT: (), Hook.OUTPUT: (), Hook.FORWARD: ("route",), Hook.USER: ("route",)}.get(opening.hook)
    asked = opening.hook is not Hook.USER or any(each.startswith("ufw-user-forward") for each in _chains_asked(opening))
    if way is None or not asked or opening.to.port is None or _UFW_FIRST.match(opening.rule.chain):
        return None
    side: tuple[str, ...] = ("out",) if opening.hook is Hook.OUTPUT else ()
    side = ("in", "on", opening.via) if opening.via else side
    to, port = opening.to
    argv = (
        "ufw",
        *way,
        "prepend",
        "allow",
        *side,
        "proto",
        opening.transport,
        "from",
        "any",
        "to",
        to,
        "port",
        str(port),
    )
    whom = f"all behind {opening.via}" if opening.via else "everybody who gets there"
    return run(opening.host.name, *argv, advice=f"this opens {opening.whom}, to {whom}; {_KEPT}")


def _chains_asked(opening: Opening) -> Iterator[str]:
    """Where DOCKER-USER jumps to (ufw-docker has it ask ufw's rules)."""
    user = opening.host.engine.user_chain
    for ruleset in (opening.host.ruleset, opening.host.legacy, opening.host.ruleset6, opening.host.legacy6):
        yield from (each.target for each in ruleset.rules() if each.chain == user) if ruleset else ()


_KEPT = "it stays so after a reboot"


def _by_firewalld(opening: Opening) -> Remedy:
    """A port of the zone that the packet comes by, where the rules tell which; else what to look at: its table may be closed to others."""
    host, port = opening.host.name, opening.to.port
    zone = _zone(opening) if opening.hook is Hook.INPUT and port is not None else ""
    if not zone:
        look = f"firewall-cmd --get-zone-of-interface={opening.device or 'INTERFACE'} tells the zone"
        let = f"let its zone or policy accept {opening.whom}"
        return advise(host, f"firewalld keeps that rule, and nobody else is to edit its tables: {let} ({look})")
    argv = ("firewall-cmd", f"--zone={zone}", f"--add-port={port}/{opening.transport}")
    opens = f"this opens port {port}/{opening.transport} of {host} to all of zone {zone}"
    return run(
        host,
        *argv,
        advice=f"{opens}; this holds until firewalld loads its rules again; for good: the same with --permanent",
    )


def _zone(opening: Opening) -> str:
    """The zone of the interface, by the chain that the packet is sent to; ``""`` where sources decide as well, or a zone itself denies."""
    if opening.rule.chain not in {"INPUT", "filter_INPUT"} or not opening.device:
        return ""
    for device, target in _dispatch(opening):
        found = _ZONE.fullmatch(target)
        if found is None:
            return ""
        if device in {"", opening.device}:
            return found[1]
    return ""


def _dispatch(opening: Opening) -> Iterator[tuple[str, str]]:
    """Interface (``""`` any) and target of each rule that chooses a zone for what comes in; ``("", "")`` for one that is not understood."""
    nft = opening.host.nft if opening.rule.program is Program.NFT else None
    for rule in nft.rules() if nft else ():
        if rule.table == opening.rule.table and rule.chain == "filter_INPUT_ZONES":
            found = re.fullmatch(r'(?:iifname "?([^\s"*]+)"? )?goto (\S+)', rule.text)
            yield (found[1] or "", found[2]) if found else ("", "")
    for ruleset in (opening.host.ruleset, opening.host.ruleset6, opening.host.legacy) if nft is None else ():
        for each in ruleset.rules() if ruleset else ():
            if each.program is opening.rule.program and each.chain.startswith("INPUT_ZONES"):
                found = re.fullmatch(r"-A INPUT_ZONES (?:-i ([^\s+]+) )?-g (\S+)", each.text)
                yield (found[1] or "", found[2]) if found else ("", "")


def _by_fail2ban(opening: Opening) -> Remedy | None:
    """A ban is lifted for this one address, in the jail that the chain or set is named for."""
    named = re.fullmatch(r"f2b-(\S+)", opening.rule.chain) if opening.rule.program is not Program.NFT else None
    named = named or re.search(r"@addr6?-set-(\S+)", opening.rule.text)
    if named is None or not opening.source or not _chosen_by_source(opening.rule):
        return None
    argv = ("fail2ban-client", "set", named[1], "unbanip", opening.source)
    why = f"first see why it was banned: fail2ban-client status {named[1]}; it may be banned again"
    return run(
        opening.host.name, *argv, advice=f"this lets {opening.source} in again, at all ports of that jail; {why}"
    )


def _by_crowdsec(opening: Opening) -> Remedy | None:
    """The decision about this one address is deleted."""
    if not opening.source or not _chosen_by_source(opening.rule):
        return None
    argv = ("cscli", "decisions", "delete", "--ip", opening.source)
    why = f"first see why: cscli decisions list --ip {opening.source}; it may be banned again"
    return run(opening.host.name, *argv, advice=f"this lets {opening.source} in again, at all ports; {why}")


def _chosen_by_source(rule: RuleRef) -> bool:
    return re.search(r"(?<!\S)-s \d|(?<!\S)-s [0-9a-f:]+|--match-set \S+ src|saddr", rule.text) is not None


def _no_command(opening: Opening) -> Remedy | None:  # noqa: ARG001 - the form of all
    """None surely fits."""
    return None


def _other(name: str, chains: str, tables: str, where: str) -> Owner:
    """A program whose rules follow from something else than a firewall's configuration."""
    lasting = f"those are {name}'s rules: this holds until the next reboot, or until {name} writes them again; for good: {where}"
    return Owner(
        name=name, chains=re.compile(chains), tables=re.compile(tables), lasting=lasting, permitted=_no_command
    )


def _own(name: str, chains: str, tables: str, lasting: str, permitted: Callable[[Opening], Remedy | None]) -> Owner:
    return Owner(
        name=name,
        chains=re.compile(chains),
        tables=re.compile(tables),
        permitted=permitted,
        lasting=f"those are {name}'s rules: this holds until the next reboot, or until {name} loads its rules again; for good: {lasting}",
    )


UFW = _own("ufw", r"ufw6?-", r"ufw$", "in /etc/ufw/before.rules (before6.rules)", _by_ufw)
FIREWALLD = replace(
    _own(
        "firewalld",
        r"(INPUT|FORWARD|FWD|IN|FWDI|FWDO|OUTPUT|PRE|POST)_([a-z]\w*|ZONES\w*|POLICIES\w*|IN_ZONES\w*|OUT_ZONES\w*|direct)$",
        r"firewalld(_policy_drop)?$",
        "in its zones and policies",
        _by_firewalld,
    ),
    closed=True,
)
OWNERS = (
    UFW,
    FIREWALLD,
    _own("fail2ban", r"f2b-", r"f2b-", "in the jail's ignoreip", _by_fail2ban),
    _own("crowdsec", r"(?i)crowdsec", r"(?i)crowdsec", "in an allowlist of crowdsec", _by_crowdsec),
    _other(
        "Kubernetes",
        r"KUBE-|FLANNEL-|cali-|CILIUM_",
        r"kube-proxy$|cilium",
        "in the cluster's services and network policies",
    ),
    _other("Tailscale", r"ts-", r"tailscale$", "in the tailnet's access rules"),
    _other("libvirt", r"LIBVIRT_", r"libvirt_network$", "in the definition of libvirt's network (forward mode)"),
)
"""The one table: first the programs with a command of their own."""
