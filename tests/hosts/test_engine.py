from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.hosts import engine
from netprobe.hosts.engine import INSPECT_ALL_UP_TO, Engine, EngineError, choose
from netprobe.hosts.inventory import HostEntry

if TYPE_CHECKING:
    from pathlib import Path


def entry(**more: Any) -> HostEntry:
    return HostEntry(name="h", **more)


def test_a_plain_host_has_no_engine() -> None:
    assert Engine.connect(entry(docker=None)) is None


def test_no_engine_at_the_usual_place_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setattr(engine, "DEFAULT_SOCKET", f"unix://{tmp_path}/docker.sock")
    assert Engine.connect(entry(docker="")) is None


def test_a_socket_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="Docker is not running: there is no") as fault:
        Engine.connect(entry(docker=f"unix://{tmp_path}/docker.sock"))
    assert "start" in fault.value.hint


def test_a_socket_that_nobody_listens_at(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
    with pytest.raises(EngineError, match="nobody listens"):
        Engine.connect(entry(docker=f"unix://{path}"))


def test_a_socket_without_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", denied)
    with pytest.raises(EngineError, match="permission denied") as fault:
        Engine.connect(entry(docker="unix:///x/docker.sock"))
    assert "docker" in fault.value.hint


def test_somebody_else_listens_there(tmp_path: Path) -> None:
    import threading

    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()

        def hang_up() -> None:
            for _ in range(2):
                sock.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        with pytest.raises(EngineError, match="Docker does not answer"):
            Engine.connect(entry(docker=f"unix://{path}"))


def test_the_environment_names_the_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/other.sock")
    with pytest.raises(EngineError, match=r"other\.sock"):
        Engine.connect(entry(docker=""))


def listed(number: int, name: str = "", port: int | None = None) -> dict[str, Any]:
    return {"Id": f"id{number}", "Names": [f"/{name or number}"], "Ports": [{"PublicPort": port, "PrivatePort": 1}]}


def test_all_are_inspected_where_they_are_few() -> None:
    assert choose([listed(1), listed(2)], ()) == ["id1", "id2"]


def test_the_wanted_ones_come_first_where_they_are_many() -> None:
    many = [listed(number) for number in range(500)] + [listed(500, "demo"), listed(501, "web", 8080)]
    chosen = choose(many, {"demo", "8080"})
    assert chosen[:2] == ["id500", "id501"]
    assert len(chosen) == INSPECT_ALL_UP_TO
    assert choose([{"Id": "x"}] * 300, {"a"})[0] == "x"
