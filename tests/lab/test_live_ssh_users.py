"""Whose connection it is: the user's own settings and connections count, and who is not root here may still ask elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from netprobe_lab.ask import on_desk
from netprobe_lab.layout import DESK
from netprobe_lab.lifecycle import up
from netprobe_lab.namespaces import enter
from netprobe_lab.shell import shell_environment
from netprobe_lab.sshd import desk_hosts_file
from netprobe_lab.steps import clean, on_host
from tests.lab.serving import nginx
from tests.lab.test_live_ssh import forget, with_ssh_config, write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from netprobe_lab.layout import Lab

NOBODY = 65534
QUESTION = ["explain", "192.168.3.202:80", "--from", "server1", "--json"]


@pytest.fixture(scope="module")
def stage(lab: Lab) -> Iterator[Lab]:
    up(lab, lambda _: None, ssh=True)
    clean(lab)
    nginx(lab, "-p", "80:80")
    yield lab
    clean(lab)


@pytest.fixture
def desk(stage: Lab) -> Iterator[Lab]:
    before = on_host(stage, DESK.name, ["cat", "/etc/ssh/ssh_config"]).stdout
    forget(stage)
    yield stage
    write_config(stage, before)
    forget(stage)


def test_a_connection_made_by_hand_is_used(desk: Lab) -> None:
    """Where a password or a second factor is asked for, that is the only way in."""
    with_ssh_config(desk, "Host 192.168.3.*", f"  ControlPath {desk.host_dir(DESK.name)}/own-%h", "Host *")
    made = ["ssh", "-fNM", "root@192.168.3.201"], ["ssh", "-fNM", "probe@192.168.3.202"]
    for argv in made:
        # its standard error stays open as long as the connection: into no pipe of ours
        on_host(desk, DESK.name, ["sh", "-c", '"$@" 2>/dev/null >/dev/null', "sh", *argv])
    with_ssh_config(desk, "PubkeyAuthentication no")
    done = on_desk(desk, QUESTION)
    for address in ("root@192.168.3.201", "probe@192.168.3.202"):
        on_host(desk, DESK.name, ["ssh", "-O", "exit", address], check=False)
    assert (done.returncode, json.loads(done.stdout).get("verdict")) == (0, "works"), done.stdout


def test_who_is_not_root_here_asks_between_other_hosts(desk: Lab, tmp_path: Path) -> None:
    readable = subprocess.run(
        ["setpriv", f"--reuid={NOBODY}", "--clear-groups", sys.executable, "-c", "import netprobe"], check=False
    )
    if readable.returncode:
        pytest.skip("an ordinary user cannot read this checkout")
    home = desk.run_dir / "nobody"
    home.mkdir()
    shutil.copy(desk.run_dir / "ssh" / "user", home / "key")
    for path in (home, home / "key"):
        os.chown(path, NOBODY, NOBODY)
    home.chmod(0o700)
    with_ssh_config(desk, f"IdentityFile {home}/key")
    try:
        elsewhere, here = (
            as_nobody(desk, home, *QUESTION),
            as_nobody(desk, home, "explain", "192.168.3.202:80", "--json"),
        )
    finally:
        on_host(
            desk,
            DESK.name,
            ["sh", "-c", f"for s in {home}/netprobe-ssh/*; do ssh -O exit -S $s any; done"],
            check=False,
        )
        shutil.rmtree(home)
    assert (elsewhere.returncode, json.loads(elsewhere.stdout)["verdict"]) == (0, "works")
    error = json.loads(here.stdout)
    assert here.returncode == error["exit"] == 4
    assert "not root here" in error["error"]
    assert "sudo netprobe" in error["hint"]


def as_nobody(lab: Lab, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**shell_environment(lab, DESK.name), "XDG_RUNTIME_DIR": str(home), "HOME": str(home)}
    argv = [*enter(lab, DESK.name), "setpriv", f"--reuid={NOBODY}", "--clear-groups"]
    argv += [sys.executable, "-m", "netprobe", *arguments, "--hosts", str(desk_hosts_file(lab))]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=300)
