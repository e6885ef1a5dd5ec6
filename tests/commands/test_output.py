from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.commands.outcome import StdoutFault
from netprobe.commands.output import OutputFile, pour
from netprobe.errors import EnvironmentFault, UsageFault

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_a_file_is_written_whole_and_for_nobody_else(tmp_path: Path) -> None:
    file = tmp_path / "flows.csv"
    to = OutputFile(path=str(file))
    to.check([])
    to.write([b"a", b"b"])
    assert file.read_bytes() == b"ab"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["flows.csv"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_what_breaks_off_leaves_nothing_and_the_old_file_as_it_was(tmp_path: Path, error: type[BaseException]) -> None:
    file = tmp_path / "flows.csv"
    file.write_bytes(b"old")

    def pieces() -> Iterator[bytes]:
        yield b"new"
        raise error

    with pytest.raises(error):
        OutputFile(path=str(file), force=True).write(pieces())
    assert file.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["flows.csv"]


def test_a_file_that_is_there_needs_force(tmp_path: Path) -> None:
    file = tmp_path / "flows.csv"
    file.write_bytes(b"old")
    with pytest.raises(UsageFault, match="exists"):
        OutputFile(path=str(file)).check([])
    to = OutputFile(path=str(file), force=True)
    to.check([])
    to.write([b"new"])
    assert file.read_bytes() == b"new"


def test_an_input_is_never_overwritten_whatever_it_is_called(tmp_path: Path) -> None:
    capture = tmp_path / "a.pcap"
    capture.write_bytes(b"x")
    (tmp_path / "link").symlink_to(capture)
    (tmp_path / "hard").hardlink_to(capture)
    for name in ("a.pcap", "link", "hard", "../" + tmp_path.name + "/a.pcap"):
        with pytest.raises(UsageFault, match="is an input"):
            OutputFile(path=str(tmp_path / name), force=True).check([str(capture)])


@pytest.mark.parametrize(
    ("name", "message"),
    [(".", "is a directory"), ("no/such.csv", "there is no directory"), ("\0", "no file can be called")],
)
def test_what_is_no_place_for_a_file(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(UsageFault, match=message):
        OutputFile(path=str(tmp_path / name)).check([])


def test_a_full_disk_is_said_and_leaves_nothing() -> None:
    with pytest.raises(EnvironmentFault, match="No space left on device"):
        OutputFile(path="/dev/full").write([b"x" * 100_000])


def test_a_disk_that_fills_up_meanwhile_keeps_nothing_of_it(tmp_path: Path) -> None:
    """A limit on the size of files is reported as a full disk is: by the write."""
    code = (
        "import resource\n"
        "from netprobe.commands.output import OutputFile\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        f"OutputFile(path={str(tmp_path / 'flows.csv')!r}).write([b'x' * 4000] * 3)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "EnvironmentFault: cannot write" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_with_sudo_the_file_is_the_callers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "fchown", lambda _, *owner: given.append(owner))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_UID", "1000")
    monkeypatch.setenv("SUDO_GID", "1001")
    OutputFile(path=str(tmp_path / "a")).write([b"x"])
    monkeypatch.delenv("SUDO_UID")
    OutputFile(path=str(tmp_path / "b")).write([b"x"])
    assert given == [(1000, 1001)]


def test_a_device_is_written_to_and_not_replaced() -> None:
    to = OutputFile(path="/dev/null")
    to.check([])
    to.write([b"x"])
    assert Path("/dev/null").is_char_device()


def test_stdout_that_is_full_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", full)
        with pytest.raises(StdoutFault, match="No space left on device"):
            pour([b"x" * 100_000])


def test_a_reader_that_went_away_is_no_fault_and_nothing_more_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    made = iter([b"x", b"y", b"z"])
    with os.fdopen(writer, "w") as pipe, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", pipe)
        pour(made)
    assert list(made) == [b"y", b"z"]


def test_pieces_come_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", out)
    pour([b"a", b"b"])
    assert out.buffer.getvalue() == b"ab"
