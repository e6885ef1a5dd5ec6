"""Reaching a host: what this machine adds to its way (its own Python, ssh connections that are shared), and where its lookup files are."""

from __future__ import annotations

import os
import stat
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.inventory.reach import Reach

NETNS_ETC = Path("/etc/netns")
# A connection is shared for a minute, so that the next run starts at once. What the user's own configuration says of sharing
# counts more, as the first value does: there may be a connection whose password was typed by hand.
SHARED = """\
Include ~/.ssh/config
Include /etc/ssh/ssh_config
Host *
ControlMaster auto
ControlPersist 60
ControlPath "{folder}/%C"
"""
_SOCKET_PATH = 108 - 1 - 40 - 18  # sun_path of unix(7), %C's digits, and the suffix that ssh adds while it connects


def argv(reach: Reach, command: Sequence[str], become: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the whole argv for `command` there, with `become` before it; ssh connections are shared."""
    config = _sharing() if reach.quoted else None
    if config is not None:
        reach = replace(reach, prefix=(reach.prefix[0], f"-F{config}", *reach.prefix[1:]))
    return reach.argv(command, become)


def python(reach: Reach) -> str:
    """Return the Python interpreter to start there."""
    return reach.python or sys.executable


def lookup_files(reach: Reach) -> dict[str, str]:
    """Return the paths of the host's own hosts file and resolv.conf.

    A ``netns:`` reach does not enter a mount namespace, so these follow iproute2's convention: ``/etc/netns/NAME/FILE``
    where that exists, else the machine's (ip-netns(8)).
    """
    files = {"hosts-file": "hosts", "resolv-conf": "resolv.conf"}
    own = {} if reach.netns is None else {key: NETNS_ETC / Path(reach.netns).name / name for key, name in files.items()}
    return {key: str(own[key]) if key in own and own[key].exists() else f"/etc/{name}" for key, name in files.items()}


def _sharing() -> Path | None:
    """Return the configuration that shares connections, written if need be; None: nothing is shared."""
    folder = control_folder()
    if folder is None:
        return None
    file, text = folder / "config", SHARED.format(folder=folder)
    try:
        if not file.exists() or file.read_text() != text:
            draft = (
                folder / f"config.{os.getpid()}.{threading.get_ident()}"
            )  # each host is reached by a thread of its own
            draft.write_text(text)
            draft.rename(file)
    except OSError:
        return None
    return file


def control_folder() -> Path | None:
    """Return this user's private directory for shared connections, made if need be; None: connections are not shared then."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(base) / "netprobe-ssh" if base else Path.home() / ".cache" / "netprobe" / "ssh"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return None
    private = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077
    plain = not set(str(folder)) & set('"%\n')  # they mean something in a configuration
    return folder if private and plain and len(os.fsencode(folder)) < _SOCKET_PATH else None
