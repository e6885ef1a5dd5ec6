"""What many of one thing cost: captures of many shapes, each in two sizes, of which the larger may take little more than its share."""

from __future__ import annotations

import struct
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from netprobe.errors import UsageFault
from netprobe.evidence.stream.whole import read_many
from netprobe.flows.expression import FlowExpr
from netprobe.flows.model import SeveralFlows
from netprobe.pipeline import analyze

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Make = Callable[[int], Sequence[bytes]]

CLIENT, SERVER = 0x0A000001, 0xC0A80001
SYN, SYN_ACK, RST_ACK, ACK = 0x02, 0x12, 0x14, 0x10
_TCP, _UDP, _ICMP = 6, 17, 1
_FRAME = bytes.fromhex("020000000002 020000000001")


def ip(src: int, dst: int, proto: int, payload: bytes, *, ttl: int = 64, fragment: int = 0) -> bytes:
    """Return an Ethernet frame with an IPv4 packet; `fragment` is the word of flags and offset."""
    head = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(payload), 7, fragment, ttl, proto, 0, src, dst)
    return _FRAME + b"\x08\0" + head + payload


def udp(sport: int, dport: int, data: bytes = b"hello") -> bytes:
    """Return a datagram."""
    return struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data


def tcp(sport: int, dport: int, seq: int, ack: int, flags: int, data: bytes = b"") -> bytes:
    """Return a segment."""
    return struct.pack(">HHIIBBHHH", sport, dport, seq % (1 << 32), ack % (1 << 32), 0x50, flags, 64240, 0, 0) + data


def error(quoted: bytes) -> bytes:
    """Return the frame of an ICMP port unreachable that answers a frame."""
    return ip(SERVER, CLIENT, _ICMP, struct.pack(">BBHI", 3, 3, 0, 0) + quoted[14:42])


def query(number: int) -> bytes:
    """Return a DNS query with this message id."""
    return struct.pack(">HHHHHH", number % 65536, 0x0100, 1, 0, 0, 0) + b"\1a\0\0\1\0\1"


def _port(n: int) -> int:
    return 1024 + n % 60000


def _datagrams(n: int) -> Sequence[bytes]:
    return [ip(CLIENT + n // 60000, SERVER, _UDP, udp(_port(n), 9999))]


def _datagrams_to_many(n: int) -> Sequence[bytes]:
    return [ip(CLIENT, SERVER + n, _UDP, udp(40000, 9999))]


def _datagrams_to_ports(n: int) -> Sequence[bytes]:
    return [ip(CLIENT, SERVER + n // 60000, _UDP, udp(40000, _port(n)))]


def _datagrams_both_ways(n: int) -> Sequence[bytes]:
    data = b"%d" % n
    return [ip(CLIENT, SERVER, _UDP, udp(_port(n), 9999, data)), ip(SERVER, CLIENT, _UDP, udp(9999, _port(n), data))]


def _datagrams_from_elsewhere(n: int) -> Sequence[bytes]:
    back = ip(SERVER + 1 + n, CLIENT, _UDP, udp(9999, _port(n), b"there"))
    return [ip(CLIENT, SERVER, _UDP, udp(_port(n), 9999)), back]


def _datagrams_refused(n: int) -> Sequence[bytes]:
    return [sent := _datagrams(n)[0], error(sent)]


def _datagrams_of_one_refused(n: int) -> Sequence[bytes]:
    return [sent := ip(CLIENT, SERVER, _UDP, udp(4000, 9999, b"%d" % n)), error(sent)]


def _datagrams_forwarded(n: int) -> Sequence[bytes]:
    return [ip(CLIENT + n, SERVER, _UDP, udp(5000, 9999), ttl=255 - n % 255)]


def _queries(n: int) -> Sequence[bytes]:
    return [ip(CLIENT, SERVER, _UDP, udp(_port(n), 53, query(n)))]


def _queries_of_one_id(n: int) -> Sequence[bytes]:
    return [ip(CLIENT + n, SERVER, _UDP, udp(5000, 53, query(7)))]


def _syns(n: int) -> Sequence[bytes]:
    return [ip(CLIENT, SERVER + n // 60000, _TCP, tcp(40000, _port(n), 1000, 0, SYN))]


def _syns_of_many(n: int) -> Sequence[bytes]:
    return [ip(CLIENT + n, SERVER, _TCP, tcp(40000, 80, n, 0, SYN))]


def _syns_refused(n: int) -> Sequence[bytes]:
    back = ip(SERVER, CLIENT, _TCP, tcp(_port(n), 40000, 0, 1001, RST_ACK))
    return [ip(CLIENT, SERVER, _TCP, tcp(40000, _port(n), 1000, 0, SYN)), back]


def _conversations(n: int) -> Sequence[bytes]:
    port, isn, reply = _port(n), n * 99, n * 77
    return [
        ip(CLIENT, SERVER, _TCP, tcp(port, 80, isn, 0, SYN)),
        ip(SERVER, CLIENT, _TCP, tcp(80, port, reply, isn + 1, SYN_ACK)),
        ip(CLIENT, SERVER, _TCP, tcp(port, 80, isn + 1, reply + 1, ACK, b"GET")),
        ip(SERVER, CLIENT, _TCP, tcp(80, port, reply + 1, isn + 4, ACK, b"OK")),
    ]


def _of_one_tuple(n: int) -> Sequence[bytes]:
    return [
        ip(CLIENT, SERVER, _TCP, tcp(5000, 80, n * 99, 0, SYN)),
        ip(SERVER, CLIENT, _TCP, tcp(80, 5000, n * 77, n * 99 + 1, SYN_ACK)),
    ]


def _of_one_tuple_refused(n: int) -> Sequence[bytes]:
    return [sent := ip(CLIENT, SERVER, _TCP, tcp(5000, 80, n * 99, 0, SYN)), error(sent)]


def _segments(n: int) -> Sequence[bytes]:
    return [*(_of_one_tuple(0) if n == 0 else ()), ip(CLIENT, SERVER, _TCP, tcp(5000, 80, 1 + n, 1, ACK, b"x"))]


def _segments_and_dials(n: int) -> Sequence[bytes]:
    gateway, inside, isn = 0xAC110001, 0xAC110002, 1_000_000 + 3 * n
    return [
        *_segments(n),
        ip(gateway, inside, _TCP, tcp(_port(n), 90, isn, 0, SYN)),
        ip(inside, gateway, _TCP, tcp(90, _port(n), 5 * n, isn + 1, SYN_ACK)),
        ip(gateway, inside, _TCP, tcp(_port(n), 90, isn + 1, 5 * n + 1, ACK, b"x")),
    ]


def _echoes(n: int) -> Sequence[bytes]:
    return [ip(CLIENT, SERVER + n, _ICMP, struct.pack(">BBHHH", 8, 0, 0, n % 65536, 1) + bytes(32))]


def _echoes_of_one(n: int) -> Sequence[bytes]:
    return [ip(CLIENT, SERVER, _ICMP, struct.pack(">BBHHH", 8, 0, 0, 7, n % 65536) + bytes(32))]


def _who_has(n: int) -> Sequence[bytes]:
    mac = _FRAME[6:]
    body = struct.pack(">HHBBH6sI6sI", 1, 0x0800, 6, 4, 1, mac, CLIENT, bytes(6), SERVER + n)
    return [*(_syns(0) if n == 0 else ()), b"\xff" * 6 + mac + b"\x08\x06" + body]


def _fragments(n: int) -> Sequence[bytes]:
    first = ip(CLIENT, SERVER, _UDP, udp(4000, 9999, bytes(64)), fragment=0x2000)
    return [first, ip(CLIENT, SERVER, _UDP, bytes(64), fragment=9)] if n else [first]


SHAPES: dict[str, Make] = {
    "datagrams": _datagrams,
    "datagrams to many servers": _datagrams_to_many,
    "datagrams to many ports": _datagrams_to_ports,
    "datagrams, answered alike": _datagrams_both_ways,
    "datagrams, answered from elsewhere": _datagrams_from_elsewhere,
    "datagrams, refused": _datagrams_refused,
    "datagrams of one flow, refused": _datagrams_of_one_refused,
    "datagrams of falling TTLs": _datagrams_forwarded,
    "DNS queries": _queries,
    "DNS queries of one id": _queries_of_one_id,
    "SYNs of a scan": _syns,
    "SYNs of many clients": _syns_of_many,
    "SYNs, refused": _syns_refused,
    "conversations": _conversations,
    "connections of one 5-tuple": _of_one_tuple,
    "connections of one 5-tuple, refused": _of_one_tuple_refused,
    "segments of one connection": _segments,
    "segments, and dials of a gateway": _segments_and_dials,
    "echoes to many": _echoes,
    "echoes of one": _echoes_of_one,
    "ARP requests": _who_has,
    "fragments": _fragments,
}
"""What it is called, and the frames of its n-th piece."""


def captures(shape: str, count: int, points: int = 1) -> list[tuple[str, bytes]]:
    """Return the pcap files of some capture points, each with the same `count` pieces of a shape, 10 µs between frames."""
    frames = list(_frames(SHAPES[shape], count))
    return [(f"point{point}.pcap", _pcap(frames, first_us=3 * point)) for point in range(points)]


def _frames(make: Make, count: int) -> Iterator[bytes]:
    for n in range(count):
        yield from make(n)


def _pcap(frames: Sequence[bytes], first_us: int) -> bytes:
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for number, frame in enumerate(frames):
        seconds, rest = divmod(first_us + number * 10, 1_000_000)
        out.append(struct.pack("<IIII", 1_700_000_000 + seconds, rest, len(frame), len(frame)) + frame)
    return b"".join(out)


def explained(files: Sequence[tuple[str, bytes]]) -> None:
    """Replay captures; where they hold several connections, the first of them too."""
    evidence = read_many(files)
    try:
        analyze(evidence)
    except SeveralFlows as several:
        first = several.flows[0]
        with suppress(UsageFault):  # another connection may have the same ends
            analyze(evidence, FlowExpr.parse(f"{first.src}>{first.dst}/{first.proto}"))
    except UsageFault:
        return  # there is none


def shapes(small: int, times: int) -> None:
    """Print what each shape costs in two sizes, and the first in two larger ones."""
    print(f"many of one thing, in seconds; {times} times as many should take at most {times * 1.25:g} times as long:")
    explained(captures("datagrams", 10))
    for shape, count in [("datagrams", 4 * small), *((shape, small) for shape in SHAPES)]:
        few, many = (_seconds(captures(shape, size)) for size in (count, count * times))
        print(f"  {shape:36} {count:,}: {few:.3f}   {count * times:,}: {many:.3f}   ratio {many / few:.1f}", flush=True)


def _seconds(files: Sequence[tuple[str, bytes]]) -> float:
    begin = time.process_time()
    explained(files)
    return time.process_time() - begin
