"""The hosts' namespaces and the wires between them. No link leads to the machine's own network.

server1 eth0 ─┐                        ┌─ eth1 server1
server2 eth0 ─┼─ bridge lan   trunk ───┼─ eth1 server2
router  eth0 ─┤   (both in the `wires` └─ eth1 router
outside eth0 ─┘    namespace)
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe_lab import holder, roots
from netprobe_lab.errors import LabError, LabImpossible
from netprobe_lab.layout import (
    DNS_DOMAIN,
    MACHINES,
    NETNS_ROOT,
    OUTSIDE,
    OUTSIDE_LAN_ADDRESS,
    OUTSIDE_NET,
    RUN_ROOT,
    TRUNKED,
    WIRES,
    Lab,
    Machine,
)
from netprobe_lab.processes import read_pid, write_pid
from netprobe_lab.run import environment, last_line, run, tool

if TYPE_CHECKING:
    from collections.abc import Iterable

# There while /run/netns is a mount that some lab caused (ip-netns(8) makes it one at its first use).
NETNS_MOUNT_MARK = RUN_ROOT / "netns-mount"


def create_namespaces(lab: Lab) -> None:
    """Create the network namespaces, by `ip netns`, so that every tool finds them by name.

    Raises:
        LabImpossible: this machine allows no network namespaces.
    """
    with roots.alone():
        if not _is_mounted(NETNS_ROOT):
            NETNS_MOUNT_MARK.touch()
        for path in lab.namespaces:
            _create(lab, path)


def _create(lab: Lab, path: Path) -> None:
    done = run(lab, ["ip", "netns", "add", path.name], check=False)
    if done.returncode != 0:
        raise LabImpossible(
            f"cannot create a network namespace here: {last_line(done.stderr)}",
            "a container needs --privileged for this",
        )


def remove_namespaces(lab: Lab) -> None:
    """Unpin the network namespaces; with their last process gone, they and their links vanish."""
    with roots.alone():
        for path in lab.namespaces:
            if path.exists() and run(lab, ["ip", "netns", "delete", path.name], check=False).returncode != 0:
                _unlink(path)  # killed between creating the file and mounting on it
        if NETNS_MOUNT_MARK.exists() and NETNS_ROOT.is_dir() and not any(NETNS_ROOT.iterdir()):
            run(lab, ["umount", NETNS_ROOT], check=False)
            NETNS_MOUNT_MARK.unlink()


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as fault:
        raise LabError(f"cannot remove {path}: {fault.strerror}", f"umount {path}") from fault


def lay_wires(lab: Lab) -> None:
    """Create both bridges and plug every host in."""
    wires = lab.netns(WIRES)
    lines = ["link set lo up"]
    for bridge in ("lan", "trunk"):
        lines += [f"link add {bridge} type bridge forward_delay 0 mcast_snooping 0", f"link set {bridge} up"]
    for machine in MACHINES:
        lines += _plug(lab, machine, 0, "lan")
    for machine in TRUNKED:
        lines += _plug(lab, machine, 1, "trunk")
    _batch(lab, wires, lines)
    for machine in MACHINES:
        _batch(lab, lab.netns(machine.name), _host_lines(machine))


def _plug(lab: Lab, machine: Machine, interface: int, bridge: str) -> list[str]:
    port = f"{bridge}-{machine.name}"
    peer = f"name eth{interface} address {machine.mac(interface)} netns {lab.netns(machine.name)}"
    return [f"link add {port} type veth peer {peer}", f"link set {port} master {bridge} up"]


def _host_lines(machine: Machine) -> list[str]:
    lines = ["link set lo up", f"addr add {machine.lan_address}/24 brd + dev eth0", "link set eth0 up"]
    if machine.trunk:
        lines.append(f"link set eth1 promisc {'on' if machine.engine else 'off'} up")
    if machine.engine:
        lines += [f"route add {OUTSIDE_NET} via {OUTSIDE_LAN_ADDRESS}"]
    if machine.address != machine.lan_address:
        lines.append(f"addr add {machine.address}/32 dev eth0")
    return lines


def _batch(lab: Lab, netns: str, lines: Iterable[str]) -> None:
    run(lab, ["ip", "-n", netns, "-batch", "-"], stdin="\n".join(lines) + "\n")


def write_lookup_files(lab: Lab, machine: Machine) -> None:
    """Write the host's resolv.conf and hosts where ip-netns(8) keeps them."""
    directory = lab.netns_etc(machine.name)
    roots.make(directory)
    (directory / "resolv.conf").write_text(f"nameserver {OUTSIDE_LAN_ADDRESS}\noptions timeout:1 attempts:2\n")
    names = [f"{other.address}\t{other.name}" for other in MACHINES if other is not OUTSIDE]
    names.append(f"{OUTSIDE.address}\t{OUTSIDE.name} {OUTSIDE.name}.{DNS_DOMAIN}")
    local = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]
    (directory / "hosts").write_text("\n".join(local + names) + "\n")


def start_holder(lab: Lab, machine: Machine) -> subprocess.Popen[str]:
    """Start the process that sets up and holds a host's namespaces; `finish_holder` waits for it."""
    for name in ("etc", "cgroup", "run"):
        (lab.host_dir(machine.name) / name).mkdir(parents=True, exist_ok=True)
    argv = [tool("nsenter"), f"--net={lab.netns_path(machine.name)}", "--"]
    argv += [tool("unshare"), "--mount", "--uts", "--propagation", "slave", "--"]
    argv += [sys.executable, "-I", str(Path(holder.__file__)), machine.name]
    argv += [str(lab.run_dir), str(lab.netns_etc(machine.name))]
    return subprocess.Popen(
        argv, env=environment(lab), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip


def finish_holder(lab: Lab, machine: Machine, process: subprocess.Popen[str]) -> None:
    """Wait until the host's namespaces are set up, and record their holder.

    Raises:
        LabImpossible: this machine allows no such namespaces or mounts.
    """
    stdout, stderr = process.stdout, process.stderr
    if stdout is None or stderr is None or stdout.readline() != "ready\n":
        complaint = last_line(stderr.read() if stderr else "")
        process.wait()
        raise LabImpossible(
            f"cannot give {machine.name} its own namespaces: {complaint}", "root with mount rights is needed"
        )
    stdout.close()
    stderr.close()
    write_pid(lab.holder_file(machine.name), process.pid)


def enter(lab: Lab, host: str) -> list[str]:
    """Return the argv prefix that runs a command inside a host's network, mount and UTS namespaces.

    `WIRES` names the network namespace of the two bridges, which is no host.

    Raises:
        LabError: the host is not up.
    """
    if host == WIRES:
        return [tool("nsenter"), f"--net={lab.netns_path(WIRES)}", "--"]
    pid = read_pid(lab.holder_file(host))
    if pid is None:
        raise LabError(f"{host} is not up", "netprobe lab up")
    return [tool("nsenter"), f"--target={pid}", "--net", "--mount", "--uts", "--"]


def _is_mounted(path: Path) -> bool:
    lines = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
    return any(line.split()[4] == str(path) for line in lines)
