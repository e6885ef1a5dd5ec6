"""Compiling: to one file and nothing else on the disk, and only what needs nothing of Python when it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netprobe.compiled import build, store
from netprobe.errors import EnvironmentFault


def test_compiling_leaves_one_file(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "HOME": str(tmp_path / "home"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "TMPDIR": str(tmp_path),
    }
    # the walkers alone: all kernels take half a minute
    program = "from netprobe.compiled import build; build.KERNELS = build.KERNELS[:2]; print(build.compile_all())"
    (tmp_path / "home").mkdir()
    before = {*Path(build.__file__).parent.rglob("*.nb?")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    files = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert [str(each) for each in files] == done.stdout.split()
    assert store.read(tmp_path / "cache" / "netprobe").code
    assert {*Path(build.__file__).parent.rglob("*.nb?")} == before == set()


def test_without_a_home_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "user_folder", lambda: None)
    with pytest.raises(EnvironmentFault, match="no home"):
        build.compile_all()


def test_without_numba_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "netprobe.compiled.jit", raising=False)
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(EnvironmentFault, match="numba cannot be imported"):
        build.code()
