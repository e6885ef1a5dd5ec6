"""Sockets of a namespace, from ``ss -H -n -a -p -t -u -e --inet-sockopt``.

Source: iproute2 misc/ss.c. Columns: Netid State Recv-Q Send-Q Local:Port Peer:Port [users:((…))] [details].
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.model.endpoint import Endpoint
from netprobe.state.address import is_any, is_loopback, same
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe.state.issues import Issues

_USER = re.compile(r'\("(.*?)",pid=(\d{1,10}),fd=\d+\)')
_OPTIONS = "\tinet-sockopt: ("
_COLUMNS = 6
_MAX_PORT = 65535
_MAX_DIGITS = 20  # of an unsigned 64-bit counter


@dataclass(frozen=True, slots=True, kw_only=True)
class Socket:
    """One socket.

    Attributes:
        proto: ``tcp`` or ``udp``.
        state: as ss names it (``LISTEN``, ``UNCONN``, ``ESTAB`` …).
        local, port: its own address (``0.0.0.0``, ``::`` or ``*`` for any) and port, 0 for none.
        device: the interface it is bound to, ``""`` none.
        peer, peer_port: the far end; port 0 for any.
        pid, process: the first process that holds it; None and ``""`` when ss could not tell (no root, another pid namespace).
        pids: all processes that hold it.
        v6only: IPV6_V6ONLY is set: ``[::]:80`` then takes no IPv4.
        backlog: LISTEN: connections waiting for accept (Recv-Q) and the most that may wait (Send-Q), else (0, 0).
        transparent: IP_TRANSPARENT is set: it may take what is sent to others; None where ss did not say.
    """

    proto: str
    state: str
    local: str
    port: int
    device: str = ""
    peer: str = "*"
    peer_port: int = 0
    pid: int | None = None
    process: str = ""
    pids: tuple[int, ...] = ()
    v6only: bool = False
    backlog: tuple[int, int] = (0, 0)
    transparent: bool | None = None

    @property
    def bound(self) -> Endpoint:
        """Its own end."""
        return Endpoint(self.local, self.port)

    @property
    def wildcard(self) -> bool:
        """Bound to every address."""
        return is_any(self.local)

    @property
    def loopback(self) -> bool:
        """Bound to a loopback address only."""
        return is_loopback(self.local)

    @property
    def serving(self) -> bool:
        """Takes new connections or datagrams: TCP LISTEN, or UDP without a peer."""
        return self.state == "LISTEN" if self.proto == "tcp" else self.peer_port == 0

    @property
    def full(self) -> bool:
        """More connections wait to be accepted than its backlog allows: new ones are dropped (include/net/sock.h sk_acceptq_is_full)."""
        return self.state == "LISTEN" and self.backlog[0] > self.backlog[1]

    def accepts(self, address: str, port: int, proto: str) -> bool:
        """True when a packet to this address and port would reach this socket (net/ipv4/inet_hashtables.c compute_score)."""
        if not self.serving or (self.port, self.proto) != (port, proto):
            return False
        if not self.wildcard:
            return same(self.local, address)
        if self.local == "0.0.0.0":  # noqa: S104 - compared, not bound
            return ":" not in address
        return ":" in address or not self.v6only


def on_port(sockets: Iterable[Socket], port: int, proto: str) -> list[Socket]:
    """The sockets that serve a port, at any address."""
    return [each for each in sockets if each.serving and (each.port, each.proto) == (port, proto)]


def listening(sockets: tuple[Socket, ...], address: str, port: int, proto: str) -> tuple[Socket, ...]:
    """The sockets that a new connection or datagram to this address and port could reach."""
    return tuple(each for each in sockets if each.accepts(address, port, proto))


def served(sockets: tuple[Socket, ...], proto: str) -> list[int]:
    """The ports that are served to others than the namespace itself, in order."""
    return sorted({each.port for each in sockets if each.serving and each.proto == proto and not each.loopback})


def nearest(sockets: tuple[Socket, ...], address: str, port: int, proto: str, device: str) -> tuple[Socket, ...]:
    """Of those, for a packet that came in by a device, the ones that the kernel prefers: bound to the address, to the device (compute_score)."""
    found = [each for each in listening(sockets, address, port, proto) if each.device in {"", device}]
    best = max(((not each.wildcard) + bool(each.device) for each in found), default=0)
    return tuple(each for each in found if (not each.wildcard) + bool(each.device) == best)


def parse_sockets(text: str, issues: Issues) -> tuple[Socket, ...] | None:
    """All sockets. None when one of them could not be read, or nothing else could: it may be the one that serves the port.

    A line that is no socket's is an issue: a process may have a line feed in its name.
    """
    sockets: list[Socket] = []
    unread = False
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line[0].isspace():  # blank, or ss's continuation of the details
            if sockets and line.startswith(_OPTIONS) and line.rstrip().endswith(")"):  # ss pads its lines
                sockets[-1] = replace(sockets[-1], transparent="transparent" in line.rstrip()[:-1].split())
            continue
        socket = _socket(line)
        if socket is not None:
            sockets.append(socket)
        elif not line.startswith("Netid"):
            issues.add(number, line, "not a line of ss")
            unread = unread or line.startswith(("tcp", "udp"))
    return None if unread or (issues.found and not sockets) else tuple(sockets)


def _socket(line: str) -> Socket | None:
    columns = line.split(None, _COLUMNS)
    if len(columns) < _COLUMNS or columns[0] not in {"tcp", "udp"}:
        return None
    local, peer = _endpoint(columns[4]), _endpoint(columns[5])
    if local is None or peer is None:
        return None
    rest = columns[6] if len(columns) > _COLUMNS else ""
    users = _USER.findall(rest) if "users:(" in rest else []
    listen = columns[1] == "LISTEN" and columns[2].isdecimal() and columns[3].isdecimal()
    return Socket(
        proto=columns[0],
        state=columns[1],
        local=local[0],
        device=local[1],
        port=local[2],
        peer=peer[0],
        peer_port=peer[2],
        pid=int(users[0][1]) if users else None,
        process=users[0][0] if users else "",
        pids=tuple(dict.fromkeys(int(pid) for _, pid in users)),
        v6only="v6only:1" in rest.split(),
        backlog=(int(columns[2]), int(columns[3])) if listen else (0, 0),
    )


def _endpoint(text: str) -> tuple[str, str, int] | None:
    """``127.0.0.11%lo:53`` -> (address, device, port)."""
    address, colon, port = text.rpartition(":")
    if not colon or not (port == "*" or (port.isascii() and port.isdecimal() and len(port) < _COLUMNS)):
        return None
    number = 0 if port == "*" else int(port)
    if number > _MAX_PORT:
        return None
    host, _, device = address.partition("%")
    return host.removeprefix("[").removesuffix("]"), device.removesuffix("]"), number


def parse_counters(text: str, issues: Issues) -> dict[str, int]:
    """``NAME VALUE RATE`` lines of ``nstat -a`` (iproute2 misc/nstat.c), and its ``#`` lines."""
    values = {}
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) >= 2 and words[1].isascii() and words[1].isdecimal() and len(words[1]) <= _MAX_DIGITS:
            values[words[0]] = int(words[1])
        else:
            issues.add(number, line, "not a line of nstat")
    return values
