"""The inventory: which hosts there are, how each is reached, and where its Docker Engine listens (DESIGN.md, "Hosts")."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import netprobe
from netprobe.errors import EnvironmentFault, UsageFault
from netprobe.hosts import reach as reaches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LOCAL = "local"
HOST_KEYS = {"reach", "docker", "become"}
TOP_KEYS = {"hosts", "checkout"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z")
TWICE = re.compile(r"Cannot declare \('hosts', '(?P<name>[^']*)'\) twice(?: \((?P<place>at [^)]*)\))?")
OWN_NAMESPACE = Path("/proc/self/ns/net")
LAB_ROOT = "/run/netprobe-lab"
SIZE_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEntry:
    """One host of the inventory.

    Attributes:
        name: its name, as reports show it.
        at: its ``reach`` as the inventory has it.
        reach: how a command is run there.
        docker: its Engine's URL; ``""``: what the environment names (``local``), the remote host's own socket (``ssh``); None: a plain host.
        become: argv put before commands that need root.
    """

    name: str
    at: str = LOCAL
    reach: reaches.Reach = field(default_factory=lambda: reaches.parse(LOCAL, "local"))
    docker: str | None = None
    become: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All hosts by name, and the file that they come from (None: there is none).

    ``local`` is always among them, or an alias of the host that this machine is.
    """

    hosts: Mapping[str, HostEntry]
    origin: Path | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)


def load(given: Path | None) -> Inventory:
    """Load the inventory: `given` (``--hosts``), else ``$NETPROBE_HOSTS``, else the user's file, else a running lab's.

    Raises:
        UsageFault: the file cannot be used; the message says where and why.
    """
    path = _choose(given)
    hosts = {} if path is None else parse(_read(path), str(path))
    implied = {} if LOCAL in hosts else {LOCAL: HostEntry(name=LOCAL, docker="")}
    own = _refuse_twins(hosts, str(path)).get(_namespace(HostEntry(name=LOCAL))) if implied else None
    if own is not None:
        return Inventory(hosts=hosts, origin=path, aliases={LOCAL: own})
    return Inventory(hosts={**implied, **hosts}, origin=path)


def _refuse_twins(hosts: Mapping[str, HostEntry], origin: str) -> dict[object, str]:
    """Return the hosts by what they are, as far as that shows before they are asked.

    Raises:
        UsageFault: two of them are the same.
    """
    found: dict[object, str] = {}
    for name, entry in hosts.items():
        other = found.setdefault(_namespace(entry), name)
        if other != name:
            raise UsageFault(f"{origin}: the hosts {other} and {name} are one machine", "keep one of them")
    return found


def _namespace(entry: HostEntry) -> object:
    """Return what tells a host from the others: of this machine its network namespace, of another how it is reached."""
    if not entry.reach.same_machine:
        return entry.at
    try:
        status = (entry.reach.netns or OWN_NAMESPACE).stat()
    except OSError:
        return entry.at
    return status.st_dev, status.st_ino


def parse(text: str, origin: str) -> dict[str, HostEntry]:
    """Parse an inventory's text.

    Raises:
        UsageFault: it is not TOML, or holds a key, name, reach or URL that is not understood.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(origin, str(error)) from None
    unknown = sorted(set(data) - TOP_KEYS)
    if unknown:
        raise UsageFault(f"{origin}: unknown key {unknown[0]!r}", "a host is a table [hosts.NAME]")
    tables = data.get("hosts", {})
    if not isinstance(tables, dict):
        raise UsageFault(f"{origin}: hosts is not a table", "a host is a table [hosts.NAME]")
    return {name: _entry(name, table, origin) for name, table in tables.items()}


def _not_toml(origin: str, why: str) -> UsageFault:
    twice = TWICE.search(why)
    if twice is not None:
        place = f" ({twice['place']})" if twice["place"] else ""
        return UsageFault(
            f"{origin}: the host {twice['name']} is there twice{place}", f"keep one [hosts.{twice['name']}]"
        )
    return UsageFault(f"{origin}: not a valid hosts file: {why}", 'it is TOML: [hosts.NAME], and below it reach = "…"')


def _entry(name: str, table: Any, origin: str) -> HostEntry:
    if not NAME.match(name):
        raise UsageFault(f"{origin}: {name!r} is not a host name", "letters, digits, '.', '_' and '-', at most 63")
    if not isinstance(table, dict):
        raise UsageFault(f"{origin}: hosts.{name} is not a table", f"write [hosts.{name}]")
    for key, value in table.items():
        if key not in HOST_KEYS:
            raise UsageFault(f"{origin}: host {name}: unknown key {key!r}", f"known: {', '.join(sorted(HOST_KEYS))}")
        if not isinstance(value, str) or not value or "\0" in value:
            raise UsageFault(f"{origin}: host {name}: {key} is not a text", f'write {key} = "…"')
    reach = table.get("reach", "local" if name == LOCAL else None)
    if reach is None:
        raise UsageFault(
            f"{origin}: host {name} has no reach",
            'add reach = "local", "netns:/var/run/netns/NAME" or "ssh://user@host:port"',
        )
    return HostEntry(
        name=name,
        at=reach,
        reach=reaches.parse(name, reach),
        docker=_docker(name, table.get("docker"), None if reach.startswith("netns:") else "", origin),
        become=reaches.become_argv(name, table.get("become", "")),
    )


def _docker(name: str, url: str | None, default: str | None, origin: str) -> str | None:
    if url is None:
        return default
    if not url.startswith(("unix:///", "tcp://", "http://", "https://")):
        raise UsageFault(
            f"{origin}: host {name}: docker = {url!r} is not understood",
            'for example docker = "unix:///var/run/docker.sock"',
        )
    return url


def _choose(given: Path | None) -> Path | None:
    if given is not None:
        return given
    named = os.environ.get("NETPROBE_HOSTS")
    if named:
        return Path(named)
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "netprobe" / "hosts.toml"
    if config.exists():
        return config
    lab = os.environ.get("NETPROBE_LAB", "*")
    return running_lab(Path(LAB_ROOT).glob(f"{lab if NAME.match(lab) else '*'}/hosts.toml"))


def running_lab(files: Iterable[Path]) -> Path | None:
    """Choose among running labs' files: this checkout's own, else the only one, else none.

    Files that root does not own are passed over: they name sockets and namespaces that netprobe would enter as root.

    Raises:
        UsageFault: there are several, none of them this checkout's.
    """
    trusted = sorted(file for file in files if owned_by_root(file))
    own = str(Path(netprobe.__file__).resolve().parent.parent)
    mine = [file for file in trusted if _checkout(file) == own]
    if len(mine) == 1 or len(trusted) == 1:
        return (mine or trusted)[0]
    if not trusted:
        return None
    names = ", ".join(str(file) for file in mine or trusted)
    raise UsageFault(f"several labs are running: {names}", "choose one with --hosts FILE")


def owned_by_root(file: Path) -> bool:
    """Tell whether root wrote this file (and it is no link to another)."""
    status = file.lstat()
    return status.st_uid == 0 and stat.S_ISREG(status.st_mode)


def _checkout(file: Path) -> str | None:
    try:
        value = tomllib.loads(_read(file)).get("checkout")
    except (tomllib.TOMLDecodeError, UsageFault, EnvironmentFault):
        return None
    return value if isinstance(value, str) else None


def _read(path: Path) -> str:
    try:
        if not path.is_file():
            raise UsageFault(f"{path}: no such hosts file", "write one, or leave --hosts and NETPROBE_HOSTS out")
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT + 1)
    except PermissionError:
        raise EnvironmentFault(f"{path}: permission denied", "run as a user who may read it") from None
    if len(data) > SIZE_LIMIT:
        raise UsageFault(f"{path}: larger than 1 MiB", "is this a hosts file?")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise UsageFault(f"{path}: not UTF-8 text", "is this a hosts file?") from None
