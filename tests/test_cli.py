from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import click
import pytest

import netprobe
from netprobe.cli import cli, run
from netprobe.evidence.writer import write
from tests.commands.walk import evidence


@pytest.fixture
def saved(tmp_path: Path) -> str:
    file = tmp_path / "walk.pcapng"
    file.write_bytes(write(evidence()))
    return str(file)


def netprobe_process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    plain = {
        name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "NETPROBE_DEBUG")
    }
    return subprocess.run(
        [sys.executable, "-m", "netprobe", *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**plain, **environment},
    )


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"netprobe {netprobe.__version__}\n"


def test_help_names_the_commands_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    for word in ("explain", "replay", "lab", "Exit codes", "undetermined"):
        assert word in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["explain", "demo:80", "--proto", "sctp"],
        ["explain", "demo:80", "--timeout", "0"],
        ["explain", "demo:80", "--trace", "--predict"],
        ["explain", "demo", "--size", "-1"],
        ["explain", "demo:80", "--save", "/no/such/folder/x.pcapng"],
        ["explain", "demo:80", "--save", "/"],
        ["replay"],
        ["replay", "/no/such/file"],
        ["replay", "/dev/null"],
        ["replay", "--point", "a"],
        ["replay", "/dev/null", "--flow", "what?"],
        ["replay", "/dev/null", "/dev/null"],
        ["explain", "demo:80", "--deep", "--json"],
    ],
)
def test_a_usage_error_is_one_line_and_a_hint(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    if "--json" not in arguments:
        assert run(arguments) == 2
        shown = capsys.readouterr()
        first, *rest = shown.err.splitlines()
        assert shown.out == ""
        assert first.startswith("netprobe: ")
        assert len(rest) == 1
        assert rest[0].startswith("  ")
        arguments = [*arguments, "--json"]
    assert run(arguments) == 2
    shown = capsys.readouterr()
    value = json.loads(shown.out)
    assert list(value) == ["schema", "exit", "error", "hint"]
    assert (value["schema"], value["exit"]) == ("netprobe/error/1", 2)
    assert shown.err == ""


def test_files_are_judged_where_they_are_opened() -> None:
    """Click would say of one without permission that its path is not readable, also of one that is to be written."""
    paths = [each for command in cli.commands.values() for each in command.params if isinstance(each.type, click.Path)]
    assert len(paths) > 10
    assert not [each.name for each in paths if getattr(each.type, "readable", True)]


def test_names_in_errors_are_made_safe(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", "/no/\x1b[2Jsuch"]) == 2
    assert "\\x1b[2J" in capsys.readouterr().err


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    assert "Commands:" in capsys.readouterr().err


def test_replay_of_a_plain_walk(saved: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", saved, "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["verdict"], value["path"]) == ("works", "dnat")
    assert run(["replay", saved]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "works, by DNAT" in lines[0]
    assert lines[1] == value["why"]


def test_quiet_is_one_line(saved: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", saved, "-q"]) == 0
    out, err = capsys.readouterr()
    assert (out.count("\n"), err) == (1, "")
    assert ": works, by DNAT" in out
    assert run(["replay", saved, saved.replace("walk", "./walk"), "--quiet"]) == 0
    assert [line.partition(": ")[0] for line in capsys.readouterr().out.splitlines()] == [
        saved,
        saved.replace("walk", "./walk"),
    ]


@pytest.mark.parametrize("other", ["-v", "--json", "--deep"])
@pytest.mark.parametrize("command", ["replay", "explain"])
def test_quiet_beside_what_asks_for_more(command: str, other: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "x", "-q", other]) == 2
    said = capsys.readouterr()
    assert f"-q and {other} do not go together" in said.out + said.err


def test_verbose_says_what_is_read_and_changes_no_report(saved: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", saved]) == 0
    plain = capsys.readouterr().out
    assert run(["replay", saved, "-v"]) == 0
    out, err = capsys.readouterr()
    assert out == plain
    assert [line.split(" s  ")[1].split(":")[0] for line in err.splitlines()] == [
        f"reading {saved}",
        f"explaining {saved}",
        "done",
    ]


def test_both_ip_versions_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "demo:80", "-4", "-6"]) == 2
    assert "-4 and -6 exclude each other" in capsys.readouterr().err
    assert run(["explain", "192.0.2.1:80", "-6"]) == 2
    assert "192.0.2.1:80 is an IPv4 address, and -6 asks for IPv6" in capsys.readouterr().err


def test_deep_shows_the_application_layer_or_names_the_package(saved: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", saved, "--deep"]) == 0
    shown = capsys.readouterr().out
    assert "the packets in depth" in shown
    assert "sport=41290 dport=80" in shown
    assert "Request URI: /index.html" in shown or "(package tshark)" in shown


def test_into_a_pipe_it_is_plain(saved: str) -> None:
    done = netprobe_process("replay", saved)
    assert "\x1b" not in done.stdout
    assert done.returncode == 0


def test_colour_can_be_forced_and_refused(saved: str) -> None:
    assert "\x1b[" in netprobe_process("replay", saved, FORCE_COLOR="1").stdout
    assert "\x1b" not in netprobe_process("replay", saved, FORCE_COLOR="1", NO_COLOR="1").stdout


def test_a_locale_without_arrows_is_no_traceback(saved: str) -> None:
    done = netprobe_process("replay", saved, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "\\u2192" in done.stdout


def test_a_reader_that_goes_away_changes_nothing(saved: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "netprobe", "replay", saved], stdout=closed, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 0
    assert done.stderr == b""


def test_an_interrupt_is_one_line(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [sys.executable, "-m", "netprobe", "replay", str(fifo)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with fifo.open("wb"):  # returns when netprobe has opened it: it is about to wait for bytes
        out, err = interrupted(process)
    assert (process.returncode, out, err) == (130, "", "netprobe: interrupted\n")


def piped(*, stdin: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "netprobe", "replay", "-"], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_a_capture_is_piped_in(saved: str) -> None:
    with Path(saved).open("rb") as file:
        from_file = piped(stdin=file.fileno()).communicate(timeout=60)
    process = piped(stdin=subprocess.PIPE)
    assert process.communicate(Path(saved).read_bytes(), timeout=60) == from_file
    assert b"works, by DNAT" in from_file[0]
    assert piped(stdin=subprocess.DEVNULL).communicate(timeout=60) == (
        b"",
        b"netprobe: stdin is empty\n  was the capture stopped before it began?\n",
    )


@pytest.mark.parametrize("ends", [True, False], ids=["the writer ends", "the writer goes on"])
def test_ctrl_c_is_for_who_writes_to_the_pipe(saved: str, ends: bool) -> None:
    """The terminal tells both: what tcpdump held back comes after the signal. A second one is for netprobe."""
    data = Path(saved).read_bytes()
    theirs, ours = os.pipe()
    process = piped(stdin=theirs)
    os.write(ours, data[:100])
    while unread(ours) and process.poll() is None:
        os.sched_yield()
    process.send_signal(signal.SIGINT)
    os.write(ours, data[100:])
    if ends:
        os.close(ours)
    while not ends and process.poll() is None:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == ((0, b"") if ends else (130, b"netprobe: interrupted\n"))
    assert (b"works, by DNAT" in out) == ends
    for handle in (theirs, *(() if ends else (ours,))):
        os.close(handle)


def unread(pipe: int) -> int:
    """How many bytes nobody has taken yet."""
    return int(struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0])


def interrupted(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Press Ctrl-C, again where the first came just before read(2) began to wait (CPython then notices it only afterwards)."""
    for _ in range(20):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=5)  # on a busy machine it takes a while to end
    raise AssertionError("it does not end on Ctrl-C")


def test_an_interrupt_while_modules_are_imported_is_no_traceback() -> None:
    code = """
import os, signal, sys
class Interrupter:
    def find_spec(self, name, path=None, target=None):
        if name == "click":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupter())
from netprobe.__main__ import main
sys.argv[1:] = ["--help"]
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


@pytest.mark.parametrize("argv0", ["-m", "/usr/bin/netprobe"], ids=["as a module", "by its command"])
def test_an_interrupt_is_caught_before_the_entry_point_imports_anything_else(argv0: str, tmp_path: Path) -> None:
    """Of the interpreter's own start nothing can be caught."""
    (tmp_path / "sitecustomize.py").write_text(
        """
import os, signal, sys
class Interrupter:
    def find_spec(self, name, path=None, target=None):
        if "netprobe.__main__" in sys.modules or getattr(sys.modules.get("__main__"), "_CATCHES", None) is not None:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupter())
"""
    )
    code = f"import sys; sys.argv[0] = {argv0!r}; from netprobe.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-m", "netprobe"] if argv0 == "-m" else [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": f"{tmp_path}:{os.getcwd()}"},  # noqa: PTH109
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_who_imports_the_entry_point_keeps_its_interrupts() -> None:
    code = "import signal, netprobe.__main__; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@pytest.mark.parametrize(
    ("arguments", "closed", "status"),
    [
        (["replay", "--json", "nosuch"], (1,), 2),
        (["replay", "nosuch"], (2,), 2),
        (["replay", "nosuch"], (0, 1, 2), 2),
        (["--help"], (1,), 0),
    ],
)
def test_streams_that_are_closed_change_no_exit_code(
    arguments: list[str], closed: tuple[int, ...], status: int
) -> None:
    shut = " ".join(f"{number}>&-" for number in closed)
    line = ["sh", "-c", f'exec "$@" {shut}', "sh", sys.executable, "-m", "netprobe", *arguments]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert "Traceback" not in done.stderr


def test_a_closed_stdout_is_not_taken_by_a_file(saved: str) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", sys.executable, "-m", "netprobe", "replay", saved], check=False
    )
    assert done.returncode == 0


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["replay", "--json", "SAVED"], "the report cannot be written"),
        (["flows", "SAVED", "--format", "csv"], "the flows cannot be written"),
        (["--help"], "cannot be written"),
    ],
)
def test_a_disk_with_room_for_a_part_is_said_too(
    arguments: list[str], says: str, unbuffered: str, saved: str, tmp_path: Path
) -> None:
    """Containers often set PYTHONUNBUFFERED: then a write is done that was done in part."""
    words = [saved if each == "SAVED" else each for each in arguments]
    with (tmp_path / "out").open("wb") as part:
        done = subprocess.run(
            [sys.executable, "-m", "netprobe", *words],
            stdout=part,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
        )
    assert done.returncode == 4
    assert says in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["replay", "--json", "SAVED"], 4, "the report cannot be written"),
        (["replay", "--json", "nosuch"], 2, "cannot read nosuch"),
        (["--help"], 4, "cannot be written"),
    ],
)
def test_a_full_disk_is_said_on_stderr(arguments: list[str], status: int, says: str, saved: str) -> None:
    words = [saved if each == "SAVED" else each for each in arguments]
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "netprobe", *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == status
    assert says in done.stderr
