"""`systemctl` inside the lab's hosts, where no systemd runs: `restart docker` (or `start`, `stop`) is carried out on that host's engine."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

from netprobe_lab.engine import restart_engine, start_engine, stop_engine, wait_for_engine
from netprobe_lab.errors import LabError
from netprobe_lab.layout import machine, this_lab

if TYPE_CHECKING:
    from netprobe_lab.layout import Lab, Machine

_UNITS = frozenset({"docker", "docker.service"})


def install(lab: Lab) -> None:
    """Put the command where :func:`~netprobe_lab.shell.shell_environment` looks first; the hosts see the lab's run directory."""
    lab.bin_dir.mkdir(exist_ok=True)
    script = lab.bin_dir / "systemctl"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m netprobe_lab.systemctl "$@"\n')
    script.chmod(0o755)


def main(arguments: list[str]) -> int:
    """Carry out one command on this host's engine; complain as systemctl does, and exit 1, about what the lab has not."""
    words = [word for word in arguments if not word.startswith("-")]
    verbs = {"restart": restart_engine, "start": _start, "stop": stop_engine}
    if len(words) != 2 or words[0] not in verbs or words[1] not in _UNITS:
        print(f"the lab has no systemd, and no way to {' '.join(words)}", file=sys.stderr)
        return 1
    try:
        host = machine(socket.gethostname())
        if not host.engine:
            print("Unit docker.service not found.", file=sys.stderr)
            return 5
        verbs[words[0]](this_lab(), host)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _start(lab: Lab, host: Machine) -> None:
    start_engine(lab, host)
    wait_for_engine(lab, host)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
