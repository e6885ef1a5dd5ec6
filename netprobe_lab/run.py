"""Running the commands that build a lab: argv lists, a neutral environment, one-line errors."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe_lab.errors import LabError, LabImpossible
from netprobe_lab.layout import MARKER, Lab

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Which Debian package has which command; for the hints of errors.
PACKAGES: Mapping[str, str] = {
    "apt-get": "apt",
    "containerd": "containerd",
    "docker": "docker.io",
    "dockerd": "docker.io",
    "dpkg-deb": "dpkg",
    "ip": "iproute2",
    "iptables": "iptables",
    "nsenter": "util-linux",
    "openssl": "openssl",
    "ssh-keygen": "openssh-client",
    "sysctl": "procps",
    "unshare": "util-linux",
}


def environment(lab: Lab, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of every process of the lab: nothing of the user's (proxies, contexts), and the marker."""
    base = {"PATH": PATH, "HOME": os.environ.get("HOME", "/root"), "LC_ALL": "C.UTF-8", MARKER: lab.id}
    return base | dict(extra or {})


def require_root() -> None:
    """Raise LabImpossible unless this process is root."""
    if os.geteuid() != 0:
        raise LabImpossible("the lab needs root", "run it as root, or replay the captures in captures/")


def tool(name: str) -> str:
    """Return the absolute path of a command.

    Raises:
        LabImpossible: it is not installed.
    """
    found = shutil.which(name, path=PATH)
    if found is None:
        package = PACKAGES.get(name, name)
        raise LabImpossible(f"the lab needs {name}, which is not installed", f"apt-get install {package}")
    return found


def run(
    lab: Lab,
    argv: Sequence[str | Path],
    *,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float = 300,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run one command of the lab and return its result.

    Raises:
        LabError: it failed (unless `check` is off) or took longer than `seconds`.
    """
    words = [str(word) for word in argv]
    words[0] = tool(words[0]) if "/" not in words[0] else words[0]
    try:
        done = subprocess.run(
            words, input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL, env=environment(lab, env),
            capture_output=True, text=True, errors="replace", timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as timeout:
        raise LabError(f"{words[0]} took longer than {seconds:g} s", " ".join(words)) from timeout
    if check and done.returncode != 0:
        said = (
            last_line(done.stderr)
            if done.stderr.strip()
            else f"exit code {done.returncode} of {' '.join(words)[-160:]}"
        )
        raise LabError(f"{Path(words[0]).name} failed: {said}", " ".join(words))
    return done


def last_line(text: str) -> str:
    """Return the last line of a command's complaint that says anything."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
