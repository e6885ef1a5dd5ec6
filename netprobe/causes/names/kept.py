"""Addresses that are kept though somebody else, or nobody, has them now: who, and what shows that they were not reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.proof.obstacle import asked_times, frames_at, unanswered
from netprobe.evidence.model import Outcome
from netprobe.model.hop import Direction
from netprobe.paths.story import Symptom
from netprobe.state.address import same
from netprobe.state.lookup import container_with

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host

GOOD = frozenset({Symptom.OK, Symptom.DELIVERED})
ANSWERED_OTHERWISE = frozenset({Symptom.REFUSED, Symptom.CLOSED, Symptom.NO_RESPONSE, Symptom.NO_HANDSHAKE})
NOBODY_THERE = frozenset({"FAILED", "INCOMPLETE"})


def asker(case: Case) -> tuple[Host, Container] | None:
    """The source container and its host, before the probe."""
    host = case.before(case.probe.source_at.host) if case.probe else None
    return (host, case.source_container) if host and case.source_container else None


def who_has(host: Host, address: str) -> str:
    """``web has 172.17.0.3 now``, ``no container has 172.17.0.3 now``: for sentences."""
    found = container_with(host, address)
    return f"{found[0].name} has {address} now" if found else f"no container has {address} now"


def nobody(case: Case, address: str) -> bool:
    """Whether no container of the source's host has the address, at both moments."""
    place = case.probe.source_at if case.probe else None
    hosts = [case.before(place.host), case.after(place.host)] if place else []
    known = [host for host in hosts if host is not None and host.containers is not None]
    return len(known) == 2 and all(container_with(host, address) is None for host in known)


def not_reached(case: Case, address: str) -> str:
    """Why an address that was dialled got no answer, as evidence: somebody else's answer, ARP without one, or frames to a MAC that nobody has.

    ``""`` when none of it is shown.
    """
    if case.story.symptom in ANSWERED_OTHERWISE:
        return f"{address} answered: {case.story.detail}, {case.frames}"
    told = case.probe is not None and case.probe.result.outcome in {Outcome.UNREACHABLE, Outcome.TIMEOUT}
    if not told or not nobody(case, address):
        return ""
    asked = unanswered(case, address)
    if asked is not None:
        return asked_times(asked)
    return _to_no_mac(case, address) or _unresolved(case, address)


def _unresolved(case: Case, address: str) -> str:
    """The kernel asked before (others dial it too) and sent nothing for the probe: EHOSTUNREACH, and a neighbour entry that failed."""
    here, probe = asker(case), case.probe
    if here is None or probe is None or case.story.symptom is not Symptom.NO_PACKETS:
        return ""
    hosts = (here[0], case.after(here[0].name))
    tables = [host.namespace(here[1].name).neighbours or () for host in hosts if host]
    states = [each.state for table in tables for each in table if same(each.address, address)]
    if probe.result.outcome is not Outcome.UNREACHABLE or not states or not set(states) <= NOBODY_THERE:
        return ""
    return f"the prober got {probe.result.detail}, and ip neigh of {here[1].name} has {address} {states[-1]}: nobody answers ARP there"


def _to_no_mac(case: Case, address: str) -> str:
    """Frames that left the source for a MAC that no container and no interface of its host has: a neighbour entry of one that is gone."""
    here = asker(case)
    sent = [hop for hop in case.hops if hop.seen and hop.packet and hop.direction is Direction.REQUEST]
    if here is None or not sent or case.story.symptom is not Symptom.SILENCE:
        return ""
    host, source = here
    first = sent[0].packet
    mac = first.dst_mac if first else None
    entries = host.namespace(source.name).neighbours or ()
    ends = [each.mac for container in host.containers or () for each in container.networks.values()]
    links = [link.mac for link in host.own.links or ()]
    known = any(each.mac == mac and same(each.address, address) for each in entries)
    if not first or not mac or not known or mac in (*ends, *links):
        return ""
    return f"{source.name} sent to {mac}, the MAC that it once learnt for {address}; nobody has it: {frames_at(case, sent[0].point)}"
