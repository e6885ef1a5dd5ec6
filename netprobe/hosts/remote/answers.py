"""Waiting for UDP and ICMP answers. ICMP errors are heard through the socket's error queue (ip(7), IP_RECVERR)."""

from __future__ import annotations

import errno
import select
import socket
import struct
import time
from typing import Callable, NamedTuple, Optional, Tuple

IP_RECVERR = 11
IPV6_RECVERR = 25
SO_EE_ORIGIN_ICMP = 2
MSG_ERRQUEUE = 0x2000

ICMP_NAMES = {
    (3, 0): "network unreachable",
    (3, 1): "host unreachable",
    (3, 2): "protocol unreachable",
    (3, 3): "port unreachable",
    (3, 4): "fragmentation needed",
    (3, 9): "network administratively prohibited",
    (3, 10): "host administratively prohibited",
    (3, 13): "communication administratively prohibited",
    (11, 0): "time to live exceeded",
}


class Answer(NamedTuple):
    """What came back first: data and its sender, or an error (outcome, detail); all None after the deadline."""

    data: Optional[bytes] = None
    peer: Tuple[str, int] = ("", 0)
    error: Optional[Tuple[str, str]] = None


def hear_errors(sock: socket.socket) -> None:
    """Have ICMP errors queued on the socket, although it is not connected."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)


def wait(sock: socket.socket, deadline: float, wanted: Callable[[bytes], bool]) -> Answer:
    """Return the first wanted datagram or the first queued error."""
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    while True:
        left = deadline - time.monotonic()
        events = poller.poll(max(0, int(left * 1000))) if left > 0 else []
        if not events:
            return Answer()
        answer = _error(sock) if events[0][1] & select.POLLERR else _datagram(sock, wanted)
        if answer is not None:
            return answer


def _datagram(sock: socket.socket, wanted: Callable[[bytes], bool]) -> Optional[Answer]:
    try:
        data, peer = sock.recvfrom(65535, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    except OSError as error:
        return Answer(error=_named(error.errno or 0, None))
    return Answer(data=data, peer=(str(peer[0]), int(peer[1]))) if wanted(data) else None


def _error(sock: socket.socket) -> Optional[Answer]:
    """Read one struct sock_extended_err (linux/errqueue.h) and name it."""
    try:
        _data, control, _flags, _peer = sock.recvmsg(2048, 512, MSG_ERRQUEUE | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    except OSError as error:
        return Answer(error=_named(error.errno or 0, None))
    for _level, kind, data in control:
        if kind in (IP_RECVERR, IPV6_RECVERR) and len(data) >= 16:
            number, origin, icmp_type, code = struct.unpack_from("=IBBB", data)
            icmp = (icmp_type, code) if origin == SO_EE_ORIGIN_ICMP else None
            return Answer(error=_named(number, icmp, _offender(data)))
    return None


def _offender(data: bytes) -> str:
    """Return the sender of the ICMP error: a sockaddr after the 16 bytes of sock_extended_err."""
    if len(data) >= 24 and struct.unpack_from("=H", data, 16)[0] == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, data[20:24])
    return ""


def _named(number: int, icmp: Optional[Tuple[int, int]], sender: str = "") -> Tuple[str, str]:
    name = errno.errorcode.get(number, "errno %d" % number)
    if icmp is not None:
        name = "ICMP %s" % ICMP_NAMES.get(icmp, "type %d code %d" % icmp) + (" from %s" % sender if sender else "")
    if number == errno.ECONNREFUSED:
        return "refused", name
    return ("denied" if number in (errno.EPERM, errno.EACCES) else "unreachable"), name


def echo_reply(packet: bytes, request: bytes, version: int) -> bool:
    """Tell whether a raw socket's `packet` is the reply to `request`: same identifier, sequence number and data (RFC 792, RFC 4443)."""
    start = (packet[0] & 15) * 4 if version == 4 and packet else 0
    wanted = 0 if version == 4 else 129
    return packet[start : start + 1] == bytes([wanted]) and packet[start + 4 :] == request[4:]
