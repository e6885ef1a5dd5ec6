"""A certificate's words (RFC 5280 §4): whom it names, who signed it, from when to when. No signature is checked here.

DER (X.690) is read as far as that takes, bounded by the bytes at hand; bytes that are no certificate give None, and nothing raises.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES: Final = 1 << 16
MAX_NAMES: Final = 1000
MAX_TEXT: Final = 256
_SEQUENCE, _SET, _OID, _BOOLEAN, _OCTETS = 0x30, 0x31, 0x06, 0x01, 0x04
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87  # GeneralName, RFC 5280 §4.2.1.6
_SUBJECT_ALT_NAME, _BASIC_CONSTRAINTS = b"\x55\x1d\x11", b"\x55\x1d\x13"
_ATTRIBUTES: Final = {b"\x55\x04\x03": "CN", b"\x55\x04\x0a": "O", b"\x55\x04\x0b": "OU", b"\x55\x04\x06": "C"}
_ENCODINGS: Final = {0x1E: "utf-16-be", 0x1C: "utf-32-be", 0x14: "latin-1"}  # BMPString, UniversalString, TeletexString


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What one certificate says.

    Attributes:
        subject, issuer: ``CN=web, O=Example``: the usual attributes, as they come.
        names: its DNS names; addresses: its IP addresses, in text form (subjectAltName).
        not_before, not_after: Unix time in seconds.
        self_issued: issuer and subject are the same name.
        is_authority: basicConstraints says that it may sign others.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    not_before: int
    not_after: int
    self_issued: bool
    is_authority: bool = False

    def is_for(self, name: str) -> bool:
        """Whether it names a host or an address (RFC 9525 §6.3: a ``*`` stands for one whole leftmost label; the common name does not count)."""
        try:
            address = str(ipaddress.ip_address(name))
        except ValueError:
            return any(_matches(each, name) for each in self.names)
        return address in self.addresses


def _matches(pattern: str, name: str) -> bool:
    pattern, name = pattern.rstrip(".").lower(), name.rstrip(".").lower()
    if not pattern.startswith("*."):
        return bool(name) and pattern == name
    label, dot, rest = name.partition(".")
    return bool(label and dot) and "." in pattern[2:] and rest == pattern[2:]


class _Broken(ValueError):
    """These bytes are no certificate."""


def read_certificate(der: bytes) -> Certificate | None:
    """Read a certificate; None where the bytes are none, or more than :data:`MAX_BYTES`."""
    if len(der) > MAX_BYTES:
        return None
    try:
        return _certificate(der)
    except (_Broken, ValueError, OverflowError):
        return None


def _certificate(der: bytes) -> Certificate:
    signed = _only(_items(_only(_items(der), _SEQUENCE)), _SEQUENCE)
    fields = list(_items(signed))
    if fields and fields[0][0] == _VERSION:
        fields = fields[1:]
    if len(fields) < 6:
        raise _Broken
    _serial, _algorithm, issuer, validity, subject = (value for _, value in fields[:5])
    times = [_time(tag, value) for tag, value in _items(validity)]
    if len(times) != 2:
        raise _Broken
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    authority = False
    for oid, value in _extensions(fields[6:]):
        if oid == _SUBJECT_ALT_NAME:
            names, addresses = _alternatives(value)
        elif oid == _BASIC_CONSTRAINTS:
            authority = any(tag == _BOOLEAN and flag != b"\0" for tag, flag in _items(_only(_items(value), _SEQUENCE)))
    return Certificate(
        subject=_name(subject),
        issuer=_name(issuer),
        names=names,
        addresses=addresses,
        not_before=times[0],
        not_after=times[1],
        self_issued=issuer == subject,
        is_authority=authority,
    )


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The values of a constructed one, in order: tag and content (X.690 §8.1). Raises _Broken."""
    at = 0
    while at < len(data):
        tag, at = data[at], at + 1
        if tag & 0x1F == 0x1F or at >= len(data):
            raise _Broken
        size, at = data[at], at + 1
        if size & 0x80:
            width = size & 0x7F
            if not 1 <= width <= 4 or at + width > len(data):
                raise _Broken
            size, at = int.from_bytes(data[at : at + width], "big"), at + width
        if at + size > len(data):
            raise _Broken
        yield tag, data[at : at + size]
        at += size


def _only(items: Iterator[tuple[int, bytes]], tag: int) -> bytes:
    """The content of the first item, which must have this tag."""
    found = next(items, None)
    if found is None or found[0] != tag:
        raise _Broken
    return found[1]


def _extensions(fields: list[tuple[int, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """Each extension's identifier and value."""
    for tag, value in fields:
        if tag != _EXTENSIONS:
            continue
        for _, extension in _items(_only(_items(value), _SEQUENCE)):
            parts = list(_items(extension))
            if len(parts) >= 2 and parts[0][0] == _OID and parts[-1][0] == _OCTETS:
                yield parts[0][1], parts[-1][1]


def _alternatives(value: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The DNS names and the addresses of a subjectAltName."""
    names: list[str] = []
    addresses: list[str] = []
    for tag, item in _items(_only(_items(value), _SEQUENCE)):
        if len(names) + len(addresses) >= MAX_NAMES:
            break
        if tag == _DNS_NAME:
            names.append(item[:MAX_TEXT].decode("ascii", "backslashreplace"))
        elif tag == _IP_ADDRESS and len(item) in (4, 16):
            addresses.append(str(ipaddress.ip_address(item)))
    return tuple(names), tuple(addresses)


def _name(value: bytes) -> str:
    """A distinguished name (RFC 5280 §4.1.2.4): its usual attributes."""
    found: list[str] = []
    for _, relative in _items(value):
        for _, attribute in _items(relative):
            parts = list(_items(attribute))
            key = _ATTRIBUTES.get(parts[0][1]) if len(parts) == 2 and parts[0][0] == _OID else None
            if key is not None and len(found) < 8:
                text = parts[1][1][:MAX_TEXT].decode(_ENCODINGS.get(parts[1][0], "utf-8"), "backslashreplace")
                found.append(f"{key}={text}")
    return ", ".join(found)


def _time(tag: int, value: bytes) -> int:
    """Unix seconds of a UTCTime or GeneralizedTime, which end in Z (RFC 5280 §4.1.2.5)."""
    text = value.decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise _Broken
    return int(datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp())
