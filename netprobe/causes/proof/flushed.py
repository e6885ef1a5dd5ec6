"""Whether the engine's firewall rules are gone from a host, whoever took them: all of nat's, all of filter's, or those of one network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netprobe.model.rule import Program

if TYPE_CHECKING:
    from netprobe.model.rule import RuleRef
    from netprobe.state.model import Host

_NO_MATCH = re.compile(r'-A \S+( -m comment --comment ("[^"]*"|\S+))? -j \S+( .*)?')
_NO_MATCH_NFT = re.compile(r'(counter( packets \d+ bytes \d+)? )?(log( .*)? )?(drop|reject( with .*)?)( comment ".*")?')


def stands_for_all(rule: RuleRef) -> bool:
    """Whether it is a policy, or a rule without a match: what ends all that no rule before it accepted."""
    form = _NO_MATCH_NFT if rule.program is Program.NFT else _NO_MATCH
    return rule.policy or form.fullmatch(rule.text) is not None


def _bridged(host: Host) -> bool:
    """Whether the engine has containers on bridge networks, for which it writes rules."""
    networks = {network.name for network in host.networks or () if network.bridge}
    running = (each for each in host.containers or () if each.running)
    return not host.rootless and any(networks & set(each.networks) for each in running)


def no_translation(host: Host) -> bool:
    """Whether nothing in nat of either iptables leads to the engine's chain; where its rules are nftables', none of its base chains of nat."""
    if host.in_nftables:
        return host.nft is not None and _bridged(host) and not host.engine.nft_in_use(host.nft)
    rulesets = [each for each in (host.ruleset, host.legacy) if each is not None]
    if host.ruleset is None or not _bridged(host) or _in_nftables(host):
        return False
    return not any(host.engine.uses_translation(each) for each in rulesets)


def no_filter(host: Host) -> bool:
    """Whether nothing in FORWARD leads to a chain of the engine's; where none shows that it wrote any, nothing in nat may be another's for its networks."""
    rulesets = [each for each in (host.ruleset, host.legacy) if each is not None]
    if host.ruleset is None or not _bridged(host) or _in_nftables(host):
        return False
    if not wrote(host) and any(each.table == "nat" for ruleset in rulesets for each in ruleset.rules()):
        return False
    return not any(host.engine.uses_filter(each) for each in rulesets)


def _in_nftables(host: Host) -> bool:
    unread = host.nft is None and host.asked("nft") and host.uses_nftables is None
    return unread or host.in_nftables


def wrote(host: Host) -> bool:
    """Whether a chain of the engine's is left that shows that it writes rules; with nftables it says so."""
    if host.in_nftables:
        return True
    rulesets = (host.ruleset, host.legacy, host.ruleset6, host.legacy6)
    return any(host.engine.translates(each) or host.engine.filters(each) for each in rulesets)


def lacks_bridge(host: Host, bridge: str) -> bool:
    """Whether the engine's chains are in use, and no rule at all names one of its bridges: an older state was loaded (iptables-restore)."""
    rulesets = [each for each in (host.ruleset, host.legacy) if each is not None]
    if host.ruleset is None or not bridge or host.rootless or _in_nftables(host) or no_filter(host):
        return False
    if not any(host.engine.uses_filter(each) for each in rulesets):
        return False
    named = {word for ruleset in rulesets for rule in ruleset.rules() for word in rule.text.split()}
    return bridge not in named and any(each.bridge in named for each in host.networks or () if each.bridge)
