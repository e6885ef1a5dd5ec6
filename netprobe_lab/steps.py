"""Carrying out an experiment's steps on the lab's hosts, and getting back to a clean lab."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from netprobe_lab import certificates, firewalls, stray, transparent
from netprobe_lab.engine import ask_engine, engine_with
from netprobe_lab.errors import LabError
from netprobe_lab.experiments.model import (
    Certified,
    DeleteDnat,
    Engine,
    Firewall,
    Inside,
    KillProxy,
    Run,
    Step,
    Stray,
    Transparent,
    WaitPort,
)
from netprobe_lab.layout import SERVERS, Lab, Machine, machine
from netprobe_lab.namespaces import enter
from netprobe_lab.processes import read_pid, start_time, write_pid
from netprobe_lab.run import environment, last_line, run
from netprobe_lab.settled import end_connections, forget
from netprobe_lab.shell import shell_environment
from netprobe_lab.surroundings import restore_surroundings
from netprobe_lab.waiting import poll, wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence

_READY_SECONDS = 120.0
_DOCKERS_OWN = {"bridge", "host", "none"}  # the networks that every engine has
_LISTEN = {"tcp": "0A", "udp": "07"}  # st of a waiting socket: TCP_LISTEN, TCP_CLOSE (include/net/tcp_states.h)


def on_host(lab: Lab, host: str, argv: Sequence[str], **options: object) -> subprocess.CompletedProcess[str]:
    """Run one command inside a host of the lab (or in the `wires` namespace), as `lab shell HOST` would."""
    check = bool(options.get("check", True))
    stdin = options.get("stdin")
    text = stdin if isinstance(stdin, str) else None
    return run(lab, [*enter(lab, host), *argv], env=shell_environment(lab, host), check=check, stdin=text)


def carry_out(lab: Lab, step: Step) -> None:
    """Carry out one step.

    Raises:
        LabError: it did not do what it says.
    """
    match step:
        case Run():
            on_host(lab, step.host, shlex.split(step.command))
        case Inside():
            on_host(lab, step.host, [*in_namespace_of(lab, step.host, step.container), *shlex.split(step.command)])
        case WaitPort():
            _wait_port(lab, step)
        case KillProxy():
            _kill_proxy(lab, step)
        case DeleteDnat():
            _delete_dnat(lab, step)
        case Engine():
            engine_with(lab, machine(step.host), dict(step.options))
        case Stray() | Transparent() | Certified() | Firewall():
            _bring(lab, step)
        case _:
            assert_never(step)


def _bring(lab: Lab, step: Stray | Transparent | Certified | Firewall) -> None:
    """What stays until the end of the experiment, besides containers and rules."""
    match step:
        case Stray():
            _send_stray(lab, step)
        case Transparent():
            argv = [*enter(lab, step.host), sys.executable, "-I", transparent.__file__, json.dumps({"port": step.port})]
            _start_helper(lab, argv, f"listen on port {step.port} of {step.host}")
        case Certified():
            made = certificates.make(lab, step)
            on_host(lab, step.host, ["docker", "cp", f"{made}/.", f"{step.container}:/certs"])
        case Firewall():
            firewalls.start(lab, step)
        case _:
            assert_never(step)


def container_addresses(lab: Lab, host: str) -> dict[str, str]:
    """Return the IPv4 address of each running container of a host on its first network."""
    found = {}
    for container in ask_engine(lab, machine(host), "GET", "/containers/json"):
        networks = container["NetworkSettings"]["Networks"].values()
        addresses = [network["IPAddress"] for network in networks if network["IPAddress"]]
        if addresses:
            found[_own_name(container["Names"])] = addresses[0]
    return found


def _own_name(names: Sequence[str]) -> str:
    """Of "/demo" and what others call it by --link ("/client/demo"), the container's own name."""
    return next(name for name in names if name.count("/") == 1).lstrip("/")


def clean(lab: Lab) -> None:
    """Remove all containers and networks of the lab and put everything else back as it was at its start."""
    _end_helpers(lab)
    end_connections(lab)
    with ThreadPoolExecutor() as pool:
        for cleaned in [pool.submit(_clean_server, lab, server) for server in SERVERS]:
            cleaned.result()
    restore_surroundings(lab)
    forget(lab)


def present(lab: Lab, machine: Machine) -> tuple[list[str], list[str]]:
    """Return the names of the containers and of the custom networks that are on a server: what :func:`clean` removes there."""
    containers = ask_engine(lab, machine, "GET", "/containers/json?all=1")
    networks = ask_engine(lab, machine, "GET", "/networks")
    names = [_own_name(each["Names"]) for each in containers]
    return names, [each["Name"] for each in networks if each["Name"] not in _DOCKERS_OWN]


def _clean_server(lab: Lab, server: Machine) -> None:
    _remove_containers(lab, server)
    firewalls.end(lab, server)
    engine_with(lab, server, {})


def _remove_containers(lab: Lab, machine: Machine) -> None:
    """Remove every container of a server with its volumes, all at once, then every network that is not Docker's own."""

    def there() -> list[str]:
        return [each["Id"] for each in ask_engine(lab, machine, "GET", "/containers/json?all=1")]

    with ThreadPoolExecutor() as pool:
        for container in there():
            pool.submit(ask_engine, lab, machine, "DELETE", f"/containers/{container}?force=1&v=1", _READY_SECONDS)
    # One that ended by itself meanwhile may be refused, and is gone a moment later.
    wait_for(lambda: not there(), f"the containers of {machine.name} to be gone", _READY_SECONDS, "docker rm --force")
    for network in ask_engine(lab, machine, "GET", "/networks"):
        if network["Name"] not in _DOCKERS_OWN:
            ask_engine(lab, machine, "DELETE", f"/networks/{network['Id']}", _READY_SECONDS)


def in_namespace_of(lab: Lab, host: str, container: str) -> list[str]:
    """Return what is put before a host's own command to run it in a container's network namespace; nothing without a container."""
    return ["nsenter", f"--target={_pid(lab, host, container)}", "--net", "--"] if container else []


def _pid(lab: Lab, host: str, container: str) -> str:
    return on_host(lab, host, ["docker", "inspect", "--format", "{{.State.Pid}}", container]).stdout.strip()


def _wait_port(lab: Lab, step: WaitPort) -> None:
    pid = _pid(lab, step.host, step.container)
    what = f"{step.container} on {step.host} to listen on {step.port}/{step.protocol}"
    wait_for(lambda: _listens(pid, step), what, _READY_SECONDS, f"docker logs {step.container}")


def _listens(pid: str, step: WaitPort) -> bool:
    """Look into the container's own socket tables, proc(5) /proc/PID/net/{tcp,udp}{,6}."""
    for table in (step.protocol, f"{step.protocol}6"):
        try:
            lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        except OSError as gone:
            raise LabError(f"{step.container} on {step.host} does not run", f"docker logs {step.container}") from gone
        for fields in (line.split() for line in lines):
            if fields[1].endswith(f":{step.port:04X}") and fields[3] == _LISTEN[step.protocol]:
                return True
    return False


def _kill_proxy(lab: Lab, step: KillProxy) -> None:
    pids = _proxies(lab, step)
    if not pids:
        raise LabError(f"no docker-proxy serves {step.port}/{step.protocol} on {step.host}")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    if not poll(lambda: all(map(_gone, pids)), _READY_SECONDS):
        raise LabError(f"docker-proxy on {step.host} survives SIGKILL")


def _proxies(lab: Lab, step: KillProxy) -> list[int]:
    """Find docker-proxy by its arguments, in that host's network namespace only."""
    namespace = lab.netns_path(step.host).stat()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (
                (entry / "cmdline").read_bytes().decode(errors="replace").split("\0") if entry.name.isdigit() else []
            )
            if not words[:1] or not words[0].endswith("docker-proxy"):
                continue
            if os.path.samestat((entry / "ns/net").stat(), namespace) and _proxy_serves(words, step):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _proxy_serves(words: list[str], step: KillProxy) -> bool:
    options = dict(zip(words[1::2], words[2::2], strict=False))
    return options.get("-host-port") == str(step.port) and options.get("-proto") == step.protocol


def _delete_dnat(lab: Lab, step: DeleteDnat) -> None:
    saved = on_host(lab, step.host, ["iptables-save", "--table", "nat"]).stdout
    rules = [shlex.split(line) for line in saved.splitlines() if line.startswith("-A DOCKER ")]
    matching = [rule for rule in rules if _translates(rule, step)]
    if len(matching) != 1:
        raise LabError(f"{len(matching)} DNAT rules for {step.port}/{step.protocol} on {step.host}, not one")
    on_host(lab, step.host, ["iptables", "--table", "nat", "--delete", *matching[0][1:]])


def _translates(rule: list[str], step: DeleteDnat) -> bool:
    pairs = list(pairwise(rule))
    wanted = (("-p", step.protocol), ("--dport", str(step.port)), ("-j", "DNAT"))
    return all(pair in pairs for pair in wanted)


def _send_stray(lab: Lab, step: Stray) -> None:
    """Start `stray.py`, and wait until it watches."""
    options = asdict(step)
    argv = [*enter(lab, options.pop("host")), *in_namespace_of(lab, step.host, options.pop("container"))]
    argv += [sys.executable, "-I", stray.__file__, json.dumps(options)]
    _start_helper(lab, argv, f"watch {step.interface} of {step.host}")


def _start_helper(lab: Lab, argv: Sequence[str], what: str) -> None:
    """Start a program of the lab's own that says `ready`; :func:`clean` ends it."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        argv,
        env=environment(lab),
        stdin=subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        text=True,
        start_new_session=True,
    )
    write_pid(lab.run_dir / f"helper-{process.pid}.pid", process.pid)
    stdout, stderr = process.stdout, process.stderr
    if stdout is None or stderr is None or stdout.readline() != "ready\n":
        complaint = last_line(stderr.read() if stderr else "")
        raise LabError(f"cannot {what}: {complaint}")
    stdout.close()
    stderr.close()


def _end_helpers(lab: Lab) -> None:
    for file in lab.run_dir.glob("helper-*.pid"):
        pid = read_pid(file)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            poll(partial(_gone, pid), _READY_SECONDS)
        file.unlink()


def _gone(pid: int) -> bool:
    return start_time(pid) is None
