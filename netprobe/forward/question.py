"""From a run's probe to the prediction's question, and from its answer to a path code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.evidence.model import CapturePoint, Outcome, Proto, Resolution
from netprobe.forward import Request, predict
from netprobe.forward.model import Barrier, PredictedOutcome
from netprobe.model.endpoint import Endpoint
from netprobe.model.hop import Direction
from netprobe.model.point import PointName
from netprobe.model.rule import Hook
from netprobe.paths.classify import name_way
from netprobe.paths.story import Observation, Symptom
from netprobe.state.engine import EMBEDDED_DNS

_ECHO = 56  # as ping sends
_DATAGRAM = (12, 64)  # its mark, of a version that is not known
_TAG, _MARKED = 16, 28  # with a tag of so many digits it is that long
_QUERY = (17, 273)  # header, name, type and class (RFC 1035 section 4.1)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from netprobe.evidence.model import Place, Probe
    from netprobe.forward.model import Obstacle, Prediction
    from netprobe.model.hop import Hop
    from netprobe.model.report import PathCode
    from netprobe.model.rule import RuleRef
    from netprobe.paths.story import Intent
    from netprobe.state.model import Host


def predict_probe(
    probe: Probe | None,
    hosts: Mapping[str, Host],
    without: frozenset[tuple[Place, RuleRef]] = frozenset(),
    still: Callable[[Place, RuleRef], bool] | None = None,
) -> Prediction | None:
    """What should happen to this probe; None where nothing was dialled (a name server was that never answered), or nothing is known of its source's host.

    ``without``, ``still``: as :func:`~netprobe.forward.predict` has them.
    """
    if probe is None or probe.dialled is None or probe.source_at.host not in hosts:
        return None
    silent = probe.proto is Proto.DNS and probe.lookup.rcode is None and probe.result.outcome is Outcome.TIMEOUT
    unanswered = silent and probe.dialled not in EMBEDDED_DNS  # that one asks others: their silence is another question
    if probe.lookup.how is Resolution.FAILED and not unanswered:
        return None
    return predict(request_of(probe, probe.dialled), hosts, without, still)


def request_of(probe: Probe, dialled: str) -> Request:
    """A probe's packet, as a walk begins with it."""
    local = probe.result.local if probe.dialled_port is not None else None
    return Request(
        source=probe.source_at, dialled=dialled, port=probe.dialled_port, proto=probe.proto.transport,
        source_port=local[1] if local is not None and local[1] else None, payload=_payload(probe),
    )  # fmt: skip


def _payload(probe: Probe) -> tuple[int, int] | None:
    """How many bytes a probe's datagram or echo carries, as far as its kind tells (:mod:`netprobe.probe.craft`)."""
    if probe.proto is Proto.ICMP:
        return (probe.size, probe.size) if probe.size is not None else (_ECHO, _ECHO)
    if probe.proto is Proto.UDP and len(probe.tag) == _TAG:
        return _MARKED, _MARKED
    return {Proto.UDP: _DATAGRAM, Proto.DNS: _QUERY}.get(probe.proto)


def dialled_by(probe: Probe, transport: str) -> str | None:
    """``ADDRESS:PORT/PROTO`` as a probe dials it (``ADDRESS/icmp``), sent or not; None when it dials nothing."""
    if probe.dialled is None:
        return None
    proto = "icmp" if probe.dialled_port is None else transport
    return f"{Endpoint(probe.dialled, probe.dialled_port)}/{proto}"


def path_of(prediction: Prediction, intent: Intent) -> PathCode | None:
    """The code of the predicted path, by the rules that name an observed one; None where the state does not tell to the end."""
    if prediction.outcome is PredictedOutcome.UNKNOWN:
        return None
    story = Observation(
        symptom=_symptom(prediction), reached=None if intent.target is None else _comes_to(prediction) == intent.target
    )
    return name_way(prediction.hops, tuple(points(prediction.hops)), intent, story).path


def _comes_to(prediction: Prediction) -> Place | None:
    """The namespace where it ends: that of the socket that takes it, where its kernel has none for it, or where a container's own rules stop it."""
    first = prediction.obstacles[0] if prediction.obstacles else None
    if first is not None and (first.barrier in {Barrier.NOBODY_LISTENS, Barrier.QUEUE_FULL} or _came_in(first)):
        return first.place
    return prediction.arrives


def _came_in(obstacle: Obstacle) -> bool:
    """Whether the request had come into a container when a rule there stopped it."""
    inside = obstacle.place.container is not None and obstacle.direction is Direction.REQUEST
    return inside and obstacle.hook in {Hook.INGRESS, Hook.PREROUTING, Hook.INPUT}


def _symptom(prediction: Prediction) -> Symptom:
    if prediction.outcome is PredictedOutcome.WORKS:
        return Symptom.OK
    first = prediction.obstacles[0]
    if first.barrier is Barrier.PAUSED:
        return Symptom.NO_RESPONSE
    if first.later:
        return Symptom.UNFINISHED
    return Symptom.REFUSED if first.rejects else Symptom.SILENCE


def points(hops: Iterable[Hop]) -> Iterable[CapturePoint]:
    """The points that hops name, as capture points."""
    for name in dict.fromkeys(hop.point for hop in hops):
        at = PointName.parse(name)
        yield CapturePoint(name=name, host=at.host, container=at.container, interface=at.interface)
