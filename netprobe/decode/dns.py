r"""One DNS message, read whole (RFC 1035 §4.1). Hostile bytes give None or escaped text, never a loop or a crash.

Names are lower-cased nowhere and written without the trailing dot, as Wireshark does; bytes of a label that are not plain
printable characters, and dots and backslashes inside it, are written ``\DDD`` (RFC 1035 §5.1).
"""

from __future__ import annotations

import struct

from netprobe.decode import address
from netprobe.values import dataclass

MAX_NAME = 255  # bytes of a whole name (RFC 1035 §2.3.4)
MAX_POINTERS = 32  # each must point further back, so that they end; this bounds the work as well
MAX_RECORDS = 1024

RCODES = {
    0: "NOERROR",
    1: "FORMERR",
    2: "SERVFAIL",
    3: "NXDOMAIN",
    4: "NOTIMP",
    5: "REFUSED",
    6: "YXDOMAIN",
    7: "YXRRSET",
    8: "NXRRSET",
    9: "NOTAUTH",
    10: "NOTZONE",
    16: "BADVERS",
    23: "BADCOOKIE",
}
"""Response codes by their IANA mnemonics; those above 15 need the bits of an OPT record (RFC 6891 §6.1.3)."""

_A, _NS, _CNAME, _PTR, _AAAA, _OPT = 1, 2, 5, 12, 28, 41
TYPES = {
    _A: "A",
    _NS: "NS",
    _CNAME: "CNAME",
    6: "SOA",
    _PTR: "PTR",
    15: "MX",
    16: "TXT",
    _AAAA: "AAAA",
    33: "SRV",
    35: "NAPTR",
    _OPT: "OPT",
    43: "DS",
    44: "SSHFP",
    46: "RRSIG",
    47: "NSEC",
    48: "DNSKEY",
    52: "TLSA",
    64: "SVCB",
    65: "HTTPS",
    255: "ANY",
    257: "CAA",
}
"""Record types by their IANA mnemonics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsMessage:
    """A DNS message.

    Attributes:
        id: the transaction id.
        qr: True for a response.
        rcode: the response code's name (``RCODE11`` where it has none); ``NOERROR`` in queries.
        truncated: the TC bit: the rest must be asked for over TCP.
        questions: (name, type) of each question.
        answers: (name, type, text) of each record of the answer section: an address, a name, or RFC 3597 hex.
    """

    id: int
    qr: bool
    rcode: str
    truncated: bool = False
    questions: tuple[tuple[str, str], ...] = ()
    answers: tuple[tuple[str, str, str], ...] = ()


class _Malformed(ValueError):
    """Inside this module only."""


def rcode_name(code: int) -> str:
    """A response code's name."""
    return RCODES.get(code, f"RCODE{code}")


def type_name(code: int) -> str:
    """A record type's name, ``TYPE1234`` (RFC 3597 §5) where it has none here."""
    return TYPES.get(code, f"TYPE{code}")


def parse_message(data: bytes) -> DnsMessage | None:
    """Read a message's header, questions and answers; None when any of it is malformed or cut short."""
    try:
        return _message(bytes(data[:0xFFFF]))
    except (_Malformed, struct.error, IndexError):
        return None


def extended_rcode(data: bytes) -> int:
    """The upper bits of a response code, from the OPT record (RFC 6891 §6.1.3), as they stand above the header's four; 0 where there is none to read."""
    try:
        _, _, asked, *counts = struct.unpack_from(">6H", data)
        if asked + sum(counts) > MAX_RECORDS:
            return 0
        pos = 12
        for _ in range(asked):
            pos = _name(data, pos)[1] + 4
        for _ in range(sum(counts)):
            pos = _name(data, pos)[1]
            kind, _, upper, length = struct.unpack_from(">HHB3xH", data, pos)
            if kind == _OPT:
                return int(upper) << 4
            pos += 10 + length
    except (_Malformed, struct.error, IndexError):
        return 0
    return 0


def _message(data: bytes) -> DnsMessage:
    ident, flags, asked, answered = struct.unpack_from(">4H", data)
    if len(data) < 12 or asked + answered > MAX_RECORDS:
        raise _Malformed
    pos = 12
    questions: list[tuple[str, str]] = []
    answers: list[tuple[str, str, str]] = []
    for _ in range(asked):
        name, pos = _name(data, pos)
        questions.append((name, type_name(struct.unpack_from(">HH", data, pos)[0])))
        pos += 4
    for _ in range(answered):
        record, pos = _record(data, pos)
        answers.append(record)
    return DnsMessage(
        id=ident,
        qr=bool(flags & 0x8000),
        rcode=rcode_name(flags & 0xF),
        truncated=bool(flags & 0x0200),
        questions=tuple(questions),
        answers=tuple(answers),
    )


def _record(data: bytes, pos: int) -> tuple[tuple[str, str, str], int]:
    name, pos = _name(data, pos)
    kind, _, _, length = struct.unpack_from(">HHIH", data, pos)
    pos += 10
    if pos + length > len(data):
        raise _Malformed
    return (name, type_name(kind), _value(data, pos, kind, length)), pos + length


def _value(data: bytes, pos: int, kind: int, length: int) -> str:
    if kind == _A and length == 4:
        return address.text(4, 0, int.from_bytes(data[pos : pos + 4], "big"))
    if kind == _AAAA and length == 16:
        return address.text(6, *struct.unpack_from(">QQ", data, pos))
    if kind in (_NS, _CNAME, _PTR):
        return _name(data, pos)[0]
    return f"\\# {length} {data[pos : pos + length].hex()}".rstrip()


def _name(data: bytes, pos: int) -> tuple[str, int]:
    """A name, and where what follows it begins. ``.`` is the root."""
    labels: list[str] = []
    after, size, pointers, start = -1, 1, 0, pos
    while (length := data[pos]) != 0:
        if length >= 0xC0:
            target = (length & 0x3F) << 8 | data[pos + 1]
            after = pos + 2 if after < 0 else after
            pointers += 1
            if target >= start or pointers > MAX_POINTERS:
                raise _Malformed
            pos = start = target
            continue
        size += length + 1
        if length > 63 or size > MAX_NAME or pos + 1 + length > len(data):
            raise _Malformed
        labels.append(escape_label(data[pos + 1 : pos + 1 + length]))
        pos += 1 + length
    return ".".join(labels) or ".", pos + 1 if after < 0 else after


def escape_label(label: bytes) -> str:
    r"""One label as text: printable ASCII as it is, all else, dots and backslashes as ``\DDD``."""
    return "".join(chr(byte) if 0x21 <= byte <= 0x7E and byte not in b'.\\"' else f"\\{byte:03d}" for byte in label)
