"""Addresses of the packet table as text and back."""

from __future__ import annotations

import ipaddress

_LOW = (1 << 64) - 1


def text(version: int, hi: int, lo: int) -> str:
    """An address as people write it: dotted, or RFC 5952 (mapped IPv4 addresses dotted, §5); ``""`` for version 0."""
    hi, lo = int(hi), int(lo)
    if version == 4:
        return f"{lo >> 24 & 255}.{lo >> 16 & 255}.{lo >> 8 & 255}.{lo & 255}"
    if version != 6:
        return ""
    if hi == 0 and lo >> 32 == 0xFFFF:
        return "::ffff:" + text(4, 0, lo & 0xFFFFFFFF)
    return str(ipaddress.IPv6Address(hi << 64 | lo))


def parse(address: str) -> tuple[int, int, int]:
    """``(version, hi, lo)`` of an address; a zone (``%eth0``) is dropped.

    Raises:
        ValueError: it is not an address.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return parsed.version, int(parsed) >> 64, int(parsed) & _LOW


def mac(value: int) -> str:
    """A 48-bit MAC address as text, ``""`` when absent (negative)."""
    value = int(value)
    return "" if value < 0 else ":".join(f"{value >> shift & 255:02x}" for shift in range(40, -8, -8))
