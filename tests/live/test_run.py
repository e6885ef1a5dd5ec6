"""Whole live runs on this machine's own loopback, and questions that end before one."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from netprobe.errors import EnvironmentFault, UsageFault
from netprobe.evidence.model import Outcome, Place, Proto
from netprobe.evidence.stream.whole import read
from netprobe.hosts import engine, inventory
from netprobe.live import Question, explain
from netprobe.live.sessions import HostSessions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="sniffing needs root")


@pytest.fixture
def no_hosts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An inventory without hosts, and no engine on this machine."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setattr(engine, "DEFAULT_SOCKET", f"unix://{tmp_path}/docker.sock")
    file = tmp_path / "hosts.toml"
    file.write_text("")
    return file


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def ask(hosts_file: Path, **question: object) -> bytes:
    return explain(Question(**question), hosts_file=hosts_file, progress=lambda _: None)  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ({"target": "demo:99999"}, "out of range"),
        ({"target": "demo:80", "source": "a b"}, "not a source"),
        ({"target": "demo:80", "size": 5}, "no meaning"),
        ({"target": "demo:80", "fail": True}, "--fail has no meaning for tcp"),
        ({"target": "http://demo", "fail": True, "predict": True}, "--fail and --predict exclude each other"),
        ({"target": "demo:80", "timeout_s": 0.0}, "--timeout 0 is out of range"),
        ({"target": "demo:80", "timeout_s": float("nan")}, "--timeout nan is out of range"),
        ({"target": "demo:80", "timeout_s": 1e9}, "out of range"),
    ],
)
def test_bad_questions_end_before_anything_is_reached(
    no_hosts: Path, monkeypatch: pytest.MonkeyPatch, question: dict[str, object], says: str
) -> None:
    monkeypatch.setattr(HostSessions, "reach", lambda _: pytest.fail("it reached out"))
    with pytest.raises(UsageFault) as fault:
        ask(no_hosts, **question)
    assert says in fault.value.message


def test_without_root_it_says_so(no_hosts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(EnvironmentFault, match="needs root") as fault:
        ask(no_hosts, target="127.0.0.1:1")
    assert "sudo" in fault.value.hint


@needs_root
def test_loopback(no_hosts: Path, port: int) -> None:
    evidence = read(ask(no_hosts, target=f"127.0.0.1:{port}"))
    probe = evidence.probe
    assert probe is not None
    assert (probe.result.outcome, probe.source_at, probe.target_at) == (
        Outcome.CONNECTED,
        Place(host="local"),
        Place(host="local"),
    )
    assert [point.name for point in evidence.points] == ["local/lo"]
    assert len(evidence.packets) >= 3
    assert list(probe.timing_ms) == ["start", "engines", "names", "state", "probe", "stop", "state-after"]
    assert probe.tag
    assert probe.result.remote == ("127.0.0.1", port)


@needs_root
def test_loopback_refused_by_name(no_hosts: Path, port: int) -> None:
    evidence = read(ask(no_hosts, target="localhost:1"))
    assert evidence.probe is not None
    assert evidence.probe.result.outcome is Outcome.REFUSED
    assert evidence.probe.lookup.addresses


@needs_root
@pytest.mark.parametrize("size", [None, 0, 9000])
def test_ping_loopback(no_hosts: Path, size: int | None) -> None:
    evidence = read(ask(no_hosts, target="127.0.0.1", size=size))
    assert evidence.probe is not None
    assert evidence.probe.result.outcome is Outcome.REPLIED


@needs_root
def test_udp_reply_carries_the_mark(no_hosts: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        seen: list[bytes] = []

        def echo() -> None:
            data, peer = server.recvfrom(100)
            seen.append(data)
            server.sendto(data, peer)

        threading.Thread(target=echo, daemon=True).start()
        evidence = read(ask(no_hosts, target=f"127.0.0.1:{server.getsockname()[1]}/udp"))
    assert evidence.probe is not None
    assert evidence.probe.result.outcome is Outcome.REPLIED
    assert seen == [f"netprobe/1 {evidence.probe.tag}\n".encode()]


@needs_root
@pytest.mark.parametrize("fault", [EnvironmentFault("lost", "look"), KeyboardInterrupt()])
def test_what_was_captured_is_kept_after_a_fault(
    no_hosts: Path, port: int, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    def fail(*_: object) -> None:
        raise fault

    monkeypatch.setattr(HostSessions, "ask_after", fail)
    with pytest.raises(type(fault)) as raised:
        ask(no_hosts, target=f"127.0.0.1:{port}", proto=Proto.TCP)
    evidence = read(vars(raised.value)["evidence"])
    assert evidence.probe is not None
    assert evidence.probe.result.outcome is Outcome.CONNECTED
    assert len(evidence.packets) >= 3


@needs_root
def test_a_fault_before_any_packet_keeps_nothing(no_hosts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise EnvironmentFault("lost", "look")

    monkeypatch.setattr(HostSessions, "survey", fail)
    with pytest.raises(EnvironmentFault) as raised:
        ask(no_hosts, target="127.0.0.1:1")
    assert vars(raised.value)["evidence"] is None


@needs_root
def test_an_unknown_source(no_hosts: Path) -> None:
    no_hosts.write_text('[hosts.me]\nreach = "netns:/proc/self/ns/net"\n')  # a host that is to have no engine
    with pytest.raises(UsageFault, match="no host, container or service is called 'nobody'"):
        ask(no_hosts, target="127.0.0.1:1", source="nobody")


@needs_root
@pytest.mark.parametrize("question", [{"target": "web.invalid:80"}, {"target": "127.0.0.1:1", "source": "web"}])
def test_an_engine_that_does_not_run_is_said(no_hosts: Path, question: dict[str, object]) -> None:
    with pytest.raises(
        EnvironmentFault, match=r"no engine answers at unix:///.*/docker\.sock: is Docker running"
    ) as fault:
        ask(no_hosts, **question)
    assert "systemctl start docker" in fault.value.hint
    assert "was not found" in fault.value.message


@needs_root
def test_a_lab_that_runs_is_hinted_at_where_a_name_is_unknown(
    no_hosts: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("NETPROBE_HOSTS", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for labs, hinted in ((tmp_path / "none", False), (tmp_path / "labs", True)):
        monkeypatch.setattr(inventory, "LAB_ROOT", labs)
        (tmp_path / "labs" / "abc").mkdir(parents=True, exist_ok=True)
        (tmp_path / "labs" / "abc" / "hosts.toml").write_text(LAB)
        with pytest.raises(EnvironmentFault) as fault:
            explain(Question(target="127.0.0.1:1", source="server1"), hosts_file=None, progress=lambda _: None)
        assert ("--hosts lab" in fault.value.hint) == hinted
    with pytest.raises(EnvironmentFault) as fault:
        ask(no_hosts, target="127.0.0.1:1", source="server1")
    assert "--hosts lab" not in fault.value.hint


LAB = """
lab = "abc"
[hosts.server1]
reach = "netns:/no/such"
"""


@pytest.mark.parametrize(
    ("source", "says"),
    [(None, "--from is needed"), ("local", "no host of the lab"), ("web@local", "no host of the lab")],
)
def test_this_machine_asks_nothing_of_a_lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str | None, says: str
) -> None:
    monkeypatch.setattr(HostSessions, "reach", lambda _: pytest.fail("it reached out"))
    file = tmp_path / "hosts.toml"
    file.write_text(LAB)
    with pytest.raises(UsageFault, match=says) as fault:
        ask(file, target="web:80", source=source)
    assert "server1" in fault.value.hint
