"""The remote program, driven over its own pipe on this machine: nothing here needs root or leaves loopback."""

from __future__ import annotations

import base64
import contextlib
import importlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.errors import EnvironmentFault
from netprobe.hosts import program
from netprobe.hosts.remote.children import Children
from netprobe.hosts.remote.main import PARTS
from netprobe.hosts.session import HostLostError, RemoteError, Session
from netprobe.inventory.hosts import HostEntry
from netprobe.inventory.reach import Reach
from netprobe_lab.waiting import poll

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    found = Session(HostEntry(name="local"), 60)
    yield found
    found.close()


def run(session: Session, argv: list[str], seconds: float = 5.0, limit: int = 1000, **more: Any) -> dict[str, Any]:
    command = {"key": "k", "argv": argv, "ns": None, "seconds": seconds, "limit": limit, **more}
    answer: dict[str, Any] = session.ask("run", commands=[command]).get("k", {})
    return answer


def test_commands_give_their_own_outcome(session: Session) -> None:
    assert run(session, ["sh", "-c", "echo out; echo err >&2; exit 3"]) == {"rc": 3, "out": "out\n", "err": "err"}


def test_a_missing_program_is_named(session: Session) -> None:
    answer = run(session, ["no-such-program"])
    assert answer == {"rc": None, "out": "", "err": "no-such-program: not installed", "missing": True}


def test_output_and_time_are_bounded(session: Session) -> None:
    assert run(session, ["cat", "/dev/zero"]) == {"rc": None, "out": "", "err": "more than 1000 bytes of output"}
    begin = time.monotonic()
    assert run(session, ["sleep", "20"], seconds=0.2)["err"] == "no end after 0.2 s"
    assert time.monotonic() - begin < 15


def test_exactly_the_limit_is_allowed(session: Session) -> None:
    assert len(run(session, ["head", "-c", "1000", "/dev/zero"])["out"]) == 1000


def test_nothing_goes_through_a_shell(session: Session) -> None:
    assert run(session, ["echo", "$(id); `id` $HOME"])["out"] == "$(id); `id` $HOME\n"


def test_an_extra_is_passed_over_where_it_is_the_same_program(session: Session) -> None:
    assert run(session, ["sh", "-c", "true"], other_than="sh") == {}
    assert run(session, ["no-such-program"], other_than="sh") == {}
    assert run(session, ["cat", "/dev/null"], other_than="/proc/self/stat") == {}
    assert run(session, ["cat", "/dev/null"], other_than="/proc/self/no-such-file")["rc"] == 0
    assert run(session, ["cat", "/dev/null"], other_than="sh")["rc"] == 0


BPFTRACE = """#!/bin/sh
echo "ERROR: couldn't set RLIMIT_MEMLOCK for bpftrace." >&2
case $4 in
fail) echo "ERROR: no BTF here" >&2; exit 1 ;;
hang) exec sleep 100 ;;
*) echo ready; echo "drop $4"; exec sleep 100 ;;
esac
"""


@pytest.fixture
def bpftrace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session with a host whose bpftrace behaves as its program says."""
    (tmp_path / "bpftrace").write_text(BPFTRACE)
    (tmp_path / "bpftrace").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = Session(HostEntry(name="local"), 60)
    yield found
    found.close()


def watch_drops(session: Session, source: str, ready_seconds: float = 5.0) -> str | None:
    answer = session.ask("watch-drops", program=source, seconds=30, limit=10_000, ready_seconds=ready_seconds)
    failed: str | None = answer["failed"]
    if failed is not None and "no tracepoints" in failed:
        pytest.skip(failed)
    return failed


def test_drops_are_written_behind_the_names_of_namespaces_and_reasons(bpftrace: Session) -> None:
    bpftrace.ask("enter", key="a b\nnetns 1", pid=os.getpid())
    assert watch_drops(bpftrace, "$(id)") is None
    answer = bpftrace.ask("drops", quiet_seconds=0.05, seconds=1.0)
    inode = Path("/proc/self/ns/net").stat().st_ino
    first, second, names, *rest = answer["out"].split("\n")
    assert (first, second) == (f"netns {inode}", f"netns {inode} abnetns1")
    assert names.startswith("print fmt: ")
    assert rest == ["ready", "drop $(id)", ""]
    assert (answer["error"], answer["full"]) == ("", False)
    assert bpftrace.ask("drops", quiet_seconds=0.05, seconds=1.0)["error"] == "not started"


def test_a_bpftrace_that_fails_or_is_not_ready_in_time_says_so(bpftrace: Session) -> None:
    assert watch_drops(bpftrace, "fail") == "bpftrace: ERROR: no BTF here"
    assert watch_drops(bpftrace, "hang", ready_seconds=0.3) == "bpftrace was not ready in time"


def read(session: Session, path: Path | str, pid: int | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = session.ask("read", files=[{"key": "f", "path": str(path), "pid": pid}])["f"]
    return answer


def test_regular_files_are_read_and_nothing_else(session: Session, tmp_path: Path) -> None:
    file, fifo, large = tmp_path / "file", tmp_path / "fifo", tmp_path / "large"
    file.write_text("127.0.0.1 localhost\n")
    os.mkfifo(fifo)
    large.write_bytes(bytes((1 << 20) + 1))
    assert read(session, file) == {"out": "127.0.0.1 localhost\n", "err": ""}
    assert "not a regular file" in read(session, fifo)["err"]
    assert "not a regular file" in read(session, "/dev/zero")["err"]
    assert "larger than 1 MiB" in read(session, large)["err"]
    assert "No such file" in read(session, tmp_path / "none")["err"]


@pytest.fixture
def jailed(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A process whose root is a folder, as a container's is."""
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    code = "import os,sys; os.chroot(sys.argv[1]); os.chdir('/'); print('in', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield root, child.pid
        assert child.stdin is not None
        child.stdin.close()


@needs_root
def test_a_container_cannot_make_us_read_the_host(session: Session, tmp_path: Path, jailed: tuple[Path, int]) -> None:
    root, pid = jailed
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    (root / "etc" / "plain").write_text("of the container")
    (root / "etc" / "absolute").symlink_to(secret)
    (root / "etc" / "climbing").symlink_to("../../secret")
    os.mkfifo(root / "etc" / "fifo")
    assert read(session, "/etc/plain", pid)["out"] == "of the container"
    for name in ("absolute", "climbing", "fifo"):
        answer = read(session, f"/etc/{name}", pid)
        assert answer["out"] == ""
        assert answer["err"]


@needs_root
def test_a_container_that_is_gone(session: Session) -> None:
    assert read(session, "/etc/hosts", 2**22 + 1)["err"]


def test_sysctls_are_named_as_sysctl_names_them(session: Session) -> None:
    lines = session.ask("sysctls", patterns=["net/ipv4/ip_forward", "net/ipv4/conf/lo/rp_filter", "no/such"])["lines"]
    assert [line.partition(" = ")[0] for line in lines] == ["net.ipv4.ip_forward", "net.ipv4.conf.lo.rp_filter"]


def test_dots_in_interface_names() -> None:
    from netprobe.hosts.remote.sysctls import key

    assert key("net/ipv4/conf/eth1.1/rp_filter") == "net.ipv4.conf.eth1/1.rp_filter"


def test_an_unknown_operation_is_an_answer(session: Session) -> None:
    with pytest.raises(RemoteError, match="KeyError"):
        session.ask("no-such-operation")


def probe(session: Session, proto: str, port: int, payload: bytes = b"", seconds: float = 2.0) -> dict[str, Any]:
    session.ask("bind", proto=proto, address="127.0.0.1")
    answer: dict[str, Any] = session.ask(
        "go",
        proto=proto,
        address="127.0.0.1",
        port=port,
        seconds=seconds,
        ident=7,
        payload=base64.b64encode(payload).decode(),
    )
    return answer


def served(behave: Callable[[socket.socket], None]) -> int:
    """Listen on loopback, and treat the first connection like this."""
    listener = socket.create_server(("127.0.0.1", 0))

    def work() -> None:
        with listener:
            sock, _ = listener.accept()
            with sock:
                behave(sock)

    threading.Thread(target=work, daemon=True).start()
    return int(listener.getsockname()[1])


def stay_open(sock: socket.socket) -> None:
    sock.settimeout(5)
    sock.recv(100)


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def greet(sock: socket.socket) -> None:
    sock.sendall(b"SSH-2.0-x\r\n")
    stay_open(sock)


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.mark.parametrize(
    ("behave", "outcome"),
    [(stay_open, "connected"), (lambda _: None, "closed"), (reset, "reset"), (greet, "connected")],
)
def test_tcp_watches_for_200_ms(session: Session, behave: Callable[[socket.socket], None], outcome: str) -> None:
    for _ in range(5):  # on a busy machine who listens may be later than that
        answer = probe(session, "tcp", served(behave))
        if answer["outcome"] == outcome:
            break
    assert answer["outcome"] == outcome, answer
    assert answer["local"][0] == "127.0.0.1"
    if outcome == "connected":
        assert answer["elapsed_us"] >= 200_000


def test_tcp_refused(session: Session) -> None:
    answer = probe(session, "tcp", free_port())
    assert (answer["outcome"], answer["detail"]) == ("refused", "ECONNREFUSED")


def test_the_port_is_known_before_anything_is_sent(session: Session) -> None:
    peers: list[int] = []
    port = served(lambda sock: peers.append(sock.getpeername()[1]))
    bound = session.ask("bind", proto="tcp", address="127.0.0.1")
    assert bound["source"] == "127.0.0.1"
    answer = session.ask("go", proto="tcp", address="127.0.0.1", port=port, seconds=2, ident=0, payload="")
    assert peers == [bound["port"]] == [answer["local"][1]]


def answer_http(text: bytes) -> Callable[[socket.socket], None]:
    def behave(sock: socket.socket) -> None:
        sock.recv(4096)
        sock.sendall(text)

    return behave


@pytest.mark.parametrize(
    ("text", "outcome", "detail"),
    [
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 3\r\n\r\nabc", "replied", "HTTP/1.1 503 Busy, 3 bytes"),
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", "replied", "HTTP/1.0 200 OK, 10 bytes"),
        (b"HTTP/1.1 200 \x1b[31mred\r\nContent-Length: 0\r\n\r\n", "replied", "HTTP/1.1 200 [31mred, 0 bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nshort", "closed", "25 bytes are missing"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "closed", "no complete HTTP response"),
        (b"SSH-2.0-OpenSSH\r\n", "closed", "the answer is not HTTP"),
        (b"HTTP/1.1 2x0 OK\r\n\r\n", "closed", "no status line"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000, "closed", "does not end within"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"Content-Length: 0\r\n\r\n", "replied", "200 OK, 0 bytes"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n", "replied", "404 None, 0"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + bytes(1 << 21), "replied", "200 OK, "),
        (b"", "closed", "without a response"),
    ],
)
def test_http_wants_a_complete_response(session: Session, text: bytes, outcome: str, detail: str) -> None:
    answer = probe(session, "http", served(answer_http(text)), b"GET / HTTP/1.1\r\n\r\n")
    assert answer["outcome"] == outcome, answer
    assert detail in answer["detail"]


def test_little_is_told_of_a_head(session: Session) -> None:
    """Where it leads and who says so; no cookie."""
    fields = b"Set-Cookie: secret\r\nLocation: /login\r\nSERVER: odd\r\nContent-Length: 0"
    text = b"HTTP/1.1 302 Found\r\n" + fields + b"\r\n\r\n"
    answer = probe(session, "http", served(answer_http(text)), b"GET / HTTP/1.1\r\n\r\n")
    assert answer["head"] == "HTTP/1.1 302 Found\nLocation: /login\nSERVER: odd"


def test_http_that_never_answers(session: Session) -> None:
    answer = probe(session, "http", served(lambda sock: time.sleep(20)), b"GET / HTTP/1.1\r\n\r\n", 0.3)  # noqa: TID251
    assert answer["outcome"] == "timeout"


def test_http_that_drips(session: Session) -> None:
    def drip(sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            sock.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while True:
                sock.sendall(b"H")
                time.sleep(0.05)  # noqa: TID251

    begin = time.monotonic()
    answer = probe(session, "http", served(drip), b"GET / HTTP/1.1\r\n\r\n", 0.3)
    assert answer["outcome"] == "timeout", answer
    assert time.monotonic() - begin < 10


def test_udp_replied_and_refused_and_silent(session: Session) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        threading.Thread(target=lambda: server.sendto(*server.recvfrom(100)), daemon=True).start()
        answer = probe(session, "udp", port, b"hello")
        assert (answer["outcome"], answer["detail"], answer["replied_from"]) == ("replied", "a reply of 5 bytes", None)
        assert probe(session, "udp", port, b"hello", 0.2)["outcome"] == "timeout"
    answer = probe(session, "udp", free_port(socket.SOCK_DGRAM), b"hello")
    assert (answer["outcome"], answer["detail"]) == ("refused", "ICMP port unreachable from 127.0.0.1")


def test_udp_tells_who_replied_when_it_is_another(session: Session) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        server.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.2", 0))
        threading.Thread(target=lambda: other.sendto(b"x", server.recvfrom(100)[1]), daemon=True).start()
        answer = probe(session, "udp", server.getsockname()[1], b"hello")
        assert answer["replied_from"] == ["127.0.0.2", other.getsockname()[1]]


def test_a_dead_session_says_so() -> None:
    gone = Session(HostEntry(name="gone", reach=Reach(prefix=("sh", "-c", "echo no way in >&2; exit 1"))), 10)
    with pytest.raises(HostLostError, match="gone: no way in"):
        gone.ask("hello")
    assert gone.lost
    with pytest.raises(HostLostError):
        gone.ask("hello")
    gone.close()


def test_a_missing_prefix_names_its_package() -> None:
    with pytest.raises(EnvironmentFault, match="no-such-nsenter: not installed"):
        Session(HostEntry(name="x", reach=Reach(prefix=("no-such-nsenter",))), 10)


def test_an_interrupt_at_its_start_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was about to close it does not have it yet."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    remote = tmp_path / "python"
    remote.write_text(f"#!/bin/sh\necho $$ >{tmp_path}/pid\nread line\n")
    remote.chmod(0o755)
    monkeypatch.setattr(Session, "_send", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Session(HostEntry(name="other", reach=Reach(python=str(remote))), 60)
    pid = (tmp_path / "pid").read_text().strip()
    assert not Path(f"/proc/{pid}").exists()


def test_what_a_login_shell_prints_is_passed_over() -> None:
    noise = 'printf "Welcome\\n5\\n[1]\\n{}\\n{\\"id\\": \\"1\\"}\\n"; printf "hello\\n" >&2; exec "$@"'
    noisy = Session(HostEntry(name="noisy", reach=Reach(prefix=("sh", "-c", noise, "sh"))), 10)
    try:
        assert noisy.ask("hello")["uid"] == os.geteuid()
    finally:
        noisy.close()


def test_somebody_else_may_hold_standard_error_open() -> None:
    """As a shared ssh connection does, which lives on."""
    held = Session(
        HostEntry(name="held", reach=Reach(prefix=("sh", "-c", "sleep 30 >/dev/null & echo no way >&2; exit 1"))), 10
    )
    begin = time.monotonic()
    with pytest.raises(HostLostError, match="held: no way"):
        held.ask("hello")
    held.close()
    assert time.monotonic() - begin < 20


def test_over_a_network_silence_ends_the_program() -> None:
    remote = Session(HostEntry(name="remote"), 60)
    remote.ask("watch", seconds=0.3)
    assert poll(lambda: remote.lost, 20)
    remote.close()


def test_closing_ends_what_it_was_doing() -> None:
    busy = Session(HostEntry(name="local"), 60)
    busy.ask("hello")
    busy.submit("run", commands=[{"key": "k", "argv": ["sleep", "1000.25"], "ns": None, "seconds": 50, "limit": 10}])
    assert poll(sleeping, 20)
    begin = time.monotonic()
    busy.close()
    assert time.monotonic() - begin < 20  # of the 50 that the command may take
    assert not sleeping()


def sleeping() -> bool:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cmdline").read_bytes().split(b"\0")[-2:-1] == [b"1000.25"]:
                    return True
            except OSError:
                continue
    return False


def test_the_program_names_every_module_of_its_folder() -> None:
    folder = Path(program.__file__).parent / "remote"
    assert {file.stem for file in folder.glob("*.py")} - {"__init__"} == set(program.MODULES)


def test_the_program_fits_into_a_pipe_that_nobody_reads() -> None:
    assert len(program.as_text().data) < 48 << 10
    assert len(program.compiled().data) < program.PIPE_BYTES - (16 << 10)


@pytest.mark.parametrize("made", [program.as_text, program.compiled])
def test_both_forms_of_the_program_run(made: Callable[[], program.RemoteProgram]) -> None:
    boot, data = made()
    lines = b"".join(
        json.dumps({"id": number, "op": operation, "files": []}).encode() + b"\n"
        for number, operation in enumerate(("hello", "read", "stop"))
    )
    argv = [sys.executable, "-I", "-S", "-W", "error", "-c", boot]
    for sent, answers in ((b"", 0), (b"%d\n%b" % (len(data), data), 0), (b"%d\n%b%b" % (len(data), data, lines), 3)):
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            assert running.stdin is not None
            assert running.stdout is not None
            running.stdin.write(sent)
            running.stdin.flush()
            assert all(b'"ok"' in running.stdout.readline() for _ in range(answers))
            assert running.communicate() == (b"", b"")
        assert running.returncode == 0


def test_a_large_program_is_written_to_one_that_reads_nothing() -> None:
    begin = time.monotonic()
    deaf = Session(HostEntry(name="deaf", reach=Reach(prefix=("sh", "-c", "exec sleep 20", "sh"))), 30)
    assert time.monotonic() - begin < 5
    deaf.close()


def test_every_operation_is_of_the_module_that_main_names(session: Session) -> None:
    for operation, module in PARTS.items():
        found = importlib.import_module(f"netprobe.hosts.remote.{module}").operations(Children("", b""))
        assert operation in found
    with pytest.raises(RemoteError, match="KeyError"):
        session.ask("no-such-operation")


def test_the_program_is_old_pythons_syntax() -> None:
    import ast

    for file in (Path(program.__file__).parent / "remote").glob("*.py"):
        ast.parse(file.read_text(), feature_version=(3, 7))
