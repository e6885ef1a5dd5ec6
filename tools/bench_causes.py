"""How often netprobe names the declared cause, and how often its prediction is what then happens: counted, replayed and live.

An answer is *exact* when verdict, cause and findings are the declared ones, *undetermined* when it says that it does not know (declared so or not),
and *wrong* otherwise. Wrong must be 0.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from netprobe_lab.experiments.model import Experiment
    from netprobe_lab.layout import Lab

CAPTURES = Path(__file__).parent.parent / "captures"
JUDGED = ("exact", "undetermined", "wrong")
PREDICTED = (
    "agree",
    "differ by what no state shows (the cause)",
    "differ (a finding)",
    "differ unsaid",
    "no prediction",
)
Answer = tuple["Experiment", "Mapping[str, Any]"]


def replayed() -> None:
    """Every saved capture."""
    answers = list(_replays())
    judged(f"{len(answers)} captures replayed", answers)
    predicted(answers)


def live(lab: Lab, *, every: bool) -> None:
    """The experiments, in the lab: all of them, or one of each cause, of each finding, and one that works of each path."""
    from netprobe_lab.errors import LabError

    chosen = list(_chosen(every=every))
    answers: list[Answer] = []
    try:
        answers.extend(_lived(lab, chosen))
    except LabError as error:
        print(f"live: stopped by the lab after {len(answers)} of {len(chosen)}: {error}")
    judged(f"{len(answers)} experiments live", answers)
    predicted(answers)


def judged(what: str, answers: Iterable[Answer]) -> None:
    """Print how many answers are exact, undetermined and wrong, and which are wrong."""
    kinds: Counter[str] = Counter()
    for experiment, report in answers:
        kind = _judge(experiment, report)
        kinds[kind] += 1
        if kind == "wrong" or (kind == "undetermined" and experiment.expected.verdict != kind):
            print(
                f"  {kind}: {experiment.name}: {report['verdict']}, {(report['cause'] or {}).get('code')}: {report['why']}"
            )
    print(f"causes, {what}: " + ", ".join(f"{kinds[each]} {each}" for each in JUDGED) + " (wrong must be 0)")


def predicted(answers: Iterable[Answer]) -> None:
    """Print how often the prediction was what happened."""
    kinds = Counter(_hold(report) for _, report in answers)
    print("  prediction and packets: " + ", ".join(f"{kinds[each]} {each}" for each in PREDICTED))


def _judge(experiment: Experiment, report: Mapping[str, Any]) -> str:
    expected = experiment.expected
    if report["verdict"] == "undetermined":
        return "undetermined"
    notes = sorted(finding["code"] for finding in report["findings"])
    said = report["verdict"], (report["cause"] or {}).get("code"), notes
    return "exact" if said == (expected.verdict, expected.cause, sorted(expected.findings)) else "wrong"


def _hold(report: Mapping[str, Any]) -> str:
    if report["predicted_path"] is None:
        return "no prediction"
    if any(finding["code"] == "prediction-differs" for finding in report["findings"]):
        return "differ (a finding)"
    if (report["cause"] or {}).get("code") in _beyond_state():
        return "differ by what no state shows (the cause)"
    return "agree" if report["predicted_path"] == report["path"] else "differ unsaid"


def _beyond_state() -> frozenset[str]:
    from netprobe.causes.catalogue import CAUSES

    return frozenset(cause.code for cause in CAUSES if cause.beyond_state)


def _replays() -> Iterator[Answer]:
    from netprobe.evidence.stream.whole import read
    from netprobe.pipeline import analyze
    from netprobe.report.json import to_json
    from netprobe_lab.experiments import EXPERIMENTS

    for experiment in EXPERIMENTS:
        file = CAPTURES / f"{experiment.name}.pcapng"
        if file.exists():
            yield experiment, to_json(analyze(read(file.read_bytes())))


def _lived(lab: Lab, chosen: list[Experiment]) -> Iterator[Answer]:
    from netprobe_lab.runner import outcomes

    with tempfile.TemporaryDirectory(prefix="netprobe-bench-") as folder:
        for outcome in outcomes(lab, chosen, Path(folder)):
            yield outcome.experiment, outcome.answer.report


def _chosen(*, every: bool) -> Iterator[Experiment]:
    from netprobe_lab.experiments import EXPERIMENTS

    seen: set[tuple[str, str, tuple[str, ...]]] = set()
    for experiment in EXPERIMENTS:
        expected = experiment.expected
        kind = (expected.verdict, expected.cause or expected.path, tuple(expected.findings))
        if experiment.engine or expected.verdict == "undetermined" or (kind in seen and not every):
            continue
        seen.add(kind)
        yield experiment
