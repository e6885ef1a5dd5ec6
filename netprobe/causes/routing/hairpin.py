"""A container that dials itself through its host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.proof.obstacle import frames_at, met, predicted
from netprobe.causes.proof.translations import any_rule, translations
from netprobe.forward.model import Barrier
from netprobe.model.endpoint import Endpoint
from netprobe.model.remedy import advise
from netprobe.model.report import Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.iptables import Rule

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Container
    from netprobe.state.nft import NftRule


class HairpinMissing(Cause):
    """A container dials its own published or public address, and the packet does not come back to it.

    What it is: DNAT on the host turns the packet back to the container that sent it. A bridge does not send a frame out of the port that it came in by, unless
        that is a hairpin port; and a packet that comes with the container's own address as its source is dropped by the container's kernel.
    Why it happens: a DNAT rule by hand (one-to-one NAT for a container) has neither; Docker without docker-proxy (userland-proxy=false) sets up both: hairpin
        ports, and a masquerade rule for what a container sends to itself.
    Evidence: the request on the container's own veth and, translated, on the bridge; no copy of it back; the port's hairpin flag, or the source.
    Remedy: dial the container's own name, address or 127.0.0.1; or make the port a hairpin port, and masquerade what the container sends to itself.
    Source: moby/moby#12946, moby/moby#12632; net/bridge/br_forward.c (should_deliver); RFC 4787, section 6 (hairpinning).
    """

    code = "hairpin-missing"
    reads = ("iptables", "nft")
    tells = "the same target by its name, from the same container"
    barriers = frozenset({Barrier.HAIRPIN})
    symptoms = frozenset({Symptom.SILENCE})

    def find(self, case: Case) -> Finding | None:
        """Fires when walk and packets end where the request is turned back to its sender."""
        obstacle = met(case, Barrier.HAIRPIN)
        if obstacle is None or case.prediction is None:
            return None
        dnat = next((each for each in translations(case.prediction) if each.of_destination), None)
        who = case.source_container.name if case.source_container else "the source"
        dialled = Endpoint(case.probe.dialled or "", case.probe.dialled_port) if case.probe else ""
        turned = f"{dnat.ref} turns {dialled} back to {who} itself ({dnat.to})" if dnat else f"it comes back to {who}"
        return Finding(
            code=self.code,
            summary=f"{who} dials itself through its host: {turned}, and {obstacle.text}",
            where=Where(host=obstacle.place.host, component=obstacle.device, rule=dnat.ref.text if dnat else None),
            evidence=(
                f"last seen at {case.last_seen}: {frames_at(case, case.last_seen)}",
                *((f"{dnat.ref}: {dnat.ref.text}",) if dnat else ()),
                obstacle.text,
            ),
            remedies=self.undo(case, obstacle),
        )

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """Dial it directly; what the way through the host takes."""
        who = case.source_container
        port = f":{case.probe.target_port or case.probe.dialled_port}" if case.probe and case.probe.dialled_port else ""
        own = next(iter(who.addresses), "its own address") if who is not None else "its own address"
        name = who.name if who is not None else "the source"
        through = (
            f"bridge link set dev {obstacle.device} hairpin on, until {name} starts again"
            if obstacle.device.startswith("veth")
            else f"a masquerade rule for what {name} sends to itself (-s {own} -d {own})"
        )
        return (
            advise(
                obstacle.place.host,
                f"in {name}, dial 127.0.0.1{port} or {own}{port} instead of its host's address; the way through the host takes {through}",
            ),
        )

    def possible(self, case: Case) -> bool:
        """Only where the walk is turned back; where it is not known to its end, where some rule leads to the source's own address, as far as is known."""
        told, source = case.prediction, case.source_container
        if source is None or (told is not None and not told.unknown):
            return source is not None and predicted(case, Barrier.HAIRPIN) is not None
        return any(any_rule(host, lambda _, rule: _leads_to(rule, source)) for host in case.world.before.values())


def _leads_to(rule: Rule | NftRule, container: Container) -> bool:
    if not isinstance(rule, Rule):
        return any("dnat" in each for each in rule.expressions)
    return rule.destination is not None and rule.destination[0] in container.addresses
