"""Lookup files (hosts(5), resolv.conf(5)) and kernel settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.state.address import ip
from netprobe.state.engine import EMBEDDED_DNS
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.state.issues import Issues

_MAX_NDOTS = 15  # resolv.conf(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostsLine:
    """One line of a hosts file."""

    address: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostsFile:
    """A hosts file."""

    lines: tuple[HostsLine, ...] = ()

    def lookup(self, name: str) -> tuple[str, ...]:
        """The addresses of a name (case does not count), in the file's order."""
        wanted = name.rstrip(".").lower()
        found = (line.address for line in self.lines if wanted in {each.lower() for each in line.names})
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvConf:
    """A resolver configuration; ``nameservers`` empty means 127.0.0.1 by resolv.conf(5)."""

    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    ndots: int = 1
    options: tuple[str, ...] = ()

    @property
    def embedded(self) -> bool:
        """The engine's embedded DNS server is asked."""
        return not EMBEDDED_DNS.isdisjoint(self.nameservers)


def parse_hosts_file(text: str, issues: Issues) -> HostsFile:
    """hosts(5): ``ADDRESS NAME [ALIAS…] # comment``."""
    lines = []
    for number, line in enumerate(text.split("\n"), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) < 2 or ip(words[0]) is None:
            issues.add(number, line, "not an address and names")
            continue
        lines.append(HostsLine(address=words[0], names=tuple(words[1:])))
    return HostsFile(lines=tuple(lines))


def parse_resolv_conf(text: str, issues: Issues) -> ResolvConf:
    """resolv.conf(5): the last ``search`` or ``domain`` line counts."""
    servers: list[str] = []
    search: tuple[str, ...] = ()
    options: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split()
        if not words or words[0][0] in "#;":
            continue
        if words[0] == "nameserver" and len(words) > 1 and ip(words[1]) is not None:
            servers.append(words[1])
        elif words[0] in {"search", "domain"}:
            search = tuple(words[1:])
        elif words[0] == "options":
            options += words[1:]
        elif words[0] != "sortlist":
            issues.add(number, line, "not a line of resolv.conf")
    return ResolvConf(nameservers=tuple(servers), search=search, ndots=_ndots(options), options=tuple(options))


def _ndots(options: list[str]) -> int:
    for option in reversed(options):
        name, _, value = option.partition(":")
        if name == "ndots" and value.isascii() and value.isdecimal():
            return min(int(value[:3]), _MAX_NDOTS)
    return 1


_SYSCTL_FILES = "/proc/sys/"
_DOTS = str.maketrans("/.", "./")  # as sysctl(8) names them: eth1.1 becomes eth1/1


def parse_sysctls(text: str, issues: Issues) -> dict[str, str]:
    """``key = value`` lines, or files of /proc/sys as ``grep -rH`` shows them: ``/proc/sys/net/ipv4/ip_forward:1``."""
    values = {}
    for number, line in enumerate(text.split("\n"), 1):
        key, equals, value = line.partition("=")
        if line.startswith(_SYSCTL_FILES):
            key, equals, value = line.removeprefix(_SYSCTL_FILES).partition(":")
            key = key.translate(_DOTS)
        if equals and key.strip():
            values[key.strip()] = value.strip()
        elif line.strip():
            issues.add(number, line, "not key = value")
    return values
