"""Addresses and prefixes as text, compared as numbers. Untrusted text gives None, never an exception."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network


@lru_cache(maxsize=1 << 16)  # more than the rules of one host, as a rule
def ip(text: str) -> IPv4Address | IPv6Address | None:
    """The address, None when the text is none. A zone (``fe80::1%eth0``) is dropped; v4-mapped becomes IPv4."""
    try:
        value = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(value, IPv6Address) and value.ipv4_mapped is not None:
        return value.ipv4_mapped
    return value


@lru_cache(maxsize=1 << 16)  # more than the rules of one host, as a rule
def prefix(text: str) -> IPv4Network | IPv6Network | None:
    """The prefix (host bits ignored; dotted masks too), None when the text is none or its mask has holes."""
    if _holes(text) is not None:
        return None
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def covers(network: str, address: str) -> bool | None:
    """True when the address lies in the prefix, or has the bits of a mask with holes (``0.0.0.2/0.0.0.255``); None when either text is not understood."""
    net, addr = prefix(network), ip(address)
    if addr is None:
        return None
    if net is not None:
        return addr.version == net.version and addr in net
    bits = _holes(network)
    if bits is None:
        return None
    value, mask = bits
    return addr.version == value.version and int(addr) & int(mask) == int(value) & int(mask)


@lru_cache(maxsize=1 << 16)  # more than the rules of one host, as a rule
def _holes(text: str) -> tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address] | None:
    """Address and mask, where the mask is written as an address that is no prefix: Python's ipaddress takes 0.0.0.255 for a host mask."""
    address, slash, mask = text.partition("/")
    if not slash or mask.isdecimal():
        return None
    try:
        value, bits = ip_address(address), ip_address(mask)
    except ValueError:
        return None
    inverted = int(bits) ^ ((1 << bits.max_prefixlen) - 1)
    return (value, bits) if value.version == bits.version and inverted & (inverted + 1) else None


def overlaps(one: str, other: str) -> bool:
    """True when two prefixes share addresses."""
    first, second = prefix(one), prefix(other)
    if first is None or second is None or first.version != second.version:
        return False
    return int(first.network_address) <= int(second.broadcast_address) and int(second.network_address) <= int(
        first.broadcast_address
    )


def is_loopback(address: str) -> bool:
    """True for 127.0.0.0/8 and ::1."""
    value = ip(address)
    return value is not None and value.is_loopback


def is_link_local(address: str) -> bool:
    """True for fe80::/10, whose addresses stand for another host on each link."""
    value = ip(address)
    return isinstance(value, IPv6Address) and value.is_link_local


def is_any(address: str) -> bool:
    """True for the wildcard addresses ``0.0.0.0``, ``::`` and ``*`` (and no address at all)."""
    return address in {"", "*", "0.0.0.0", "::"}  # noqa: S104 - compared, not bound


def same(one: str, other: str) -> bool:
    """True when both texts name the same address."""
    if one == other:
        return True
    first = ip(one)
    return first is not None and first == ip(other)
