"""Firewall rules that are kill switches: they stop what would leave by another interface than a tunnel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netprobe.causes.proof.flushed import stands_for_all
from netprobe.model.rule import Program
from netprobe.state.address import covers

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.model.rule import RuleRef
    from netprobe.state.links import Link
    from netprobe.state.model import Host
    from netprobe.state.namespace import Namespace

_BY_NO_OTHER = re.compile(r'! -o (\S+)|\boifname != "?([\w.+*-]+)"?|\boif != "?([\w.-]+)"?')
#: As the programs call them: wg-quick, OpenVPN, pppd, Tailscale, ZeroTier, NordVPN, Proton, Mullvad.
_TUNNELS = re.compile(r"(wg|tun|tap|ppp|ipsec|vpn|tailscale|zt|nordlynx|nordtun|proton|pvpn|mullvad)")


#: All that leaves by one interface.
_WHOLE_DEVICE = re.compile(
    r'-A \S+ -o (\S+)(?: -m comment --comment .*)? -j ACCEPT|oif(?:name)? "?([\w.+*-]+)"?(?: counter.*)? accept'
)


def tunnel_alone(case: Case, place: Place | None, rule: RuleRef) -> str:
    """The tunnel by which alone a rule lets packets out (``! -o wg0``, ``oifname != "wg0"``); ``""`` for all other rules.

    A tunnel resolves nothing (NOARP); one that is down is gone as a rule, and only its name tells.
    """
    found = _BY_NO_OTHER.search(rule.text)
    host = case.before(place.host) if place is not None else None
    if host is None or place is None:
        return ""
    if found is None:
        return _lets_out_alone(case, place, host, rule)
    name = next(filter(None, found.groups()))
    return name if _names_tunnel(host.namespace(place.container), name) else ""


def _lets_out_alone(case: Case, place: Place, host: Host, rule: RuleRef) -> str:
    """The tunnel to which alone the rules before a policy or last rule let everything out, for what goes further than a network nearby; else ``""``."""
    here = host.namespace(place.container)
    if not stands_for_all(rule) or case.reply_lost or _is_near(case, place, here):
        return ""
    texts = _before(here, rule)
    found = [next(filter(None, each.groups())) for each in map(_WHOLE_DEVICE.fullmatch, texts) if each is not None]
    devices = [each for each in dict.fromkeys(found) if each != "lo"]
    return devices[0] if devices and all(_names_tunnel(here, each) for each in devices) else ""


def _is_near(case: Case, place: Place, here: Namespace) -> bool:
    """Whether what was dialled is on that host, or on a network that the namespace itself is on."""
    if place.container is None and case.target_host is not None and case.target_host.name == place.host:
        return case.target is not None or case.dialled_host is case.target_host
    dialled = case.probe.dialled if case.probe is not None else None
    links = (link for link in here.links or () if link.arp and not link.loopback)
    return dialled is None or any(covers(each.prefix, dialled) for link in links for each in link.addresses)


def _before(here: Namespace, rule: RuleRef) -> list[str]:
    """The texts of the rules of its chain; of those before it, where it is no policy."""
    if rule.program is Program.NFT:
        chains = here.nft.chains if here.nft is not None else ()
        found = next(
            (each for each in chains if (each.family, each.table, each.name) == (rule.family, rule.table, rule.chain)),
            None,
        )
        texts = [each.text for each in found.rules] if found is not None else []
    else:
        rulesets = (each for each in (here.ruleset, here.legacy, here.ruleset6, here.legacy6) if each is not None)
        mine = next((each for each in rulesets if each.program is rule.program), None)
        chain = mine.chain(rule.table, rule.chain) if mine is not None else None
        texts = [each.text for each in chain.rules] if chain is not None else []
    return texts[: texts.index(rule.text)] if rule.text in texts else texts


def _names_tunnel(here: Namespace, name: str) -> bool:
    prefix = name.rstrip("+*")
    links = here.links
    there = [link for link in links or () if (link.name.startswith(prefix) if prefix != name else link.name == name)]
    return _is_tunnel(there, prefix, known=links is not None)


def _is_tunnel(there: list[Link], name: str, *, known: bool) -> bool:
    if there:
        return all(not link.arp and not link.loopback for link in there)
    return known and _TUNNELS.match(name) is not None
