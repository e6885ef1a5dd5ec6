"""Which hosts there are, how each is reached, and where its Docker Engine listens: the text of a hosts file to values, and no I/O.

A lab's file says ``lab = "ID"``. Its hosts are network namespaces that lead nowhere else; the machine itself (``local``) is no
host of it, so that nothing meant for the lab leaves by the machine's own interfaces.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import field
from typing import TYPE_CHECKING, Any

from netprobe.errors import UsageFault, did_you_mean
from netprobe.inventory.reach import Reach, become_argv, parse_reach
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCAL = "local"
HOST_KEYS = {"reach", "docker", "become"}
TOP_KEYS = {"hosts", "checkout", "lab"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z")
TWICE = re.compile(r"Cannot declare \('hosts', '(?P<name>[^']*)'\) twice(?: \((?P<place>at [^)]*)\))?")


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
    reach: Reach = field(default_factory=Reach)
    docker: str | None = None
    become: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryFile:
    """What a hosts file says.

    Attributes:
        hosts: by name, in its order.
        lab: the id of the lab whose file it is, ``""`` for any other.
        checkout: where the checkout is that the lab belongs to, ``""`` unknown.
    """

    hosts: Mapping[str, HostEntry]
    lab: str = ""
    checkout: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All hosts by name, and where they come from.

    ``local`` is always among them, or an alias of the host that this machine is; but for a lab's inventory, which has neither.

    Attributes:
        hosts: by name.
        origin: the path of their file, ``""``: there is none.
        aliases: other names of hosts.
        lab: the id of the lab whose inventory it is, ``""`` for any other.
    """

    hosts: Mapping[str, HostEntry]
    origin: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)
    lab: str = ""


def assemble(file: InventoryFile, origin: str, machines: Mapping[str, object], here: object) -> Inventory:
    """Return the inventory of a hosts file.

    Args:
        file: what it says; no hosts where there is none.
        origin: its path, ``""`` where there is none.
        machines: what tells each host from the others, as far as that shows before they are asked (equal: one machine).
        here: the same of this machine.

    Raises:
        UsageFault: two hosts are one machine.
    """
    names = _refuse_twins(machines, origin)
    if file.lab or LOCAL in file.hosts:
        return Inventory(hosts=file.hosts, origin=origin, lab=file.lab)
    if here in names:
        return Inventory(hosts=file.hosts, origin=origin, aliases={LOCAL: names[here]})
    return Inventory(hosts={LOCAL: HostEntry(name=LOCAL, docker=""), **file.hosts}, origin=origin)


def _refuse_twins(machines: Mapping[str, object], origin: str) -> dict[object, str]:
    """Return the hosts by what tells them apart.

    Raises:
        UsageFault: two of them are the same.
    """
    found: dict[object, str] = {}
    for name, machine in machines.items():
        other = found.setdefault(machine, name)
        if other != name:
            raise UsageFault(f"{origin}: the hosts {other} and {name} are one machine", "keep one of them")
    return found


def parse(text: str, origin: str) -> InventoryFile:
    """Parse a hosts file.

    Raises:
        UsageFault: it is not TOML, or holds a key, name, reach or URL that is not understood.
    """
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also a number of too many digits, and brackets nested without end
        raise _not_toml(origin, str(error)) from None
    unknown = sorted(set(data) - TOP_KEYS)
    if unknown:
        raise UsageFault(f"{origin}: unknown key {unknown[0]!r}", "a host is a table [hosts.NAME]")
    tables = data.get("hosts", {})
    if not isinstance(tables, dict):
        raise UsageFault(f"{origin}: hosts is not a table", "a host is a table [hosts.NAME]")
    hosts = {name: _entry(name, table, origin) for name, table in tables.items()}
    checkout = data.get("checkout", "")
    lab = _lab(data.get("lab", ""), hosts, origin)
    return InventoryFile(hosts=hosts, lab=lab, checkout=checkout if isinstance(checkout, str) else "")


def _lab(ident: Any, hosts: Mapping[str, HostEntry], origin: str) -> str:
    """Return the id of the lab whose file it is; its hosts may be namespaces only: nothing else stays inside the lab."""
    if not isinstance(ident, str) or (ident and not NAME.match(ident)):
        raise UsageFault(
            f"{origin}: lab is not a lab's id", 'only the file that `netprobe lab up` writes says lab = "ID"'
        )
    for name, host in hosts.items():
        if ident and not (host.docker or "unix:").startswith("unix:"):
            raise UsageFault(
                f"{origin}: host {name} of lab {ident}: docker = {host.docker!r} is no socket",
                'only docker = "unix:///…" stays inside a lab',
            )
        if ident and host.reach.netns is None:
            raise UsageFault(
                f"{origin}: host {name} of lab {ident} is no network namespace",
                'a lab\'s hosts have reach = "netns:…"; leave lab = out in a hosts file of your own',
            )
    return ident


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
            hint = did_you_mean(key, sorted(HOST_KEYS)) or f"known: {', '.join(sorted(HOST_KEYS))}"
            raise UsageFault(f"{origin}: host {name}: unknown key {key!r}", hint)
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
        reach=parse_reach(name, reach),
        docker=_docker(name, table.get("docker"), None if reach.startswith("netns:") else "", origin),
        become=become_argv(name, table.get("become", "")),
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
