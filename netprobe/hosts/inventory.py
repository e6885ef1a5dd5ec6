"""Finding and reading the hosts file: what ``--hosts``, the environment and the user's configuration name.

A lab's file is used only where it is asked for, by its path or as ``lab``: a lab that happens to run never becomes the inventory.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import netprobe
from netprobe.errors import EnvironmentFault, NetprobeError, UsageFault
from netprobe.inventory.hosts import LOCAL, HostEntry, Inventory, InventoryFile, assemble, parse
from netprobe.inventory.lab import RunningLab, choose_lab, hint_of

if TYPE_CHECKING:
    from collections.abc import Iterator

LAB = "lab"
"""The word in place of a file's path (a file of that name is ``./lab``)."""
LAB_ROOT = Path("/run/netprobe-lab")
OWN_NAMESPACE = "/proc/self/ns/net"
SIZE_LIMIT = 1 << 20


def load(given: str | Path | None) -> Inventory:
    """Load the inventory: `given` (``--hosts``), else ``$NETPROBE_HOSTS``, else the user's file, else ``local`` alone.

    Raises:
        UsageFault: the file cannot be used; the message says where and why.
        EnvironmentFault: it may not be read, or a lab is asked for and none is running.
    """
    path = _choose(given)
    file = InventoryFile(hosts={}) if path is None else parse(_read(path), str(path))
    machines = {name: _machine(entry) for name, entry in file.hosts.items()}
    return assemble(file, "" if path is None else str(path), machines, _machine(HostEntry(name=LOCAL)))


def _choose(given: str | Path | None) -> Path | None:
    named = given if given is not None else os.environ.get("NETPROBE_HOSTS") or None
    if named == LAB:
        return Path(
            choose_lab(list(running_labs(LAB_ROOT)), _checkout(), os.environ.get("NETPROBE_LAB", "")).hosts_file
        )
    if named is not None:
        return Path(named)
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "netprobe" / "hosts.toml"
    try:
        return config if config.exists() else None
    except PermissionError:
        raise EnvironmentFault(
            f"{config}: permission denied, so whether it is there is unknown", "name the hosts file: --hosts FILE"
        ) from None


def _checkout() -> str:
    return str(Path(netprobe.__file__).resolve().parent.parent)


def running_labs(root: Path) -> Iterator[RunningLab]:
    """Yield the labs that are up, by id.

    A file that root does not own is passed over: it names sockets and namespaces that netprobe would enter as root.
    """
    for file in sorted(root.glob("*/hosts.toml")):
        try:
            said = parse(_read(file), str(file)) if owned_by_root(file) else None
        except (NetprobeError, OSError):  # not a lab's, or gone meanwhile
            continue
        if said is not None and said.lab:
            yield RunningLab(id=said.lab, hosts_file=str(file), checkout=said.checkout)


def lab_hint() -> str:
    """Return what to add to the hint of a name that is unknown without an inventory, while labs run; ``""``: none runs."""
    return hint_of(list(running_labs(LAB_ROOT)), _checkout(), os.environ.get("NETPROBE_LAB", ""))


def owned_by_root(file: Path) -> bool:
    """Tell whether root wrote this file (and it is no link to another)."""
    status = file.lstat()
    return status.st_uid == 0 and stat.S_ISREG(status.st_mode)


def _machine(entry: HostEntry) -> object:
    """Return what tells a host from the others: of this machine its network namespace, of another how it is reached."""
    if not entry.reach.same_machine:
        return entry.at
    try:
        status = Path(entry.reach.netns or OWN_NAMESPACE).stat()
    except OSError:
        return entry.at
    return status.st_dev, status.st_ino


def _read(path: Path) -> str:
    try:
        if not path.is_file():
            raise UsageFault(f"{path}: no such hosts file", "write one, or leave --hosts and NETPROBE_HOSTS out")
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT + 1)
    except PermissionError:
        raise EnvironmentFault(f"{path}: permission denied", "run as a user who may read it") from None
    except (OSError, ValueError) as error:  # a name that no file can have
        why = getattr(error, "strerror", None) or error
        raise UsageFault(f"{str(path)!r}: no such hosts file: {why}", "check the name") from None
    if len(data) > SIZE_LIMIT:
        raise UsageFault(f"{path}: larger than 1 MiB", "is this a hosts file?")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise UsageFault(f"{path}: not UTF-8 text", "is this a hosts file?") from None
