"""Asking netprobe about the lab, as a user does: the command line, its JSON, its exit code.

The command line is called in this process: what it imports is loaded once for a whole run of experiments, and most of what a question costs is that.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tomllib
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netprobe import cli
from netprobe_lab.certificates import trusted
from netprobe_lab.errors import LabError
from netprobe_lab.layout import DESK
from netprobe_lab.namespaces import enter
from netprobe_lab.run import last_line
from netprobe_lab.shell import shell_environment
from netprobe_lab.sshd import desk_hosts_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from netprobe_lab.layout import Lab

_EXITS = {"works": 0, "fails": 1, "undetermined": 3}
_SECONDS = 300
_ASKED_AT_MOST = 3
_TRUST = "SSL_CERT_FILE"  # SSL_CTX_set_default_verify_paths(3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What netprobe said: its report as JSON, and its exit code."""

    report: dict[str, Any]
    exit_code: int


def explain(
    lab: Lab, arguments: tuple[str, ...], save: Path, unlisted: tuple[str, ...] = (), *, over_ssh: bool = False
) -> Answer:
    """Run `netprobe explain --json --save`; ``over_ssh``: on `desk`, which reaches the servers by ssh.

    The inventory lacks the `unlisted` hosts.

    Raises:
        LabError: it gave no report, or its exit code contradicts its verdict.
    """
    listed = desk_hosts_file(lab) if over_ssh else lab.hosts_file
    hosts = _inventory_without(listed, unlisted, save) if unlisted else listed
    argv = ["explain", *arguments, "--hosts", str(hosts), "--save", str(save), "--force", "--json"]
    with _trusting(lab):
        for _ in range(_ASKED_AT_MOST - 1):
            done = on_desk(lab, argv) if over_ssh else here(argv)
            if not _was_busy(done):
                return _answer(argv, done)
        return _answer(argv, on_desk(lab, argv) if over_ssh else here(argv))


def _was_busy(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether all that netprobe says is that a host or an engine took too long: while it starts a container it tells nothing of it, and a busy machine starts slowly."""
    late = "it does not answer" in done.stdout or ("does not answer" in done.stdout and "timed out" in done.stdout)
    return done.returncode not in _EXITS.values() and late


@contextmanager
def _trusting(lab: Lab) -> Iterator[None]:
    """Have netprobe trust the lab's own authority of certificates, where it has one: OpenSSL takes it from the environment."""
    kept = os.environ.get(_TRUST)
    if trusted(lab).is_file():
        os.environ[_TRUST] = str(trusted(lab))
    try:
        yield
    finally:
        os.environ.pop(_TRUST, None)
        if kept is not None:
            os.environ[_TRUST] = kept


def replay(save: Path) -> Answer:
    """Run `netprobe replay --json` on saved evidence. Raises as :func:`explain` does."""
    argv = ["replay", str(save), "--json"]
    return _answer(argv, here(argv))


def _answer(argv: list[str], done: subprocess.CompletedProcess[str]) -> Answer:
    try:
        report = json.loads(done.stdout)
    except ValueError as fault:
        raise LabError(f"netprobe {argv[0]} gave no JSON: {last_line(done.stderr)}", " ".join(argv)) from fault
    if not isinstance(report, dict) or "verdict" not in report:
        error = report.get("error", "no report") if isinstance(report, dict) else "no report"
        raise LabError(f"{error} (netprobe {' '.join(argv)})", str(report)[:400])
    if done.returncode != _EXITS.get(report["verdict"]):
        raise LabError(f"netprobe says {report['verdict']} and exits {done.returncode}")
    return Answer(report=report, exit_code=done.returncode)


def _inventory_without(listed: Path, unlisted: tuple[str, ...], save: Path) -> Path:
    """Write an inventory without some hosts, beside the evidence."""
    said = tomllib.loads(listed.read_text())
    kept = {name: host for name, host in said["hosts"].items() if name not in unlisted}
    whose = f"lab = {json.dumps(said['lab'])}\n" if "lab" in said else ""
    tables = (
        f"[hosts.{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in host.items())
        for name, host in kept.items()
    )
    path = save.with_suffix(".toml")
    path.write_text(whose + "\n".join(tables))
    return path


def print_report(save: Path) -> None:
    """Print what `netprobe replay` says about saved evidence, for people to read."""
    sys.stdout.flush()
    cli.run(["replay", str(save)])


def on_desk(lab: Lab, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run netprobe on `desk` (after `lab up --ssh`); return its result."""
    environment = {**os.environ, **shell_environment(lab, DESK.name)}
    return subprocess.run(
        [*enter(lab, DESK.name), sys.executable, "-m", "netprobe", *arguments], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False, env=environment,
    )  # fmt: skip


def here(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Call netprobe's command line in this process; return what it printed, and its exit code."""
    out, complaint = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(complaint):
        code = cli.run(arguments)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), complaint.getvalue())
