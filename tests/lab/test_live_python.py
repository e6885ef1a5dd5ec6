"""``netprobe.explain`` in the lab: from Python, as a program would call it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import netprobe
from netprobe.report.json import dumps, to_json
from netprobe_lab.experiments import experiment
from netprobe_lab.runner import make_situation, situation
from netprobe_lab.steps import clean
from tests.contract import assert_valid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from netprobe_lab.layout import Lab

pytestmark = pytest.mark.xdist_group("live_python")


@pytest.fixture(scope="module")
def demo(lab: Lab) -> Iterator[Lab]:
    make_situation(lab, situation(experiment("demo")))
    yield lab
    clean(lab)


def test_explain(demo: Lab, tmp_path: Path) -> None:
    steps: list[str] = []
    file = tmp_path / "run.pcapng"
    report = netprobe.explain("demo:80", source="server1", hosts=demo.hosts_file, save=file, progress=steps.append)
    assert (report.verdict.value, report.path.value, report.sent) == ("works", "dnat", True)
    assert "probing demo:80" in steps
    assert_valid("report", json.loads(dumps(to_json(report))))
    again = netprobe.replay(file)
    assert to_json(again) == to_json(report)


def test_predict(demo: Lab) -> None:
    report = netprobe.explain("demo:80", source="server1", hosts=demo.hosts_file, predict=True)
    assert (report.verdict.value, report.predicted_path, report.sent) == ("works", "dnat", False)
    assert_valid("report", json.loads(dumps(to_json(report))))


def test_whose_fault(demo: Lab, tmp_path: Path) -> None:
    with pytest.raises(netprobe.UsageFault, match="nope"):
        netprobe.explain("nope:80", source="server1", hosts=demo.hosts_file)
    with pytest.raises(netprobe.UsageFault, match="--from"):
        netprobe.explain("demo:80", hosts=demo.hosts_file)
    hosts = tmp_path / "hosts.toml"
    hosts.write_text('[hosts.gone]\nreach = "netns:/run/netns/nowhere"\n')
    with pytest.raises(netprobe.EnvironmentFault) as raised:
        netprobe.explain("192.0.2.1:80", source="gone", hosts=hosts)
    assert (raised.value.exit_code, bool(raised.value.hint)) == (4, True)
