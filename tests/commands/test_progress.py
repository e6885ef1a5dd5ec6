from __future__ import annotations

import errno
import os
import pty
import sys

import pytest

from netprobe.commands.progress import Progress


def _everything(master: int) -> bytes:
    """What was written to a terminal that is closed by now: Linux ends it with EIO; one read may return less."""
    written = b""
    try:
        while chunk := os.read(master, 4096):
            written += chunk
    except OSError as error:
        if error.errno != errno.EIO:
            raise
    finally:
        os.close(master)
    return written


def test_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(quiet=False) as progress:
        progress("sniffing")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("quiet", "wanted"), [(False, "netprobe: sn\\x1biffing …"), (True, "")])
def test_one_line_on_a_terminal_and_gone_at_the_end(monkeypatch: pytest.MonkeyPatch, quiet: bool, wanted: str) -> None:
    master, slave = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(slave, "w") as terminal, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", terminal)
        with Progress(quiet=quiet) as progress:
            progress("sn\x1biffing")
        terminal.write("END")
    shown = _everything(master).decode()
    assert shown == (f"\r\x1b[K{wanted}\r\x1b[KEND" if wanted else "END")
