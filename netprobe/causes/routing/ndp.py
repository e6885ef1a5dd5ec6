"""IPv6 addresses that are taken to be on the link and are behind a host there, which does not answer for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import NEIGH_FAILED, Cause
from netprobe.causes.macvlan.networks import next_hop
from netprobe.causes.proof.discovery import about, in_vain
from netprobe.causes.proof.obstacle import asked_times, met, predicted, unanswered
from netprobe.causes.remedies.steps import IN_NETWORK
from netprobe.causes.routing.routes import LOST
from netprobe.forward.model import Barrier
from netprobe.forward.proxied import answers, behind, facing, proxies
from netprobe.model.hop import Direction
from netprobe.model.point import point_name
from netprobe.model.remedy import Remedy, advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.state.address import covers, same
from netprobe.state.engine.compose import in_file
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.forward.model import Obstacle
    from netprobe.model.neighbours import NeighbourExchange
    from netprobe.state.links import Link
    from netprobe.state.model import Host

_ENOUGH = 2  # questions without an answer: the answer to one alone may be yet to come


@dataclass(frozen=True, slots=True, kw_only=True)
class _Silent:
    """A host that has an address behind a bridge of its own, and is asked for it on an outer interface in vain."""

    host: Host
    link: Link
    address: str
    bridge: str
    asked: NeighbourExchange


class NdpUnanswered(Cause):
    """A container's IPv6 address is taken to be on the link, and nobody answers for it there.

    What it is: the network's subnet lies inside the link's own (the provider gives the host one /64, and a part of it became a Docker network). The
        router and the neighbours think the container on their link and ask for its link address; the host, which has it behind a bridge, does not answer.
    Why it happens: in IPv6 a host answers only for addresses of the interface that it is asked on. Nothing makes Docker's host a proxy for its
        containers' addresses (NDP proxy), and forwarding alone is not enough. A container whose IPv6 is switched off answers for nothing, either.
    Evidence: neighbour solicitations for the container's address at the host's outer interface, answered by nobody; the bridge that has the address.
    Remedy: a prefix of its own that is routed to the host; else an NDP proxy: ``proxy_ndp`` and an entry for each address, or ndppd for a subnet.
    Source: Docker documentation, "Use IPv6 networking"; RFC 4389; Linux net/ipv6/ndisc.c, ndisc_recv_ns(); ip-sysctl.rst, proxy_ndp.
    """

    code = "ndp-unanswered"
    reads = ("addr", "networks", "neigh-proxy", "sysctl")
    tells = "tcpdump -i UPLINK icmp6 on the container's host: solicitations for its address, and no advertisement"
    symptoms = LOST
    barriers = frozenset({Barrier.NOT_PROXIED, Barrier.IPV6_OFF})
    drop_reasons = NEIGH_FAILED

    def find(self, case: Case) -> Finding | None:
        """Fires when the address of source or target is asked for in vain at an outer interface of the host that has it behind a bridge."""
        found = next(_silent(case), None)
        if found is None:
            return self._off(case)
        host, link, address = found.host, found.link, found.address
        subnet = next((each.prefix for each in link.addresses if covers(each.prefix, address)), "")
        return Finding(
            code=self.code,
            summary=f"{found.asked.asker} takes {address} to be on its link and asks for it there; {host.name} has it behind {found.bridge}, and nobody answers",
            where=Where(host=host.name, component=link.name),
            evidence=tuple(filter(None, (asked_times(found.asked), _lies_in(found, subnet), *_settings(found)))),
            remedies=_proxy(host, link, address),
            confidence=Confidence.CERTAIN if found.asked.times >= _ENOUGH else Confidence.LIKELY,
        )

    def _off(self, case: Case) -> Finding | None:
        """The container that is asked has IPv6 switched off."""
        obstacle = met(case, Barrier.IPV6_OFF)
        asked = unanswered(case, next_hop(case)) if obstacle is not None else None
        if obstacle is None or asked is None or obstacle.direction is not Direction.REQUEST:
            return None
        name = obstacle.place.container
        return Finding(
            code=self.code,
            summary=f"{name} has no IPv6 address inside, though the engine gave it {asked.asked}: IPv6 is off there, and nobody answers for that address",
            where=Where(host=obstacle.place.host, component=obstacle.label),
            evidence=(asked_times(asked), f"ip addr inside {name}: {obstacle.label} has no IPv6 address"),
            remedies=_switched_on(case.before(obstacle.place.host), obstacle),
        )

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """The same for a predicted one: the address is the first that its host has behind it."""
        if obstacle.barrier is Barrier.IPV6_OFF:
            return _switched_on(case.before(obstacle.place.host), obstacle)
        host = case.before(obstacle.place.host)
        link = host.own.link(obstacle.label) if host is not None else None
        address = next((each for each in _ends(case) if host is not None and behind(host, each)), "")
        return _proxy(host, link, address) if host is not None and link is not None and address else ()

    def possible(self, case: Case) -> bool:
        """Only for IPv6, where the walk ends there or does not tell, or somebody was asked for in vain."""
        told = case.prediction
        if case.probe is None:
            return in_vain(case)
        ends = told is None or bool(told.unknown) or predicted(case, *self.barriers) is not None
        return case.is_v6 and (ends or in_vain(case))


def _switched_on(host: Host | None, obstacle: Obstacle) -> tuple[Remedy, ...]:
    """What a person does: the engine sets the address when the container starts."""
    name = obstacle.place.container
    option = "net.ipv6.conf.all.disable_ipv6=1"
    container = host.container(name) if host is not None and name is not None else None
    file = in_file(container, f"sysctls without {option}") if container is not None else ""
    where = f"--sysctl, or its entrypoint sets it{f'; {file}' if file else ''}"
    said = f"start {name} without {option} ({where}), or dial its IPv4 address"
    return (advise(obstacle.place.host, said),)


def _ends(case: Case) -> Iterator[str]:
    """The IPv6 addresses that may be asked for: what was dialled, whatever that was translated to, the source's own."""
    probe = case.probe
    if probe is not None:
        yield from (each for each in (probe.target_address, probe.dialled) if each and ":" in each)
    for each in case.source_container.addresses if case.source_container is not None else ():
        if ":" in each:
            yield each


def _silent(case: Case) -> Iterator[_Silent]:
    for address in _ends(case):
        asked = unanswered(case, address)
        for host in case.world.before.values() if asked is not None else ():
            bridge, link = behind(host, address), facing(host, address)
            if not bridge or link is None or asked is None or answers(host, link, address):
                continue
            at = point_name(host.name, link.name)
            if any(frame.point == at for each in about(case, address) for frame in each.requests):
                yield _Silent(host=host, link=link, address=address, bridge=bridge, asked=asked)


def _lies_in(found: _Silent, subnet: str) -> str:
    network = next((each for each in found.host.networks or () if each.bridge == found.bridge), None)
    own = next((each for each in network.subnets if covers(each, found.address)), "") if network is not None else ""
    name = network.name if network is not None else ""
    return f"docker: {name} is {own} on {found.bridge}, inside {subnet} of {found.link.name}" if own and subnet else ""


def _settings(found: _Silent) -> tuple[str, ...]:
    """What is known of the host's NDP proxy."""
    host, link = found.host, found.link
    if host.own.proxied is None:
        return ()
    entry = any(each.dev == link.name and same(each.address, found.address) for each in host.own.proxied)
    has = "has an entry" if entry else "has no entry"
    heeded = "1" if proxies(host, link) else "0"
    return (
        f"ip -6 neigh show proxy of {host.name} {has} for {found.address} dev {link.name}; proxy_ndp of {link.name} is {heeded}",
    )


def _proxy(host: Host, link: Link, address: str) -> tuple[Remedy, ...]:
    """Have the host answer for this one address; or advice for all."""
    setting = f"net.ipv6.conf.{link.name.replace('.', '/')}.proxy_ndp=1"
    commands = (("sysctl", "-w", setting), ("ip", "-6", "neigh", "add", "proxy", address, "dev", link.name))
    here = [each for each in host.own.proxied or () if each.dev == link.name and same(each.address, address)]
    needed = commands[:1] if here else commands[1:] if proxies(host, link) else commands
    why = f"this has {host.name} answer for {address} on {link.name}, which anybody on that link may then send to; {IN_NETWORK}"
    better = "better: have a prefix routed to the host and give the network a subnet of that; or ndppd answers for a whole subnet"
    return (Remedy(host=host.name, commands=needed, advice=why), advise(host.name, better))
