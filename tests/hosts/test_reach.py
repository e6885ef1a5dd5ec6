"""How a host is reached: what ssh makes of the words (``ssh -G`` prints them and connects to nothing)."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.errors import UsageFault
from netprobe.hosts.reach import Reach, control_folder, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

needs_ssh = pytest.mark.skipif(shutil.which("ssh") is None, reason="there is no ssh here")


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="np", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


@pytest.mark.parametrize(
    ("text", "ends", "spoken"),
    [
        ("ssh://server1", ["--", "server1"], "ssh server1"),
        ("ssh://root@192.168.3.201", ["-lroot", "--", "192.168.3.201"], "ssh root@192.168.3.201"),
        ("ssh://root@server1:2222/", ["-p2222", "-lroot", "--", "server1"], "ssh -p 2222 root@server1"),
        ("ssh://me@[fe80::1%eth0]:22", ["-p22", "-lme", "--", "fe80::1%eth0"], "ssh -p 22 me@fe80::1%eth0"),
    ],
)
def test_where_ssh_goes(runtime: Path, text: str, ends: list[str], spoken: str) -> None:
    reach = parse("h", text)
    assert list(reach.prefix[-len(ends) :]) == ends
    assert reach.prefix[0] == "ssh"
    assert reach.spoken == spoken
    assert not reach.same_machine


@pytest.mark.parametrize(
    "text", ["ssh://-x@h", "ssh://-h", "ssh://a b", "ssh://h:0x16", "ssh://h:70000", "ssh://u@", "ssh:h"]
)
def test_what_ssh_could_misunderstand_is_refused(text: str) -> None:
    with pytest.raises(UsageFault, match="is not understood"):
        parse("h", text)


def test_the_remote_shell_gets_every_word_as_it_is() -> None:
    words = ["python3", "-c", 'print("a b; $(id) `id` \\n")', "it's"]
    *prefix, line = Reach(prefix=("ssh", "h"), quoted=True).argv(words, ("sudo", "-n"))
    assert prefix == ["ssh", "h"]
    assert shlex.split(line) == ["sudo", "-n", *words]
    said = subprocess.run(["sh", "-c", f"printf '%s\\n' {line}"], capture_output=True, text=True, check=True).stdout
    assert said == "\n".join(["sudo", "-n", *words]) + "\n"


def options(reach: Reach) -> dict[str, str]:
    """What ssh would do, as it says itself."""
    done = subprocess.run(["ssh", "-G", *reach.prefix[1:]], capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)


@needs_ssh
def test_keys_are_checked_nothing_is_asked_and_connections_are_shared(runtime: Path) -> None:
    found = options(parse("h", "ssh://root@server1:2222"))
    assert (found["hostname"], found["user"], found["port"]) == ("server1", "root", "2222")
    assert (found["batchmode"], found["stricthostkeychecking"]) == ("yes", "true")
    assert (found["controlmaster"], found["controlpersist"]) == ("auto", "60")
    assert found["controlpath"].startswith(f"{runtime}/netprobe-ssh/")
    assert found["requesttty"] in ("no", "false")


def test_without_a_private_folder_nothing_is_shared(runtime: Path) -> None:
    (runtime / "netprobe-ssh").mkdir(mode=0o755)
    (runtime / "netprobe-ssh").chmod(0o755)
    assert control_folder() is None
    assert not [word for word in parse("h", "ssh://h").prefix if word.startswith("-F")]


@pytest.mark.parametrize("name", ["x" * 80, 'a"b', "a%b"])
def test_a_folder_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / name))
    assert control_folder() is None
