"""What ssh, sudo, timeout and a shell say when a host cannot be used, as one line and what to do about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.inventory.hosts import HostEntry


class Complaint(NamedTuple):
    """One line, and what to do."""

    text: str
    hint: str


def understood(said: Sequence[str], host: HostEntry) -> Complaint | None:
    """Return what the last words of a session mean; None when they are not known.

    Args:
        said: the lines on standard error.
        host: whose session it was.
    """
    text = "\n".join(said)
    spoken = host.reach.spoken or "the command by hand"
    for pattern, meaning, hint in _KNOWN:
        found = re.search(pattern, text, re.IGNORECASE)
        if found:
            return Complaint(meaning.format(*found.groups()), hint.format(spoken=spoken))
    return None


# Patterns of OpenSSH's sshconnect.c, sshconnect2.c and readconf.c; sudo's plugins; coreutils' timeout; POSIX shells.
_KNOWN = (
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED",
        "its host key is another than the one that is known",
        "find out why; then ssh-keygen -R and {spoken}",
    ),
    (
        r"Host key verification failed|No \S+ host key is known",
        "its host key is not known",
        "check the key and accept it once by hand: {spoken}",
    ),
    (
        r"Permission denied \(([^)]*)\)",
        "it refused every key (it takes: {0}); netprobe types no password",
        "give it a key (ssh-copy-id), or start ssh-agent; then try {spoken}",
    ),
    (r"sudo: (?:a password is required|a terminal is required)", "sudo asks for a password", "allow it without one (NOPASSWD in sudoers), or reach the host as root"),
    (r"sudo: (.*)", "sudo: {0}", "check become = in the hosts file"),
    (r"Could not resolve hostname (\S+?):? ", "the name {0} is not known", "check its reach = entry in the hosts file"),
    (r"(Connection refused|No route to host|Connection timed out|Network is unreachable)", "{0}", "is the host up, and sshd on it? try {spoken}"),
    (r"python3\S*: (?:command )?not found|failed to run command .python3.|python3: No such file", "python3 is not installed there", "install the package python3 there"),
    (r"timeout: (?:command )?not found", "timeout is not installed there", "install the package coreutils there"),
    (r"(\S+): (?:command )?not found", "{0} is not installed there", "install it there, or check become = in the hosts file"),
    (r"SyntaxError|invalid syntax", "its python3 is too old", "netprobe needs Python 3.7 or later there"),
    (r"This account is currently not available|nologin", "the account has no login shell", "use another user in reach = ssh://user@host"),
)  # fmt: skip
