"""Certificates, live: what the report of a refused one advises, done by hand, takes the finding away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netprobe_lab.experiments.tls import TLS
from netprobe_lab.runner import ask, make_situation, situation
from netprobe_lab.steps import carry_out

if TYPE_CHECKING:
    from pathlib import Path

    from netprobe_lab.experiments.model import Experiment
    from netprobe_lab.layout import Lab

REFUSED = [each for each in TLS if each.expected.verdict == "works" and each.cure]


@pytest.mark.parametrize("experiment", REFUSED, ids=lambda each: each.name)
def test_a_good_certificate_cures(clean_lab: Lab, experiment: Experiment, tmp_path: Path) -> None:
    make_situation(clean_lab, situation(experiment))
    assert ask(clean_lab, experiment, tmp_path / "first.pcapng").disagreements == ()
    for step in experiment.cure:
        carry_out(clean_lab, step)
    again = ask(clean_lab, experiment, tmp_path / "again.pcapng").answer.report
    assert (again["verdict"], again["findings"]) == ("works", [])
