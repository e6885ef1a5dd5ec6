"""Lookup files (hosts(5), resolv.conf(5)) and docker-proxy's command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netprobe.state.address import ip
from netprobe.state.engine import EMBEDDED_DNS
from netprobe.state.issues import Issues, int_of, load_items, texts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """One docker-proxy process, as its arguments tell.

    Source: moby cmd/docker-proxy/main_linux.go (``-proto -host-ip -host-port -container-ip -container-port``).
    """

    pid: int
    proto: str
    host_ip: str
    host_port: int
    container_ip: str
    container_port: int

    def listens(self, address: str, port: int, proto: str) -> bool:
        """True when it takes connections to this address and port of its host."""
        mine, asked = ip(self.host_ip), ip(address)
        if (self.host_port, self.proto) != (port, proto) or mine is None or asked is None:
            return False
        return mine.version == asked.version and (mine.is_unspecified or mine == asked)


def parse_proxies(text: str, issues: Issues) -> tuple[Proxy, ...] | None:
    """The JSON list of ``{"pid", "argv"}``; None when the text is no list."""
    items = load_items(text, issues)
    if items is None:
        return None
    found = []
    for number, item in items:
        proxy = _proxy(int_of(item, "pid") or 0, _flags(texts_of(item, "argv")))
        if proxy is None:
            issues.add(number, item, "not docker-proxy's arguments")
        else:
            found.append(proxy)
    return tuple(found)


def _flags(argv: tuple[str, ...]) -> dict[str, str]:
    """Go's flag package: ``-name value``, ``-name=value``, with one dash or two."""
    flags: dict[str, str] = {}
    words = list(argv[1:])
    while words:
        name, equals, value = words.pop(0).partition("=")
        if name.startswith("-"):
            takes_next = not equals and words and not words[0].startswith("-")
            flags[name.lstrip("-")] = words.pop(0) if takes_next else value
    return flags


def _proxy(pid: int, flags: Mapping[str, str]) -> Proxy | None:
    host_port, container_port = flags.get("host-port", ""), flags.get("container-port", "")
    host_ip, container_ip = flags.get("host-ip", ""), flags.get("container-ip", "")
    numbers = all(each.isascii() and each.isdecimal() and len(each) < 6 for each in (host_port, container_port))
    if not numbers or ip(container_ip) is None:
        return None
    return Proxy(
        pid=pid,
        proto=flags.get("proto", "tcp"),
        host_ip=host_ip or "0.0.0.0",  # noqa: S104 - what docker-proxy means by ""
        host_port=int(host_port),
        container_ip=container_ip,
        container_port=int(container_port),
    )


def parse_sysctls(text: str, issues: Issues) -> dict[str, str]:
    """``key = value`` lines."""
    values = {}
    for number, line in enumerate(text.split("\n"), 1):
        key, equals, value = line.partition("=")
        if equals and key.strip():
            values[key.strip()] = value.strip()
        elif line.strip():
            issues.add(number, line, "not key = value")
    return values
