"""A request that is turned back to where it came from: a container that dials itself through its host, a host whose router leads back to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.proof.obstacle import frames_at, met, predicted
from netprobe.causes.proof.translations import any_rule, translations
from netprobe.causes.remedies.steps import IN_FIREWALL
from netprobe.forward.model import Barrier
from netprobe.model.endpoint import Endpoint
from netprobe.model.hop import Direction
from netprobe.model.remedy import advise, run
from netprobe.model.report import Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.address import ip
from netprobe.state.iptables import Rule

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.causes.proof.translations import Translated
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Remedy
    from netprobe.state.nft import NftRule


class HairpinMissing(Cause):
    """A container dials its own or its host's published or public address, and the packet does not come back.

    What it is: DNAT on the host turns the packet back to the container that sent it. A bridge does not send a frame out of the port that it came in by, unless
        that is a hairpin port; and a packet that comes with the receiver's own address as its source is dropped by its kernel. So it is with a host, where
        its router turns the public address back to it: what a container of it sends there comes back with the host's own address (NAT loopback).
    Why it happens: a DNAT rule by hand (one-to-one NAT for a container, a router's port forwarding) has neither; Docker without docker-proxy
        (userland-proxy=false) sets up both: hairpin ports, and a masquerade rule for what a container sends to itself.
    Evidence: the request on the container's own veth and, translated, on the bridge; no copy of it back; the port's hairpin flag, or the source.
    Remedy: dial the container's own name, address or 127.0.0.1; or make the port a hairpin port, and masquerade what the container sends to itself. Behind a
        router: dial what it leads to; or have the router masquerade what comes from there and goes back.
    Source: moby/moby#12946, moby/moby#12632; net/bridge/br_forward.c (should_deliver); net/ipv4/fib_frontend.c (martian source); RFC 4787, section 6 (hairpinning).
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
        if dnat is not None and _of_host(case, obstacle, dnat):
            return self._back_to_host(case, obstacle, dnat)
        who = case.source_container.name if case.source_container else "the source"
        dialled = Endpoint(case.probe.dialled or "", case.probe.dialled_port) if case.probe else ""
        turned = f"{dnat.ref} turns {dialled} back to {who} itself ({dnat.to})" if dnat else f"it comes back to {who}"
        return self._finding(
            case, obstacle, dnat, f"{who} dials itself through its host: {turned}", self.undo(case, obstacle)
        )

    def _back_to_host(self, case: Case, obstacle: Obstacle, dnat: Translated) -> Finding:
        """A router leads back to the host that sent it, or that a container's request left with the host's own address."""
        host, by = obstacle.place.host, dnat.place.host
        dialled = Endpoint(case.probe.dialled or "", case.probe.dialled_port) if case.probe else ""
        who = f"{case.source_container.name} of {host}" if case.source_container else host
        turned = f"{who} dials {dialled}, which {by} turns back to {host} itself ({dnat.to}, {dnat.ref})"
        return self._finding(case, obstacle, dnat, turned, _by_router(case, obstacle, dnat))

    def _finding(
        self, case: Case, obstacle: Obstacle, dnat: Translated | None, turned: str, remedies: tuple[Remedy, ...]
    ) -> Finding:
        return Finding(
            code=self.code,
            summary=f"{turned}, and {obstacle.text}",
            where=Where(host=obstacle.place.host, component=obstacle.device, rule=dnat.ref.text if dnat else None),
            evidence=(
                f"last seen at {case.last_seen}: {frames_at(case, case.last_seen)}",
                *((f"{dnat.ref}: {dnat.ref.text}",) if dnat else ()),
                obstacle.text,
            ),
            remedies=remedies,
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
        told = case.prediction
        if told is not None and not told.unknown:
            return predicted(case, Barrier.HAIRPIN) is not None
        own = _own(case)
        return any(any_rule(host, lambda _, rule: _leads_to(rule, own)) for host in case.world.before.values())


def _of_host(case: Case, obstacle: Obstacle, dnat: Translated) -> bool:
    """Whether it is turned back to the host, which has the address that it is sent to, by another one's rule."""
    host, address = case.before(obstacle.place.host), dnat.to.rpartition(":")[0] or dnat.to
    elsewhere = obstacle.place.container is None and dnat.place.host != obstacle.place.host
    return elsewhere and host is not None and ip(address.strip("[]")) in host.own.addresses


def _by_router(case: Case, obstacle: Obstacle, dnat: Translated) -> tuple[Remedy, ...]:
    """What it leads to, asked directly; and the rule that makes the router's own address the source of what goes back."""
    address, _, port = dnat.to.rpartition(":")
    source = _comes_from(case)
    who = case.source_container.name if case.source_container else obstacle.place.host
    argv = ("iptables", "-t", "nat", "-I", "POSTROUTING", "-s", source, "-d", address, "-p", case.transport, "--dport", port, "-j", "MASQUERADE")  # fmt: skip
    said = f"what {obstacle.place.host} sends to itself by {dnat.place.host} comes back with the address of {dnat.place.host}; {IN_FIREWALL}"
    direct = advise(obstacle.place.host, f"or have {who} dial {dnat.to} itself, or the container's own name")
    return (run(dnat.place.host, *argv, advice=said), direct) if port.isdigit() and address and source else (direct,)


def _comes_from(case: Case) -> str:
    """The source that the request comes back with, by the predicted walk."""
    hops = case.prediction.hops if case.prediction is not None else ()
    packets = [each.packet for each in hops if each.packet is not None and each.direction is Direction.REQUEST]
    return packets[-1].src.address if packets else ""


def _own(case: Case) -> frozenset[str]:
    """The source's own addresses: the container's, and those of its host."""
    container = case.source_container
    host = case.before(case.probe.source_at.host) if case.probe is not None else None
    return frozenset(
        (
            *(container.addresses if container is not None else ()),
            *(map(str, host.own.addresses) if host is not None else ()),
        )
    )


def _leads_to(rule: Rule | NftRule, own: frozenset[str]) -> bool:
    if not isinstance(rule, Rule):
        return any("dnat" in each for each in rule.expressions)
    return rule.destination is not None and rule.destination[0] in own
