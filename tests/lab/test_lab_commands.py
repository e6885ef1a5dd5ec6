"""What a user types: `lab shell`, `lab list` and `lab run`, as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from netprobe_lab import runner
from netprobe_lab.commands import TABLE
from netprobe_lab.engine import engine_version
from netprobe_lab.experiments import EXPERIMENTS, GROUPS, experiment
from netprobe_lab.experiments.model import Experiment, on, works
from netprobe_lab.layout import SERVER2
from netprobe_lab.steps import on_host, present
from tests.lab.serving import nginx

if TYPE_CHECKING:
    from netprobe_lab.errors import LabError
    from netprobe_lab.layout import Lab

pytestmark = pytest.mark.xdist_group("lab_commands")


def lab_command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "netprobe", "lab", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False, timeout=600, env={**os.environ, **environment},
    )  # fmt: skip


def test_one_word_is_a_shells_line_and_several_are_a_command(lab: Lab) -> None:
    line = lab_command("shell", "server2", 'hostname | tr a-z A-Z; echo "a  b"; exit 3')
    assert (line.returncode, line.stdout) == (3, "SERVER2\na  b\n")
    words = lab_command("shell", "server2", "printf", "%s|", "a  b", "$HOME", ";")
    assert (words.returncode, words.stdout) == (0, "a  b|$HOME|;|")
    assert lab_command("shell", "server2", "--", "hostname").stdout == "server2\n"
    assert lab_command("shell", "server2", "").returncode == 0
    assert lab_command("shell", "server2", "-nothing").returncode == 127, "no option of the shell, but its line"


def test_a_shell_has_netprobe_and_the_labs_hosts(clean_lab: Lab) -> None:
    nginx(clean_lab, "-p", "80:80")
    outside = {"PATH": "/usr/bin:/bin", "NETPROBE_HOSTS": "/no/such"}
    asked = lab_command("shell", "server1", "netprobe explain demo:80 --from server1", **outside)
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.startswith("demo:80 from server1: works, by DNAT")
    alone = lab_command("shell", "server1", "netprobe", "explain", "demo:80")
    assert alone.returncode == 2
    assert "--from is needed" in alone.stderr


def test_of_the_current_folder_nothing_is_imported(lab: Lab) -> None:
    line = "cd $(mktemp -d) && mkdir netprobe && echo 'raise SystemExit(9)' >netprobe/__init__.py && netprobe --version"
    assert lab_command("shell", "server1", line).returncode == 0


@pytest.mark.parametrize(
    "words",
    [
        ("shell", "nowhere"),
        ("run", "nothing"),
        ("run", "demo", "nope-*"),
        ("run", "demo", "--keep", "--cure"),
        ("list", "zzz"),
    ],
)
def test_what_is_not_there_is_a_usage_error(words: tuple[str, ...]) -> None:
    done = lab_command(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 2


def test_the_list_is_by_group_and_patterns_cut_it() -> None:
    lines = lab_command("list").stdout.splitlines()
    assert len(lines) == len(EXPERIMENTS) + len(GROUPS) + 1
    assert lines[0].startswith("names: ")
    assert lines[-1].startswith(TABLE)
    part = lab_command("list", "docker-user").stdout
    assert "  docker-user-drop " in part
    assert "  demo " not in part
    group = lab_command("list", "engine28").stdout.splitlines()
    assert len(group) == 1 + len(next(each for each in GROUPS if each.name == "engine28").experiments)
    assert len(lab_command("list", "--groups").stdout.splitlines()) == len(GROUPS) + 1


def test_a_run_says_what_it_removes_and_keeps_what_it_is_told_to(clean_lab: Lab) -> None:
    on_host(clean_lab, "server2", ["docker", "network", "create", "mine"])
    on_host(clean_lab, "server2", ["docker", "create", "--name", "old", "nginx"])
    kept = lab_command("run", "demo", "--keep")
    assert kept.returncode == 0, kept.stderr
    assert "removing from server2: containers old; networks mine" in kept.stderr
    assert "netprobe explain demo:80 --from server1 --hosts lab" in kept.stderr
    assert present(clean_lab, SERVER2) == (["demo"], [])
    assert lab_command("run", TABLE, "--keep").returncode == 2
    cleaned = lab_command("run", "demo")
    assert "removing from server2: containers demo" in cleaned.stderr
    assert present(clean_lab, SERVER2) == ([], [])


def test_what_an_engine_lacks_ends_only_its_own_experiment(clean_lab: Lab) -> None:
    version = (engine_version(clean_lab, SERVER2) or "").partition(".")[0]
    foreign = next(each for each in EXPERIMENTS if each.engine not in {"", version})
    done = lab_command("run", foreign.name, "demo")
    assert done.returncode == 0
    assert f"{foreign.name} is left out: it is for Docker Engine {foreign.engine}" in done.stderr
    assert lab_command("run", foreign.name).returncode == 4


def test_what_cannot_be_set_up_does_not_end_the_run(clean_lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lacking = Experiment(
        name="lacking",
        title="a network driver that no engine has",
        explain=("demo:80", "--from", "server1"),
        expected=works("dnat"),
        set_up=on("server2", "docker network create --driver no-such-driver net"),
    )
    told: list[tuple[str, LabError]] = []
    results = runner.run_and_print(
        clean_lab, [lacking, experiment("demo")], lambda each, fault: told.append((each.name, fault))
    )
    assert [each.experiment.name for each in results] == ["demo"]
    assert [name for name, _ in told] == ["lacking"]
    assert "no-such-driver" in told[0][1].message
    assert "as declared" in capsys.readouterr().out
