"""The lab's own promises: idempotent, alone, and gone without a trace, also after a kill -9."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, fields, replace
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe_lab.engine import engine_version
from netprobe_lab.errors import LabError
from netprobe_lab.layout import OVERRIDE, SERVER1, SERVER2, Lab, this_lab
from netprobe_lab.lifecycle import down, is_up, up
from netprobe_lab.processes import is_marked, lab_processes, read_pid
from netprobe_lab.run import environment
from netprobe_lab.steps import on_host
from netprobe_lab.waiting import wait_for
from tests.lab.serving import nginx
from tests.spread import spread

if TYPE_CHECKING:
    from collections.abc import Iterator

# Where a lab's own things are, by its id; and places where a Docker Engine would write, which no lab ever touches.
OWN_PLACES = (
    "/run",
    "/run/netprobe-lab",
    "/run/netns",
    "/etc/netns",
    "/var/lib/netprobe-lab",
    "/sys/fs/cgroup",
    "/sys/fs/cgroup/*",
)
FORBIDDEN = (
    "/etc/docker",
    "/etc/cni",
    "/opt",
    "/run/docker",
    "/run/containerd",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/sys/fs/bpf",
)
LINKS = re.compile(r"02:4e:50:|\b(lan|trunk)-|\beth1\.1\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What a lab could leave on a machine. Other labs, and whatever else the machine does, may come and go meanwhile."""

    files: frozenset[str]
    forbidden: frozenset[str]
    mounts: frozenset[str]
    links: frozenset[str]
    sysctls: frozenset[str]


def traces(lab: Lab) -> Traces:
    own = re.compile(rf"(np-|netprobe-lab/){lab.id}\b")
    files = {path for place in OWN_PLACES for path in entries(f"{place}/*")}
    forbidden = {path for place in FORBIDDEN for path in (*entries(f"{place}/*"), *entries(f"{place}/*/*"))}
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout.splitlines()
    sysctls = [Path("/proc/sys/net/ipv4/ip_forward"), Path("/proc/sys/kernel/keys/root_maxkeys")]
    return Traces(
        files=frozenset(path for path in files if own.search(path)),
        forbidden=frozenset(forbidden),
        mounts=frozenset(line.split(" ", 3)[3] for line in mounts if own.search(line)),
        links=frozenset(line for line in links if LINKS.search(line)),
        sysctls=frozenset(f"{path} {path.read_text()}" for path in sysctls if path.exists()),
    )


def entries(pattern: str) -> list[str]:
    """What is there. A folder of another lab's that vanishes meanwhile is passed over: Path.glob would raise."""
    return glob(pattern, include_hidden=True)  # noqa: PTH207


def left(before: Traces, after: Traces) -> list[str]:
    """Say what is there now and was not (+), or was there and is not now (-)."""
    found = []
    for name in (field.name for field in fields(Traces)):
        was, now = getattr(before, name), getattr(after, name)
        found += [f"+ {each}" for each in sorted(now - was)] + [f"- {each}" for each in sorted(was - now)]
    return found


def must_be_gone(lab: Lab, before: Traces) -> None:
    """Fail, and say what is left of a lab: its processes, and what the machine had not before."""
    what = [f"process {pid}: {command_line(pid)}" for pid in lab_processes(lab)] + left(before, traces(lab))
    if what:
        pytest.fail("\n".join(["left by the lab:", *what[:20]]), pytrace=False)


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:100]
    except OSError:
        return "(it has just ended)"


@pytest.fixture
def other(possible: None) -> Iterator[Lab]:
    """A second lab, down at first, and taken down at the end."""
    lab = replace(this_lab(), id=f"{this_lab().id[:11]}k")
    down(lab, lambda _: None)
    yield lab
    down(lab, lambda _: None)


def quiet(_: str) -> None:
    """Report no progress."""


def test_up_again_changes_nothing(lab: Lab) -> None:
    before = {name: read_pid(lab.holder_file(name)) for name in ("server1", "server2", "outside")}
    assert up(lab, quiet) is False
    assert {name: read_pid(lab.holder_file(name)) for name in ("server1", "server2", "outside")} == before


def test_down_leaves_nothing(other: Lab) -> None:
    before = traces(other)
    up(other, quiet)
    nginx(other, "-p", "80:80")
    on_host(other, "server2", ["docker", "network", "create", "app"])
    on_host(other, "server2", ["docker", "pause", "demo"])  # a frozen process takes no signal
    assert traces(other) != before
    down(other, quiet)
    must_be_gone(other, before)


def test_down_twice_and_without_up(other: Lab) -> None:
    before = traces(other)
    down(other, quiet)
    down(other, quiet)
    assert left(before, traces(other)) == []


def test_a_process_in_the_middle_of_execve_is_the_labs(other: Lab) -> None:
    """Popen returns when the kernel closes the lab's lock in the new process, too: its environment comes a moment later."""
    for _ in range(50):
        process = subprocess.Popen(["sleep", "60"], env=environment(other))
        try:
            assert is_marked(other, process.pid)
            assert not is_marked(replace(other, id="another"), process.pid)
        finally:
            process.kill()
            process.wait()
    assert not is_marked(other, process.pid)


@pytest.mark.parametrize("after_s", spread([0.15, 0.05, 0.25, 0.5, 0.35, 0.7, 1.1, 0.9, 1.3], 3))
def test_down_after_a_killed_up_leaves_nothing(other: Lab, after_s: float) -> None:
    before = traces(other)
    process = subprocess.Popen(
        [sys.executable, "-m", "netprobe", "lab", "up"], env=dict(os.environ, **{OVERRIDE: other.id}),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    down(other, quiet)
    must_be_gone(other, before)


def test_up_repairs_a_killed_up(other: Lab) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "netprobe", "lab", "up"], env=dict(os.environ, **{OVERRIDE: other.id}),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for(lambda: other.holder_file("server1").exists(), "the first host", 240)
    process.kill()
    process.wait()
    up(other, quiet)
    assert is_up(other)


def test_up_repairs_a_dead_engine(other: Lab) -> None:
    up(other, quiet)
    pid = read_pid(other.host_dir("server1") / "dockerd.pid")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: engine_version(other, SERVER1) is None, "dockerd to end", 120)
    assert not is_up(other)
    assert up(other, quiet) is True
    assert is_up(other)


def test_ssh_comes_stays_and_goes_with_the_lab(other: Lab) -> None:
    before = traces(other)
    assert up(other, quiet, ssh=True) is True
    asked = on_host(other, "desk", ["ssh", "-oBatchMode=yes", "root@192.168.3.201", "hostname"])
    assert asked.stdout == "server1\n"
    pids = {name: read_pid(other.host_dir(name) / "sshd.pid") for name in ("server1", "server2")}
    assert up(other, quiet, ssh=True) is False
    assert up(other, quiet) is False
    assert {name: read_pid(other.host_dir(name) / "sshd.pid") for name in pids} == pids
    assert pids["server2"] is not None
    os.kill(pids["server2"], signal.SIGKILL)
    wait_for(lambda: read_pid(other.host_dir("server2") / "sshd.pid") is None, "sshd to end", 120)
    assert up(other, quiet, ssh=True) is True
    assert on_host(other, "desk", ["ssh", "-oBatchMode=yes", "probe@192.168.3.202", "hostname"]).stdout == "server2\n"
    down(other, quiet)
    must_be_gone(other, before)


def test_up_after_a_reboot_starts_anew(other: Lab) -> None:
    """After a reboot /var/lib has the data, perhaps /run its files, and nothing runs."""
    other.host_dir("server1").mkdir(parents=True)
    other.holder_file("server1").write_text("1 12345\n")
    other.hosts_file.write_text("stale")
    (other.data_dir / "server1" / "docker").mkdir(parents=True)
    assert not is_up(other)
    up(other, quiet)
    assert is_up(other)


def test_two_ups_at_once_make_one_lab(other: Lab) -> None:
    argv = [sys.executable, "-m", "netprobe", "lab", "up"]
    environment = dict(os.environ, **{OVERRIDE: other.id})
    both = [subprocess.Popen(argv, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted(process.communicate(timeout=600)[1].splitlines()[-1] for process in both)
    assert [process.returncode for process in both] == [0, 0], said
    assert said == [f"lab {other.id} is up", f"lab {other.id} was up already"]


def test_two_labs_do_not_meet(clean_lab: Lab, other: Lab) -> None:
    up(other, quiet)
    nginx(other, "-p", "80:80", name="only-here")
    assert on_host(clean_lab, "server2", ["docker", "ps", "--all", "--format", "{{.Names}}"]).stdout.split() == []
    down(other, quiet)
    assert is_up(clean_lab)
    assert engine_version(clean_lab, SERVER2) is not None


def test_down_from_inside_is_refused(lab: Lab) -> None:
    done = on_host(lab, "server1", [sys.executable, "-m", "netprobe", "lab", "down"], check=False)
    assert done.returncode == LabError.exit_code
    assert "inside a lab" in done.stderr


def test_a_shell_has_what_the_tutorial_types(clean_lab: Lab) -> None:
    for command in (
        ["docker", "run", "-d", "--name", "demo", "-p", "80:80", "nginx"],
        ["iptables", "-t", "nat", "-nL"],
        ["netstat", "-antlp"],
        ["ip", "addr", "show", "eth1"],
    ):
        on_host(clean_lab, "server2", command)
    wait_for(
        lambda: on_host(clean_lab, "server2", ["curl", "-s", "localhost"], check=False).returncode == 0, "nginx", 120
    )
    assert "Welcome to nginx" in on_host(clean_lab, "server1", ["curl", "-s", "192.168.3.202"]).stdout
    assert on_host(clean_lab, "server2", ["hostname"]).stdout == "server2\n"


def test_names_end_in_the_lab(clean_lab: Lab) -> None:
    known = on_host(clean_lab, "server1", ["docker", "run", "--rm", "busybox", "nslookup", "www.outside.test"])
    assert "203.0.113.10" in known.stdout
    unknown = on_host(
        clean_lab, "server1", ["docker", "run", "--rm", "busybox", "nslookup", "example.com"], check=False
    )
    assert "NXDOMAIN" in unknown.stdout
