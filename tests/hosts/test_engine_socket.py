from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from netprobe.hosts.engine_socket import USUAL, engine_socket
from netprobe.inventory.hosts import HostEntry
from netprobe.inventory.reach import Reach

if TYPE_CHECKING:
    from pathlib import Path

LOCAL = HostEntry(name="local", docker="")


@pytest.fixture(autouse=True)
def _no_context(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))


def test_without_a_word_it_is_the_usual_one() -> None:
    assert engine_socket(LOCAL) == USUAL


def test_what_the_inventory_says_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///else.sock")
    assert engine_socket(replace(LOCAL, docker="unix:///a.sock")) == "/a.sock"
    assert engine_socket(LOCAL) == "/else.sock"


@pytest.mark.parametrize(
    "host",
    [
        replace(LOCAL, docker=None),
        replace(LOCAL, docker="tcp://10.0.0.1:2375"),
        replace(LOCAL, docker="unix:///a.sock", reach=Reach(same_machine=False)),
    ],
)
def test_no_engine_and_engines_elsewhere_are_none(host: HostEntry) -> None:
    assert engine_socket(host) is None


def test_an_engine_elsewhere_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://admin@server1")
    assert engine_socket(LOCAL) is None


@pytest.mark.parametrize(("url", "expected"), [("unix:///ctx.sock", "/ctx.sock"), ("tcp://10.0.0.1:2376", None)])
def test_a_docker_context(url: str, expected: str | None, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"currentContext": "lab"}')
    folder = tmp_path / "contexts" / "meta" / sha256(b"lab").hexdigest()
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"Name": "lab", "Endpoints": {"docker": {"Host": url}}}))
    assert engine_socket(LOCAL) == expected


def test_a_context_that_is_not_there_and_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"currentContext": "gone"}')
    assert engine_socket(LOCAL) == USUAL
    (tmp_path / "config.json").write_text("[]")
    assert engine_socket(LOCAL) == USUAL
