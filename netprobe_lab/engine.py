"""One Docker Engine per server: its own containerd and dockerd, of whatever version the machine has, or of a root of their own (`rootfs`)."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netprobe_lab.errors import LabError
from netprobe_lab.images import DOCKER_IMAGES, RECIPE_LABEL, Image, recipe
from netprobe_lab.namespaces import enter
from netprobe_lab.processes import read_pid, start_time, write_pid
from netprobe_lab.rootfs import chosen_root, pivot_argv
from netprobe_lab.run import environment, last_line, run, tool
from netprobe_lab.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe_lab.layout import Lab, Machine

READY_SECONDS = 180.0

# The plugins that would write outside the lab (opt makes /opt/containerd), or that nobody here needs.
_CONTAINERD_CONFIG = """\
version = 2
root = "{data}/containerd"
state = "{run}/containerd"
disabled_plugins = [
  "io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp",
]
[grpc]
  address = "{run}/containerd.sock"
[ttrpc]
  address = "{run}/containerd.sock.ttrpc"
"""


def start_engine(lab: Lab, machine: Machine, options: Mapping[str, object] | None = None) -> None:
    """Start containerd and dockerd of a server, if they do not run; `wait_for_engine` waits until they answer.

    ``options`` of daemon.json come besides the lab's own.
    """
    directory = lab.host_dir(machine.name)
    if read_pid(directory / "containerd.pid") is None:
        config = directory / "containerd.toml"
        config.write_text(_CONTAINERD_CONFIG.format(data=lab.data_dir / machine.name, run=directory))
        (directory / "containerd.sock").unlink(missing_ok=True)
        _spawn(lab, machine, "containerd", "--config", str(config))
    if read_pid(directory / "dockerd.pid") is None:
        (directory / "daemon.json").write_text(_dockerd_config(lab, machine, options or {}))
        _start_dockerd(lab, machine)


def _start_dockerd(lab: Lab, machine: Machine) -> None:
    directory = lab.host_dir(machine.name)
    (directory / "docker.pid").unlink(missing_ok=True)
    wait_for(lambda: _answers(directory / "containerd.sock"), f"containerd on {machine.name}", READY_SECONDS)
    _spawn(lab, machine, "dockerd", "--config-file", str(directory / "daemon.json"))


def engine_with(lab: Lab, machine: Machine, options: Mapping[str, object]) -> None:
    """Have a server's dockerd run with these options besides the lab's own, none for none: restart it, unless it does.

    Raises:
        LabError: it did not end, or did not come back.
    """
    directory = lab.host_dir(machine.name)
    wanted = _dockerd_config(lab, machine, options)
    if read_pid(directory / "dockerd.pid") is not None and (directory / "daemon.json").read_text() == wanted:
        return
    stop_engine(lab, machine)
    start_engine(lab, machine, options)
    wait_for_engine(lab, machine)


def restart_engine(lab: Lab, machine: Machine) -> None:
    """Restart a server's dockerd with the options that it has: its containers end with it. Raises as :func:`engine_with` does."""
    stop_engine(lab, machine)
    _start_dockerd(lab, machine)
    wait_for_engine(lab, machine)


def stop_engine(lab: Lab, machine: Machine) -> None:
    """End a server's dockerd, if it runs.

    Raises:
        LabError: it did not end.
    """
    pid = read_pid(lab.host_dir(machine.name) / "dockerd.pid")
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: start_time(pid) is None, f"dockerd on {machine.name} to end", READY_SECONDS)


def wait_for_engine(lab: Lab, machine: Machine) -> None:
    """Wait until the Docker Engine of a server answers.

    Raises:
        LabError: it ended, or did not answer in time.
    """
    log = lab.host_dir(machine.name) / "dockerd.log"

    def ready() -> bool:
        if read_pid(lab.host_dir(machine.name) / "dockerd.pid") is None:
            raise LabError(
                f"dockerd on {machine.name} ended: {last_line(log.read_text(errors='replace'))}", f"see {log}"
            )
        return engine_version(lab, machine) is not None

    wait_for(ready, f"dockerd on {machine.name}", READY_SECONDS, f"see {log}")


def engine_version(lab: Lab, machine: Machine) -> str | None:
    """Return the version of a server's Docker Engine, None if it does not answer."""
    try:
        value = ask_engine(lab, machine, "GET", "/version")
    except LabError:
        return None
    version = value.get("Version") if isinstance(value, dict) else None
    return version if isinstance(version, str) else None


def ask_engine(lab: Lab, machine: Machine, method: str, path: str, seconds: float = 30) -> Any:
    """Ask a server's Docker Engine over its socket, which takes a hundredth of the time of the docker command.

    Returns:
        its answer's JSON value, None where it has no body. https://docs.docker.com/reference/api/engine/

    Raises:
        LabError: it does not answer in time, or it refuses.
    """
    connection = http.client.HTTPConnection("localhost", timeout=seconds)
    connection.sock = socket.socket(socket.AF_UNIX)
    try:
        connection.sock.settimeout(seconds)
        connection.sock.connect(str(lab.socket(machine.name)))
        connection.request(method, path)
        answer = connection.getresponse()
        value = json.loads(answer.read() or "null")
    except (OSError, http.client.HTTPException, ValueError) as fault:
        raise LabError(f"dockerd on {machine.name} does not answer: {fault}", f"{method} {path}") from fault
    finally:
        connection.close()
    if answer.status >= http.client.BAD_REQUEST:
        raise LabError(f"dockerd on {machine.name} refuses: {value}", f"{method} {path}")
    return value


def docker_argv(lab: Lab, host: str, *arguments: str) -> list[str]:
    """Return the argv of the docker client, talking to a server's engine."""
    return [tool("docker"), "--host", f"unix://{lab.socket(host)}", *arguments]


def import_images(lab: Lab, machine: Machine, cache: Path) -> None:
    """Make the images known to a server's engine, unless it has these very ones."""
    wanted = recipe()
    inspect = ["image", "inspect", "--format", f'{{{{index .Config.Labels "{RECIPE_LABEL}"}}}}']
    names = [image.name for image in DOCKER_IMAGES]
    done = run(lab, docker_argv(lab, machine.name, *inspect, *names), check=False)
    if done.stdout.split() == [wanted] * len(names):
        return
    imports = [_import(lab, machine, cache, image, wanted) for image in DOCKER_IMAGES]
    for image, process in zip(DOCKER_IMAGES, imports, strict=True):
        _, complaint = process.communicate(timeout=600)
        if process.returncode != 0:
            raise LabError(f"cannot import image {image.name} on {machine.name}: {last_line(complaint)}")


def _import(lab: Lab, machine: Machine, cache: Path, image: Image, wanted: str) -> subprocess.Popen[str]:
    changes = [word for change in (*image.changes, f"LABEL {RECIPE_LABEL}={wanted}") for word in ("--change", change)]
    argv = docker_argv(lab, machine.name, "import", *changes, str(cache / f"{image.name}.tar"), image.name)
    return subprocess.Popen(
        argv, env=environment(lab), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, errors="replace",
    )  # fmt: skip


def _dockerd_config(lab: Lab, machine: Machine, options: Mapping[str, object]) -> str:
    directory = lab.host_dir(machine.name)
    config: dict[str, object] = {
        "data-root": str(lab.data_dir / machine.name / "docker"),
        "exec-root": str(directory / "exec"),
        "pidfile": str(directory / "docker.pid"),
        "containerd": str(directory / "containerd.sock"),
        # The second one is the host's own /run: inside the host, docker needs no --host.
        "hosts": [f"unix://{lab.socket(machine.name)}", "unix:///run/docker.sock"],
        "group": "root",
        "cgroup-parent": f"/{lab.cgroup}/{machine.name}",
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "shutdown-timeout": 1,
        **options,
    }
    return json.dumps(config, indent=2) + "\n"


def _spawn(lab: Lab, machine: Machine, *command: str) -> None:
    """Start a daemon inside a host, its output in NAME.log, its id in NAME.pid."""
    directory = lab.host_dir(machine.name)
    name = Path(command[0]).name
    argv = [*_program(lab, machine, name), *command[1:]]
    with (directory / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            argv, env=environment(lab), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    write_pid(directory / f"{name}.pid", process.pid)


def _program(lab: Lab, machine: Machine, name: str) -> list[str]:
    """Return how a daemon is started: in a tree of its own (`rootfs`), containerd makes that the root, and dockerd joins it there."""
    root, containerd = chosen_root(lab), read_pid(lab.host_dir(machine.name) / "containerd.pid")
    if root is None:
        return [*enter(lab, machine.name), tool(name)]
    if name == "containerd" or containerd is None:
        return [*enter(lab, machine.name), *pivot_argv(root), name]
    return [tool("nsenter"), f"--target={containerd}", "--net", "--mount", "--uts", "--", name]


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True
