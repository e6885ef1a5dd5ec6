"""Runs inside a new host's namespaces: gives the host its own /run, /etc and /sys, then holds the namespaces open.

Started as a file, with the standard library alone, by `namespaces.hold`. Its mounts are the host's own (the mount
namespace is a slave of the machine's), so they vanish with the last process of the host. Own because:

* /run: containerd's shims, iptables' lock and D-Bus (firewalld!) live there, and the machine's must not be touched;
* /etc: dockerd writes /etc/docker, and the host has its own resolv.conf and hosts;
* /sys: a fresh sysfs shows this network namespace's interfaces; the cgroup tree is bound back into it;
* /proc/sys/kernel/keys: dockerd raises root_maxkeys there, for the whole machine; read-only stops it.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import sys
from pathlib import Path

_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC = 0x1, 0x20, 0x1000, 0x4000  # sys/mount.h
_LIBC = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: Path, kind: str = "none", flags: int = 0, data: str = "") -> None:
    """Attach a file system, as the system call of this name does.

    Raises:
        OSError: it failed; names the target.
    """
    arguments = (source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), data.encode())
    if _LIBC.mount(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(target))


def own_run(run_dir: Path, fresh: Path) -> None:
    """Put an empty tmpfs at /run that shows of the machine's only this lab's directory and the named namespaces."""
    mount("tmpfs", fresh, "tmpfs", data="mode=0755")
    (fresh / "lock").mkdir()
    for source in (run_dir, Path("/run/netns")):
        inside = fresh / source.relative_to("/run")
        inside.mkdir(parents=True)
        mount(str(source), inside, flags=_MS_BIND | (_MS_REC if source != run_dir else 0))
    mount(str(fresh), Path("/run"), flags=_MS_BIND | _MS_REC)


def own_etc(run_dir: Path, netns_etc: Path, hostname: str) -> None:
    """Put a copy of /etc over /etc, with the host's own name, resolv.conf and hosts in it."""
    copy = run_dir / "etc"
    mount("tmpfs", copy, "tmpfs", data="mode=0755")
    # Not /etc/netns: labs come and go there while this one is made. /etc/docker is what dockerd finds empty.
    kept = [str(entry) for entry in Path("/etc").iterdir() if entry.name not in {"netns", "docker"}]
    subprocess.run(["cp", "-a", *kept, str(copy)], check=True)
    (copy / "hostname").unlink(missing_ok=True)
    (copy / "hostname").write_text(hostname + "\n")
    for name in ("resolv.conf", "hosts"):
        (copy / name).unlink(missing_ok=True)
        (copy / name).touch()
        mount(str(netns_etc / name), copy / name, flags=_MS_BIND)
    mount(str(copy), Path("/etc"), flags=_MS_BIND | _MS_REC)


def own_sys(scratch: Path) -> None:
    """Put a fresh sysfs at /sys, with the machine's cgroup tree (v1 or v2) bound back into it."""
    mount("/sys/fs/cgroup", scratch, flags=_MS_BIND | _MS_REC)
    mount("sysfs", Path("/sys"), "sysfs")
    mount(str(scratch), Path("/sys/fs/cgroup"), flags=_MS_BIND | _MS_REC)


def main() -> None:
    """Set the host up, say `ready` on stdout, and hold its namespaces until killed."""
    hostname, run_dir, netns_etc = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    host_dir = run_dir / hostname
    socket.sethostname(hostname)
    own_etc(host_dir, netns_etc, hostname)
    own_sys(host_dir / "cgroup")
    keys = Path("/proc/sys/kernel/keys")
    if keys.is_dir():
        mount(str(keys), keys, flags=_MS_BIND)
        mount("none", keys, flags=_MS_REMOUNT | _MS_BIND | _MS_RDONLY)
    own_run(run_dir, host_dir / "run")
    print("ready", flush=True)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.execvp("sleep", ["sleep", "infinity"])  # noqa: S606 - argv, no shell in between


if __name__ == "__main__":
    main()
