"""What netprobe imports leaves nothing in a home. Each test has an interpreter and a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from netprobe.evidence.writer import write
from tests.commands.walk import evidence

if TYPE_CHECKING:
    from pathlib import Path

CRAFT = """
from netprobe.probe import craft
assert craft.dns_query(7, "web.example", "A").endswith(b"\\3web\\7example\\0\\0\\1\\0\\1")
assert craft.echo_request("abcd1234", None, 4)[:2] == b"\\x08\\0"
assert craft.echo_request("abcd1234", None, 6)[:2] == b"\\x80\\0"
"""
XDG = {"XDG_CONFIG_HOME": ".config", "XDG_CACHE_HOME": ".cache", "XDG_DATA_HOME": ".local/share"}


def made_by(code: str, home: Path, *arguments: str, named: bool = False) -> list[str]:
    """What a program leaves in an empty home; `named`: the environment says where its folders belong."""
    folders = {name: str(home / "named" / name) for name in XDG} if named else {}
    kept = {name: value for name, value in os.environ.items() if name not in XDG and name != "BASH_COMPLETION_USER_DIR"}
    environment = {**kept, "HOME": str(home), "SHELL": "/bin/bash", **folders}
    home.mkdir()
    if named:
        (home / "named").mkdir()
    subprocess.run([sys.executable, "-c", code, *arguments], env=environment, check=True, capture_output=True)
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.name != "named")


@pytest.mark.parametrize("named", [False, True])
def test_crafting_a_probe_leaves_nothing(named: bool, tmp_path: Path) -> None:
    assert made_by(CRAFT, tmp_path / "home", named=named) == []


def test_dissecting_a_file_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "walk.pcapng"
    file.write_bytes(write(evidence()))
    code = "import sys; from netprobe.cli import run; sys.exit(run(sys.argv[1:]))"
    assert made_by(code, tmp_path / "home", "replay", str(file), "--deep") == []


def test_importing_the_other_libraries_leaves_nothing(tmp_path: Path) -> None:
    code = "import click, docker, msgspec, numpy, pandas, pyshark, rich.console"
    assert made_by(code, tmp_path / "home") == []


def test_who_imports_scapys_shell_afterwards_gets_the_real_one(tmp_path: Path) -> None:
    code = "from netprobe import scapy_layers; scapy_layers.load(); from scapy.main import interact; assert callable(interact)"
    assert ".config" in made_by(code, tmp_path / "home")


def test_a_scapy_that_asks_its_shell_for_more_gets_the_real_one(tmp_path: Path) -> None:
    code = f"from netprobe import scapy_layers; scapy_layers._NO_FOLDERS.clear()\n{CRAFT}"
    assert ".cache/scapy" in made_by(code, tmp_path / "home")
