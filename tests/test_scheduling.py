"""What belongs together goes to one worker."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import pytest

from netprobe_lab.experiments import EXPERIMENTS
from netprobe_lab.runner import situation
from tests.scheduling import FIRST, long_ones_first, scope_of

LIVE = "tests/lab/test_lab_experiments.py::test_netprobe_says_what_is_declared[{}]"


def test_experiments_of_one_situation_stay_together() -> None:
    scopes = {scope_of(LIVE.format(each.name)): situation(each) for each in EXPERIMENTS}
    assert len(scopes) == len({situation(each) for each in EXPERIMENTS})
    assert all(scopes[scope_of(LIVE.format(each.name))] == situation(each) for each in EXPERIMENTS)


@pytest.mark.parametrize(
    ("nodeid", "scope"),
    [
        ("tests/test_replay.py::test_the_report_is_the_expected_one[demo-http]", "capture demo-http"),
        ("tests/test_mutilated.py::test_without_the_rulesets[failed-demo]", "capture demo"),
        ("tests/test_replay.py::test_every_experiment_has_its_capture", "tests/test_replay.py"),
        ("tests/lab/test_live_paths.py::test_outcomes[demo:80-server1-None]", "tests/lab/test_live_paths.py"),
        ("tests/state/test_nft.py::test_any[1]", "tests/state/test_nft.py"),
    ],
)
def test_scopes(nodeid: str, scope: str) -> None:
    assert scope_of(nodeid) == scope


def test_what_takes_long_comes_first_and_is_there() -> None:
    assert all((Path(__file__).parents[1] / each).is_file() for each in FIRST)
    queue = OrderedDict.fromkeys(["capture demo", *FIRST, "tests/test_cli.py"])
    long_ones_first(queue)
    assert list(queue) == [*FIRST, "capture demo", "tests/test_cli.py"]
