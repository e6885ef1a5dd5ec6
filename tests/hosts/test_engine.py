from __future__ import annotations

import errno
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from docker.errors import NotFound

from netprobe.hosts import engine
from netprobe.hosts.engine import Engine, EngineError
from netprobe.inventory.hosts import HostEntry

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


class Containers:
    """An Engine's client with these containers, which counts what it is asked."""

    def __init__(self, *names: str) -> None:
        self.listed = [entry_of(name) for name in names]
        self.inspected: list[str] = []

    def containers(self, **_: object) -> list[dict[str, Any]]:
        return [dict(each) for each in self.listed]

    def inspect_container(self, ident: str) -> dict[str, Any]:
        self.inspected.append(ident)
        if ident == "id-gone":
            raise NotFound("gone")
        return {"Id": ident, "Name": f"/{ident.removeprefix('id-')}", "State": {"Status": "running", "Pid": 7}}


def entry_of(name: str, status: str = "Up 2 hours") -> dict[str, Any]:
    return {"Id": f"id-{name}", "Names": [f"/{name}"], "State": "running", "Status": status}


def read(asked: Engine, *wanted: str, most: int = 1000) -> list[tuple[str, int]]:
    found = json.loads(asked.containers(wanted, most=most).stdout)
    return [(each["Name"], each["State"].get("Pid", 0)) for each in found]


def test_a_second_look_inspects_only_what_matters_or_may_have_changed() -> None:
    client = Containers("a", "b", "young", "renamed")
    client.listed[2]["Status"] = "Up 5 seconds"
    asked = Engine(client)  # type: ignore[arg-type]  # all that is used of it
    first = read(asked, "a")
    assert sorted(client.inspected) == ["id-a", "id-b", "id-renamed", "id-young"]
    client.inspected.clear()
    client.listed[3]["Names"] = ["/other"]
    assert read(asked, "a") == first
    assert sorted(client.inspected) == ["id-a", "id-renamed", "id-young"]


def test_of_very_many_the_list_has_to_do_for_the_others() -> None:
    asked = Engine(Containers("a", "b", "c"))  # type: ignore[arg-type]
    assert read(asked, "b", most=1) == [("/a", 0), ("/b", 7), ("/c", 0)]
    assert asked.only_listed == 2
    assert read(asked, most=3) == [("/a", 7), ("/b", 7), ("/c", 7)]
    assert asked.only_listed == 0


def test_one_that_was_removed_meanwhile_is_left_out() -> None:
    assert read(Engine(Containers("a", "gone"))) == [("/a", 7)]  # type: ignore[arg-type]
