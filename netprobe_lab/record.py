"""`python -m netprobe_lab.record [NAME…]`: record the evidence of experiments into captures/.

Each NAME.pcapng comes with NAME.expected.json, the stable fields of its report. What is expected is declared by the
experiment: a report that says otherwise is refused, and then nothing of that experiment is written. The index,
captures/INDEX.md, is written anew from all that is there.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netprobe.annotating import bare
from netprobe.causes import catalogue
from netprobe.errors import NetprobeError
from netprobe.evidence.stream.whole import read
from netprobe.pipeline import analyze
from netprobe.report.text import render
from netprobe_lab.commands import chosen, fitting, require_up
from netprobe_lab.experiments import EXPERIMENTS
from netprobe_lab.layout import Lab, this_lab
from netprobe_lab.runner import Outcome, outcomes
from netprobe_lab.stable import expectation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe.model.report import Report

MAX_BYTES = 100 * 1024
CAPTURES = "captures"
_INDEX_HEAD = """\
# Captures

Saved evidence of the lab's experiments. `netprobe replay FILE` explains one; Wireshark opens it. `make captures` records
them all again, `python -m netprobe_lab.record NAME…` some of them; both write this index.

| capture | what it shows | verdict | path | cause | findings | bytes |
|---|---|---|---|---|---|---|
"""


def record(lab: Lab, names: Iterable[str], captures: Path) -> list[str]:
    """Record experiments; return one line for each that was refused.

    Raises:
        LabError: the lab failed, or netprobe gave no report.
    """
    experiments = chosen(names) if names else list(EXPERIMENTS)
    require_up(lab)
    experiments = fitting(lab, experiments)
    captures.mkdir(exist_ok=True)
    refused: list[str] = []
    with tempfile.TemporaryDirectory(prefix="netprobe-") as directory:
        for outcome in outcomes(lab, experiments, Path(directory)):
            why = objections(lab, outcome)
            refused += [f"{outcome.experiment.name}: {line}" for line in why]
            click.echo(f"{outcome.experiment.name}: {'refused' if why else 'recorded'}", err=True)
            if not why:
                _keep(outcome, captures)
    write_index(captures)
    write_examples(captures)
    return refused


def objections(lab: Lab, outcome: Outcome) -> list[str]:
    """Return why a recording must not be kept: not as declared, too big, or it shows the recording machine."""
    found = list(outcome.disagreements)
    content = outcome.evidence.read_bytes()
    if len(content) > MAX_BYTES:
        found.append(f"{len(content)} bytes, more than {MAX_BYTES}")
    evidence = read(content)
    texts = repr((evidence.probe, evidence.points, evidence.before, evidence.after, evidence.limits))
    found += [f"it contains {text!r}" for text in _private(lab) if text in texts or text.encode() in content]
    return found


def _private(lab: Lab) -> list[str]:
    """Return what would give the recording machine away: where this checkout lives, its name, its name servers."""
    texts = [str(lab.checkout), str(Path.home()), *_machine_lines("/etc/hostname")]
    for line in _machine_lines("/etc/resolv.conf"):
        words = line.split()
        texts += words[1:] if words[:1] in (["nameserver"], ["search"], ["domain"]) else []
    return [text for text in texts if len(text) > 5 and not text.startswith("127.")]


def _machine_lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(errors="replace").split("\n")
    except OSError:
        return []


def _keep(outcome: Outcome, captures: Path) -> None:
    name = outcome.experiment.name
    text = json.dumps(expectation(outcome.answer.report), indent=1, ensure_ascii=False)
    (captures / f"{name}.pcapng").write_bytes(bare(outcome.evidence.read_bytes()))
    (captures / f"{name}.expected.json").write_text(text + "\n")


def write_index(captures: Path) -> None:
    """Write INDEX.md: each capture, what it shows, verdict, path, cause, size."""
    rows = (_row(captures, experiment.name, experiment.title) for experiment in EXPERIMENTS)
    (captures / "INDEX.md").write_text(_INDEX_HEAD + "".join(f"{row}\n" for row in rows if row))


def write_examples(captures: Path) -> None:
    """Write the examples that `netprobe causes CODE` shows: of its experiment, what its report says of it."""
    text = json.dumps(examples_of(captures), indent=1, ensure_ascii=False) + "\n"
    (Path(catalogue.__file__).parent / "examples.json").write_text(text)


def examples_of(captures: Path) -> dict[str, dict[str, str]]:
    """Return code -> ``capture``, ``title``, ``text``: the report's first two lines, and its part on the cause or note.

    A code's example is the experiment that is called after it, the plainest case; else the first that it is expected of.
    """
    found: dict[str, dict[str, str]] = {}
    for experiment in EXPERIMENTS:
        for code in filter(None, (experiment.expected.cause, *experiment.expected.findings)):
            file = captures / f"{experiment.name}.pcapng"
            if (code not in found or code == experiment.name) and file.is_file():
                report = analyze(read(file.read_bytes()))
                found[code] = {"capture": experiment.name, "title": experiment.title, "text": said_of(report, code)}
    return dict(sorted(found.items()))


def said_of(report: Report, code: str) -> str:
    """Return the report's first two lines, and the section that names this code, unfolded."""
    sections = render(report).split("\n\n")
    own = next((each for each in sections[1:] if any(code in line for line in each.split("\n")[:2])), "")
    return f"{sections[0]}\n{own}".strip()


def _row(captures: Path, name: str, title: str) -> str:
    capture, expected = captures / f"{name}.pcapng", captures / f"{name}.expected.json"
    if not (capture.is_file() and expected.is_file()):
        return ""
    report: dict[str, Any] = json.loads(expected.read_text())
    cause = (report["cause"] or {}).get("code", "")
    cells = [f"[{name}]({capture.name})", title, report["verdict"], report["path"], cause]
    return "| " + " | ".join([*cells, ", ".join(report["findings"]), str(capture.stat().st_size)]) + " |"


def names_typed(description: str | None) -> list[str]:
    """Return the experiments' names that the command line has, none for all; ``--help`` prints the description and exits."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="an experiment, a group, or a pattern with * and ?")
    names: list[str] = parser.parse_args().names
    return names


def main() -> None:
    """Record what the command line names, everything by default; exit 1 if anything was refused."""
    lab, names = this_lab(), names_typed(__doc__)
    try:
        refused = record(lab, names, lab.checkout / CAPTURES)
    except NetprobeError as fault:
        click.echo(f"{fault.message}\n{fault.hint}".rstrip(), err=True)
        sys.exit(fault.exit_code)
    for line in refused:
        click.echo(f"refused: {line}", err=True)
    sys.exit(1 if refused else 0)


if __name__ == "__main__":
    main()
