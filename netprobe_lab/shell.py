"""A root shell inside a host of the lab, or one command there."""

from __future__ import annotations

import os
import shlex
import sys

from netprobe_lab.layout import DESK, OVERRIDE, WIRES, Lab, machine
from netprobe_lab.namespaces import enter
from netprobe_lab.run import PATH, environment, require_root
from netprobe_lab.sshd import desk_environment


def shell_environment(lab: Lab, host: str) -> dict[str, str]:
    """Return the environment of commands on a host: the neutral one, its engine, netprobe and the lab's inventory, and the user's terminal."""
    kept = {name: os.environ[name] for name in ("TERM", "LANG", "COLUMNS", "LINES", "NO_COLOR") if name in os.environ}
    engine = {"DOCKER_HOST": f"unix://{lab.socket(host)}"} if host != WIRES and machine(host).engine else {}
    hosts = {"NETPROBE_HOSTS": str(lab.hosts_file), "PATH": f"{lab.bin_dir}:{PATH}"}
    desk = desk_environment(lab) if host == DESK.name else {}
    return environment(lab, kept | engine | hosts | desk | {OVERRIDE: lab.id, "PS1": r"\u@\h:\w\$ "})


def replace_by_shell(lab: Lab, host: str, command: tuple[str, ...]) -> None:
    """Become `command` on a host (by exec), or an interactive shell.

    Raises:
        UsageFault: no such host.
        LabImpossible: not root.
        LabError: it is not up.
    """
    machine(host)
    require_root()
    argv = [*enter(lab, host), *shell_argv(command)]
    write_netprobe(lab)
    os.execve(argv[0], argv, shell_environment(lab, host))  # noqa: S606 - argv, no shell in between


def shell_argv(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is run: an interactive shell for nothing, a shell's line for one word, several words as they are."""
    if not command:
        return "bash", "--norc"
    return ("bash", "-c", "--", command[0]) if len(command) == 1 else command


def write_netprobe(lab: Lab) -> None:
    """Put this very netprobe, with the Python that runs it, on the PATH of the lab's shells."""
    # -P: nothing of the current folder is imported
    file = lab.bin_dir / "netprobe"
    text = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m netprobe "$@"\n'
    if file.is_file() and file.read_text() == text:
        return
    lab.bin_dir.mkdir(exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.write_text(text)
    draft.chmod(0o755)
    draft.rename(file)
