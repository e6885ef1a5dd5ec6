"""What is kept is used where it is whole and nobody else could have changed it, and nowhere else."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from netprobe.compiled import store
from netprobe.errors import EnvironmentFault

if TYPE_CHECKING:
    from pathlib import Path

CODE = bytes(range(256)) * 40
OTHER = 54321  # a user that is not there


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "netprobe"


@pytest.fixture
def file(folder: Path) -> Path:
    return store.write(folder, CODE)


def give_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a path belong to another user; who may not do that becomes another user."""
    if os.geteuid() == 0:
        os.chown(path, OTHER, OTHER)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: OTHER)


def test_what_was_written_is_read(file: Path, folder: Path) -> None:
    assert store.read(folder) == store.Kept(code=CODE)
    assert list(folder.iterdir()) == [file]


def test_nothing_there(folder: Path) -> None:
    assert "none yet" in store.read(folder).why
    folder.mkdir(parents=True)
    assert "none yet" in store.read(folder).why


@pytest.mark.parametrize("at", [0, 5, 25, 60, -1])
def test_a_changed_byte_is_damage(file: Path, folder: Path, at: int) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)
    assert store.read(folder) == store.Kept(why="its file is damaged")


@pytest.mark.parametrize("size", [0, 1, 18, 19, 40, 51, 52, 4096, -1])
def test_a_file_that_was_cut_is_damage(file: Path, folder: Path, size: int) -> None:
    file.write_bytes(file.read_bytes()[:size])
    assert store.read(folder) == store.Kept(why="its file is damaged")


def test_a_file_that_grew_is_damage(file: Path, folder: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0")
    assert store.read(folder) == store.Kept(why="its file is damaged")


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_file_that_others_may_write_to_is_not_trusted(file: Path, folder: Path, mode: int) -> None:
    file.chmod(mode)
    assert "others" in store.read(folder).why


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o1777])
@pytest.mark.usefixtures("file")
def test_a_folder_that_others_may_write_to_is_not_trusted(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    assert "others" in store.read(folder).why


@pytest.mark.parametrize("which", ["file", "folder"])
def test_what_belongs_to_another_user_is_not_trusted(
    file: Path, folder: Path, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_away(file if which == "file" else folder, monkeypatch)
    assert "another user" in store.read(folder).why


def test_a_link_is_not_followed(file: Path, folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    assert not store.read(folder).code
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert not store.read(link).code


def test_what_is_no_file_is_not_read(file: Path, folder: Path) -> None:
    file.unlink()
    os.mkfifo(file)
    assert not store.read(folder).code
    file.unlink()
    file.mkdir()
    assert not store.read(folder).code


def test_a_cache_that_may_only_be_read_is_used(file: Path, folder: Path) -> None:
    file.chmod(0o444)
    folder.chmod(0o555)
    assert store.read(folder).code == CODE


def test_a_file_of_another_version_is_not_this_one(file: Path, folder: Path) -> None:
    file.rename(folder / "kernels-0123456789abcdef")
    assert "none yet" in store.read(folder).why
    store.write(folder, CODE)
    assert sorted(folder.iterdir()) == [folder / "kernels-0123456789abcdef", file], "the other version's stays"


def aged(path: Path, days: float) -> Path:
    path.touch()
    then = time.time() - days * 86_400
    os.utime(path, (then, then))
    return path


def test_what_nobody_uses_goes_and_the_rest_stays(folder: Path) -> None:
    folder.mkdir(parents=True)
    stays = [aged(folder / "kernels-1", 80), aged(folder / ".kernels-now", 0.5), aged(folder / "notes", 1000)]
    for name, days in (("kernels-2", 100), (".kernels-killed", 2)):
        aged(folder / name, days)
    read_lately = aged(folder / "kernels-3", 400)
    os.utime(read_lately, (time.time(), read_lately.stat().st_mtime))
    stays += [read_lately, store.write(folder, CODE)]
    assert sorted(folder.iterdir()) == sorted(stays)


def test_never_more_files_than_so_many(folder: Path) -> None:
    folder.mkdir(parents=True)
    others = [aged(folder / f"kernels-{number:02}", number) for number in range(1, store.MOST_FILES + 4)]
    file = store.write(folder, CODE)
    assert sorted(folder.iterdir()) == sorted([file, *others[: store.MOST_FILES - 1]])


def test_to_use_it_keeps_it(file: Path, folder: Path) -> None:
    aged(file, 1000)
    os.utime(file, (0, file.stat().st_mtime))  # as where times of reading are not kept
    assert store.read(folder).code == CODE
    assert time.time() - file.stat().st_mtime < 86_400
    before = aged(file, 0.5).stat().st_mtime
    assert store.read(folder).code == CODE
    assert file.stat().st_mtime == before, "once a day is enough"


def test_a_folder_of_others_is_not_written_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(parents=True)
    give_away(folder, monkeypatch)
    with pytest.raises(EnvironmentFault, match="belongs to another user"):
        store.write(folder, CODE)
    assert list(folder.iterdir()) == []


def test_where_no_folder_can_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(EnvironmentFault, match="Not a directory"):
        store.write(tmp_path / "cache" / "netprobe", CODE)


def test_a_write_that_fails_leaves_nothing(file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvironmentFault, match="No space left"):
        store.write(folder, CODE + b"new")
    assert list(folder.iterdir()) == [file]
    assert store.read(folder).code == CODE


def test_who_writes_at_the_same_time_disturbs_nobody(folder: Path) -> None:
    codes = [bytes([each]) * 100_000 for each in range(8)]
    seen = []

    def write_and_read(code: bytes) -> None:
        store.write(folder, code)
        seen.append(store.read(folder))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write_and_read, codes * 4))
    assert len(list(folder.iterdir())) == 1
    assert {each.why for each in seen} == {""}
    assert {each.code for each in seen} <= set(codes)


def test_the_users_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert store.user_folder() == tmp_path / ".cache" / "netprobe"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert store.user_folder() == tmp_path / ".cache" / "netprobe"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert store.user_folder() == tmp_path / "xdg" / "netprobe"


def test_the_installations_own_serves_where_the_user_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.setattr("sys.prefix", str(tmp_path / "prefix"))
    store.find.cache_clear()
    assert "none yet" in store.find().why
    store.write(tmp_path / "prefix" / "var" / "cache" / "netprobe", CODE)
    assert store.find().code == CODE
    store.write(tmp_path / "user" / "netprobe", CODE + b"own").write_bytes(b"damaged")
    store.find.cache_clear()
    assert store.find().code == CODE
    store.find.cache_clear()


def test_a_reason_that_tells_more_is_the_one_that_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    store.write(tmp_path / "netprobe", CODE).write_bytes(b"damaged")
    store.find.cache_clear()
    assert store.find().why == "its file is damaged"
    store.find.cache_clear()


def test_the_key_covers_what_kernels_are_made_of() -> None:
    """Every module of netprobe that a kernel's module imports is in a room whose sources are in the key."""
    from netprobe.compiled.entries import KERNELS
    from tests.test_architecture import own_imports

    rooms = {name.replace("/", ".") for name in store._SOURCES}
    todo = {f"compiled.{each.module}" for each in KERNELS}
    done: set[str] = set()
    while todo:
        module = todo.pop()
        done.add(module)
        todo |= own_imports(module) - done
    others = {module for module in done if module.rpartition(".")[0] not in rooms}
    assert others <= {"values", "errors", "compiled", "decode", "evidence"} | {
        each for each in done if each.startswith("model")
    }
