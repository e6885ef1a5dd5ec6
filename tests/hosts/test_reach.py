"""How a host is reached: what ssh makes of the words (``ssh -G`` prints them and connects to nothing)."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from netprobe.hosts.reach import argv, control_folder
from netprobe.inventory.reach import Reach, parse_reach

if TYPE_CHECKING:
    from collections.abc import Iterator

needs_ssh = pytest.mark.skipif(shutil.which("ssh") is None, reason="there is no ssh here")


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="np", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


def options(reach: Reach) -> dict[str, str]:
    """What ssh would do, as it says itself."""
    done = subprocess.run(["ssh", "-G", *argv(reach, ())[1:-1]], capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)


@needs_ssh
def test_keys_are_checked_nothing_is_asked_and_connections_are_shared(runtime: Path) -> None:
    found = options(parse_reach("h", "ssh://root@server1:2222"))
    assert (found["hostname"], found["user"], found["port"]) == ("server1", "root", "2222")
    assert (found["batchmode"], found["stricthostkeychecking"]) == ("yes", "true")
    assert (found["controlmaster"], found["controlpersist"]) == ("auto", "60")
    assert found["controlpath"].startswith(f"{runtime}/netprobe-ssh/")
    assert found["requesttty"] in ("no", "false")


def test_without_a_private_folder_nothing_is_shared(runtime: Path) -> None:
    (runtime / "netprobe-ssh").mkdir(mode=0o755)
    (runtime / "netprobe-ssh").chmod(0o755)
    assert control_folder() is None
    assert not [word for word in argv(parse_reach("h", "ssh://h"), ()) if word.startswith("-F")]


@pytest.mark.parametrize("name", ["x" * 80, 'a"b', "a%b"])
def test_a_folder_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / name))
    assert control_folder() is None


@pytest.mark.parametrize("_round", range(20))
def test_hosts_that_are_reached_at_once_read_a_whole_configuration(runtime: Path, _round: int) -> None:
    """Each host has a thread of its own: none may find what another has begun to write."""
    first = Barrier(8)

    def read(number: int) -> str:
        first.wait(5.0)
        words = argv(parse_reach("h", f"ssh://h{number}"), ())
        return Path(next(word[2:] for word in words if word.startswith("-F"))).read_text()

    with ThreadPoolExecutor(8) as pool:
        texts = set(pool.map(read, range(8)))
    assert len(texts) == 1
    assert "ControlPersist 60" in texts.pop()
    assert [file.name for file in (runtime / "netprobe-ssh").iterdir()] == ["config"]
