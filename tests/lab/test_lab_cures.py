"""How the remedy of each code is proved, and what the lab does for it. The remedies themselves are carried out in test_lab_experiments."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from netprobe.causes.catalogue import CAUSES
from netprobe_lab.cures import ADVICE, BY_STEPS, NOT_HERE, Cured, Promise, cure, kept, promised, representatives
from netprobe_lab.experiments import EXPERIMENTS
from netprobe_lab.layout import SERVER2
from netprobe_lab.processes import read_pid
from netprobe_lab.steps import on_host

if TYPE_CHECKING:
    from pathlib import Path

    from netprobe_lab.layout import Lab

CODES = [each.code for each in CAUSES]
SHOWN = representatives("20")
KNOWN = {each.name: each for each in EXPERIMENTS}


def test_the_shares_are_kept() -> None:
    assert len(ADVICE) <= 10
    assert len(NOT_HERE) <= 8
    assert all({**ADVICE, **NOT_HERE}.values())
    counted = Counter(promised(code) for code in CODES)
    assert sum(counted.values()) == len(CODES)
    assert counted[Promise.LIVE] >= 47
    assert counted[Promise.NOTE] <= 8


@pytest.mark.parametrize("code", CODES)
def test_what_is_promised_can_be_shown(code: str) -> None:
    """A code is cured live by the report's commands alone, or has an experiment with steps of its own; one that is a note alone has none."""
    own = code in SHOWN and bool(SHOWN[code].cure or SHOWN[code].asked_then)
    assert (code in SHOWN) is (promised(code) in {Promise.LIVE, Promise.BY_STEPS, Promise.ADVICE})
    assert own is (promised(code) is Promise.BY_STEPS)


def test_every_code_of_the_table_is_one() -> None:
    assert {*BY_STEPS, *ADVICE, *NOT_HERE} <= set(CODES)


def test_a_promise_is_not_kept_by_another_end() -> None:
    assert kept("docker-user-drop", Cured.LIVE)
    assert kept("docker-user-drop", Cured.NEXT)
    assert not kept("docker-user-drop", Cured.BY_STEPS)
    assert not kept("docker-user-drop", Cured.NOTHING)
    assert not kept("upstream-drop", Cured.NOT)


def test_systemctl_restarts_the_engine_of_its_host(clean_lab: Lab) -> None:
    file = clean_lab.host_dir(SERVER2.name) / "dockerd.pid"
    first = read_pid(file)
    on_host(clean_lab, SERVER2.name, ["systemctl", "restart", "docker"])
    assert read_pid(file) not in {None, first}
    assert on_host(clean_lab, SERVER2.name, ["docker", "ps", "--quiet"]).returncode == 0


@pytest.mark.parametrize(
    ("host", "words"),
    [("server2", ["restart", "nginx"]), ("server2", ["mask", "docker"]), ("outside", ["restart", "docker"])],
)
def test_what_systemd_would_do_else_is_refused(clean_lab: Lab, host: str, words: list[str]) -> None:
    done = on_host(clean_lab, host, ["systemctl", *words], check=False)
    assert done.returncode != 0
    assert done.stderr


def test_a_command_that_fails_cures_nothing(clean_lab: Lab, tmp_path: Path) -> None:
    step = {"host": "server2", "run": [["docker", "restart", "nobody"]], "text": ""}
    report = {"cause": {"code": "docker-user-drop", "remedies": [step]}, "after": []}
    found = cure(clean_lab, KNOWN["docker-user-drop"], report, tmp_path / "again.pcapng")
    assert found.how is Cured.NOT
    assert "docker restart nobody" in found.why
    assert found.report is None


def test_without_a_command_nothing_is_carried_out(clean_lab: Lab, tmp_path: Path) -> None:
    step = {"host": "server2", "run": [], "text": "think"}
    report = {"cause": {"code": "docker-user-drop", "remedies": [step]}, "after": None}
    found = cure(clean_lab, KNOWN["docker-user-drop"], report, tmp_path / "again.pcapng")
    assert (found.how, found.carried_out, found.why) == (Cured.NOTHING, (), "think")
