"""A host's ``reach``, as the inventory has it: what it says, and the words that a command is put behind.

Pure: what the machine adds when the host is reached (this program's own Python, shared ssh connections) is added by
:mod:`netprobe.hosts.reach`.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from netprobe.errors import UsageFault
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """A way to run a command on a host.

    Attributes:
        prefix: argv put before the command.
        python: the host's Python interpreter (3.7 or later); ``""``: the one that this program runs on.
        netns: the path of the network namespace that is entered, None for a whole machine.
        same_machine: whether the command's files and processes are this machine's.
        quoted: the prefix hands one line to a login shell (ssh): every word is quoted for it, ``become`` stands behind the prefix.
        spoken: how a person would reach it, for hints: ``ssh -p 22 root@server1``.
    """

    prefix: tuple[str, ...] = ()
    python: str = ""
    netns: str | None = None
    same_machine: bool = True
    quoted: bool = False
    spoken: str = ""

    def argv(self, command: Sequence[str], become: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the whole argv for `command`, with `become` (such as ``sudo -n``) before it."""
        if self.quoted:
            return (*self.prefix, shlex.join((*become, *command)))
        return (*become, *self.prefix, *command)


def parse_reach(host: str, text: str) -> Reach:
    """Parse an inventory's ``reach``: ``local``, ``netns:PATH`` or ``ssh://user@host:port``.

    Raises:
        UsageFault: it is none of these.
    """
    if text == "local":
        return Reach()
    scheme, _, rest = text.partition(":")
    if scheme == "netns" and rest.startswith("/"):
        return Reach(prefix=("nsenter", f"--net={rest}", "--"), netns=rest)
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
_SSH = re.compile(
    r"ssh://(?:(?P<user>[^@/\s]+)@)?(?P<host>\[[0-9A-Fa-f:.%a-z]+\]|[^@:/\[\]\s]+)(?::(?P<port>\d{1,5}))?/?\Z"
)


def _ssh(host: str, text: str) -> Reach:
    match = _SSH.match(text)
    name = match["host"].strip("[]") if match else ""
    user, port = (match["user"] or "", int(match["port"] or 0)) if match else ("", 0)
    if match is None or name.startswith("-") or user.startswith("-") or port > 65535:
        raise UsageFault(
            f"host {host}: reach = {text!r} is not understood", 'for example reach = "ssh://root@server1:22"'
        )
    words = [f"-o{key}={value}" for key, value in SSH_OPTIONS.items()]
    words += [f"-p{port}"] if port else []
    words += [f"-l{user}"] if user else []
    spoken = " ".join(filter(None, ("ssh", f"-p {port}" if port else "", f"{user}@{name}" if user else name)))
    return Reach(prefix=("ssh", *words, "--", name), python="python3", same_machine=False, quoted=True, spoken=spoken)


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
