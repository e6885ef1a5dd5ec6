"""A root shell inside a host of the lab."""

from __future__ import annotations

import os

from netprobe_lab.layout import DESK, OVERRIDE, WIRES, Lab, machine
from netprobe_lab.namespaces import enter
from netprobe_lab.run import PATH, environment, require_root
from netprobe_lab.sshd import desk_environment


def shell_environment(lab: Lab, host: str) -> dict[str, str]:
    """Return the environment of commands on a host: the neutral one, its engine, the lab's inventory, and the user's terminal."""
    kept = {name: os.environ[name] for name in ("TERM", "LANG", "COLUMNS", "LINES", "NO_COLOR") if name in os.environ}
    engine = {"DOCKER_HOST": f"unix://{lab.socket(host)}"} if host != WIRES and machine(host).engine else {}
    hosts = {"NETPROBE_HOSTS": str(lab.hosts_file)}
    desk = desk_environment(lab) if host == DESK.name else {}
    path = {"PATH": f"{lab.bin_dir}:{PATH}"}
    return environment(lab, kept | engine | hosts | desk | path | {OVERRIDE: lab.id, "PS1": r"\u@\h:\w\$ "})


def replace_by_shell(lab: Lab, host: str, command: tuple[str, ...]) -> None:
    """Become `command` on a host (by exec), or an interactive shell.

    Raises:
        LabImpossible: not root.
        LabError: no such host, or it is not up.
    """
    machine(host)
    require_root()
    argv = [*enter(lab, host), *(command or ("bash", "--norc"))]
    os.execve(argv[0], argv, shell_environment(lab, host))  # noqa: S606 - argv, no shell in between
