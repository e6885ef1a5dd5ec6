"""Bad weather: containers without any tool, paused, ending, restarted; interfaces that vanish; hosts that are lost."""

from __future__ import annotations

import io
import os
import platform
import signal
import tarfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.evidence.model import Evidence, LimitKind, Outcome, Proto
from netprobe.evidence.stream.whole import read
from netprobe.live import Question, explain
from netprobe_lab.steps import on_host
from netprobe_lab.waiting import poll
from tests.lab.serving import nginx
from tests.lab.test_live_ssh import processes

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe_lab.layout import Lab

DROP = ["DOCKER-USER", "-p", "tcp", "-m", "tcp", "--dport", "80", "-j", "DROP"]
DROP_DIALLED = ["PREROUTING", "-t", "raw", "-p", "tcp", "-m", "tcp", "--dport", "8080", "-j", "DROP"]


def docker(lab: Lab, *argv: str) -> str:
    return on_host(lab, "server2", ["docker", *argv]).stdout


def ask(lab: Lab, target: str, source: str, proto: Proto | None = None, timeout_s: float = 20.0) -> Evidence:
    question = Question(target=target, source=source, proto=proto, timeout_s=timeout_s)
    return read(explain(question, hosts_file=lab.hosts_file, progress=lambda _: None))


def outcome(evidence: Evidence) -> Outcome:
    assert evidence.probe is not None
    return evidence.probe.result.outcome


def ask_meanwhile(lab: Lab, target: str, source: str, act: Callable[[], object], timeout_s: float = 5.0) -> Evidence:
    """Ask, and do something in the middle of the probe."""
    begun = threading.Event()

    def progress(step: str) -> None:
        if step.startswith("probing"):
            begun.set()

    def work() -> None:
        begun.wait(240)
        act()

    helper = threading.Thread(target=work)
    helper.start()
    question = Question(target=target, source=source, timeout_s=timeout_s)
    data = explain(question, hosts_file=lab.hosts_file, progress=progress)
    helper.join()
    return read(data)


def pausing_program() -> bytes:
    """A static ELF program of a few dozen bytes that calls pause(2) for ever: all that a distroless container needs."""
    code = bytes.fromhex("b8220000000f05ebf7")  # mov eax, SYS_pause; syscall; jmp back
    base, start = 0x400000, 64 + 56
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += b"".join(
        number.to_bytes(size, "little")
        for number, size in ((2, 2), (62, 2), (1, 4), (base + start, 8), (64, 8), (0, 8), (0, 4))
    )
    header += b"".join(number.to_bytes(2, "little") for number in (64, 56, 1, 0, 0, 0))
    size = start + len(code)
    segment = b"".join(
        number.to_bytes(width, "little")
        for number, width in ((1, 4), (5, 4), (0, 8), (base, 8), (base, 8), (size, 8), (size, 8), (4096, 8))
    )
    return header + segment + code


@pytest.fixture
def distroless(clean_lab: Lab) -> Lab:
    if platform.machine() != "x86_64":
        pytest.skip("the smallest program is written in x86-64 machine code")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo("pause")
        entry.mode, entry.size = 0o755, len(pausing_program())
        tar.addfile(entry, io.BytesIO(pausing_program()))
    file = clean_lab.run_dir / "distroless.tar"
    file.write_bytes(buffer.getvalue())
    docker(clean_lab, "import", "-c", 'ENTRYPOINT ["/pause"]', str(file), "distroless")
    file.unlink()
    docker(clean_lab, "run", "-d", "--name", "bare", "distroless")
    return clean_lab


def test_a_source_without_any_tool(distroless: Lab) -> None:
    nginx(distroless, "-p", "8080:80")
    assert outcome(ask(distroless, "192.168.3.202:8080", "bare", Proto.HTTP)) is Outcome.REPLIED
    evidence = ask(distroless, "www.outside.test:80", "bare")
    assert outcome(evidence) is Outcome.CONNECTED
    assert evidence.limits == ()


def test_a_target_without_any_tool(distroless: Lab) -> None:
    evidence = ask(distroless, "bare", "server2")
    assert outcome(evidence) is Outcome.REPLIED
    assert "server2/bare/eth0" in {point.name for point in evidence.points}


def test_a_paused_target_still_completes_the_handshake(clean_lab: Lab) -> None:
    nginx(clean_lab, "-p", "8080:80")
    docker(clean_lab, "pause", "demo")
    evidence = ask(clean_lab, "demo:80", "server1")
    assert outcome(evidence) is Outcome.CONNECTED
    state = next(host for host in evidence.before if host.host == "server2")
    assert '"paused"' in state.outputs["containers"].stdout
    assert state.outputs["ns/demo/sockets"].ok
    assert outcome(ask(clean_lab, "demo:80", "server1", Proto.HTTP, 0.5)) is Outcome.TIMEOUT


def test_a_paused_source_can_be_probed_from(clean_lab: Lab) -> None:
    nginx(clean_lab)
    docker(clean_lab, "run", "-d", "--name", "still", "busybox", "sleep", "999")
    docker(clean_lab, "pause", "still")
    assert outcome(ask(clean_lab, "172.17.0.2:80", "still")) is Outcome.CONNECTED


def test_a_stopped_target_is_dialled_where_it_would_be(clean_lab: Lab) -> None:
    nginx(clean_lab, "-p", "8080:80")
    docker(clean_lab, "stop", "-t", "0", "demo")
    evidence = ask(clean_lab, "demo:80", "server1")
    assert outcome(evidence) is Outcome.REFUSED
    assert evidence.probe is not None
    assert (evidence.probe.dialled, evidence.probe.dialled_port) == ("192.168.3.202", 8080)
    assert evidence.limits == ()


def test_a_target_that_ends_during_the_probe(clean_lab: Lab) -> None:
    nginx(clean_lab, "-p", "8080:80")
    on_host(clean_lab, "server2", ["iptables", "-I", *DROP])
    try:
        evidence = ask_meanwhile(clean_lab, "demo:80", "server1", lambda: docker(clean_lab, "kill", "demo"))
    finally:
        on_host(clean_lab, "server2", ["iptables", "-D", *DROP])
    assert any(limit.kind is LimitKind.PROBE and "demo@server2" in limit.subject for limit in evidence.limits)
    assert len(evidence.packets), "what was captured is kept"
    points = {limit.subject for limit in evidence.limits if limit.kind in (LimitKind.POINT, LimitKind.PART)}
    assert any("veth" in name for name in points), "its interface vanished under the sniffer"


def test_a_source_that_ends_during_the_probe(clean_lab: Lab) -> None:
    docker(clean_lab, "run", "-d", "--name", "brief", "busybox", "sleep", "999")
    on_host(clean_lab, "server2", ["iptables", "-I", *DROP])
    try:
        evidence = ask_meanwhile(clean_lab, "203.0.113.10:80", "brief", lambda: docker(clean_lab, "kill", "brief"))
    finally:
        on_host(clean_lab, "server2", ["iptables", "-D", *DROP])
    assert outcome(evidence) in (Outcome.TIMEOUT, Outcome.UNREACHABLE)
    assert any(limit.kind is LimitKind.PROBE and "brief@server2" in limit.subject for limit in evidence.limits)


def test_a_target_that_is_restarted_during_the_probe(clean_lab: Lab) -> None:
    nginx(clean_lab, "-p", "8080:80")
    on_host(clean_lab, "server2", ["iptables", "-I", *DROP])
    try:
        evidence = ask_meanwhile(
            clean_lab, "demo:80", "server1", lambda: docker(clean_lab, "restart", "-t", "0", "demo"), 15.0
        )
    finally:
        on_host(clean_lab, "server2", ["iptables", "-D", *DROP])
    assert any("restarted" in limit.why for limit in evidence.limits)


def test_a_session_that_is_lost_during_the_probe(clean_lab: Lab) -> None:
    """server1's remote program is killed while it probes: the other host's packets and state are still there, and its sniffers are not."""
    nginx(clean_lab, "-p", "8080:80")
    on_host(clean_lab, "server2", ["iptables", "-I", *DROP])
    begin = time.monotonic()
    try:
        evidence = ask_meanwhile(clean_lab, "demo:80", "server1", lambda: kill_session(clean_lab, "server1"))
    finally:
        on_host(clean_lab, "server2", ["iptables", "-D", *DROP])
    assert time.monotonic() - begin < 300
    assert poll(lambda: not sniffers(clean_lab, "server1"), 60.0), sniffers(clean_lab, "server1")
    assert outcome(evidence) is Outcome.BROKEN
    assert {"server2/eth0", "server2/demo/eth0"} <= {point.name for point in evidence.points}
    assert "server1/eth0" in {limit.subject for limit in evidence.limits}


def kill_session(lab: Lab, host: str) -> None:
    """Kill this process's own remote program on a host: a child of a child that is in the host's namespace."""
    assert sniffers(lab, host)
    wanted = os.stat(lab.netns_path(host)).st_ino  # noqa: PTH116 - one number
    found = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _is_ours(entry, wanted)]
    assert found
    for pid in found:
        os.kill(pid, signal.SIGKILL)


def sniffers(lab: Lab, host: str) -> list[str]:
    return [line for line in processes(lab, host) if "tcpdump" in line]


def _is_ours(entry: Path, namespace: int) -> bool:
    try:
        argv = (entry / "cmdline").read_bytes().split(b"\0")
        parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        grandparent = int(Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[1])
        inside = (entry / "ns" / "net").stat().st_ino == namespace
    except (OSError, ValueError):
        return False
    return inside and b"-I" in argv and os.getpid() in (parent, grandparent)


def test_an_interface_that_goes_down_under_the_sniffer(clean_lab: Lab) -> None:
    """While its SYNs are dropped before the DNAT: once Docker has taken that away, and the interface not yet, the host itself would refuse them."""
    docker(clean_lab, "network", "create", "extra")
    nginx(clean_lab, "--network", "extra", "-p", "8080:80")
    on_host(clean_lab, "server2", ["iptables", "-I", *DROP_DIALLED])
    try:
        evidence = ask_meanwhile(
            clean_lab, "demo:80", "server1", lambda: docker(clean_lab, "network", "disconnect", "extra", "demo")
        )
    finally:
        on_host(clean_lab, "server2", ["iptables", "-D", *DROP_DIALLED])
    limits = {limit.subject: limit.why for limit in evidence.limits}
    assert "sniffed in part" in limits["server2/demo/eth0"]
    assert len(evidence.packets)
