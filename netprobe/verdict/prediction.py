"""The report of a run that sent nothing (``--predict``): what would happen by the hosts' state, and what could not be known.

Causes are asked, and imported, only where something would stop the packet.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.evidence.model import Proto, Resolution
from netprobe.forward.model import PredictedOutcome
from netprobe.forward.question import dialled_by, path_of, predict_probe
from netprobe.model.report import PathCode, Report, Verdict
from netprobe.paths.story import Intent
from netprobe.state.bearers import addresses_of_name, one_service
from netprobe.state.build import build_world
from netprobe.state.lookup import canonical, container_with
from netprobe.state.sharing import is_absent, named
from netprobe.values import dataclass
from netprobe.verdict.beside import names_beside

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence, Probe
    from netprobe.forward.model import Prediction
    from netprobe.model.report import Finding
    from netprobe.state.engine.model import Container
    from netprobe.state.model import World

_NOTHING_SENT = "predicted from the hosts' state: nothing was sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """A question that nobody asked: the state of its hosts, and what should happen by it (None: that could not be asked)."""

    probe: Probe
    world: World
    intent: Intent
    prediction: Prediction | None


def predicted(evidence: Evidence, probe: Probe) -> Report:
    """Report a prediction."""
    return examined_ahead(evidence, probe)[0]


def examined_ahead(evidence: Evidence, probe: Probe) -> tuple[Report, Unsent]:
    """The same, with what it was made of."""
    unsent = unsent_of(evidence, probe)
    prediction = unsent.prediction
    cause, after = _stopped(evidence, unsent)
    verdict, several = _verdict(unsent), ""
    if verdict is not Verdict.UNDETERMINED:
        elsewhere = _elsewhere(evidence, unsent)
        several = "" if elsewhere else _several(unsent) or _not_looked_up(unsent)
        cause, after = (elsewhere, None) if elsewhere else (cause, after)
        verdict = Verdict.FAILS if elsewhere else Verdict.UNDETERMINED if several else verdict
    path = path_of(prediction, unsent.intent) if prediction else None
    report = Report(
        target=probe.target,
        source=probe.source,
        dialled=dialled_by(probe, probe.proto.transport),
        verdict=verdict,
        path=path or PathCode.NONE,
        resolution=probe.lookup.how.value,
        predicted_path=path,
        why=f"Nothing was sent; {several}." if several else _why(unsent, cause),
        cause=cause if verdict is Verdict.FAILS else None,
        after=after if verdict is Verdict.FAILS and cause is not None else None,
        hops=tuple(replace(hop, seen=None) for hop in prediction.hops) if prediction else (),
        assumptions=(
            _NOTHING_SENT,
            *(f"name: {step}" for step in probe.lookup.steps if "engine's state" in step and probe.lookup.addresses),
            *(prediction.assumed if prediction else ()),
        ),
        unknowns=tuple(
            filter(None, (several, prediction.unknown if prediction else _no_walk(probe), *_limits(evidence)))
        ),
        sent=False,
        way=probe.way,
        beside=names_beside(unsent.world.before, prediction.hops) if prediction else {},
        timing_ms=probe.timing_ms,
    )
    return report, unsent


def unsent_of(evidence: Evidence, probe: Probe) -> Unsent:
    """Return the question, its hosts' state and the prediction."""
    world = build_world(evidence)
    intent = Intent(
        source=canonical(world.before, probe.source_at),
        target=canonical(world.before, probe.target_at) if probe.target_at else None,
        proto=probe.proto,
    )
    prediction = predict_probe(probe, world.before)
    return Unsent(probe=probe, world=world, intent=_meant(probe, world, intent, prediction), prediction=prediction)


def _meant(probe: Probe, world: World, intent: Intent, prediction: Prediction | None) -> Intent:
    """Whom it is for: looked at closer, and the more imported, only where the walk leads elsewhere."""
    if prediction is None or prediction.arrives in (None, intent.target):
        return intent
    from netprobe.verdict.target import behind_translation

    return behind_translation(probe, world, intent, prediction)


def _stopped(evidence: Evidence, unsent: Unsent) -> tuple[Finding | None, tuple[Finding, ...] | None]:
    """Return what would stop it, and what stands behind that (None: nothing does, or the state does not tell)."""
    prediction = unsent.prediction
    if prediction is None or not prediction.obstacles:
        return None, None
    from netprobe.verdict.behind import behind, blocker
    from netprobe.verdict.unsent import case_of

    case = case_of(evidence, unsent)
    cause = blocker(case, prediction)
    return cause, behind(case, cause) if cause is not None else None


def _looked_up(unsent: Unsent) -> bool:
    """Whether a container looked the name up: only then may it be somebody else's."""
    gave = unsent.probe.lookup.how in {Resolution.HOSTS_FILE, Resolution.EMBEDDED_DNS, Resolution.UPSTREAM_DNS}
    return gave and unsent.probe.source_at.container is not None


def _elsewhere(evidence: Evidence, unsent: Unsent) -> Finding | None:
    """Return the cause that shows in what the name gave: then a connection that works is somebody else's."""
    if not _looked_up(unsent):
        return None
    from netprobe.causes.catalogue import shown_by_name
    from netprobe.verdict.unsent import case_of

    return shown_by_name(case_of(evidence, unsent))


def _several(unsent: Unsent) -> str:
    """Why the name itself decides: containers that are not one service's share it, and any of them may be given first."""
    place, lookup = unsent.probe.source_at, unsent.probe.lookup
    host = unsent.world.before.get(place.host)
    source = host.container(place.container) if host is not None and place.container is not None else None
    if len(lookup.addresses) < 2 or host is None or source is None or lookup.how is not Resolution.EMBEDDED_DNS:
        return ""
    found = [at[0] for each in lookup.addresses if (at := container_with(host, each)) is not None]
    if len(found) < 2:
        return ""
    if one_service(tuple(found)):
        return _one_of_several(unsent, found)
    return (
        f"{lookup.name} is {' and '.join(each.name for each in found)}, and each lookup may give another of them first"
    )


def _not_looked_up(unsent: Unsent) -> str:
    """Why a lookup that would be answered need not give an address: only the embedded DNS server's own names are the engine's state."""
    probe, prediction = unsent.probe, unsent.prediction
    if probe.proto is not Proto.DNS or prediction is None or prediction.outcome is not PredictedOutcome.WORKS:
        return ""
    host, place, name = (
        unsent.world.before.get(probe.source_at.host),
        probe.source_at,
        probe.lookup.name or probe.target,
    )
    source = host.container(place.container) if host is not None and place.container is not None else None
    conf = host.namespace(place.container).resolv_conf if host is not None else None
    if (
        host is not None
        and source is not None
        and conf is not None
        and conf.embedded
        and addresses_of_name(host, source, name)
    ):
        return ""
    return f"the query would come to {probe.dialled} and be answered; whether {name} has an address there is not asked"


def _one_of_several(unsent: Unsent, found: list[Container]) -> str:
    """Where not all containers of a service are known to refuse: which of them it is decides the name server."""
    hosts, probe = unsent.world.before, unsent.probe
    told = [predict_probe(replace(probe, dialled=each), hosts) for each in probe.lookup.addresses]
    ends = {PredictedOutcome.STOPPED, PredictedOutcome.REPLY_LOST}
    stopped = [each is not None and each.outcome in ends for each in told]
    if not any(stopped) or all(stopped):
        return ""
    names = " and ".join(each.name for each in found)
    return f"{probe.lookup.name} is {names}, by the hosts' state not all of them would answer, and each lookup may give another of them first"


def _verdict(unsent: Unsent) -> Verdict:
    prediction, meant = unsent.prediction, unsent.intent.target
    if prediction is None or prediction.outcome is PredictedOutcome.UNKNOWN:
        return Verdict.UNDETERMINED
    if prediction.outcome is not PredictedOutcome.WORKS:
        return Verdict.FAILS
    if _is_absent(unsent):
        return Verdict.UNDETERMINED
    if (
        meant is not None
        and prediction.arrives is not None
        and prediction.arrives != meant
        and unsent.intent.proto is not Proto.DNS
    ):
        return Verdict.UNDETERMINED
    return Verdict.WORKS


def _why(unsent: Unsent, cause: Finding | None) -> str:
    prediction, meant = unsent.prediction, unsent.intent.target
    if prediction is None:
        looked = unsent.probe.lookup
        if looked.how is Resolution.FAILED and looked.steps:
            return (
                f"Nothing was sent, and what {looked.name} is cannot be told from the hosts' state: {looked.steps[-1]}."
            )
        return "Nothing was sent, and nothing could be predicted."
    if prediction.outcome is PredictedOutcome.UNKNOWN:
        return f"Nothing was sent; how it would end is unknown from here: {prediction.unknown}."
    if cause is not None:
        return f"Nothing was sent; by the hosts' state {cause.summary}."
    if prediction.arrives is not None and meant not in (None, prediction.arrives):
        return f"Nothing was sent; by the hosts' state it would come to {prediction.arrives}, not to {meant}."
    if prediction.outcome is PredictedOutcome.WORKS and _is_absent(unsent):
        whose = named(unsent.probe, unsent.world.before)
        return f"Nothing was sent; by the hosts' state another container of the same network namespace would answer, not {whose.name if whose else meant}."
    steps = [f"{step.rule}: {step.what}" for step in prediction.steps if step.rule]
    return "Nothing was sent; by the hosts' state it would arrive and be answered" + (
        f" ({'; '.join(steps)})." if steps else "."
    )


def _is_absent(unsent: Unsent) -> bool:
    """Whether the named container has no part in its namespace: whoever answers there is somebody else."""
    return is_absent(unsent.probe, unsent.world.before)


def _no_walk(probe: Probe) -> str:
    if probe.lookup.how is Resolution.FAILED:
        said = probe.lookup.steps[-1] if probe.lookup.steps else "no address"
        return f"{probe.lookup.name}: {said}"
    return f"the state of {probe.source_at.host} is not known"


def _limits(evidence: Evidence) -> tuple[str, ...]:
    return tuple(f"{limit.subject}: {limit.why}" for limit in evidence.limits)
