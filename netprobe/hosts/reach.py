"""How a host is reached: an argv prefix, and nothing else."""

from __future__ import annotations

import os
import re
import shlex
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.errors import UsageFault

if TYPE_CHECKING:
    from collections.abc import Sequence

NETNS_ETC = Path("/etc/netns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """A way to run a command on a host.

    Attributes:
        prefix: argv put before the command.
        python: the host's Python interpreter (3.7 or later).
        netns: the network namespace file that is entered, None for a whole machine.
        same_machine: whether the command's files and processes are this machine's.
        quoted: the prefix hands one line to a login shell (ssh): every word is quoted for it, ``become`` stands behind the prefix.
        spoken: how a person would reach it, for hints: ``ssh -p 22 root@server1``.
    """

    prefix: tuple[str, ...] = ()
    python: str = "python3"
    netns: Path | None = None
    same_machine: bool = True
    quoted: bool = False
    spoken: str = ""

    def argv(self, command: Sequence[str], become: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the whole argv for `command`, with `become` (such as ``sudo -n``) before it."""
        if self.quoted:
            return (*self.prefix, shlex.join((*become, *command)))
        return (*become, *self.prefix, *command)

    def lookup_files(self) -> dict[str, str]:
        """Return the paths of the host's own hosts file and resolv.conf.

        A ``netns:`` reach does not enter a mount namespace, so these follow iproute2's convention: ``/etc/netns/NAME/FILE``
        where that exists, else the machine's (ip-netns(8)).
        """
        files = {"hosts-file": "hosts", "resolv-conf": "resolv.conf"}
        own = {} if self.netns is None else {key: NETNS_ETC / self.netns.name / name for key, name in files.items()}
        return {
            key: str(own[key]) if key in own and own[key].exists() else f"/etc/{name}" for key, name in files.items()
        }


def parse(host: str, text: str) -> Reach:
    """Parse an inventory's ``reach``: ``local``, ``netns:PATH`` or ``ssh://user@host:port``.

    Raises:
        UsageFault: it is none of these.
    """
    if text == "local":
        return Reach(python=sys.executable)
    scheme, _, rest = text.partition(":")
    if scheme == "netns" and rest.startswith("/"):
        return Reach(prefix=("nsenter", f"--net={rest}", "--"), python=sys.executable, netns=Path(rest))
    if scheme == "ssh":
        return _ssh(host, text)
    raise UsageFault(
        f"host {host}: reach = {text!r} is not understood",
        'use "local", "netns:/var/run/netns/NAME" or "ssh://user@host:port"',
    )


# Host keys are never skipped, whatever the user's own configuration says; nothing is asked of the terminal (ssh_config(5)).
SSH_OPTIONS = {
    "BatchMode": "yes",
    "StrictHostKeyChecking": "yes",
    "ConnectTimeout": "3",
    "ServerAliveInterval": "2",
    "ServerAliveCountMax": "2",
    "ForwardX11": "no",
    "ForwardAgent": "no",
    "ClearAllForwardings": "yes",
    "RequestTTY": "no",
    "RemoteCommand": "none",
    "PermitLocalCommand": "no",
    "LogLevel": "ERROR",
}
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
_SSH = re.compile(
    r"ssh://(?:(?P<user>[^@/\s]+)@)?(?P<host>\[[0-9A-Fa-f:.%a-z]+\]|[^@:/\[\]\s]+)(?::(?P<port>\d{1,5}))?/?\Z"
)
_SOCKET_PATH = 108 - 1 - 40 - 18  # sun_path of unix(7), %C's digits, and the suffix that ssh adds while it connects


def _ssh(host: str, text: str) -> Reach:
    match = _SSH.match(text)
    name = match["host"].strip("[]") if match else ""
    user, port = (match["user"] or "", int(match["port"] or 0)) if match else ("", 0)
    if match is None or name.startswith("-") or user.startswith("-") or port > 65535:
        raise UsageFault(
            f"host {host}: reach = {text!r} is not understood", 'for example reach = "ssh://root@server1:22"'
        )
    words = [f"-o{key}={value}" for key, value in SSH_OPTIONS.items()]
    config = _sharing()
    words += [f"-F{config}"] if config is not None else []
    words += [f"-p{port}"] if port else []
    words += [f"-l{user}"] if user else []
    spoken = " ".join(filter(None, ("ssh", f"-p {port}" if port else "", f"{user}@{name}" if user else name)))
    return Reach(prefix=("ssh", *words, "--", name), same_machine=False, quoted=True, spoken=spoken)


def _sharing() -> Path | None:
    """Return the configuration that shares connections, written if need be; None: nothing is shared."""
    folder = control_folder()
    if folder is None:
        return None
    file, text = folder / "config", SHARED.format(folder=folder)
    try:
        if not file.exists() or file.read_text() != text:
            draft = folder / f"config.{os.getpid()}"
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


def become_argv(host: str, text: str) -> tuple[str, ...]:
    """Split an inventory's ``become`` into argv, without any shell.

    Raises:
        UsageFault: its quotes do not match.
    """
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise UsageFault(
            f"host {host}: become = {text!r}: {error}".rstrip("."), 'for example become = "sudo -n"'
        ) from None
