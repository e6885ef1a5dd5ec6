"""Programs that ban addresses: fail2ban and crowdsec take one ban back.

Source: fail2ban-client(1), fail2ban config/action.d/ (iptables.conf, iptables-ipset.conf, nftables.conf: how chains and sets are named for the
jail); ``cscli decisions delete --help``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netprobe.model.remedy import Remedy, run
from netprobe.model.rule import Program

if TYPE_CHECKING:
    from netprobe.causes.owners.opening import Opening


def by_fail2ban(opening: Opening) -> Remedy | None:
    """A ban is lifted for this one address (or network), in the jail that the chain or set is named for."""
    rule = opening.rule
    named = re.fullmatch(r"f2b-(\S+)", rule.chain) if rule.program is not Program.NFT else None
    named = re.search(r"@addr6?-set-(\S+)|--match-set f2b-(\S+) src", rule.text) or named
    banned = opening.banned
    if named is None or not banned or not opening.by_source:
        return None
    jail = next(each for each in named.groups() if each)
    if "--match-set" in named[0] and opening.to.is_v6:
        jail = jail.removesuffix("6")  # as its set for IPv6 is called
    argv = ("fail2ban-client", "set", jail, "unbanip", banned)
    why = f"first see why it was banned: fail2ban-client status {jail}; after a reboot as well it is let in, until it is banned again"
    return run(opening.host.name, *argv, advice=f"this lets {banned} in again, at all ports of that jail; {why}")


def by_crowdsec(opening: Opening) -> Remedy | None:
    """The decisions about this one address are deleted; those about its network by the network."""
    banned = opening.banned
    if not banned or not opening.by_source:
        return None
    by = ("--range", banned) if "/" in banned else ("--ip", banned)
    argv = ("cscli", "decisions", "delete", *by)
    why = f"first see why: cscli decisions list {' '.join(by)}; after a reboot as well it is let in, until it is banned again"
    return run(opening.host.name, *argv, advice=f"this lets {banned} in again, at all ports; {why}")
