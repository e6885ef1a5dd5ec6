"""`python tools/golden.py`: write tests/golden/NAME.txt anew, the reports as people read them; then read the diff, as a user would.

One report a family of causes, a healthy run, and a prediction. A change of words is made on purpose, and its commit says why.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from netprobe.evidence.model import Evidence, Outcome, ProbeResult
from netprobe.evidence.stream.whole import read
from netprobe.pipeline import analyze
from netprobe.report.text import render

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "golden"
#: The golden report's name -> the capture that it is made of.
OBSERVED = {
    "healthy": "demo",
    "firewall": "docker-user-drop",
    "service": "app-bound-loopback",
    "nat": "masquerade-missing",
    "names": "dns-two-networks",
    "routing": "ip-forward-off",
    "macvlan": "macvlan-vlan-mismatch",
}
#: The same for what is predicted: the capture's question and its hosts' state before it, and nothing sent.
PREDICTED = {"prediction": "three-faults"}


def texts() -> dict[str, str]:
    """Return every golden report as it is now, without colour and not folded."""
    observed = {name: _recorded(capture) for name, capture in OBSERVED.items()}
    predicted = {name: unsent(_recorded(capture)) for name, capture in PREDICTED.items()}
    return {name: render(analyze(evidence)) for name, evidence in (observed | predicted).items()}


def unsent(whole: Evidence) -> Evidence:
    """Return a run's question and state, as a run with --predict would have them."""
    if whole.probe is None:
        raise ValueError("a run without a question")
    result = ProbeResult(outcome=Outcome.NOT_RUN)
    return Evidence(probe=replace(whole.probe, predict=True, result=result, timing_ms={}), before=whole.before)


def write() -> list[str]:
    """Write them; return the names of those that changed."""
    GOLDEN.mkdir(exist_ok=True)
    changed = []
    for name, text in texts().items():
        file = GOLDEN / f"{name}.txt"
        if not file.is_file() or file.read_text() != text:
            file.write_text(text)
            changed.append(name)
    return changed


def _recorded(capture: str) -> Evidence:
    return read((ROOT / "captures" / f"{capture}.pcapng").read_bytes())


if __name__ == "__main__":
    print(*(write() or ["nothing changed"]))
    sys.exit(0)
