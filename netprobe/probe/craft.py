"""The bytes of a probe. scapy crafts ICMP and DNS messages; it is imported only when they are needed."""

from __future__ import annotations

import netprobe
from netprobe import scapy_layers

ICMP_DEFAULT_SIZE = 56  # bytes of data, as ping sends
ECHO_HEADER = 8  # bytes, of ICMP and ICMPv6
_CONTROL = 0x5A5A  # what the identifier of a control echo differs by
PAD_LINE = 4000  # bytes of one header line; servers commonly take 8 KiB
QTYPES = {"A": 1, "AAAA": 28}


def mark(tag: str) -> bytes:
    """Return the text that marks this probe's payload among other traffic."""
    return f"netprobe/1 {tag}\n".encode()


def identifier(tag: str) -> int:
    """Return the ICMP identifier of a tag: never 0."""
    return int(tag[:4], 16) or 1


def echo_request(tag: str, size: int | None, version: int, *, control: bool = False) -> bytes:
    """Return an ICMP echo request (RFC 792, RFC 4443) with `size` bytes of data, marked as far as they reach.

    ``control``: with another identifier, so that it is no part of the probe's own exchange.
    """
    scapy_layers.load()
    from scapy.layers.inet import ICMP
    from scapy.layers.inet6 import ICMPv6EchoRequest
    from scapy.packet import Raw

    length = ICMP_DEFAULT_SIZE if size is None else size
    data = (mark(tag) * (length // len(mark(tag)) + 1))[:length]
    ident = (identifier(tag) ^ _CONTROL or 1) if control else identifier(tag)
    if version == 6:  # the kernel fills in its checksum (RFC 3542 section 3.1); 0, or scapy warns that it cannot
        return bytes(ICMPv6EchoRequest(id=ident, seq=1, cksum=0, data=data))
    return bytes(ICMP(id=ident, seq=1) / Raw(data))


def dns_query(ident: int, name: str, kind: str) -> bytes:
    """Return a DNS query (RFC 1035 section 4.1) with recursion desired. The name's labels must be valid (:func:`is_dns_name`)."""
    scapy_layers.load()
    from scapy.layers.dns import DNS, DNSQR

    return bytes(DNS(id=ident, rd=1, qd=DNSQR(qname=name.rstrip(".") + ".", qtype=QTYPES[kind])))


def is_dns_name(name: str) -> bool:
    """Tell whether a name can be asked for at all: labels of 1 to 63 bytes, 253 in all (RFC 1035 section 2.3.4)."""
    labels = name.rstrip(".").split(".")
    return name.isascii() and len(name.rstrip(".")) <= 253 and all(1 <= len(label) <= 63 for label in labels)


def datagram(tag: str) -> bytes:
    """Return the payload of a UDP probe."""
    return mark(tag)


def http_request(tag: str, host: str, port: int | None, path: str, size: int | None) -> bytes:
    """Return a GET request, padded with header lines to at least `size` bytes; `port` is None for the one that the scheme means."""
    name = f"[{host}]" if ":" in host else host
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {name}" if port is None else f"Host: {name}:{port}",
        f"User-Agent: netprobe/{netprobe.__version__} {tag}",
        "Accept: */*",
        "Connection: close",
    ]
    missing = (size or 0) - sum(len(line) + 2 for line in lines) - 2
    while missing > 0:
        pad = min(max(missing - len("X-Netprobe-Pad: ") - 2, 1), PAD_LINE)
        lines.append("X-Netprobe-Pad: " + "x" * pad)
        missing -= len(lines[-1]) + 2
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
