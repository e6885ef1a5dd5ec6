"""Which processes belong to a lab, and ending them.

A process is the lab's if it inherited the lab's marker, lives in one of its network namespaces, or in its cgroup
(containers inherit no environment). Nothing else is ever signalled. See proc(5) for the files read here.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from netprobe_lab.errors import LabError
from netprobe_lab.layout import CGROUP_ROOT, MARKER, Lab
from netprobe_lab.waiting import poll

_PROC = Path("/proc")
_ENV_END = 51 - 3  # the field's number in proc(5), counted from that after the command's name
_EXECVE_SECONDS = 10.0  # it takes a millisecond, or as long as the machine is busy with other things


def start_time(pid: int) -> str | None:
    """Return when a process was started (in clock ticks since boot), None if it is gone or a zombie."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else fields[19]


def read_pid(path: Path) -> int | None:
    """Return the process that a `PID START-TIME` file names, None if it is not running any more."""
    try:
        pid, started = path.read_text().split()
    except (OSError, ValueError):
        return None
    return int(pid) if pid.isdigit() and start_time(int(pid)) == started else None


def write_pid(path: Path, pid: int) -> None:
    """Record a process with its start time, so that a reused id is not mistaken for it."""
    path.write_text(f"{pid} {start_time(pid)}\n")


def cgroup_dirs(lab: Lab) -> list[Path]:
    """Return the lab's directories in each cgroup hierarchy (one for cgroup v2, one per controller for v1)."""
    candidates = [CGROUP_ROOT / lab.cgroup, *CGROUP_ROOT.glob(f"*/{lab.cgroup}")]
    return [path for path in candidates if path.is_dir() and not path.is_symlink()]


def cgroup_tree(lab: Lab) -> list[Path]:
    """Return all directories of the lab's cgroups, the deepest first. One that vanishes meanwhile is passed over, as os.walk does."""
    return [Path(folder) for top in cgroup_dirs(lab) for folder, _, _ in os.walk(top, topdown=False)]


def lab_processes(lab: Lab) -> set[int]:
    """Return the ids of all running processes of the lab, without this one."""
    inodes = _netns_inodes(lab)
    found = {pid for pid in _all_pids() if _in_netns(pid, inodes) or is_marked(lab, pid)}
    return {pid for pid in (found | _in_cgroups(lab)) - {os.getpid()} if start_time(pid) is not None}


def is_marked(lab: Lab, pid: int) -> bool:
    """Return whether a process has the lab's marker. One in the middle of execve(2) is waited for: its environment is not there yet."""
    poll(lambda: not _in_execve(pid), _EXECVE_SECONDS, 0.001)
    return f"{MARKER}={lab.id}".encode() in _environment(pid).split(b"\0")


def all_ended(lab: Lab) -> bool:
    """Return whether no process of the lab runs. By two looks: one that is born during a look, of one that ends in it, is in the next."""
    return not lab_processes(lab) and not lab_processes(lab)


def end_processes(lab: Lab, *, patience: float) -> None:
    """End every process of the lab: SIGTERM, at most `patience` seconds, then SIGKILL.

    Raises:
        LabError: this very command runs inside the lab, or a process survives.
    """
    if _inside(lab):
        raise LabError("this command runs inside the lab that it would take down", "leave the lab's shell first")
    _thaw(lab)
    _signal_all(_in_cgroups(lab), signal.SIGKILL)  # containers, as `docker rm -f` does
    _signal_all(lab_processes(lab), signal.SIGTERM)
    if poll(lambda: all_ended(lab), patience, 0.05):
        return

    def gone() -> bool:
        _signal_all(lab_processes(lab), signal.SIGKILL)
        return all_ended(lab)

    if not poll(gone, 60, 0.05):
        raise LabError(
            f"processes of the lab survive SIGKILL: {sorted(lab_processes(lab))}", "see ps -o pid,stat,wchan"
        )


def _thaw(lab: Lab) -> None:
    """Let paused containers go on, of the lab alone: frozen by cgroup v1 they take no signal (Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst)."""
    for folder in cgroup_tree(lab):
        for name, value in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
            with suppress(OSError):
                if (folder / name).is_file():
                    (folder / name).write_text(value)


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _netns_inodes(lab: Lab) -> set[tuple[int, int]]:
    inodes = set()
    for path in lab.namespaces:
        try:
            status = path.stat()
        except OSError:
            continue
        inodes.add((status.st_dev, status.st_ino))
    return inodes


def _in_netns(pid: int, inodes: set[tuple[int, int]]) -> bool:
    try:
        status = (_PROC / str(pid) / "ns/net").stat()
    except OSError:
        return False
    return (status.st_dev, status.st_ino) in inodes


def _environment(pid: int) -> bytes:
    try:
        return (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return b""


def _in_execve(pid: int) -> bool:
    """Whether a process has its new memory, and no environment in it yet: env_end of /proc/PID/stat is 0 (environ_read of fs/proc/base.c).

    The lab's lock is closed just before that moment: who waited for it comes right then. What has no memory (a kernel thread, a zombie) has no exe either.
    """
    if _environment(pid):
        return False
    try:
        (_PROC / str(pid) / "exe").readlink()
        return (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[_ENV_END] == "0"
    except OSError:
        return False


def _in_cgroups(lab: Lab) -> set[int]:
    return {pid for folder in cgroup_tree(lab) for pid in _pids_in(folder / "cgroup.procs")}


def _pids_in(listing: Path) -> set[int]:
    try:
        return {int(line) for line in listing.read_text().split()}
    except OSError:
        return set()


def _inside(lab: Lab) -> bool:
    return _in_netns(os.getpid(), _netns_inodes(lab)) or is_marked(lab, os.getpid())


def _signal_all(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
