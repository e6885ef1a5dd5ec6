from __future__ import annotations

import os
import pty
import resource
import select
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from netprobe.causes.catalogue import CAUSES, TRAFFIC
from netprobe.cli import run
from netprobe.commands.offered import cause_codes, orders, schemas
from netprobe.flowtable.fields import NAMES
from netprobe.report.schema import NAMES as SCHEMAS
from tests.live.test_nearby import inventory, listening

if TYPE_CHECKING:
    from pathlib import Path

ENGINE = (
    b"HTTP/1.0 200 OK\r\n\r\n"
    b'[{"Names": ["/demo"], "State": "running", "Ports": [{"PrivatePort": 80, "Type": "tcp"}, {"PrivatePort": 53, "Type": "udp"}],'
    b' "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}}]'
)
CPU_SECONDS = 0.6
"""Of the whole process, far above what it takes (some 0.1): a busy machine's processors are slower."""


def offered(line: str, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "netprobe"],
        env={**os.environ, "_NETPROBE_COMPLETE": "bash_complete", "COMP_WORDS": line, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return [each.partition(",")[2] or each for each in done.stdout.splitlines()]


def test_commands_options_values_causes_experiments_and_files() -> None:
    assert offered("netprobe expl") == ["explain"]
    assert "--predict" in offered("netprobe explain --pre")
    assert offered("netprobe explain x --proto ht") == ["http", "https"]
    assert offered("netprobe explain x --proto=ht") == ["http", "https"]
    assert offered("netprobe causes docker-user-d") == ["docker-user-drop"]
    assert "docker-user-drop" in offered("netprobe lab run docker-user-d")
    assert offered("netprobe lab shell serv") == ["server1", "server2"]
    assert offered("netprobe replay cap") == ["cap"]  # by the shell: the kind says that it is a file
    assert offered("netprobe schema to") == ["topology"]
    assert offered("netprobe no-such-thing x") == []
    assert offered("netprobe explain 'un") == []


def test_columns_of_flows_within_a_condition_and_an_order() -> None:
    assert offered("netprobe flows x --where 'bytes > 1 and server_po") == ["bytes > 1 and server_port"]
    assert offered("netprobe flows x --where=verd") == ["verdict"]
    assert len(offered("netprobe flows x --where 'not ")) == len(NAMES)
    assert offered("netprobe flows x --where 'bytes ") == []  # an operator comes next
    assert offered("netprobe flows x --where 'bytes > 1") == []
    assert offered("netprobe flows x --where \"path == 'dn") == []  # a text
    assert offered("netprobe flows x --sort verd") == ["verdict"]
    assert offered("netprobe flows x --sort first,-dur") == ["first,-duration"]


def test_what_is_read_from_files_is_what_there_is() -> None:
    assert set(orders("")) == set(NAMES)
    assert list(schemas()) == list(SCHEMAS)


def test_containers_services_hosts_and_ports(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    here = {"NETPROBE_HOSTS": inventory(tmp_path, str(path))}
    with listening(path, ENGINE):
        assert offered("netprobe explain de", **here) == ["demo", "demo:53/udp", "demo:80"]
        assert offered("netprobe explain demo:8", **here) == ["80"]  # bash keeps what stands before the colon
        assert offered("netprobe explain sh", **here) == ["shop/web", "shop/web:53/udp", "shop/web:80"]
        assert offered("netprobe explain demo:80 --from ", **here) == ["demo", "far", "local", "shop/web", "tcp"]
        assert offered(f"netprobe explain --hosts {here['NETPROBE_HOSTS']} demo:8") == ["80"]
        assert offered("netprobe topology --host f", **here) == ["far"]


@pytest.mark.parametrize("kind", ["no socket", "nobody answers", "no inventory"])
def test_without_an_engine_it_is_silent_and_quick(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    file = inventory(tmp_path, str(path)) if kind != "no inventory" else str(tmp_path / "none.toml")
    if kind == "nobody answers":
        with listening(path, None):
            assert offered("netprobe explain de", NETPROBE_HOSTS=file) == []
    else:
        assert offered("netprobe explain de", NETPROBE_HOSTS=file) == []


def test_it_takes_no_time() -> None:
    offered("netprobe explain de")  # compiled files are there
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(3):
        offered("netprobe explain de", NETPROBE_HOSTS="/dev/null")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 3 < CPU_SECONDS


def test_every_cause_is_offered() -> None:
    assert set(cause_codes()) == {each.code for each in (*CAUSES, *TRAFFIC)}


@pytest.fixture
def script(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Path:
    """The script of a shell, and netprobe on its PATH; skipped where that shell is not installed."""
    shell: str = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed (make setup-shells)")
    assert run(["completion", shell]) == 0
    file = tmp_path / f"netprobe.{shell}"
    file.write_text(capsys.readouterr().out)
    command = tmp_path / "bin" / "netprobe"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m netprobe "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.getcwd())  # noqa: PTH109
    return file


def typed(argv: list[str], begin: str, keys: str, wanted: str) -> str:
    """Type into a shell on a terminal, and return what it shows, until that holds what is wanted."""
    child, master = pty.fork()
    if child == 0:
        os.environ.update(TERM="dumb", PS1="> ", HISTFILE="/dev/null")
        os.execvp(argv[0], argv)  # noqa: S606 - a shell is what is tested
    shown, until, sent = "", time.monotonic() + 60, 0
    try:
        os.write(master, f"{begin}; echo rea''dy\n".encode())
        while wanted not in shown and time.monotonic() < until:
            if select.select([master], [], [], 1.0)[0]:
                shown += os.read(master, 4096).decode(errors="replace")
            if "ready" in shown and not sent:
                sent, shown = os.write(master, keys.encode()), ""
    finally:
        os.close(master)
        os.kill(child, 9)
        os.waitpid(child, 0)
    return shown


@pytest.mark.parametrize("script", ["bash"], indirect=True)
def test_bash(script: Path) -> None:
    keys = "netprobe causes docker-user-d\t"
    assert "docker-user-drop" in typed(
        ["bash", "--norc", "--noprofile", "-i"], f"source {script}", keys, "docker-user-drop"
    )


@pytest.mark.parametrize("script", ["bash"], indirect=True)
def test_bash_within_quotes(script: Path) -> None:
    keys = "netprobe flows x --where 'bytes > 1 and server_po\t"
    wanted = "'bytes > 1 and server_port'"
    assert wanted in typed(["bash", "--norc", "--noprofile", "-i"], f"source {script}", keys, wanted)


@pytest.mark.parametrize("script", ["zsh"], indirect=True)
def test_zsh(script: Path) -> None:
    begin = f"autoload -U compinit; compinit -u -D; source {script}"
    keys = "netprobe causes docker-user-d\t"
    assert "docker-user-drop" in typed(["zsh", "-f", "-i"], begin, keys, "docker-user-drop")


@pytest.mark.parametrize("script", ["fish"], indirect=True)
def test_fish(script: Path) -> None:
    line = f"source {script}; complete -C 'netprobe causes docker-user-d'"
    done = subprocess.run(["fish", "--no-config", "-c", line], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["docker-user-drop"]
