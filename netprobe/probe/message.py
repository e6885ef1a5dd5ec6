"""What the probe says to its target: the bytes that are sent, by kind of probe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.evidence.model import SPEAK_HTTP, Proto
from netprobe.probe import craft
from netprobe.probe.target import PORT_OF

if TYPE_CHECKING:
    from netprobe.probe.target import Target


def payload(target: Target, tag: str, dialled: str, size: int | None) -> bytes:
    """What is sent to the address that is dialled, marked with the probe's tag; nothing where a connection alone is asked for.

    Args:
        target: what is asked.
        tag: 16 hex digits, by which the capture finds the probe's packets.
        dialled: the address.
        size: of an echo's data or a request's body, in bytes; None: the usual one.
    """
    if target.proto is Proto.UDP:
        return craft.datagram(tag)
    if target.proto is Proto.ICMP:
        return craft.echo_request(tag, size, 6 if ":" in dialled else 4)
    if target.proto in PORT_OF:
        usual = PORT_OF[target.proto]
        port = None if target.port in (None, usual) else target.port
        return craft.http_request(tag, target.name or dialled, port, target.path, size)
    return b""


def control(target: Target, tag: str, dialled: str, size: int | None) -> bytes:
    """The smallest of the echoes that tell, where what may be large is not answered, whether it was the size; nothing for other probes."""
    large = target.proto is Proto.ICMP and size is not None and size > craft.ICMP_DEFAULT_SIZE
    if not large and target.proto not in SPEAK_HTTP:
        return b""
    return craft.echo_request(tag, None, 6 if ":" in dialled else 4, control=True)


def largest(target: Target, dialled: str, size: int | None) -> int | None:
    """The size of the packet that a large echo is, in bytes; None for other probes."""
    header = craft.ECHO_HEADER + (40 if ":" in dialled else 20)
    return size + header if size is not None and target.proto is Proto.ICMP else None
