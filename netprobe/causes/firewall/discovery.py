"""A firewall that drops ARP or IPv6 neighbour discovery: what is for the neighbour is never sent. ARP's own is in :mod:`.arp`."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from netprobe.causes.base import NEIGH_FAILED, NETFILTER_DROP, Cause
from netprobe.causes.owners.table import owner_of
from netprobe.causes.proof.blocked import met_by, walked_into
from netprobe.causes.proof.discovery import asked_at, entry_after, in_vain, seen
from netprobe.causes.proof.hooks import base_of
from netprobe.causes.proof.obstacle import met, predicted, silent_points, whose
from netprobe.causes.remedies.past_rule import is_administrators
from netprobe.causes.remedies.steps import IN_FIREWALL, inside
from netprobe.forward.model import Barrier
from netprobe.model.remedy import Remedy, advise, run
from netprobe.model.report import Confidence, Finding, Where
from netprobe.model.rule import Hook, Program
from netprobe.paths.story import Symptom
from netprobe.state.address import covers

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Argv
    from netprobe.model.rule import RuleRef
    from netprobe.state.engine.model import Network
    from netprobe.state.model import Host

_TYPES = ("neighbour-solicitation", "neighbour-advertisement")
_NFT_TYPES = "{ nd-neighbor-solicit, nd-neighbor-advert }"
_ALONE = re.compile(r"icmpv6 type (==)? ?nd-neighbor-(solicit|advert)(?! *,)|--icmpv6-type (135|136|neighbou?r-)")
_ESTABLISHED = re.compile(r"(?i)\bestablished\b")
_REVERSE = re.compile(r"fib saddr|-m rpfilter")


class DiscoveryBlocked(Cause):
    """A rule drops the question for a neighbour's link address, or its answer; ``six``: of IPv6."""

    symptoms = frozenset({Symptom.NO_PACKETS, Symptom.SILENCE, Symptom.UNREACHABLE})
    barriers = frozenset({Barrier.DISCOVERY})
    drop_reasons = NETFILTER_DROP | NEIGH_FAILED
    six: ClassVar[bool]

    def find(self, case: Case) -> Finding | None:
        """Fires when the walk of a question or an answer ends at a rule, and the packets agree."""
        obstacle = met(case, Barrier.DISCOVERY)
        if obstacle is None or obstacle.asked is None or obstacle.rule is None or not agrees(case, obstacle):
            return None
        found = walked_into(case, obstacle)
        if found is None or not self.explains_obstacle(case, obstacle):
            return None
        asked = obstacle.asked
        return Finding(
            code=self.code,
            summary=(
                f"{found.rule} of {whose(found.place)} {found.does} the {obstacle.message} ({found.proof}): "
                f"{whose(asked.by)} does not learn the link address of {asked.address}, and sends it nothing"
            ),
            where=Where(host=found.host, component=found.rule.component, rule=found.text),
            evidence=tuple(
                filter(
                    None,
                    (
                        seen(case, asked),
                        found.evidence,
                        *met_by(found.rule),
                        entry_after(case, asked),
                        *self.more(case, obstacle),
                    ),
                )
            ),
            remedies=self.ways(case, found.place, found.rule, obstacle),
            confidence=Confidence.CERTAIN,
        )

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:  # noqa: ARG002 - the form of all
        """By the IP version of whom is asked for."""
        asked = obstacle.asked
        return obstacle.barrier is Barrier.DISCOVERY and asked is not None and (":" in asked.address) is self.six

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """The same for a predicted one."""
        return self.ways(case, obstacle.place, obstacle.rule, obstacle) if obstacle.rule is not None else ()

    @abstractmethod
    def ways(self, case: Case, place: Place, rule: RuleRef, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """What lets the messages past the rule."""

    def more(self, case: Case, obstacle: Obstacle) -> tuple[str, ...]:  # noqa: ARG002 - the form of all
        """What else shows it, a sentence each (``""`` for none)."""
        return ()

    def ends_there(self, case: Case) -> bool:
        """Whether the walk ends at such a rule."""
        told = predicted(case, Barrier.DISCOVERY)
        return told is not None and self.explains_obstacle(case, told.obstacles[0])


class NdpBlocked(DiscoveryBlocked):
    """A firewall rule drops IPv6 neighbour discovery: nobody learns the neighbour's link address.

    What it is: IPv6 has no ARP. Who has an address is asked by ICMPv6 (neighbour solicitation, type 135) and answered by ICMPv6 (neighbour
        advertisement, 136), which pass a host's IPv6 rules as all packets do. A rule that drops one of them cuts the host off its own link: IPv4 works.
    Why it happens: an INPUT or OUTPUT policy DROP with rules written as for IPv4. Connection tracking leaves neighbour discovery alone (it is
        ``untracked``), so that a rule for established connections does not let the answers in. With bridge netfilter on, what containers of one bridge
        ask each other passes the host's rules, too; firewalld's IPv6_rpfilter takes answers there for forged ones where the bridge has no address in
        the containers' subnet.
    Evidence: solicitations without an advertisement (or with one that does not get through), the rule at which the walk of that message through the
        hosts' rules ends, its counter, and a neighbour entry that is FAILED or INCOMPLETE.
    Remedy: permit ICMPv6 types 135 and 136 before that rule. It opens nothing else: no router passes them on.
    Source: RFC 4890 section 4.4.1; RFC 4861; Linux net/ipv6/ndisc.c, net/netfilter/nf_conntrack_proto_icmpv6.c; firewalld/firewalld#1235, moby#49680.
    """

    code = "ndp-blocked"
    reads = ("ip6tables", "nft", "ns/*/ip6tables", "ns/*/nft", "neigh")
    tells = "ip -6 neigh while it is asked, and the counters of ip6tables -L -v -n (or nft list ruleset)"
    six = True

    def ways(self, case: Case, place: Place, rule: RuleRef, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """Past the rule for both messages, or the way back that it asks for."""
        return _ways(case, place, rule, obstacle)

    def more(self, case: Case, obstacle: Obstacle) -> tuple[str, ...]:
        """A rule for established connections does not let it pass."""
        return _more(case, obstacle)

    def possible(self, case: Case) -> bool:
        """Only for IPv6, where the walk ends at such a rule or does not tell."""
        told = case.prediction
        if case.probe is None:
            return in_vain(case)
        untold = told is None or bool(told.unknown) or bool(told.unrecorded)
        return case.is_v6 and (untold or self.ends_there(case))


def agrees(case: Case, obstacle: Obstacle) -> bool:
    """Whether the messages came as far as the walk says: asked where the asker sits (unless it cannot send), and answered there only if its own rules are to blame."""
    asked = obstacle.asked
    if asked is None:
        return False
    at, requests, answers = asked_at(case, asked)
    mine = obstacle.place == asked.by
    if obstacle.asks and mine:
        return at in silent_points(case) and not requests
    if not asked.heard and not answers:
        return False  # somebody who is not of the inventory may have sent none
    if at in silent_points(case) and not requests:
        return False
    return mine or not answers


def _more(case: Case, obstacle: Obstacle) -> tuple[str, ...]:
    rule = obstacle.rule
    host = case.before(obstacle.place.host)
    known = host is not None and rule is not None and _knows_established(host, obstacle.place, rule)
    why = "connection tracking leaves neighbour discovery alone: no rule for established connections lets it pass"
    return (why,) if known else ()


def _knows_established(host: Host, place: Place, rule: RuleRef) -> bool:
    """Whether a rule of the same chain accepts what belongs to established connections."""
    here = host if place.container is None else host.namespace(place.container)
    if rule.program is Program.NFT:
        found = (
            (
                each
                for each in here.nft.rules()
                if (each.family, each.table, each.chain) == (rule.family, rule.table, rule.chain)
            )
            if here.nft
            else ()
        )
        return any(each.verdict == "accept" and _ESTABLISHED.search(each.text) for each in found)
    rulesets = (here.legacy6 if rule.program is Program.LEGACY6 else here.ruleset6,)
    chain = next((each.chain(rule.table, rule.chain) for each in rulesets if each), None)
    return chain is not None and any(each.target == "ACCEPT" and _ESTABLISHED.search(each.text) for each in chain.rules)


def _ways(case: Case, place: Place, rule: RuleRef, obstacle: Obstacle) -> tuple[Remedy, ...]:
    """Past the rule for both messages; where it asks for the way back to the sender, that way: what follows needs it as well."""
    back = _way_back(case, place, rule, obstacle)
    owner = owner_of(case, place, rule)
    if owner is not None and owner.closed and rule.program is Program.NFT:
        let = f"{owner.name} keeps that rule, and nobody else is to edit its tables: have it let ICMPv6 types 135 and 136 pass"
        where = " (IPv6_rpfilter in /etc/firewalld/firewalld.conf)" if _REVERSE.search(rule.text) else ""
        return (*back, advise(place.host, f"{'or ' if back else ''}{let}{where}"))
    if back:
        return back
    lasting = IN_FIREWALL if place.container is None else f"this holds until {place.container} starts again"
    lasting = owner.lasting if owner is not None else lasting
    mine = owner is None and is_administrators(case, place.host, rule) and _ALONE.search(rule.text)
    if mine and obstacle.undo:
        opens = "this lets neighbour discovery pass, and nothing else"
        return (run(place.host, *inside(case, place, obstacle.undo), advice=f"{opens}; {lasting}"),)
    commands = tuple(inside(case, place, each) for each in _permits(rule, obstacle.hook))
    opens = "this opens neighbour discovery, which no router passes on, and nothing else"
    return (Remedy(host=place.host, commands=commands, advice=f"{opens}; {lasting}"),)


def _permits(rule: RuleRef, hook: Hook | None) -> tuple[Argv, ...]:
    """What accepts both messages before the rule."""
    if rule.program is Program.NFT:
        at = ("nft", "insert", "rule", rule.family, rule.table, rule.chain)
        return ((*at, "icmpv6", "type", _NFT_TYPES, "accept"),)
    named = () if rule.table == "filter" else ("-t", rule.table)
    chain = base_of(hook, rule.table) if hook is not None else rule.chain
    kinds = (("-p", "ipv6-icmp", "--icmpv6-type", each, "-j", "ACCEPT") for each in _TYPES)
    return tuple((rule.program, *named, "-I", chain, *each) for each in kinds)


def _way_back(case: Case, place: Place, rule: RuleRef, obstacle: Obstacle) -> tuple[Remedy, ...]:
    """The address that a container network's bridge lacks, where a rule drops what has no way back by the interface that it came by."""
    host = case.before(place.host)
    asked = obstacle.asked
    if host is None or asked is None or place.container is not None or not _REVERSE.search(rule.text):
        return ()
    network = _lacking(host, asked.address)
    gateway = _gateway(host, network) if network is not None else ""
    subnet = next((each for each in network.subnets if covers(each, asked.address)), "") if network is not None else ""
    if network is None or not gateway:
        return ()
    own = f"{gateway}/{subnet.rpartition('/')[2]}"
    why = f"{network.bridge} has no address in {subnet}: nothing leads back there; the engine sets it when it starts"
    return (run(host.name, "ip", "-6", "addr", "add", own, "dev", network.bridge, "nodad", advice=why),)


def _gateway(host: Host, network: Network) -> str:
    """The IPv6 address that the engine gave the network's bridge: its own word, or that of a container there."""
    own = (each for each in network.gateways if ":" in each)
    ends = (container.networks.get(network.name) for container in host.containers or ())
    return next(own, "") or next((each.gateway6 for each in ends if each is not None and each.gateway6), "")


def _lacking(host: Host, address: str) -> Network | None:
    """The bridge network of an address, whose bridge has no address in its subnet."""
    for network in host.networks or ():
        link = host.own.link(network.bridge) if network.bridge else None
        subnet = next((each for each in network.subnets if covers(each, address)), "")
        if link is not None and subnet and not any(covers(subnet, each.address) for each in link.addresses):
            return network
    return None
