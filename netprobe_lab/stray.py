"""Sends a stray TCP segment into other people's connections: one that comes too early, too late, or from somebody else.

Started as a file, with the standard library alone, by `steps.carry_out`, in the namespace whose interface it watches and sends on. It sends below
the network layer (packet(7)), so nothing of that namespace looks at the segment: it is what a network brings that reorders, repeats or forges.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import time
from dataclasses import dataclass

SECONDS = 120.0  # it ends by itself
_IPV4, _TCP = b"\x08\x00", 6
_ALL = 3  # ETH_P_ALL
_FIN, _SYN, _RST, _PSH, _ACK = 1, 2, 4, 8, 16
_WINDOW = 65535
_PAYLOAD = b"stray data"
_MASK = 0xFFFFFFFF

Ends = tuple[bytes, int, bytes, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """What is read of one frame: Ethernet, IPv4, TCP."""

    macs: bytes
    src: bytes
    dst: bytes
    sport: int
    dport: int
    seq: int
    ack: int
    flags: int


def parse(frame: bytes) -> Segment | None:
    """Return the TCP segment of a frame, None if it is something else."""
    if frame[12:14] != _IPV4 or len(frame) < 34 or frame[23] != _TCP:
        return None
    start = 14 + (frame[14] & 15) * 4
    if len(frame) < start + 20:
        return None
    sport, dport, seq, ack, _, flags = struct.unpack_from("!HHIIBB", frame, start)
    src, dst = frame[26:30], frame[30:34]
    return Segment(macs=frame[:12], src=src, dst=dst, sport=sport, dport=dport, seq=seq, ack=ack, flags=flags)


class Watch:
    """Waits in each connection to a port for the moment to send, which comes once.

    Args:
        port: the server's.
        sender: in whose name: ``client`` or ``server``.
        ahead: how far beyond the sender's next sequence number, in bytes.
        after: how many bytes of the server's the client must have acknowledged.
        reset: send a RST instead of data.
    """

    def __init__(self, *, port: int, sender: str, ahead: int, after: int, reset: bool) -> None:
        self._port, self._sender, self._ahead, self._after, self._reset = port, sender, ahead, after, reset
        self._began: dict[Ends, int] = {}

    def see(self, frame: bytes) -> bytes | None:
        """Look at a frame that passes; return the frame to send now, if any."""
        seen = parse(frame)
        if seen is None:
            return None
        if seen.sport == self._port and seen.flags & (_SYN | _ACK) == _SYN | _ACK:
            self._began[seen.dst, seen.dport, seen.src, seen.sport] = (seen.seq + 1) & _MASK
        ends = (seen.src, seen.sport, seen.dst, seen.dport)
        if ends not in self._began or seen.flags & (_FIN | _SYN | _RST | _PSH | _ACK) != _ACK:
            return None
        if (seen.ack - self._began[ends]) & _MASK < self._after:
            return None
        del self._began[ends]
        return self._frame(seen)

    def _frame(self, last: Segment) -> bytes:
        """Build the segment, given the client's last one."""
        flags, data = (_RST, b"") if self._reset else (_PSH | _ACK, _PAYLOAD)
        if self._sender == "client":
            macs, ends = last.macs, (last.src, last.sport, last.dst, last.dport)
            seq, ack = last.seq, last.ack
        else:
            macs, ends = last.macs[6:] + last.macs[:6], (last.dst, last.dport, last.src, last.sport)
            seq, ack = last.ack, last.seq
        seq, ack = (seq + self._ahead) & _MASK, ack if flags & _ACK else 0
        return macs + _IPV4 + packet(ends, seq, ack, flags, data)


def packet(ends: Ends, seq: int, ack: int, flags: int, data: bytes) -> bytes:
    """Build an IPv4 packet with one TCP segment (RFC 791, RFC 9293 section 3.1)."""
    src, sport, dst, dport = ends
    header = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, _WINDOW, 0, 0)
    pseudo = src + dst + struct.pack("!HH", _TCP, len(header) + len(data))
    header = header[:16] + checksum(pseudo + header + data) + header[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(header) + len(data), 0, 0x4000, 64, _TCP, 0, src, dst)
    return ip[:10] + checksum(ip) + ip[12:] + header + data


def checksum(data: bytes) -> bytes:
    """Return the Internet checksum (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    return struct.pack("!H", ~total & 0xFFFF)


def main() -> None:
    """Say `ready` on stdout, then watch and send until the time is over."""
    options = json.loads(sys.argv[1])
    interface = options.pop("interface")
    watch, end = Watch(**options), time.monotonic() + SECONDS
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL)) as sock:
        sock.bind((interface, 0))
        print("ready", flush=True)
        while (left := end - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                answer = watch.see(sock.recv(65535))
            except TimeoutError:
                return
            if answer is not None:
                sock.send(answer)


if __name__ == "__main__":
    main()
