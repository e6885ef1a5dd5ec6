"""Firewall rules that are kill switches: they stop what would leave by another interface than a tunnel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.model.rule import RuleRef
    from netprobe.state.links import Link

_BY_NO_OTHER = re.compile(r'! -o (\S+)|\boifname != "?([\w.+*-]+)"?|\boif != "?([\w.-]+)"?')
#: As the programs call them: wg-quick, OpenVPN, pppd, Tailscale, ZeroTier, NordVPN, Proton, Mullvad.
_TUNNELS = re.compile(r"(wg|tun|tap|ppp|ipsec|vpn|tailscale|zt|nordlynx|nordtun|proton|pvpn|mullvad)")


def tunnel_alone(case: Case, place: Place | None, rule: RuleRef) -> str:
    """The tunnel by which alone a rule lets packets out (``! -o wg0``, ``oifname != "wg0"``); ``""`` for all other rules.

    A tunnel resolves nothing (NOARP); one that is down is gone as a rule, and only its name tells.
    """
    found = _BY_NO_OTHER.search(rule.text)
    host = case.before(place.host) if place is not None else None
    if found is None or host is None or place is None:
        return ""
    name = next(filter(None, found.groups()))
    prefix = name.rstrip("+*")
    links = host.namespace(place.container).links
    there = [link for link in links or () if (link.name.startswith(prefix) if prefix != name else link.name == name)]
    return name if _is_tunnel(there, prefix, known=links is not None) else ""


def _is_tunnel(there: list[Link], name: str, *, known: bool) -> bool:
    if there:
        return all(not link.arp and not link.loopback for link in there)
    return known and _TUNNELS.match(name) is not None
