"""Ending explain at many moments, Ctrl-C and -9, leaves no process and no file behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from netprobe_lab.namespaces import enter
from netprobe_lab.steps import on_host
from tests.lab.serving import nginx
from tests.spread import spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe_lab.layout import Lab

PATIENCE_S = 30.0
MOMENTS = [0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2]


@pytest.fixture(scope="module")
def demo_lab(lab: Lab) -> Iterator[Lab]:
    nginx(lab, "-p", "8088:80", name="killed")
    yield lab
    on_host(lab, "server2", ["docker", "rm", "-f", "killed"])


def end_explain(target: str, moment: float, number: int, folder: Path, *options: str, **more: object) -> dict[str, Any]:
    argv = [
        sys.executable,
        "-m",
        "netprobe",
        "explain",
        target,
        "--from",
        "server1",
        "--force",
        "--save",
        str(folder / "kept.pcapng"),
        *options,
    ]
    spec = {"argv": argv, "delay": moment, "signal": number, "patience": PATIENCE_S, **more}
    helper = [sys.executable, str(Path(__file__).parent / "leftovers.py"), json.dumps(spec)]
    scratch = folder / "tmp"
    scratch.mkdir(exist_ok=True)
    done = subprocess.run(
        helper, capture_output=True, text=True, timeout=300, env={**os.environ, "TMPDIR": str(scratch)}, check=True
    )
    assert list(scratch.iterdir()) == []
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("moment", spread(MOMENTS, 2))
def test_kill_9_leaves_no_process(demo_lab: Lab, tmp_path: Path, moment: float) -> None:
    result = end_explain("killed:80", moment, signal.SIGKILL, tmp_path)
    assert result["left"] == {}


@pytest.mark.parametrize("moment", spread(MOMENTS, 2))
@pytest.mark.parametrize("group", [False, True])
def test_ctrl_c_leaves_no_process(demo_lab: Lab, tmp_path: Path, moment: float, group: bool) -> None:
    result = end_explain("killed:80", moment, signal.SIGINT, tmp_path, group=group)
    assert result["left"] == {}
    assert result["at_exit"] == {}, "explain itself waits for all that it started"
    if result["cpu"] >= 0.3:  # before, Python itself may still be starting
        assert "Traceback" not in result["err"], result["err"]


def test_ctrl_c_during_the_probe_keeps_what_was_captured(demo_lab: Lab, tmp_path: Path) -> None:
    drop = ["DOCKER-USER", "-p", "tcp", "-m", "tcp", "--dport", "80", "-j", "DROP"]
    on_host(demo_lab, "server2", ["iptables", "-I", *drop])
    counted = f"{' '.join(enter(demo_lab, 'server2'))} iptables -vxnL DOCKER-USER 1 | grep -qv '^ *0 '"
    try:
        result = end_explain("killed:80", 0.5, signal.SIGINT, tmp_path, "--timeout", "60", ready=["sh", "-c", counted])
    finally:
        on_host(demo_lab, "server2", ["iptables", "-D", *drop])
    assert result["left"] == {}
    assert result["seen"] > 3, "it was ended in the middle of its work"
    assert (tmp_path / "kept.pcapng").stat().st_size > 1000


def test_the_counting_can_fail(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    script = f"setsid sleep 600 >/dev/null 2>&1 & touch {begun}; sleep 600 >/dev/null 2>&1"
    spec = {"argv": ["sh", "-c", script], "delay": 0.1, "signal": signal.SIGKILL, "patience": 0.2}
    spec["ready"] = ["test", "-e", str(begun)]
    helper = [sys.executable, str(Path(__file__).parent / "leftovers.py"), json.dumps(spec)]
    done = subprocess.run(helper, capture_output=True, text=True, timeout=300, check=True)
    left = json.loads(done.stdout)["left"]
    for pid in left:
        os.kill(int(pid), signal.SIGKILL)
    assert left
