"""The words of OpenSSH 9.2, sudo 1.9 and coreutils 9.1, as they were seen in the lab."""

from __future__ import annotations

import pytest

from netprobe.hosts import reach
from netprobe.hosts.complaints import understood
from netprobe.hosts.inventory import HostEntry

HOST = HostEntry(name="a", reach=reach.parse("a", "ssh://root@server1:2222"))


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (("No ED25519 host key is known for server1 and you have requested strict checking.", "Host key verification failed."), "its host key is not known"),
        (("@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @", "Host key verification failed."), "its host key is another than the one that is known"),
        (("root@server1: Permission denied (publickey,password).",), "it refused every key (it takes: publickey,password); netprobe types no password"),
        (("sudo: a password is required",), "sudo asks for a password"),
        (("ssh: Could not resolve hostname server1: Name or service not known",), "the name server1 is not known"),
        (("ssh: connect to host server1 port 22: Connection refused",), "Connection refused"),
        (("bash: line 1: python3: command not found",), "python3 is not installed there"),
        (("timeout: failed to run command `python3`: No such file or directory",), "python3 is not installed there"),
        (("SyntaxError: invalid syntax",), "its python3 is too old"),
    ],
)  # fmt: skip
def test_understood(said: tuple[str, ...], text: str) -> None:
    found = understood(said, HOST)
    assert found is not None
    assert found.text == text
    assert found.hint


def test_the_hint_names_the_command_to_try() -> None:
    found = understood(("Host key verification failed.",), HOST)
    assert found is not None
    assert "ssh -p 2222 root@server1" in found.hint


def test_other_words_are_left_to_the_caller() -> None:
    assert understood(("something else",), HOST) is None
    assert understood((), HOST) is None
