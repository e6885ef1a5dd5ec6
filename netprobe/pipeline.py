"""``analyze(evidence) -> Report``: the whole pure chain, in order. No I/O, no clock, no randomness from here on.

Packets go one way and a question that nobody sent goes another: each is imported where it begins, as neither needs the other's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netprobe.diff.model import RunSide
    from netprobe.evidence.model import Evidence
    from netprobe.flows.expression import FlowExpr
    from netprobe.journeys.picked import PickedConnection
    from netprobe.model.details import Details
    from netprobe.model.report import Report


def analyze(evidence: Evidence, flow: FlowExpr | PickedConnection | None = None) -> Report:
    """Explain one run.

    Args:
        evidence: a live run's or a saved one's; or captures from elsewhere.
        flow: which connection, for captures without a probe of their own; or the one that was picked already.

    Raises:
        SeveralFlows: captures from elsewhere with several connections, and ``flow`` does not single one out.
        UsageFault: captures without any connection, or none that ``flow`` matches.
    """
    if evidence.probe is not None and evidence.probe.predict:
        from netprobe.verdict.prediction import predicted

        return predicted(evidence, evidence.probe)
    from netprobe.verdict.observed import observed

    return observed(evidence, flow)


def analyze_in_detail(evidence: Evidence, flow: FlowExpr | PickedConnection | None = None) -> tuple[Report, Details]:
    """Explain one run, with what a page shows beside the report. Arguments and exceptions are those of :func:`analyze`."""
    if evidence.probe is not None and evidence.probe.predict:
        from netprobe.verdict.details import details_ahead
        from netprobe.verdict.prediction import examined_ahead

        report, unsent = examined_ahead(evidence, evidence.probe)
        return report, details_ahead(unsent, evidence)
    from netprobe.verdict.details import details_of
    from netprobe.verdict.observed import examined

    report, case = examined(evidence, flow)
    return report, details_of(case, report, evidence)


def side_of(evidence: Evidence, flow: FlowExpr | PickedConnection | None = None) -> RunSide:
    """Explain one run, and return all of it that comparing it with another one takes. Arguments and exceptions are those of :func:`analyze`."""
    from netprobe.causes.catalogue import CAUSES
    from netprobe.diff.model import RunSide
    from netprobe.evidence.model import LimitKind

    if evidence.probe is not None and evidence.probe.predict:
        from netprobe.verdict.prediction import examined_ahead

        report, unsent = examined_ahead(evidence, evidence.probe)
        world, prediction = unsent.world, unsent.prediction
    else:
        from netprobe.verdict.observed import examined

        report, case = examined(evidence, flow)
        world, prediction = case.world, case.prediction
    return RunSide(
        report=report,
        probe=evidence.probe,
        points=evidence.points,
        world=world,
        prediction=prediction,
        whole=not any(limit.kind in {LimitKind.FILE, LimitKind.HOST} for limit in evidence.limits),
        reads=next((each.reads for each in CAUSES if report.cause is not None and each.code == report.cause.code), ()),
    )


def prepare(*, predict: bool) -> None:
    """Import what :func:`analyze` will take, ahead of time."""
    if predict:
        from netprobe.verdict import prediction  # noqa: F401
    else:
        from netprobe.verdict import observed  # noqa: F401
