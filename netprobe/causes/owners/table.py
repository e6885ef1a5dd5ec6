"""Programs that keep firewall rules of their own, and how each is told by its chains, tables and sets.

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

from netprobe.causes.owners.bans import by_crowdsec, by_fail2ban
from netprobe.causes.owners.firewalld import by_firewalld
from netprobe.causes.owners.ufw import by_ufw
from netprobe.model.remedy import advise
from netprobe.model.rule import Hook, Program
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from netprobe.causes.case import Case
    from netprobe.causes.owners.opening import Opening
    from netprobe.evidence.model import Place
    from netprobe.model.remedy import Remedy
    from netprobe.model.rule import RuleRef
    from netprobe.state.model import Host


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
    """Whose rule it is (a policy: whose chains it ends; a set's: who fills it); None for an administrator's, an engine's, and inside containers."""
    host = case.before(place.host)
    if host is None or place.container is not None:
        return None
    if rule.program is Program.NFT:
        return next((each for each in OWNERS if each.tables.match(rule.table)), None)
    asked = _SET.search(rule.text)
    names = (asked[1], rule.chain) if asked else (rule.chain,)
    found = next((each for name in names for each in OWNERS if each.chains.match(name)), None)
    if found is not None:
        return found
    jumps = set(_jumps(host, rule))
    if rule.policy and any(UFW.chains.match(each) for each in jumps) and _ufw_is_on(host, rule):
        return UFW
    last = rule.text.endswith(_FIREWALLD_ENDS) and any(_ZONES.fullmatch(each) for each in jumps)
    return FIREWALLD if last else None


def _ufw_is_on(host: Host, rule: RuleRef) -> bool:
    """Whether ufw's rules are loaded: ``ufw disable`` leaves its first chains behind, empty, and a command would change its files alone."""
    rulesets = (each for each in (host.ruleset, host.legacy, host.ruleset6, host.legacy6) if each is not None)
    chains = (each.ref for ruleset in rulesets for each in ruleset.chains())
    return any(each.program is rule.program and _UFW_USER.match(each.chain) for each in chains)


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
_SET = re.compile(r"--match-set (\S+) src")
_UFW_USER = re.compile(r"ufw6?-user-(input|forward|output)$")


def _no_command(opening: Opening) -> Remedy | None:  # noqa: ARG001 - the form of all
    """None surely fits."""
    return None


def _by_kubernetes(opening: Opening) -> Remedy | None:
    """A service without endpoints is refused by its own rule: nobody would answer behind it. Source: kube-proxy pkg/proxy/iptables/proxier.go."""
    if "no endpoints" not in opening.rule.text and "no local endpoints" not in opening.rule.text:
        return None
    what = (
        f"{opening.to} is a service of Kubernetes that has no endpoints: kubectl get endpoints -A says which has none"
    )
    return advise(opening.host.name, f"{what}; start the pods behind it, or mend its selector; no rule is in the way")


def _by_mullvad(opening: Opening) -> Remedy | None:
    """Its table lets out by its tunnel alone. Source: mullvadvpn-app talpid-core/src/firewall/linux.rs; mullvad(1)."""
    if not opening.network and opening.hook is not Hook.OUTPUT:
        return None
    what = "bring the tunnel up (mullvad connect)"
    off = "where it is meant to stay down: mullvad lockdown-mode set off, or mullvad disconnect"
    return advise(
        opening.host.name, f"{what}; {off}; this is Mullvad's kill switch: past it this would leave unprotected"
    )


def _other(
    name: str, chains: str, tables: str, where: str, permitted: Callable[[Opening], Remedy | None] = _no_command
) -> Owner:
    """A program whose rules follow from something else than a firewall's configuration."""
    lasting = f"those are {name}'s rules: this holds until the next reboot, or until {name} writes them again; for good: {where}"
    return Owner(name=name, chains=re.compile(chains), tables=re.compile(tables), lasting=lasting, permitted=permitted)


def _own(name: str, chains: str, tables: str, lasting: str, permitted: Callable[[Opening], Remedy | None]) -> Owner:
    return Owner(
        name=name,
        chains=re.compile(chains),
        tables=re.compile(tables),
        permitted=permitted,
        lasting=f"those are {name}'s rules: this holds until the next reboot, or until {name} loads its rules again; for good: {lasting}",
    )


UFW = _own("ufw", r"ufw6?-", r"ufw$", "in /etc/ufw/before.rules (before6.rules)", by_ufw)
FIREWALLD = replace(
    _own(
        "firewalld",
        r"(INPUT|FORWARD|FWD|IN|FWDI|FWDO|OUTPUT|PRE|POST)_([a-z]\w*|ZONES\w*|POLICIES\w*|IN_ZONES\w*|OUT_ZONES\w*|direct)$",
        r"firewalld(_policy_drop)?$",
        "in its zones and policies",
        by_firewalld,
    ),
    closed=True,
)
OWNERS = (
    UFW,
    FIREWALLD,
    _own("fail2ban", r"f2b-", r"f2b-", "in the jail's ignoreip", by_fail2ban),
    _own("crowdsec", r"(?i)crowdsec", r"(?i)crowdsec", "in an allowlist of crowdsec", by_crowdsec),
    _other(
        "Kubernetes",
        r"KUBE-|FLANNEL-|cali-|CILIUM_",
        r"kube-proxy$|cilium",
        "in the cluster's services and network policies",
        _by_kubernetes,
    ),
    _other("Mullvad", r"(?!)", r"mullvad$", "in its settings (lockdown mode, local network sharing)", _by_mullvad),
    _other("Tailscale", r"ts-", r"tailscale$", "in the tailnet's access rules"),
    _other("libvirt", r"LIBVIRT_", r"libvirt_network$", "in the definition of libvirt's network (forward mode)"),
)
"""The one table: first the programs with a command of their own."""
