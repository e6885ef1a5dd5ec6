"""A Docker network that covers somebody else's addresses: what is for those ends on its bridge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.proof.obstacle import asked_times, frames_at, met, predicted, unanswered, whose
from netprobe.causes.routing.routes import LOST
from netprobe.forward.model import Barrier
from netprobe.model.hop import Direction
from netprobe.model.point import point_name
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.state.address import covers, overlaps
from netprobe.state.engine.compose import network_again
from netprobe.state.lookup import container_interface, container_with, host_with, networks_of
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.forward.model import Obstacle, WalkStep
    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Network
    from netprobe.state.model import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class _Swallowed:
    """An address that a namespace takes to be in a Docker network, where no container has it.

    Attributes:
        host: whose network. place: the namespace that decided so. address: which. network, subnet: where it is taken to be.
        owner: who else has it, in words. sure: whether that is known rather than likely. reply: the answer is led there.
    """

    host: Host
    place: Place
    address: str
    network: Network
    subnet: str
    owner: str
    sure: bool
    reply: bool


class SubnetOverlap(Cause):
    """A Docker network has the subnet of somebody else: what is meant for the other ends on the bridge.

    What it is: the bridge's connected route is more specific than (or as specific as) the way to the real owner of the address.
    Why it happens: Docker chose, or was given, a subnet that a LAN or VPN uses too.
        The same for an answer: whoever asks from an address in that subnet is never answered; and for the network's own containers.
    Evidence: the route to the address leads to the bridge; there ARP asks for it and nobody answers; the address belongs to somebody
        else, or lies in the subnet of another interface.
    Remedy: recreate the network with another subnet; ``default-address-pools`` in daemon.json for those that Docker chooses.
    Source: moby#46615.
    """

    code = "subnet-overlap"
    reads = ("route", "networks")
    tells = "ip route get to the dialled address, at the source's host"
    symptoms = LOST

    def find(self, case: Case) -> Finding | None:
        """Fires when the walk ends on a Docker bridge where nobody has an address that is somebody else's by what is known."""
        obstacle = met(case, Barrier.NO_NEIGHBOUR, Barrier.RULE)
        found = _swallowed(case, obstacle) if obstacle is not None else None
        silence = _silence(case, found, obstacle) if found is not None and obstacle is not None else ""
        if found is None or not silence:
            return None
        network, subnet = found.network, found.subnet
        return Finding(
            code=self.code,
            summary=_summary(found),
            where=Where(host=found.host.name, component=network.name, rule=f"{subnet} dev {network.bridge}"),
            evidence=(
                *_answer_seen(case, found),
                silence,
                f"docker: {network.name} is {subnet} on {network.bridge}; none of its containers has {found.address}",
            ),
            remedies=_elsewhere(case, found),
            confidence=Confidence.CERTAIN if found.sure else Confidence.LIKELY,
        )

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """What stops a packet that was led onto such a bridge."""
        return _swallowed(case, obstacle) is not None

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """The network again with another subnet."""
        found = _swallowed(case, obstacle)
        return _elsewhere(case, found) if found is not None else ()

    def possible(self, case: Case) -> bool:
        """Only where the way leads to a bridge on which nobody has the address, or is not known."""
        told = case.prediction
        return told is None or bool(told.unknown) or predicted(case, Barrier.NO_NEIGHBOUR, Barrier.RULE) is not None


def _swallowed(case: Case, obstacle: Obstacle) -> _Swallowed | None:
    """The address, where the last routing decision before the obstacle takes it to be in a Docker network."""
    host, told = case.before(obstacle.place.host), case.prediction
    if host is None or told is None or obstacle.barrier not in {Barrier.NO_NEIGHBOUR, Barrier.RULE}:
        return None
    if obstacle.rule is not None and not host.engine.keeps_internal(obstacle.rule.chain):
        return None
    step = next((each for each in reversed(told.decided) if each.direction is obstacle.direction), None)
    address = step.packet.dst if step is not None and step.packet is not None else ""
    if step is None or not address or step.place.host != host.name or container_with(host, address) is not None:
        return None
    network = _network(host, step)
    subnet = next((each for each in network.subnets if covers(each, address)), "") if network is not None else ""
    owner, sure = _owner(case, host, network, address) if network is not None else ("", False)
    if network is None or not owner or not subnet:
        return None
    reply = obstacle.direction is Direction.REPLY
    return _Swallowed(
        host=host, place=step.place, address=address, network=network, subnet=subnet, owner=owner, sure=sure, reply=reply
    )  # fmt: skip


def _network(host: Host, step: WalkStep) -> Network | None:
    """The Docker network that a decision leads onto, as its own link: by the host's bridge, or by a container's interface."""
    way, container = step.way, host.container(step.place.container or "")
    if way is None or way.via or way.local:
        return None
    if step.place.container is None:
        return next((each for each in host.networks or () if each.bridge and each.bridge == way.dev), None)
    ends = networks_of(host, container) if container is not None else ()
    found = (net for end, net in ends if container and container_interface(host, container, end) == way.dev)
    return next((each for each in found if each.bridge), None)


def _summary(found: _Swallowed) -> str:
    what, whom = "the answer that is" if found.reply else "what is", f"{found.address} ({found.owner})"
    if found.place.container is not None:
        return f"{whose(found.place)} takes {whom} to be in its own network {found.network.name}, which has the same subnet {found.subnet}"
    return f"{found.host.name} sends {what} for {whom} to its own network {found.network.name}, which has the same subnet {found.subnet}"


def _answer_seen(case: Case, found: _Swallowed) -> tuple[str, ...]:
    frames = frames_at(case, case.last_seen, Direction.REPLY) if found.reply else ""
    return (f"the answer was last seen at {case.last_seen}: {frames}",) if frames else ()


def _silence(case: Case, found: _Swallowed, obstacle: Obstacle) -> str:
    """What shows that nothing comes of it: ARP without an answer, a bridge without a port, the isolation rule before it."""
    bridge = found.network.bridge
    if obstacle.barrier is Barrier.RULE:
        return f"{obstacle.label} keeps it from {bridge}: {obstacle.text}"
    asked = unanswered(case, found.address, at=point_name(found.host.name, bridge))
    if asked is not None:
        return asked_times(asked)
    link = found.host.own.link(bridge)
    return f"{bridge} has no port that is up (NO-CARRIER)" if link is not None and not link.carrier else ""


def _owner(case: Case, host: Host, network: Network, address: str) -> tuple[str, bool]:
    """Who else the address belongs to, in words, and whether that is known rather than likely."""
    others = {name: other for name, other in case.world.before.items() if name != host.name}
    bearer = host_with(others, address)
    if bearer is not None:
        return f"host {bearer}", True
    for link in host.own.links or ():
        for each in link.addresses if link.name != network.bridge and not link.loopback else ():
            if covers(each.prefix, address):
                return f"in {link.name}'s subnet {each.prefix}", False
    for route in host.own.routes or ():
        if route.via and route.dst != "0.0.0.0/0" and route.dev != network.bridge and covers(route.dst, address):
            return f"routed by {route.via}", True
    return "", False


def _elsewhere(case: Case, found: _Swallowed) -> tuple[Remedy, ...]:
    """The network again with another subnet."""
    free, host, network = _free(case), found.host, found.network
    pools = advise(host.name, "for networks whose subnet Docker chooses: default-address-pools in daemon.json")
    if not free:
        file = network_again(network, {}, "FREE", "")
        kept = f"; {file}" if file else ""
        return (advise(host.name, f"make {network.name} again with a --subnet that nobody else has{kept}"), pools)
    return (*host.engine.remedies.recreate(host.name, network, host.containers or (), subnet=free), pools)


def _free(case: Case) -> str:
    """A private /24 that nothing known uses, ``""`` for none."""
    used = [
        route.dst for host in case.world.before.values() for route in host.own.routes or () if route.dst != "0.0.0.0/0"
    ]
    pools = (f"10.{second}.0.0/24" for second in range(200, 255))
    return next((pool for pool in pools if not any(overlaps(pool, each) for each in used)), "")
