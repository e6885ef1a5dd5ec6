"""macvlan networks whose two ends stand in different VLANs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import NEIGH_FAILED, Cause
from netprobe.causes.macvlan.networks import flat_networks, next_hop, wire_of
from netprobe.causes.proof.frames import numbers_of, sighted_at
from netprobe.causes.proof.obstacle import met, predicted, unanswered
from netprobe.causes.routing.routes import LOST
from netprobe.forward.model import Barrier
from netprobe.model.point import point_name
from netprobe.model.remedy import advise
from netprobe.model.report import Finding, Where

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Network
    from netprobe.state.model import Host


class MacvlanVlanMismatch(Cause):
    """The two ends of a macvlan network are in different VLANs.

    What it is: one host's network stands on ``P.X``, the other's on ``P.Y`` or on ``P`` itself: each takes only its own tag.
    Why it happens: the VLAN ids were typed on each host by hand.
    Evidence: the ARP request on the far host's parent with a tag that the target's network does not take; no answer.
    Remedy: give both networks the same parent.
    Source: moby/libnetwork#1286; IEEE 802.1Q; ip-link(8), "VLAN type support".
    """

    code = "macvlan-vlan-mismatch"
    reads = ("networks", "addr")
    tells = "a capture on both parent interfaces: the tags of the frames"
    barriers = frozenset({Barrier.OTHER_VLAN})
    drop_reasons = NEIGH_FAILED
    symptoms = LOST

    def find(self, case: Case) -> Finding | None:
        """Fires when the request was seen to arrive on the target's wire with the other tag, and was not answered."""
        obstacle = met(case, Barrier.OTHER_VLAN)
        networks = list(flat_networks(case))
        asked = unanswered(case, next_hop(case)) if obstacle else None
        if obstacle is None or asked is None or len(networks) < 2:
            return None
        (host, _, mine), (far, target, theirs) = networks[0], networks[-1]
        there = point_name(far.name, wire_of(far, theirs))
        arrived = sighted_at(asked.requests, there)
        if not arrived or host is far:
            return None
        return Finding(
            code=self.code,
            summary=f"{mine.name} on {host.name} sends {_tag(arrived[0].vlan)}, {theirs.name} on {far.name} stands on {theirs.parent} and takes {_takes(theirs.parent)}",
            where=Where(host=far.name, component=theirs.name),
            evidence=(
                f"the {asked.protocol} request for {asked.asked} arrives at {there} {_tag(arrived[0].vlan)}: {numbers_of(arrived)}, no answer",
                f"docker: {mine.name} is on {mine.parent} of {host.name}, {target.name}'s {theirs.name} on {theirs.parent} of {far.name}",
            ),
            remedies=self._remedies(far, theirs, _parent(far, theirs, mine.parent)),
        )

    @staticmethod
    def _remedies(far: Host, theirs: Network, parent: str) -> tuple[Remedy, ...]:
        """The far network again in the near one's VLAN, where another network of that host has not that interface."""
        taken = [each.name for each in far.networks or () if each.parent == parent and each.name != theirs.name]
        if taken:
            return (
                advise(
                    far.name,
                    f"{taken[0]} has {parent} on {far.name}, and only one network may: put the containers of {theirs.name} on it",
                ),
            )
        return far.engine.remedies.recreate(far.name, theirs, far.containers or (), parent=parent)

    def possible(self, case: Case) -> bool:
        """Only where the tags are known to differ."""
        return predicted(case, Barrier.OTHER_VLAN) is not None


def _parent(far: Host, theirs: Network, wanted: str) -> str:
    """The far host's interface in the VLAN of a near parent (``eth1.1``): its own wire, with that id."""
    number = wanted.rpartition(".")[2] if "." in wanted else ""
    wire = wire_of(far, theirs)
    return f"{wire}.{number}" if number.isdecimal() else wire


def _tag(vlan: int | None) -> str:
    return "untagged" if vlan is None else f"with VLAN tag {vlan}"


def _takes(parent: str) -> str:
    number = parent.rpartition(".")[2] if "." in parent else ""
    return f"VLAN {number} only" if number.isdecimal() else "untagged frames only"
