"""How large a packet may be to come through: echoes of several sizes, "don't fragment", between one that comes back and one that does not.

As ``ping -M do -s SIZE`` does by hand. Sizes are those of the whole IP packet. ``IP_PMTUDISC_PROBE`` sets DF whatever the kernel has learnt of
the way (ip(7), ipv6(7)); zero bytes at the end change no Internet checksum (RFC 1071), and the kernel writes that of ICMPv6 (RFC 3542 section 3.1).
"""

from __future__ import annotations

import errno
import select
import socket
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional, Set, Tuple

IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PROBE = 10, 23, 3
IP_MTU, IPV6_MTU = 14, 24
FIRST_SECONDS = 0.5
LEAST_SECONDS = 0.1
AT_MOST_SECONDS = 2.0
AT_ONCE = 3


class Echoes:
    """Echoes towards one address.

    Attributes:
        header: bytes of the IP header.
        small: bytes of the packet that the message alone makes.
        seconds: how long the echoes of one round are waited for.
    """

    def __init__(self, address: str, message: bytes) -> None:
        self.six = ":" in address
        family = socket.AF_INET6 if self.six else socket.AF_INET
        self._sock = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if self.six else socket.IPPROTO_ICMP)
        if self.six:
            self._sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PROBE)
        else:
            self._sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PROBE)
        self._address, self._message = address, message
        self.header = 40 if self.six else 20
        self.small = self.header + len(message)
        self.seconds = FIRST_SECONDS

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def largest(self) -> int:
        """Return what this namespace itself can send there in one packet, by its route and interface."""
        with socket.socket(self._sock.family, socket.SOCK_DGRAM) as sock:
            sock.connect((self._address, 9))
            level, option = (socket.IPPROTO_IPV6, IPV6_MTU) if self.six else (socket.IPPROTO_IP, IP_MTU)
            return sock.getsockopt(level, option)

    def answered(self, sizes: List[int]) -> Set[int]:
        """Send one of each size; return the sizes that came back in time."""
        begun = time.monotonic()
        for size in sizes:
            self._send(size)
        came: Set[int] = set()
        while not came.issuperset(sizes):
            left = begun + self.seconds - time.monotonic()
            if left <= 0 or not select.select([self._sock], [], [], left)[0]:
                break
            size = self._reply(self._sock.recv(65535))
            if size in sizes and size not in came:
                came.add(size)
                self._learn(time.monotonic() - begun)
        return came

    def _send(self, size: int) -> None:
        try:
            self._sock.sendto(self._message + bytes(size - self.small), (self._address, 0))
        except OSError as error:  # a link beside this host had no room for it: then it is lost
            if error.errno not in (errno.ENOBUFS, errno.EMSGSIZE):
                raise

    def _learn(self, took: float) -> None:
        """Wait four times as long as an answer takes, once one came."""
        if self.seconds == FIRST_SECONDS:
            self.seconds = min(FIRST_SECONDS, max(LEAST_SECONDS, 4 * took))

    def _reply(self, data: bytes) -> int:
        """Return the size of the packet that replies to one of them; 0 for any other."""
        start = 0 if self.six else (data[0] & 15) * 4 if data else 0
        message = self._message
        same = data[start + 4 : start + len(message)] == message[4:]
        kind = data[start : start + 1] == (b"\x81" if self.six else b"\0")
        return len(data) + (self.header if self.six else 0) if same and kind else 0


def largest_through(address: str, message: bytes, most: Optional[int]) -> Optional[Tuple[int, int]]:
    """Return the size of the largest packet that came back, and of the smallest that did not.

    Args:
        address: whom.
        message: an ICMP echo request, the smallest that is sent.
        most: the largest, None for as much as the interface takes.

    Returns:
        None where large ones come back, small ones do not, or it is not the size that decides.
    """
    try:
        echoes = Echoes(address, message)
    except OSError:
        return None
    try:
        return _search(echoes, most)
    except OSError:  # one could not be sent: this host's own queue or filter
        return None
    finally:
        echoes.close()


def _search(echoes: Echoes, most: Optional[int]) -> Optional[Tuple[int, int]]:
    until = time.monotonic() + AT_MOST_SECONDS
    low, high = echoes.small, min(echoes.largest(), most or 65535)
    if high <= low or echoes.answered([low, high]) != {low}:
        return None
    while high - low > 1 and time.monotonic() < until:
        step = -(-(high - low) // (AT_ONCE + 1))
        sizes = list(range(low + step, high, step))
        came = echoes.answered(sizes)
        low = max(came | {low})
        lost = [size for size in sizes if size not in came]
        if lost and min(lost) < low:
            return None  # chance, and not the size
        high = min([*lost, high])
    return (low, high) if echoes.answered([low, high]) == {low} else None
