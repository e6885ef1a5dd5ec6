"""What ssh, sudo, timeout and shells really say (recorded with OpenSSH 9.2, sudo 1.9.13, coreutils 9.1, bash 5.2, dash 0.5.12)."""

from __future__ import annotations

import pytest

from netprobe.hosts.complaints import understood
from netprobe.inventory.hosts import HostEntry
from netprobe.inventory.reach import Reach

HOST = HostEntry(name="h", reach=Reach(spoken="ssh root@h"), docker=None)


@pytest.mark.parametrize(
    ("said", "text", "hint"),
    [
        (
            "No ED25519 host key is known for h and you have requested strict checking.\nHost key verification failed.",
            "host key is not known",
            "ssh root@h",
        ),
        (
            "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.",
            "another than the one that is known",
            "ssh-keygen -R",
        ),
        ("root@h: Permission denied (publickey,password).", "publickey,password", "ssh-agent"),
        ("sudo: a password is required", "sudo asks for a password", "NOPASSWD"),
        ("sudo: unknown user mallory", "sudo: unknown user mallory", "become ="),
        ("ssh: Could not resolve hostname h: Name or service not known", "the name h is not known", "reach ="),
        ("ssh: connect to host h port 22: Connection refused", "Connection refused", "ssh root@h"),
        ("ssh: connect to host h port 22: No route to host", "No route to host", "ssh root@h"),
        ("Connection timed out during banner exchange", "timed out", "ssh root@h"),
        ("timeout: failed to run command ‘python3’: No such file or directory", "python3 is not installed", "python3"),  # noqa: RUF001
        ("bash: line 1: timeout: command not found", "timeout is not installed", "coreutils"),
        ("sh: 1: doas: not found", "doas is not installed there", "become ="),
        ("SyntaxError: future feature annotations is not defined", "python3 is too old", "3.7"),
        ("This account is currently not available.", "no login shell", "another user"),
    ],
)
def test_known_complaints(said: str, text: str, hint: str) -> None:
    found = understood(said.splitlines(), HOST)
    assert found is not None
    assert text in found.text
    assert hint in found.hint


def test_anything_else_is_not_guessed_at() -> None:
    assert understood(["Welcome to h", "have a nice day"], HOST) is None
    assert understood([], HOST) is None
