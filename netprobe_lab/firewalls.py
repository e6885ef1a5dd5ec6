"""Firewall programs of the distribution on a host of the lab: ufw, firewalld, fail2ban, as their packages configure them.

A host has its own /etc and /run, so that the machine's own are not touched. What an experiment starts is ended by `end`, which puts the
program's configuration back as well. Their packages are optional (`tools/setup` installs them, and starts no service): experiments that need
one that is not there are left out.
"""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from netprobe_lab.engine import restart_engine
from netprobe_lab.experiments.model import Experiment, Firewall, FirewallName
from netprobe_lab.layout import Lab, Machine, machine
from netprobe_lab.namespaces import enter
from netprobe_lab.processes import start_time
from netprobe_lab.run import PATH, run
from netprobe_lab.shell import shell_environment
from netprobe_lab.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable

_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """How a program is started and ended.

    Attributes:
        command: by which it is known to be installed.
        configuration: files and folders that it, or an experiment, writes to.
        start: the commands that start it, in order.
        ready: succeeds once it is there.
        pids: its pid files; those of what it needs behind its own.
        engine: the engine takes notice of it, and has to be restarted without it.
    """

    command: str
    configuration: tuple[str, ...]
    start: tuple[tuple[str, ...], ...]
    ready: tuple[str, ...]
    pids: tuple[str, ...] = ()
    engine: bool = False


_BUS = "test -e /run/dbus/pid || dbus-daemon --system --fork"
PROGRAMS: Final[dict[FirewallName, Program]] = {
    "ufw": Program(
        command="ufw",
        configuration=("/etc/ufw", "/etc/default/ufw"),
        start=(("ufw", "--force", "enable"),),
        ready=("ufw", "status"),
    ),
    "firewalld": Program(
        command="firewall-cmd",
        configuration=("/etc/firewalld",),
        start=(("mkdir", "-p", "/run/dbus"), ("sh", "-c", _BUS), ("firewalld",)),
        ready=("firewall-cmd", "--state"),
        pids=("/run/firewalld.pid", "/run/dbus/pid"),
        engine=True,
    ),
    "fail2ban": Program(
        command="fail2ban-client",
        configuration=("/etc/fail2ban",),
        start=(("mkdir", "-p", "/run/fail2ban"), ("fail2ban-client", "start")),
        ready=("fail2ban-client", "ping"),
        pids=("/run/fail2ban/fail2ban.pid",),
    ),
}


def missing(experiment: Experiment) -> tuple[str, ...]:
    """Return the commands that an experiment needs, and the machine has not."""
    steps = (*experiment.set_up, *experiment.break_, *experiment.cure)
    needed = {PROGRAMS[step.program].command for step in steps if isinstance(step, Firewall)}
    return tuple(sorted(each for each in needed if shutil.which(each, path=PATH) is None))


def start(lab: Lab, step: Firewall) -> None:
    """Write the files that a step names, and start its program.

    Raises:
        LabError: a command failed, or the program was not ready in time.
    """
    program = PROGRAMS[step.program]
    kept = _kept(lab, step.host, step.program)
    if not kept.exists():
        kept.mkdir()
        for path in program.configuration:
            _on(lab, step.host, "cp", "-a", "--parents", path, str(kept))
    for path, text in step.files:
        _on(lab, step.host, "tee", path, stdin=text)
    for argv in program.start:
        _on(lab, step.host, *argv)
    what = f"{step.program} on {step.host}"
    wait_for(lambda: _succeeds(lab, step.host, program.ready), what, _SECONDS, " ".join(program.ready))


def end(lab: Lab, host: Machine) -> None:
    """End what :func:`start` started on a host, and put its configuration back; its rules are left to whoever cleans them.

    Raises:
        LabError: a program did not end, or the engine did not come back.
    """
    started = [name for name in PROGRAMS if _kept(lab, host.name, name).exists()]
    for name in started:
        _end_processes(lab, host.name, PROGRAMS[name].pids)
        _put_back(lab, host.name, name)
    if any(PROGRAMS[name].engine for name in started):
        restart_engine(lab, machine(host.name))


def _end_processes(lab: Lab, host: str, files: Iterable[str]) -> None:
    for file in files:
        text = run(lab, [*enter(lab, host), "cat", file], check=False).stdout.strip()
        pid = int(text) if text.isdecimal() else None
        if pid is None or not _in_host(lab, host, pid):
            continue
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda pid=pid: start_time(pid) is None, f"the process of {file} on {host} to end", _SECONDS)  # type: ignore[misc]
        _on(lab, host, "rm", "-f", file)


def _in_host(lab: Lab, host: str, pid: int) -> bool:
    """Whether a process is in that host's network namespace: a file may name one that is gone, and another's now."""
    try:
        return os.path.samestat(Path(f"/proc/{pid}/ns/net").stat(), lab.netns_path(host).stat())
    except OSError:
        return False


def _put_back(lab: Lab, host: str, name: FirewallName) -> None:
    kept = _kept(lab, host, name)
    for path in PROGRAMS[name].configuration:
        _on(lab, host, "rm", "-rf", path)
        _on(lab, host, "cp", "-a", f"{kept}{path}", path)
    shutil.rmtree(kept)


def _kept(lab: Lab, host: str, name: FirewallName) -> Path:
    return lab.host_dir(host) / f"{name}.kept"


def _succeeds(lab: Lab, host: str, argv: tuple[str, ...]) -> bool:
    argv = (*enter(lab, host), *argv)
    return run(lab, argv, env=shell_environment(lab, host), check=False).returncode == 0


def _on(lab: Lab, host: str, *argv: str, stdin: str | None = None) -> None:
    run(lab, [*enter(lab, host), *argv], env=shell_environment(lab, host), stdin=stdin)
