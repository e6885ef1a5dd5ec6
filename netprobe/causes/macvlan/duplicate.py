"""One address at two containers of one wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.macvlan.networks import flat_networks, free_address
from netprobe.causes.proof.frames import numbers_of
from netprobe.causes.proof.known import lacks
from netprobe.causes.service.endpoint import AppNotListening
from netprobe.causes.service.loopback import AppBoundLoopback
from netprobe.evidence.model import Resolution
from netprobe.forward.drivers import driver_of
from netprobe.model.remedy import advise
from netprobe.model.report import Finding, Where
from netprobe.paths.story import Answerer, Symptom
from netprobe.state.address import covers, same
from netprobe.state.engine.remedies import aliases_of
from netprobe.state.lookup import networks_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host


class MacvlanDuplicateAddress(Cause):
    """Two containers have one address on the same wire.

    What it is: each host's engine hands out addresses by itself; who answers ARP first (or sits nearer) gets the traffic.
    Why it happens: overlapping pools on two hosts, or the same ``--ip`` twice.
    Evidence: two MACs that answer for one address, or two containers of the inventory that have it on networks of one wire.
    Remedy: parts of the subnet for each host by ``--ip-range``, reserved addresses by ``--aux-address``.
    Source: moby#22174; RFC 5227.
    """

    code = "macvlan-duplicate-address"
    reads = ("networks",)
    tells = "a capture of ARP on the parent interface: two MAC addresses answer"
    symptoms = frozenset(Symptom) - {Symptom.NO_PACKETS, Symptom.NO_ANSWER}
    explains = frozenset(
        {Symptom.OTHER_ENDPOINT, Symptom.REFUSED, Symptom.CLOSED, Symptom.NO_RESPONSE, Symptom.NO_HANDSHAKE}
    )
    note = True
    needs = ("containers", "networks")
    instead_of = frozenset({AppNotListening, AppBoundLoopback})

    def undecided(self, case: Case) -> bool:
        """Only where the one that has the address refused, on a wire that another host's containers may be on."""
        host = case.before(case.probe.source_at.host) if case.probe else None
        flat = host is None or host.networks is None or host.containers is None or bool(list(flat_networks(case)))
        return self._refused_itself(case) and flat and lacks(case, *self.needs, everywhere=True)

    def is_reason(self, case: Case) -> bool:
        """Where somebody else than the one that was named answered, or refused; of an address, whoever of the two refused is in the way."""
        probe = case.probe
        if probe is None or case.story.symptom is Symptom.OTHER_ENDPOINT:
            return True
        several = len(list(self._bearers(case, probe.dialled or ""))) > 1
        return several and (case.story.reached is False or self._refused_itself(case))

    @staticmethod
    def _refused_itself(case: Case) -> bool:
        """Whether an address was asked for, and the container that has it refused: the other one may be meant."""
        literal = case.probe is not None and case.probe.lookup.how is Resolution.LITERAL
        return literal and not case.story.good and case.story.answerer is Answerer.TARGET

    def find(self, case: Case) -> Finding | None:
        """Fires when two bear the dialled address, by the answers or by the engines' state."""
        probe = case.probe
        address = probe.dialled if probe else None
        if probe is None or not address or not list(flat_networks(case)):
            return None
        bearers = list(self._bearers(case, address))
        exchange = next((each for each in case.neighbours if each.asked == address and len(each.bearers) > 1), None)
        if len(bearers) < 2 and exchange is None:
            return None
        names = " and ".join(f"{container.name} on {host.name}" for host, container in bearers) or " and ".join(
            exchange.bearers if exchange else ()
        )
        evidence = [f"docker: {container.name} on {host.name} has {address}" for host, container in bearers]
        if exchange is not None:
            answered = f"{exchange.protocol}: {' and '.join(exchange.bearers)} both answer for {address}"
            evidence.insert(0, f"{answered}: {numbers_of(exchange.answers)}")
        second = bearers[-1] if bearers else None
        return Finding(
            code=self.code,
            summary=f"{address} is there twice on one wire: {names}",
            where=Where(host=second[0].name if second else None, component=second[1].name if second else None),
            evidence=tuple(evidence),
            remedies=(
                *self._move(case, bearers),
                advise(
                    probe.source_at.host,
                    "for good: give each host's network its own part of the subnet: docker network create … --ip-range PART",
                ),
            ),
        )

    @staticmethod
    def _move(case: Case, bearers: list[tuple[Host, Container]]) -> tuple[Remedy, ...]:
        """The one that was not meant gets another address."""
        own = case.target.id if case.target is not None else None
        refused = MacvlanDuplicateAddress._refused_itself(case)
        others = [pair for pair in bearers if own is None or (pair[1].id == own) is refused]
        if len(bearers) < 2 or not others:
            return ()
        host, container = others[-1]
        for endpoint, network in networks_of(host, container):
            free = free_address(case, network)
            if driver_of(network).own_mac and free and endpoint.address == (case.probe.dialled if case.probe else ""):
                return (
                    host.engine.remedies.disconnect(host.name, network, container, back=True),
                    host.engine.remedies.connect(
                        host.name,
                        network,
                        container,
                        address=free,
                        aliases=aliases_of(container, network.name),
                        back=True,
                    ),
                )
        return ()

    @staticmethod
    def _bearers(case: Case, address: str) -> Iterator[tuple[Host, Container]]:
        for host in case.world.before.values():
            for container in host.containers or ():
                flat = [net for _, net in networks_of(host, container) if driver_of(net).own_mac]
                near = any(covers(subnet, address) for net in flat for subnet in net.subnets)
                if container.running and near and any(same(each, address) for each in container.addresses):
                    yield host, container

    def possible(self, case: Case) -> bool:
        """Only where two are known to have it, or may."""
        return self.undecided(case) or bool(
            case.probe and case.probe.dialled and len(list(self._bearers(case, case.probe.dialled))) > 1
        )
