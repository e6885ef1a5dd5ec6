from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from netprobe.live.nearby import nearby

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANSWER = b'HTTP/1.0 200 OK\r\n\r\n[{"Names": ["/demo"], "State": "running", "Name": "bridge", "Driver": "bridge"}]'


@contextlib.contextmanager
def listening(path: Path, answer: bytes | None) -> Iterator[None]:
    """Somebody at a socket who answers all the same, or never."""
    with socket.socket(socket.AF_UNIX) as server, contextlib.ExitStack() as open_ones:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    one = open_ones.enter_context(server.accept()[0])
                    if answer is not None:
                        with one:
                            if one.recv(4096):
                                one.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def inventory(tmp_path: Path, docker: str) -> str:
    file = tmp_path / "hosts.toml"
    far = 'reach = "ssh://nobody@192.0.2.1:9"'
    file.write_text(
        f'[hosts.local]\ndocker = "unix://{docker}"\n[hosts.far]\n{far}\n[hosts.tcp]\nreach = "netns:/x"\ndocker = "tcp://192.0.2.1:9"\n'
    )
    return str(file)


def test_an_engine_of_this_machine_is_asked_and_others_are_not(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with listening(path, ANSWER):
        here, far, tcp = nearby(inventory(tmp_path, str(path)), 5.0).hosts
    assert [each.name for each in here.containers] == ["demo"]
    assert [each.name for each in here.networks] == ["bridge"]
    assert here.why == ""
    for each in (far, tcp):
        assert (each.containers, "is not asked" in each.why) == ((), True)


def test_who_does_not_answer_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with listening(path, None):
        begin = time.monotonic()
        here = nearby(inventory(tmp_path, str(path)), 0.1).hosts[0]
        assert time.monotonic() - begin < 5.0  # a busy machine; nobody answers at all
    assert here.containers == ()
    assert "does not answer" in here.why


@pytest.mark.parametrize(
    ("answer", "why"), [(b"SSH-2.0-x\r\n", "not HTTP"), (b"HTTP/1.0 403 no\r\n\r\n{}", "status 403")]
)
def test_what_is_no_answer_is_said(tmp_path: Path, answer: bytes, why: str) -> None:
    path = tmp_path / "docker.sock"
    with listening(path, answer):
        assert why in nearby(inventory(tmp_path, str(path)), 5.0).hosts[0].why


def test_no_engine(tmp_path: Path) -> None:
    here = nearby(inventory(tmp_path, str(tmp_path / "none.sock")), 0.1).hosts[0]
    assert here.why.endswith("none.sock: no such file or directory")
