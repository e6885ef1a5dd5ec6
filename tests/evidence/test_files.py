"""Evidence files on disk: whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from netprobe.errors import EnvironmentFault, EvidenceFault, UsageFault
from netprobe.evidence.files import load, save

if TYPE_CHECKING:
    from pathlib import Path


def test_saves_and_loads(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    save(path, b"one")
    save(path, b"two", force=True)
    assert load(path) == b"two"
    assert os.listdir(tmp_path) == ["x.pcapng"]  # noqa: PTH208 - nothing else is left


def test_a_link_stays_and_only_the_owner_may_read(tmp_path: Path) -> None:
    path, link = tmp_path / "x", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    save(link, b"new", force=True)
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("link", [False, True])
def test_a_file_that_is_there_is_overwritten_by_force_only(tmp_path: Path, link: bool) -> None:
    path = tmp_path / "x"
    save(path, b"old")
    name = tmp_path / "link" if link else path
    if link:
        name.symlink_to(path)
    with pytest.raises(UsageFault, match=f"{name} exists") as fault:
        save(name, b"new")
    assert "--force" in fault.value.hint
    assert path.read_bytes() == b"old"
    assert {each.name for each in tmp_path.iterdir()} == ({"x", "link"} if link else {"x"})


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
def test_a_file_may_be_given_to_somebody(tmp_path: Path) -> None:
    path = tmp_path / "x"
    save(path, b"x", owner=(65534, 65533))
    status = path.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (65534, 65533, 0o600)


def test_a_pipe_is_written_to_and_read_from(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(load(pipe)))
    reader.start()
    save(pipe, b"through")
    reader.join(10)
    assert got == [b"through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_device_is_not_replaced() -> None:
    before = os.stat("/dev/null").st_rdev  # noqa: PTH116 - a device
    save("/dev/null", b"x")
    assert os.stat("/dev/null").st_rdev == before  # noqa: PTH116 - a device


def test_an_error_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    save(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvironmentFault, match="No space left"):
        save(path, b"new", force=True)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x"]  # noqa: PTH208


@pytest.mark.parametrize("name", ["missing/x", "\0"])
def test_where_nothing_can_be_written_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(EnvironmentFault, match="cannot write"):
        save(f"{tmp_path}/{name}", b"x")


@pytest.mark.parametrize("name", ["missing", "", "\0"])
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(EvidenceFault, match="cannot read"):
        load(f"{tmp_path}/{name}")


def test_large_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(11))
    assert len(load(path, limit=11)) == 11
    with pytest.raises(EvidenceFault, match="larger than"):
        load(path, limit=10)


def test_a_directory_is_said(tmp_path: Path) -> None:
    with pytest.raises(EvidenceFault, match="is a directory") as fault:
        load(tmp_path)
    assert "one by one" in fault.value.hint


def refuse(head: bytes, name: str) -> None:
    raise EvidenceFault(f"{name} begins with {head[:3]!r}")


def test_what_is_no_capture_is_not_read_to_its_end() -> None:
    """/dev/zero has none."""
    with pytest.raises(EvidenceFault, match="/dev/zero begins with"):
        load("/dev/zero", check=refuse)


def test_the_head_is_whole_however_little_a_pipe_gives(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def trickle() -> None:
        handle = os.open(pipe, os.O_WRONLY)
        for byte in b"abc":
            os.write(handle, bytes([byte]))
        os.close(handle)

    writer = threading.Thread(target=trickle)
    writer.start()
    with pytest.raises(EvidenceFault, match="begins with b'abc'"):
        load(pipe, check=refuse)
    writer.join(10)


@pytest.mark.parametrize("change", [-1000, 1000])
def test_a_file_whose_size_changes_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: int
) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(5000))
    status = os.fstat

    def then_changed(handle: int) -> os.stat_result:
        before = status(handle)
        os.truncate(path, 5000 + change)
        return before

    monkeypatch.setattr(os, "fstat", then_changed)
    assert len(load(path)) == 5000 + change


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # sparse
    with pytest.raises(EvidenceFault, match="larger than 2048 MiB"):
        load(path, check=refuse)


@pytest.mark.parametrize("by_name", [True, False])
def test_a_terminal_is_no_capture(by_name: bool) -> None:
    ours, theirs = os.openpty()
    try:
        if by_name:
            with pytest.raises(EvidenceFault, match="is a terminal, and no capture"):
                load(os.ttyname(theirs))
            return
        done = subprocess.run(
            [sys.executable, "-m", "netprobe", "replay", "-"],
            stdin=theirs,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stdout) == (2, b"")
        assert done.stderr.startswith(b"netprobe: stdin is a terminal, and no capture\n  pipe one in: ")
    finally:
        os.close(ours)
        os.close(theirs)
