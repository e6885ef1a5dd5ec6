"""A firewall that drops ARP, a kernel that is told not to answer it: what is for the neighbour is never sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.firewall.discovery import DiscoveryBlocked, agrees
from netprobe.causes.owners.table import owner_of
from netprobe.causes.proof.discovery import entry_after, in_vain, seen
from netprobe.causes.proof.obstacle import met, predicted, whose
from netprobe.causes.remedies.steps import IN_FIREWALL, inside
from netprobe.forward.model import Barrier
from netprobe.model.remedy import Remedy, advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.model.rule import Hook

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.forward.model import Asked, Obstacle
    from netprobe.model.rule import RuleRef
    from netprobe.state.model import Host
    from netprobe.state.namespace import Namespace

_INTO = frozenset({Hook.INPUT, Hook.INGRESS})
_OUT = frozenset({Hook.OUTPUT, Hook.EGRESS})


class ArpBlocked(DiscoveryBlocked):
    """A firewall rule drops ARP, or arp_ignore leaves it unanswered: nobody learns the neighbour's link address.

    What it is: who has an IPv4 address on a link is asked and answered by ARP, which is no IP: iptables and nftables' families ip and inet never see it.
        arptables does, nftables' family arp (``input``, ``output``), and as every frame nftables' families netdev and bridge. A rule there that
        drops the request or the reply cuts the host (or the container) off: IPv6 works, and so does whatever is still in the neighbour table.
        With ``arp_ignore`` the kernel itself stays silent about an address that it has on another interface than the one that it is asked by.
    Why it happens: a guard against ARP spoofing or for a second address (a load balancer's real servers, with the shared address on lo), that is
        left over or too wide; a netdev or bridge chain that lets in what it names, and drops the rest, ARP with it.
    Evidence: ARP requests without a reply (or with one that does not get through), the rule or setting at which the walk of that message ends, the
        rule's counter, and a neighbour entry that is FAILED or INCOMPLETE.
    Remedy: permit ARP with that one neighbour before that rule; where the host itself is to answer for the address, give it to that interface, too.
    Source: RFC 826; nft(8), "ARP ADDRESS FAMILY"; arptables-nft(8); Linux net/ipv4/arp.c, arp_xmit() and arp_rcv(); ip-sysctl.rst, arp_ignore.
    """

    code = "arp-blocked"
    reads = ("nft", "ns/*/nft", "neigh", "ns/*/neigh")
    tells = "ip neigh while it is asked, and nft list ruleset: tables of family arp, netdev and bridge"
    six = False
    barriers = frozenset({Barrier.DISCOVERY, Barrier.ARP_IGNORED})

    def find(self, case: Case) -> Finding | None:
        """Fires for a rule as :class:`DiscoveryBlocked` does; and where arp_ignore leaves the request unanswered, and the packets agree."""
        obstacle = met(case, Barrier.ARP_IGNORED)
        if obstacle is None or obstacle.asked is None or not agrees(case, obstacle):
            return super().find(case)
        asked, who = obstacle.asked, whose(obstacle.place)
        return Finding(
            code=self.code,
            summary=f"{who} has {asked.address} and answers no ARP for it on {obstacle.device}: {obstacle.text}; {whose(asked.by)} sends it nothing",
            where=Where(host=obstacle.place.host, component=obstacle.label, rule=obstacle.label),
            evidence=tuple(
                filter(None, (seen(case, asked), f"sysctl of {who}: {obstacle.text}", entry_after(case, asked)))
            ),
            remedies=self.undo(case, obstacle),
            confidence=Confidence.CERTAIN,
        )

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """A rule's, for IPv4; or arp_ignore."""
        return obstacle.barrier is Barrier.ARP_IGNORED or super().explains_obstacle(case, obstacle)

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """Past the rule; or the address on the interface by which it is asked for."""
        if obstacle.barrier is not Barrier.ARP_IGNORED or obstacle.asked is None:
            return super().undo(case, obstacle)
        where, asked = obstacle.place, obstacle.asked
        command = inside(case, where, ("ip", "addr", "add", f"{asked.address}/32", "dev", obstacle.device))
        said = (
            f"{whose(where)} then answers for {asked.address} on {obstacle.device}; not where a load balancer (LVS, keepalived) is to answer for it: "
            "then that one is silent, and to be looked at; this holds until the next reboot; for good: in the host's network configuration"
        )
        return (Remedy(host=where.host, commands=(command,), advice=said),)

    def ways(self, case: Case, place: Place, rule: RuleRef, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """Past the rule for what is asked and answered with this one neighbour."""
        owner = owner_of(case, place, rule)
        whom = _words(obstacle)
        if owner is not None and owner.closed:
            let = f"{owner.name} keeps that rule, and nobody else is to edit its tables: have it let {' '.join(whom)} pass"
            return (advise(place.host, let),)
        if not whom:
            return (advise(place.host, f"have {rule} let ARP pass"),)
        at = ("nft", "insert", "rule", rule.family, rule.table, rule.chain)
        command = inside(case, place, (*at, *whom, "accept"))
        lasting = IN_FIREWALL if place.container is None else f"this holds until {place.container} starts again"
        lasting = owner.lasting if owner is not None else lasting
        opens = f"this opens ARP with {whom[-1]}, and nothing else"
        return (Remedy(host=place.host, commands=(command,), advice=f"{opens}; {lasting}"),)

    def possible(self, case: Case) -> bool:
        """Only for IPv4, where the walk ends at such a rule, or does not tell and there may be one."""
        told = case.prediction
        if case.probe is None:
            return in_vain(case, "ARP")
        asks = any(each.protocol == "ARP" and each.requests for each in case.neighbours)
        ignored = any(_may_ignore(host) for host in case.world.before.values())
        if predicted(case, Barrier.ARP_IGNORED) is not None or (asks and ignored and not case.is_v6):
            return True
        if told is not None and told.leaves is not None:
            return False  # to its last interface here the walk passed every rule
        untold = told is None or bool(told.unknown) or bool(told.unrecorded)
        may_be = any(_may_stop(host, unasked=asks) for host in case.world.before.values())
        return not case.is_v6 and (self.ends_there(case) or (untold and may_be))


def _words(obstacle: Obstacle) -> tuple[str, ...]:
    """What matches this neighbour's messages at the hook where one is dropped; empty where its address is not known."""
    asked, hook = obstacle.asked, obstacle.hook
    if asked is None or hook is None:
        return ()
    peer = _peer(asked, obstacle)
    side = "saddr" if hook in _INTO else "daddr"
    if hook not in _INTO | _OUT:  # on a bridge: the message that it drops
        side, peer = ("daddr", asked.address) if obstacle.asks else ("saddr", asked.address)
    return ("arp", side, "ip", peer) if peer else ()


def _peer(asked: Asked, obstacle: Obstacle) -> str:
    """Whose messages they are, as the namespace of the rule sees it: who asks, or who is asked."""
    return asked.address if obstacle.place == asked.by else asked.source


def _may_stop(host: Host, *, unasked: bool) -> bool:
    """Whether the host, or a container of its, has rules that ARP passes, or such as could not be read (or, ``unasked``, nobody asked for)."""
    read: list[Host | Namespace] = [host, *(host.namespace(each.name) for each in host.containers or ())]
    return any(unasked or each.asked("nft") if each.nft is None else each.nft.meets_arp for each in read)


def _may_ignore(host: Host) -> bool:
    """Whether arp_ignore of the host may leave ARP unanswered: it is set for some interface, or was not read."""
    if host.sysctls is None:
        return host.asked("sysctl")
    return any(name.endswith(".arp_ignore") and value != "0" for name, value in host.sysctls.items())
