"""`lab up` and `lab down`: idempotent, locked, and able to clean up after a lab that was killed at any moment."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from netprobe_lab import images, roots, systemctl
from netprobe_lab.engine import engine_version, import_images, start_engine, wait_for_engine
from netprobe_lab.errors import LabError
from netprobe_lab.layout import (
    DATA_ROOT,
    MACHINES,
    MARKER,
    NETNS_ETC,
    OUTSIDE,
    OVERRIDE,
    RUN_ROOT,
    SERVERS,
    TRUNKED,
    Lab,
    Machine,
)
from netprobe_lab.namespaces import (
    create_namespaces,
    finish_holder,
    lay_wires,
    remove_namespaces,
    start_holder,
    write_lookup_files,
)
from netprobe_lab.outside import start_services
from netprobe_lab.processes import all_ended, cgroup_dirs, cgroup_tree, end_processes, read_pid
from netprobe_lab.rootfs import build_root, check_suite, choose_root
from netprobe_lab.run import require_root, tool
from netprobe_lab.sshd import start_ssh
from netprobe_lab.surroundings import keep_surroundings
from netprobe_lab.vlan import make_vlan
from netprobe_lab.waiting import poll

if TYPE_CHECKING:
    from pathlib import Path

Progress = Callable[[str], None]
_TOOLS = ("ip", "nsenter", "unshare", "chroot", "iptables", "containerd", "dockerd", "docker")


def up(lab: Lab, progress: Progress, *, ssh: bool = False, suite: str | None = None) -> bool:
    """Bring the lab up; repair what of it is missing. With ``ssh``, an sshd on each server, and `desk` set up to use them.

    With ``suite``, the engines are those of that Debian release (see `rootfs`).

    Returns:
        Whether anything had to be done.

    Raises:
        LabImpossible: a lab cannot exist on this machine.
        LabError: it can, but this one did not come up, or is up with other engines.
    """
    check_possible()
    _require_outside()
    with locked(lab):
        if _holders_alive(lab):
            check_suite(lab, suite)
        if is_up(lab):
            return start_ssh(lab, images.build(lab) / "ssh") if ssh else False
        progress("images")
        cache = images.build(lab)
        root = build_root(lab, suite) if suite else None
        if not _holders_alive(lab):
            _clear(lab, progress)
            progress("hosts")
            _prepare(lab)
            choose_root(lab, root)
        progress("engines")
        _start_services(lab, cache)
        keep_surroundings(lab)
        systemctl.install(lab)
        if ssh:
            progress("ssh")
            start_ssh(lab, cache / "ssh")
        _write_hosts_file(lab)
    return True


def down(lab: Lab, progress: Progress) -> None:
    """Take the lab down, whatever is left of it.

    Raises:
        LabImpossible: not root.
        LabError: something of it could not be removed.
    """
    require_root()
    _require_outside()
    with locked(lab):
        _clear(lab, progress)


def check_possible() -> None:
    """Raise LabImpossible, with what is missing, where a lab cannot exist."""
    require_root()
    for name in _TOOLS:
        tool(name)


def is_up(lab: Lab) -> bool:
    """Return whether every part of the lab is there and answers."""
    return (
        lab.hosts_file.is_file()
        and _holders_alive(lab)
        and all(read_pid(lab.host_dir(OUTSIDE.name) / f"{name}.pid") for name in ("nginx", "dnsmasq"))
        and all(engine_version(lab, machine) is not None for machine in SERVERS)
    )


def _require_outside() -> None:
    if MARKER in os.environ:
        raise LabError("this shell is inside a lab, which sees its own mounts only", "leave the lab's shell first")


@contextmanager
def locked(lab: Lab) -> Iterator[None]:
    """Hold this lab's lock: a flock(2) on its run directory, which vanishes with the last holder."""
    descriptor = _lock(lab.run_dir)
    try:
        yield
    finally:
        for directory in (lab.run_dir, RUN_ROOT):
            roots.remove_if_empty(directory)
        os.close(descriptor)


def _lock(directory: Path) -> int:
    """Create and lock a directory, again if its last holder removed it while this one waited."""
    while True:
        try:
            roots.make(directory)
            descriptor = os.open(directory, os.O_RDONLY)
        except FileNotFoundError:
            continue
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            if os.path.samestat(directory.stat(), os.fstat(descriptor)):
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)


def _holders_alive(lab: Lab) -> bool:
    return all(read_pid(lab.holder_file(machine.name)) is not None for machine in MACHINES)


def _prepare(lab: Lab) -> None:
    create_namespaces(lab)
    lay_wires(lab)
    for machine in MACHINES:
        lab.host_dir(machine.name).mkdir(exist_ok=True)
        write_lookup_files(lab, machine)
    started = [(machine, start_holder(lab, machine)) for machine in MACHINES]
    for machine, process in started:
        finish_holder(lab, machine, process)


def _start_services(lab: Lab, cache: Path) -> None:
    def server(machine: Machine) -> None:
        roots.make(lab.data_dir / machine.name)
        start_engine(lab, machine)
        wait_for_engine(lab, machine)
        import_images(lab, machine, cache)

    with ThreadPoolExecutor() as pool:
        for made in [pool.submit(make_vlan, lab, machine) for machine in TRUNKED]:
            made.result()
        jobs = [pool.submit(server, machine) for machine in SERVERS]
        jobs.append(pool.submit(start_services, lab, cache / "outside"))
    for job in jobs:
        job.result()


def _write_hosts_file(lab: Lab) -> None:
    """Write the inventory: the last thing that `up` does, and in one piece.

    A lab with a name of its own ($NETPROBE_LAB) is found by that name (or by --hosts), not by its checkout.
    """
    lines = [f'lab = "{lab.id}"']
    lines += [] if os.environ.get(OVERRIDE) else [f"checkout = {json.dumps(str(lab.checkout))}"]
    lines.append("")
    for machine in (each for each in MACHINES if each.listed):
        lines += [f"[hosts.{machine.name}]", f'reach = "netns:/var/run/netns/{lab.netns(machine.name)}"']
        if machine.engine:
            lines.append(f'docker = "unix://{lab.socket(machine.name)}"')
        lines.append("")
    draft = lab.hosts_file.with_suffix(".new")
    draft.write_text("\n".join(lines))
    draft.rename(lab.hosts_file)


def _clear(lab: Lab, progress: Progress) -> None:
    """Remove everything that `layout` can name, in the order in which nothing comes back."""
    lab.hosts_file.unlink(missing_ok=True)
    if not all_ended(lab):
        progress("ending the lab's processes")
        end_processes(lab, patience=1.0)
    remove_namespaces(lab)
    _remove_cgroups(lab)
    for machine in MACHINES:
        _remove_tree(lab.netns_etc(machine.name))
    roots.remove_if_empty(NETNS_ETC)
    _remove_tree(lab.data_dir)
    roots.remove_if_empty(DATA_ROOT)
    for entry in lab.run_dir.iterdir():
        _remove_tree(entry)
    left = [str(path) for path in (*lab.namespaces, *cgroup_dirs(lab), lab.data_dir) if path.exists()]
    if left:
        raise LabError(f"still there: {', '.join(left)}", "see mount and lsns")


def _remove_cgroups(lab: Lab) -> None:
    """Remove the lab's cgroups, the deepest first; the kernel refuses for a moment after the last process ended."""

    def gone() -> bool:
        for path in cgroup_tree(lab):
            try:
                path.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                return False
        return True

    if not poll(gone, 60):
        raise LabError("cannot remove the lab's cgroups", f"see {[str(path) for path in cgroup_dirs(lab)]}")


def _remove_tree(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
