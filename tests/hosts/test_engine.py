from __future__ import annotations

import contextlib
import errno
import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.hosts import engine
from netprobe.hosts.engine import Engine, EngineError
from netprobe.hosts.engine_client import Listing, Overview, socket_error
from netprobe.hosts.session import Session
from netprobe.inventory.hosts import HostEntry
from netprobe.inventory.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from netprobe.evidence.state import CommandOutput


def entry(**more: Any) -> HostEntry:
    return HostEntry(name="h", **more)


@pytest.fixture(params=["session", "sdk"])
def session(request: pytest.FixtureRequest) -> Iterator[Session | None]:
    """Both ways to ask an Engine: through a session with its host, and by the SDK."""
    if request.param == "sdk":
        yield None
        return
    opened = Session(entry(), 30)
    yield opened
    opened.close()


def collected(host: HostEntry, session: Session | None) -> dict[str, CommandOutput]:
    found = Engine.of(host, session)
    assert found is not None
    return found.collect()


def test_a_plain_host_has_no_engine() -> None:
    assert Engine.of(entry(docker=None), None) is None


def test_no_engine_at_the_usual_place_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setattr(engine, "DEFAULT_SOCKET", f"unix://{tmp_path}/docker.sock")
    assert Engine.of(entry(docker=""), None) is None
    with_session = Session(entry(docker="", reach=Reach(same_machine=False)), 30)
    assert collected(with_session.host, with_session) == {}
    with_session.close()


def test_a_socket_that_is_not_there(tmp_path: Path, session: Session | None) -> None:
    with pytest.raises(EngineError, match=r"no engine answers at unix:.*: is Docker running") as fault:
        collected(entry(docker=f"unix://{tmp_path}/docker.sock"), session)
    assert "start" in fault.value.hint


def test_a_socket_that_nobody_listens_at(tmp_path: Path, session: Session | None) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
    with pytest.raises(EngineError, match=r"no engine answers at unix:.*: is Docker running"):
        collected(entry(docker=f"unix://{path}"), session)


def test_a_tcp_port_that_nobody_listens_at() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(EngineError, match=f"no engine answers at {url}: is Docker running"):
        collected(entry(docker=url), None)


def test_a_socket_without_permission() -> None:
    fault = socket_error("/x/docker.sock", errno.EACCES)
    assert str(fault) == "/x/docker.sock: permission denied"
    assert "docker" in fault.hint


def test_a_session_that_ended(tmp_path: Path) -> None:
    ended = Session(entry(), 30)
    ended.close()
    with pytest.raises(EngineError, match="could not be asked"):
        collected(entry(docker=f"unix://{tmp_path}/s"), ended)


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 500 Internal Server Error\r\n\r\n{}", b"HTTP/1.1 200 OK\r\n\r\n[7", b"SSH-2.0\r\n"]
)
def test_somebody_else_listens_there(tmp_path: Path, session: Session | None, said: bytes) -> None:
    with listening(tmp_path / "s", said), pytest.raises(EngineError, match="Docker does not answer"):
        collected(entry(docker=f"unix://{tmp_path}/s"), session)


FOREIGN = [b"null", b"5", b"[null]", b"[5]", b"[{}]", b'[{"Id": "a", "Names": 5}]', b"[" * 100_000]


@pytest.mark.parametrize("body", FOREIGN, ids=range(len(FOREIGN)))
def test_answers_of_another_shape(tmp_path: Path, session: Session | None, body: bytes) -> None:
    version, info = b'{"ApiVersion": "1.41", "Version": "20.10"}', b"{}"
    bodies = {b"/version": version, b"/info": info, b"/networks": b"[]", b"/containers": body}
    with listening(tmp_path / "s", bodies), pytest.raises(EngineError, match="Docker does not answer"):
        collected(entry(docker=f"unix://{tmp_path}/s"), session)


RESTARTED = {
    "Id": "c1", "Name": "/web", "RestartCount": 3,
    "State": {"Status": "running", "ExitCode": 0, "StartedAt": "2026-11-29T23:47:00.1Z"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("events", "told"),
    [(b'{"Actor": {"Attributes": {"exitCode": "3"}}}\n', 3), (b"", None), (b"not what an engine says", None)],
)
def test_how_one_ended_that_runs_again(
    tmp_path: Path, session: Session | None, events: bytes, told: int | None
) -> None:
    listed = [{"Id": "c1", "Names": ["/web"], "State": "running", "Status": "Up 1 second"}]
    bodies = {
        b"/version": b'{"ApiVersion": "1.41", "Version": "20.10"}', b"/info": b"{}", b"/networks": b"[]",
        b"/containers/json": json.dumps(listed).encode(), b"/containers/c1": json.dumps(RESTARTED).encode(), b"/events": events,
    }  # fmt: skip
    with listening(tmp_path / "s", bodies):
        found = json.loads(collected(entry(docker=f"unix://{tmp_path}/s"), session)["containers"].stdout)
    assert [each.get("LastExitCode") for each in found] == [told]


def test_a_url_that_is_none() -> None:
    with pytest.raises(EngineError, match="Docker does not answer"):
        collected(entry(docker="tcp://[::1"), None)


def _answer(said: bytes | Mapping[bytes, bytes], question: bytes) -> bytes:
    if isinstance(said, bytes):
        return said
    path = question.partition(b"\r")[0]
    body = next((body for part, body in said.items() if part in path), b"")
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


@contextlib.contextmanager
def listening(path: Path, said: bytes | Mapping[bytes, bytes]) -> Iterator[None]:
    """Somebody at a socket who says the same to everybody (or what the path asked for says), and hangs up."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen(16)

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with sock.accept()[0] as asking, contextlib.suppress(OSError):  # who only looks hangs up first
                        asking.sendall(_answer(said, asking.recv(65536)))

        threading.Thread(target=answer, daemon=True).start()
        yield
        sock.shutdown(socket.SHUT_RDWR)


def test_the_environment_names_the_engine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, session: Session | None
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/other.sock")
    with pytest.raises(EngineError, match=r"other\.sock"):
        collected(entry(docker=""), session)


class Containers:
    """An Engine's client with these containers, which counts what it is asked."""

    def __init__(self, *names: str) -> None:
        self.listed = [entry_of(name) for name in names]
        self.inspected: list[str] = []

    def overview(self, most: int) -> Overview:
        idents = [each["Id"] for each in self.listed]
        inspected = {} if len(idents) > most else self.inspect(idents)
        listing = Listing(entries=[dict(each) for each in self.listed], inspected=inspected)
        return Overview(version={}, info={}, networks=[], containers=listing)

    def containers(self, idents: Collection[str]) -> Listing:
        return Listing(entries=[dict(each) for each in self.listed], inspected=self.inspect(idents))

    def events(self, questions: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        return dict.fromkeys(questions, "")

    def inspect(self, idents: Collection[str]) -> dict[str, dict[str, Any]]:
        self.inspected += idents
        return {
            ident: {"Id": ident, "Name": f"/{ident.removeprefix('id-')}", "State": {"Status": "running", "Pid": 7}}
            for ident in idents
            if ident != "id-gone"
        }


def entry_of(name: str, status: str = "Up 2 hours") -> dict[str, Any]:
    return {"Id": f"id-{name}", "Names": [f"/{name}"], "State": "running", "Status": status}


def read(asked: Engine, *wanted: str, most: int = 1000) -> list[tuple[str, int]]:
    found = json.loads(asked.containers(wanted, most=most).stdout)
    return [(each["Name"], each["State"].get("Pid", 0)) for each in found]


def test_a_second_look_inspects_only_what_matters_or_may_have_changed() -> None:
    client = Containers("a", "b", "young", "renamed")
    client.listed[2]["Status"] = "Up 5 seconds"
    asked = Engine(client)
    first = read(asked, "a")
    assert sorted(client.inspected) == ["id-a", "id-b", "id-renamed", "id-young"]
    client.inspected.clear()
    client.listed[3]["Names"] = ["/other"]
    assert read(asked, "a") == first
    assert sorted(client.inspected) == ["id-a", "id-renamed", "id-young"]


def test_of_very_many_the_list_has_to_do_for_the_others() -> None:
    asked = Engine(Containers("a", "b", "c"))
    assert read(asked, "b", most=1) == [("/a", 0), ("/b", 7), ("/c", 0)]
    assert asked.only_listed == 2
    assert read(asked, most=3) == [("/a", 7), ("/b", 7), ("/c", 7)]
    assert asked.only_listed == 0


def test_one_that_was_removed_meanwhile_is_left_out() -> None:
    assert read(Engine(Containers("a", "gone"))) == [("/a", 7)]
