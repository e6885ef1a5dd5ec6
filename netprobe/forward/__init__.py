"""What should happen to a packet, from host state alone: ``predict(question, hosts) -> Prediction``. Pure.

It walks the packet through namespaces, links, netfilter, routing and sockets, as the kernel would, and yields the hops in the
form of an observed journey. Where the state does not tell, the prediction says "unknown from here"; it never guesses.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.forward.handshake import complete
from netprobe.forward.model import Barrier, Flying, Obstacle, PredictedOutcome, Prediction, Stopped, UnknownHere
from netprobe.forward.modes import Predicting, Supposing
from netprobe.forward.trail import Trail, endpoint
from netprobe.forward.walk import Walker
from netprobe.model.hop import Direction
from netprobe.state.engine import ENGINES
from netprobe.state.lookup import canonical
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from netprobe.evidence.model import Place
    from netprobe.model.rule import RuleRef
    from netprobe.state.model import Host

_MAX_OBSTACLES = 8
_MOST_UNMET = 32  # rules in doubt that counters decide
_PASSABLE = frozenset(
    {Barrier.RULE, Barrier.DISCOVERY, Barrier.FORWARDING_OFF, Barrier.PAUSED, Barrier.QUEUE_FULL}
)  # what lies behind the others cannot be told from here


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Whose packet, and where to.

    Attributes:
        source: the namespace that it is sent from.
        dialled, port: where to; port None for ICMP.
        proto: ``tcp``, ``udp`` or ``icmp``.
        source_port: where known.
        payload: the least and the most bytes of its payload (UDP, ICMP), None not known.
        device: the interface that its socket is bound to (``ping -I``, ``curl --interface``), ``""`` for none.
    """

    source: Place
    dialled: str
    port: int | None
    proto: str
    source_port: int | None = None
    payload: tuple[int, int] | None = None
    device: str = ""

    @property
    def packet(self) -> Flying:
        """Its first packet; the source address is the route's."""
        return Flying(
            src=None, sport=self.source_port, dst=self.dialled, dport=self.port, proto=self.proto, payload=self.payload,
            device=self.device,
        )  # fmt: skip


def predict(
    question: Request,
    hosts: Mapping[str, Host],
    without: frozenset[tuple[Place, RuleRef]] = frozenset(),
    still: Callable[[Place, RuleRef], bool] | None = None,
) -> Prediction:
    """Walk one packet, and its answer, through the hosts' state.

    The first obstacle ends the walk; it is then taken again as if that were gone, for what lies behind.

    Args:
        question: whose packet.
        hosts: their state.
        without: as if these rules (whatever they do) were not there: what would become of the packet then tells what a rule is to blame for.
        still: whether a rule surely counted nothing while the packets were sent: then it did not match them, and of a rule whose match
            no listing shows that decides.
    """
    unmet = without
    first = _walk(question, hosts, frozenset(), unmet)
    for _ in range(_MOST_UNMET):
        passed = {each for each in first.doubtful if still is not None and each not in unmet and still(*each)}
        if not passed or (len(first.doubtful) > 1 and len(passed) == len(first.doubtful)):
            break  # of several that surely match, one at least counted: else the packet did not come this far
        unmet |= passed
        first = _walk(question, hosts, frozenset(), unmet)
    obstacles = list(first.obstacles)
    past: frozenset[tuple[Place, str]] = frozenset()
    gone = unmet
    latest = first
    while latest.obstacles and _is_passable(latest.obstacles[0]) and len(obstacles) < _MAX_OBSTACLES:
        met = latest.obstacles[0]
        past |= {(met.place, met.label)}
        rule = met.rule if met.rule is not None and not _is_the_engines(met.rule) else None
        gone |= {(met.set_at or met.place, rule)} if rule is not None else set()
        latest = _walk(question, hosts, past, gone)
        obstacles += latest.obstacles
    return replace(first, obstacles=tuple(obstacles), beyond=latest.outcome)


def supposed(question: Request, hosts: Mapping[str, Host]) -> Obstacle | None:
    """What is known to stop a packet, or its answer, if nothing does that is not known; None where nothing is. A hint, no prediction."""
    packet = question.packet
    trail = Trail(dialled=endpoint(packet.dst, packet.dport, packet.proto))
    walk = Walker(hosts=hosts, mode=Supposing(), trail=trail)
    try:
        walk.request(canonical(hosts, question.source), packet)
        walk.replies()
    except Stopped as stopped:
        return stopped.obstacle
    except UnknownHere:
        pass
    return None


def _is_passable(obstacle: Obstacle) -> bool:
    """Whether what lies behind an obstacle can be told from here: behind a TTL too low, without the rule that made it so."""
    return obstacle.barrier in _PASSABLE or (obstacle.barrier is Barrier.TTL_EXPIRED and obstacle.rule is not None)


def _is_the_engines(rule: RuleRef) -> bool:
    """Whether a rule is the engine's own: that is not mended by deleting it, but by what makes the engine write another."""
    return any(engine.owns(rule) for engine in ENGINES)


def _walk(
    question: Request,
    hosts: Mapping[str, Host],
    past: frozenset[tuple[Place, str]],
    gone: frozenset[tuple[Place, RuleRef]],
) -> Prediction:
    packet = question.packet
    trail = Trail(dialled=endpoint(packet.dst, packet.dport, packet.proto))
    walk = Walker(hosts=hosts, mode=Predicting(past, gone), trail=trail)
    outcome, unknown = PredictedOutcome.WORKS, ""
    doubtful: tuple[tuple[Place, RuleRef], ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    try:
        walk.request(canonical(hosts, question.source), packet)
        walk.replies()
        complete(walk)
    except Stopped as stopped:
        obstacles = (stopped.obstacle,)
        outcome = (
            PredictedOutcome.REPLY_LOST if stopped.obstacle.direction is Direction.REPLY else PredictedOutcome.STOPPED
        )
    except UnknownHere as end:
        outcome, unknown, doubtful = PredictedOutcome.UNKNOWN, str(end), end.doubtful
    return Prediction(
        outcome=outcome,
        hops=tuple(trail.hops),
        steps=tuple(trail.steps),
        obstacles=obstacles,
        unknown=unknown,
        doubtful=doubtful,
        resolved=tuple(dict.fromkeys(trail.resolved)),
        leaves=trail.left if outcome is PredictedOutcome.UNKNOWN else None,
        arrives=walk.arrives,
        unrecorded=tuple(dict.fromkeys(trail.unrecorded)),
        decided=tuple(trail.decided),
        unruled=tuple(dict.fromkeys(trail.unruled)),
    )


__all__ = ["Barrier", "Obstacle", "PredictedOutcome", "Prediction", "Request", "predict", "supposed"]
