"""What undoes the one thing that is wrong on a host: a rule, a setting, a route. Each step says what else it opens, and how long it holds.

A rule of an administrator's own is deleted; what the engine or another program keeps is left alone, and the one connection is permitted before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.proof.hooks import FORWARDED, base_of
from netprobe.model.remedy import Remedy, run
from netprobe.model.rule import Hook, Program
from netprobe.state.engine import role_of
from netprobe.state.engine.base import ChainRole

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.model.remedy import Argv
    from netprobe.model.rule import RuleRef

UNTIL_REBOOT = "this holds until the next reboot"
IN_SYSCTL = f"{UNTIL_REBOOT}; for good: the same in a file of /etc/sysctl.d"
IN_NETWORK = f"{UNTIL_REBOOT}; for good: in the host's network configuration"
IN_FIREWALL = (
    f"{UNTIL_REBOOT}, or until the firewall loads its rules again; for good: in the firewall's own configuration"
)

_AT_A_DEVICE = frozenset({Hook.INGRESS, Hook.EGRESS})  # netdev chains: no connection is known there
_BUILT_IN = frozenset({"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"})
_PROGRAMS_TABLES = (
    "firewalld",
    "f2b-table",
    "crowdsec",
    "ufw",
)  # nftables tables that a program writes again


def inside(case: Case, place: Place | None, command: Argv) -> Argv:
    """The command as it is run on the place's host: in a container's namespace by nsenter, which needs nothing in the container."""
    host = case.before(place.host) if place else None
    container = host.container(place.container) if host and place and place.container else None
    return command if container is None else ("nsenter", "-t", str(container.pid), "-n", *command)


def in_place(case: Case, place: Place, *commands: Argv) -> Remedy:
    """Routes or neighbour entries, in whichever namespace they are wrong."""
    lasting = IN_NETWORK if place.container is None else f"this holds until {place.container} starts again"
    return Remedy(host=place.host, commands=tuple(inside(case, place, each) for each in commands), advice=lasting)


def setting(host: str, argv: Argv) -> Remedy:
    """A kernel setting."""
    return run(host, *argv, advice=IN_SYSCTL)


def without_rule(
    case: Case, place: Place, rule: RuleRef, undo: Argv, *, hook: Hook | None, reply: bool = False
) -> Remedy:
    """Past a rule or policy that stops the packet: without it, where it is an administrator's own; else by an ACCEPT before it.

    Args:
        case: for what is to be let through.
        place: in whose namespace it stands.
        rule: which.
        undo: what takes it away.
        hook: where it stands in the packet's way, None where that is not known.
        reply: the answer is stopped, not the request.
    """
    lasting = IN_FIREWALL if place.container is None else f"this holds until {place.container} starts again"
    accept = (
        () if _is_administrators(case, place.host, rule) else permit(case, place.host, rule, hook=hook, reply=reply)
    )
    if accept:
        opened = (
            "the way back to every connection that was let in"
            if reply
            else f"{what_is_opened(case)}, to everybody who gets there"
        )
        back = () if reply or not rule.policy or hook not in FORWARDED else (_back(accept),)
        commands = tuple(inside(case, place, each) for each in (accept, *back))
        return Remedy(host=place.host, commands=commands, advice=f"this opens {opened}; {lasting}")
    opens = "this opens all that the rule stopped, not this connection alone"
    return run(place.host, *inside(case, place, undo), advice=f"{opens}; {lasting}")


def _back(accept: Argv) -> Argv:
    """The same for the answers, which a policy stops as well: by conntrack's state, from where the request was let in to."""
    turned = {"-d": "-s", "--dport": "--sport", "daddr": "saddr", "dport": "sport"}
    words = tuple(turned.get(word, word) for word in accept)
    if words[0] == "nft":
        return (*words[:-1], "ct", "state", "established,related", "accept")
    return (*words[:-2], "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", *words[-2:])


def _is_administrators(case: Case, host: str, rule: RuleRef) -> bool:
    """Whether a rule is an administrator's: in a chain that nobody else fills; a policy is not, it stands for all that no rule accepts."""
    engine = case.engine_at(host)
    if rule.policy or engine.owns(rule):
        return False
    if rule.program is Program.NFT:
        return not rule.table.startswith((engine.nft_table, *_PROGRAMS_TABLES))
    return rule.chain in _BUILT_IN or role_of(rule.chain) is ChainRole.USER


def permit(case: Case, host: str, rule: RuleRef, *, hook: Hook | None, reply: bool = False) -> Argv:
    """The argv that accepts the connection before a rule or policy, in its own table; empty where nothing tells what to accept."""
    nft = rule.program is Program.NFT
    packet = _packet(case, host, hook, nft=nft, reply=reply) if hook else ()
    if hook is None or not packet:
        return ()
    if nft:
        return ("nft", "insert", "rule", rule.family, rule.table, rule.chain, *packet, "accept")
    named = () if rule.table == "filter" else ("-t", rule.table)
    return (rule.program, *named, "-I", base_of(hook, rule.table), *packet, "-j", "ACCEPT")


def _packet(case: Case, host: str, hook: Hook, *, nft: bool, reply: bool) -> Argv:
    """What matches it there: its destination (behind DNAT, where it is forwarded) and port; an answer by the connection that it belongs to."""
    probe = case.probe
    if probe is None or not probe.dialled or hook in _AT_A_DEVICE:
        return ()
    if reply:
        return (
            ("ct", "state", "established,related") if nft else ("-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED")
        )
    address, port = probe.dialled, probe.dialled_port
    inside = case.publication is not None and case.publication[0].name == host and hook in FORWARDED
    if inside and probe.target_address:
        address, port = probe.target_address, probe.target_port
    six = ":" in address
    if nft:
        to: Argv = ("ip6" if six else "ip", "daddr", address)
        return (
            *to,
            *(
                (case.transport, "dport", str(port))
                if port is not None
                else ("meta", "l4proto", "ipv6-icmp" if six else "icmp")
            ),
        )
    last = ("-p", case.transport, "--dport", str(port)) if port is not None else ("-p", "ipv6-icmp" if six else "icmp")
    return ("-d", address, *last)


def what_is_opened(case: Case) -> str:
    """``port 80/tcp of demo``, for sentences."""
    port = case.probe.dialled_port if case.probe else None
    whom = case.target.name if case.target else (case.probe.dialled if case.probe else "") or "it"
    return f"port {port}/{case.transport} of {whom}" if port is not None else f"{whom} to ping"
