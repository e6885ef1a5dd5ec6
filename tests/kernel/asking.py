"""A real client: one question over TCP, UDP or ICMP in the namespace that a thread is in, and what comes back."""

from __future__ import annotations

import errno
import select
import socket
import struct
import time
from dataclasses import dataclass

_IP_RECVERR, _IPV6_RECVERR = 11, 25


@dataclass(frozen=True)
class Question:
    """What the client asks: ``proto`` is ``tcp``, ``udp`` or ``icmp``; ``device``: the interface that its socket is bound to."""

    source: str
    proto: str
    dst: str
    dport: int | None
    sport: int | None
    device: str = ""

    @property
    def six(self) -> bool:
        return ":" in self.dst


@dataclass(frozen=True)
class Seen:
    """What happened.

    Attributes:
        outcome: ``ok``, ``silence``, or what was told: ``refused``, ``unreachable``, ``reset``; ``unfinished``: connected, and nobody accepted.
        answered: who answered, ``""`` unknown or nobody.
        reached: the servers that the request came to.
    """

    outcome: str
    answered: str = ""
    reached: frozenset[str] = frozenset()


def any_address(family: int) -> str:
    return "::" if family == socket.AF_INET6 else "0.0.0.0"  # noqa: S104 - of a namespace that leads nowhere


def bind_to(made: socket.socket, device: str) -> None:
    """Bind a socket to an interface, if one is named."""
    if device:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0")


def new_socket(family: int, kind: int, device: str = "") -> socket.socket:
    made = socket.socket(family, kind)
    bind_to(made, device)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return made


def drain(tap: socket.socket) -> list[bytes]:
    found: list[bytes] = []
    while True:
        try:
            data, address = tap.recvfrom(256)
        except BlockingIOError:
            return found
        if address[2] == 0:  # PACKET_HOST
            found.append(data)


def asks(data: bytes, question: Question) -> bool:
    """Whether a packet at a server is the request."""
    if not data or data[0] >> 4 != (6 if question.six else 4):
        return False
    proto, rest = (data[6], data[40:]) if question.six else (data[9], data[(data[0] & 15) * 4 :])
    if question.proto == "tcp":
        return proto == 6 and len(rest) > 13 and rest[13] & 0x12 == 0x02
    if question.proto == "udp":
        return proto == 17 and rest[8:] == b"probe"
    return (proto, rest[:1]) == ((58, b"\x80") if question.six else (1, b"\x08"))


_TOLD = {
    errno.ECONNREFUSED: "refused",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.EACCES: "unreachable",
    errno.ENOPROTOOPT: "unreachable",
    errno.EPROTO: "unreachable",
    errno.EINVAL: "unreachable",
    errno.EPERM: "silence",
    errno.ECONNRESET: "reset",  # behind a handshake: one that is refused says so
}


def _told(error: OSError) -> tuple[str, str]:
    return _TOLD.get(error.errno or 0, f"error {error.errno}"), ""


def _family(question: Question) -> int:
    return socket.AF_INET6 if question.six else socket.AF_INET


def _tcp(question: Question, patience: float) -> tuple[str, str]:
    made = new_socket(_family(question), socket.SOCK_STREAM, question.device)
    with made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        made.bind((any_address(made.family), question.sport or 0))
        made.setblocking(False)
        code = made.connect_ex((question.dst, question.dport or 0))
        if code not in {0, errno.EINPROGRESS}:
            return _told(OSError(code, ""))
        if not select.select([], [made], [], patience)[1]:
            return "silence", ""
        try:  # SO_ERROR tells of an ICMP error to a later packet, too: a connection has a peer
            made.getpeername()
        except OSError:
            return _told(OSError(made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), ""))
        ready = select.select([made], [], [], max(0.3, patience))[0]
        try:
            return "ok", made.recv(64).decode() if ready else ""
        except OSError as error:
            return _told(error)


def _udp(question: Question, patience: float) -> tuple[str, str]:
    made = new_socket(_family(question), socket.SOCK_DGRAM, question.device)
    with made:
        level, option = (socket.IPPROTO_IPV6, _IPV6_RECVERR) if question.six else (socket.IPPROTO_IP, _IP_RECVERR)
        made.setsockopt(level, option, 1)
        made.bind((any_address(made.family), question.sport or 0))
        made.settimeout(patience)
        try:
            made.connect((question.dst, question.dport or 0))
            made.send(b"probe")
            return "ok", made.recv(64).decode()
        except TimeoutError:
            return "silence", ""
        except OSError as error:
            return _told(error)


def _icmp(question: Question, patience: float) -> tuple[str, str]:
    proto = socket.IPPROTO_ICMPV6 if question.six else socket.IPPROTO_ICMP
    try:
        made = socket.socket(_family(question), socket.SOCK_RAW, proto)
    except OSError as error:
        return _told(error)
    with made:
        bind_to(made, question.device)
        level, option = (socket.IPPROTO_IPV6, _IPV6_RECVERR) if question.six else (socket.IPPROTO_IP, _IP_RECVERR)
        made.setsockopt(level, option, 1)
        number = question.sport or 1
        kind, answer = (128, 129) if question.six else (8, 0)
        body = struct.pack("!HH", number, 1) + b"probe" * 3 + b"."
        head = struct.pack("!BBH", kind, 0, 0 if question.six else _checksum(struct.pack("!BBH", kind, 0, 0) + body))
        try:
            made.sendto(head + body, (question.dst, 0))  # as ping and the probe do: connect() looks the way up twice
        except OSError as error:
            return _told(error)
        return _echo(made, question, (answer, number), patience)


def _echo(made: socket.socket, question: Question, wanted: tuple[int, int], patience: float) -> tuple[str, str]:
    """Wait for the echo of this type and number from whom it was asked, or for an error."""
    six = question.six
    end = time.monotonic() + patience
    while (left := end - time.monotonic()) > 0:
        if not select.select([made], [], [], left)[0]:
            break
        try:
            data, peer = made.recvfrom(512)
        except OSError as error:
            return _told(error)
        data = data if six else data[(data[0] & 15) * 4 :]
        if (data[0], struct.unpack("!H", data[4:6])[0], peer[0]) == (*wanted, question.dst):
            return "ok", ""
        if data[0] in ({1, 3} if six else {3, 11}):
            return "unreachable", ""
    return "silence", ""


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


ASK = {"tcp": _tcp, "udp": _udp, "icmp": _icmp}
