"""A card, a hypervisor or an access point that passes frames to one MAC only: not to a macvlan container's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import NEIGH_FAILED, Cause
from netprobe.causes.macvlan.networks import flat_networks, may_be_flat, next_hop, wire_of
from netprobe.causes.proof.frames import numbers_of, sighted_at
from netprobe.causes.proof.known import lacks
from netprobe.causes.proof.obstacle import silent_points
from netprobe.causes.remedies.steps import IN_NETWORK
from netprobe.causes.routing.routes import LOST
from netprobe.forward.model import PredictedOutcome
from netprobe.model.point import point_name
from netprobe.model.remedy import advise, run
from netprobe.model.report import Confidence, Finding, Where

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.model.neighbours import NeighbourExchange
    from netprobe.model.remedy import Remedy
    from netprobe.state.model import Host


_ENOUGH = 2  # answers that all got lost: one alone may be chance


class MacvlanMacFilter(Cause):
    """Something between the hosts passes broadcasts and drops frames to a container's own MAC.

    What it is: a macvlan container has a MAC of its own; a card that is not promiscuous, a hypervisor's switch (no forged transmits, no
        promiscuous mode) or an access point takes only the host's.
    Why it happens: virtual machines and Wi-Fi: they know one MAC for each guest or station.
    Evidence: the container's ARP request (a broadcast) arrives at the other host and is answered; the answer, to the container's MAC, leaves
        that host's parent and never comes in at the container's own.
    Remedy: promiscuous mode and forged transmits on that port; ipvlan (one MAC) where that cannot be had.
    Source: scottslowe/learning-tools#58; Docker documentation, "Macvlan network driver".
    """

    code = "macvlan-mac-filter"
    reads = ("networks", "addr")
    tells = "a capture on the parent interface while it is promiscuous; the hypervisor's port settings"
    beyond_state = True
    drop_reasons = NEIGH_FAILED
    symptoms = LOST

    def find(self, case: Case) -> Finding | None:
        """Fires when answers (two at least) to the container's MAC left the far parent and none came in at its own, nothing else standing in the way."""
        told, probe = case.prediction, case.probe
        if told is None or told.outcome is not PredictedOutcome.WORKS or probe is None or case.hops:
            return None
        networks = list(flat_networks(case))
        exchange = next((each for each in case.neighbours if each.asked == next_hop(case)), None)
        if exchange is None or len(networks) < 2 or networks[0][0] is networks[1][0]:
            return None
        (host, container, mine), (far, _, theirs) = networks[:2]
        wire = wire_of(host, mine)
        near, beyond = point_name(host.name, wire), point_name(far.name, wire_of(far, theirs))
        left = sighted_at(exchange.answers, beyond)
        lost = near in silent_points(case) and not sighted_at(exchange.answers, near)
        if len(left) < _ENOUGH or not lost or not sighted_at(exchange.requests, near):
            return None
        mac = left[0].to_mac
        return Finding(
            code=self.code,
            summary=f"frames to {container.name}'s own MAC {mac} leave {beyond} and never come in at {near}, broadcasts pass: a card, hypervisor or switch filters by MAC",
            where=Where(host=host.name, component=near),
            evidence=(
                f"{exchange.protocol} answers of {exchange.asked} to {mac} at {beyond}: {numbers_of(left)}; none at {near}",
                _passed(exchange, near, beyond),
                f"ip link: {near} {'is promiscuous' if _is_promiscuous(host, wire) else 'is not promiscuous'}",
            ),
            remedies=_remedies(host, wire),
            confidence=Confidence.LIKELY,
        )

    def possible(self, case: Case) -> bool:
        """Only between macvlan containers of two hosts, as far as networks are known."""
        return len({host.name for host, _, _ in flat_networks(case)}) > 1 or (
            lacks(case, "networks", "containers") and may_be_flat(case)
        )


def _passed(exchange: NeighbourExchange, near: str, beyond: str) -> str:
    seen = [f"{point} {numbers_of(sighted_at(exchange.requests, point))}" for point in (near, beyond)]
    return f"the requests, broadcasts, passed: {', '.join(seen)}"


def _is_promiscuous(host: Host, wire: str) -> bool:
    link = host.own.link(wire)
    return link is not None and link.promisc


def _remedies(host: Host, wire: str) -> tuple[Remedy, ...]:
    """The card of this host takes all MACs, where it does not yet; what carries its frames has to as well."""
    port = f"on the hypervisor: allow promiscuous mode and forged transmits on {host.name}'s port; on Wi-Fi use ipvlan"
    if _is_promiscuous(host, wire):
        return (advise(host.name, port),)
    return (run(host.name, "ip", "link", "set", wire, "promisc", "on", advice=IN_NETWORK), advise(host.name, port))
