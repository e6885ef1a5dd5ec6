"""What a TLS handshake shows in clear (RFC 8446 §4 and §5, RFC 5246 §7, RFC 6066 §3): hellos, alerts, and certificates up to TLS 1.2.

A side is what one end sent, read from its first byte. Everything is bounded, and bytes that are no TLS end the reading: nothing raises.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
CLIENT_HELLO, SERVER_HELLO, CERTIFICATE, CERTIFICATE_REQUEST = 1, 2, 11, 13
MAX_RECORDS: Final = 4096  # of one side: a handshake has some ten
MAX_PAYLOAD: Final = (1 << 14) + 2048  # RFC 5246 §6.2.3; TLS 1.3 allows less
MAX_HANDSHAKE: Final = 1 << 17  # bytes of handshake messages in clear that are put together
MAX_CERTIFICATES: Final = 10
MAX_FOREIGN: Final = 64  # bytes that are kept of what is no TLS
_RETRY: Final = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")  # RFC 8446 §4.1.3
_SEALED_ALERT: Final = 2 + 1 + 16  # level and description, the type, an AEAD's tag
_SERVER_NAME, _SUPPORTED_VERSIONS = 0, 43
_VERSIONS: Final = {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}

#: Alert descriptions: the IANA registry "TLS Alerts".
ALERTS: Final = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
    121: "ech_required",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert in clear: its description by the registry's number, and whether it ends the connection."""

    code: int
    fatal: bool

    @property
    def name(self) -> str:
        """``handshake_failure``; ``alert 99`` where the registry has no name."""
        return ALERTS.get(self.code, f"alert {self.code}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientHello:
    """The client's offer: the name that it asks for (``""`` none), and the versions that it takes, highest first."""

    server_name: str = ""
    versions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one side sent.

    Attributes:
        client_hello: where it sent one (the last, after a HelloRetryRequest).
        version: the version that a ServerHello chose; None where it sent none.
        certificates: DER, the end entity's first; they are in clear up to TLS 1.2.
        alert: the first alert in clear that ends the connection, else the first of all.
        sealed: how many records were encrypted; of them, data: the ones that are application data by their type (in TLS 1.3 each is).
        says_alert: the one record of application data by its type is as long as an alert of TLS 1.3, which is encrypted like that (RFC 8446 §5.2).
        finished: whether it sent Finished up to TLS 1.2: a handshake record that is encrypted, behind its ChangeCipherSpec (RFC 5246 §7.4.9).
        wants_certificate: whether it asked in clear for a certificate of the client's.
        alert_at: where in its stream the record of ``alert`` begins, else that of ``says_alert``; None where there is neither.
        foreign: the first bytes where it does not speak TLS, ``b""`` where it does or said nothing.
        records: how many records it sent.
    """

    client_hello: ClientHello | None = None
    version: int | None = None
    certificates: tuple[bytes, ...] = ()
    alert: Alert | None = None
    sealed: int = 0
    data: int = 0
    says_alert: bool = False
    finished: bool = False
    wants_certificate: bool = False
    alert_at: int | None = None
    foreign: bytes = b""
    records: int = 0


def version_name(version: int | None) -> str:
    """``TLS 1.2``; the number in hex where it has no name."""
    return _VERSIONS.get(version or 0, f"version {version or 0:#06x}")


def is_tls(data: bytes) -> bool:
    """Whether bytes may be the beginning of a TLS record (as far as they go)."""
    if not data or data[0] not in (CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA):
        return False
    if len(data) > 1 and data[1] != 3:
        return False
    if len(data) > 2 and data[2] > 4:
        return False
    return len(data) < 5 or 0 < int.from_bytes(data[3:5], "big") <= MAX_PAYLOAD


def read_side(data: bytes) -> Side:
    """Read what one side sent, from its first byte, as far as it is TLS.

    Args:
        data: its part of the stream in order; it may end anywhere.
    """
    if data and not is_tls(data):
        return Side(foreign=data[:MAX_FOREIGN])
    read = _Reading()
    for at, kind, payload in _records(data):
        read.record(at, kind, payload)
    return read.side()


def _records(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Where each whole record begins, its type and its payload, and what there is of the last."""
    at = 0
    for _ in range(MAX_RECORDS):
        head = data[at : at + 5]
        if len(head) < 5 or not is_tls(head):
            return
        size = int.from_bytes(head[3:5], "big")
        yield at, head[0], data[at + 5 : at + 5 + size]
        at += 5 + size


@dataclass(slots=True)
class _Reading:
    """The side as it is read."""

    handshake: bytearray = field(default_factory=bytearray)
    changed: bool = False
    records: int = 0
    sealed: int = 0
    data: int = 0
    sealed_at: int = 0  # where the first record of application data begins
    says_alert: bool = False
    finished: bool = False
    alerts: list[tuple[Alert, int]] = field(default_factory=list)

    def record(self, at: int, kind: int, payload: bytes) -> None:
        self.records += 1
        if kind == CHANGE_CIPHER_SPEC:
            self.changed = True
        elif kind == APPLICATION_DATA:
            self.sealed += 1
            self.data += 1
            self.sealed_at = self.sealed_at if self.data > 1 else at
            self.says_alert = self.data == 1 and len(payload) == _SEALED_ALERT
        elif self.changed and not _clear(kind, payload):
            self.sealed += 1
            self.finished = self.finished or kind == HANDSHAKE
        elif kind == ALERT:
            if len(payload) == 2 and len(self.alerts) < MAX_CERTIFICATES:
                self.alerts.append((Alert(code=payload[1], fatal=payload[0] == 2), at))
        elif len(self.handshake) < MAX_HANDSHAKE:
            self.handshake += payload

    def side(self) -> Side:
        hello: ClientHello | None = None
        version: int | None = None
        certificates: tuple[bytes, ...] = ()
        wants = False
        for kind, body in _messages(bytes(self.handshake)):
            if kind == CLIENT_HELLO:
                hello = _client_hello(body)
            elif kind == SERVER_HELLO and body[2:34] != _RETRY:
                version = _chosen(body)
            elif kind == CERTIFICATE and not certificates:
                certificates = _certificates(body)
            elif kind == CERTIFICATE_REQUEST:
                wants = True
        ending = next((each for each in self.alerts if each[0].fatal), None)
        alert, at = ending or next(iter(self.alerts), (None, self.sealed_at if self.says_alert else None))
        return Side(
            client_hello=hello,
            version=version,
            certificates=certificates,
            alert=alert,
            sealed=self.sealed,
            data=self.data,
            says_alert=self.says_alert,
            finished=self.finished,
            wants_certificate=wants,
            alert_at=at,
            records=self.records,
        )


def _clear(kind: int, payload: bytes) -> bool:
    """Whether a record behind a ChangeCipherSpec is in clear: the hello after a HelloRetryRequest (RFC 8446 appendix D.4), an alert of two bytes."""
    if kind == ALERT:
        return len(payload) == 2
    whole = len(payload) >= 4 and 4 + int.from_bytes(payload[1:4], "big") == len(payload)
    return whole and payload[0] in (CLIENT_HELLO, SERVER_HELLO)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each whole handshake message."""
    at = 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        if at + 4 + size > len(data):
            return
        yield data[at], data[at + 4 : at + 4 + size]
        at += 4 + size


def _client_hello(body: bytes) -> ClientHello:
    """RFC 8446 §4.1.2."""
    legacy = int.from_bytes(body[:2], "big")
    at = 34
    for width in (1, 2, 1):  # session id, cipher suites, compression methods
        at += width + int.from_bytes(body[at : at + width], "big")
    name = ""
    versions: tuple[int, ...] = ()
    for kind, value in _extensions(body, at):
        if kind == _SERVER_NAME:
            name = _server_name(value)
        elif kind == _SUPPORTED_VERSIONS:
            versions = _offered(value)
    return ClientHello(server_name=name, versions=versions or (legacy,))


def _chosen(body: bytes) -> int:
    """The version of a ServerHello (RFC 8446 §4.1.3): in an extension from TLS 1.3 on."""
    at = 35 + (body[34] if len(body) > 34 else 0) + 3
    for kind, value in _extensions(body, at):
        if kind == _SUPPORTED_VERSIONS and len(value) == 2:
            return int.from_bytes(value, "big")
    return int.from_bytes(body[:2], "big")


def _extensions(body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    end = min(at + 2 + int.from_bytes(body[at : at + 2], "big"), len(body))
    at += 2
    while at + 4 <= end:
        kind, size = int.from_bytes(body[at : at + 2], "big"), int.from_bytes(body[at + 2 : at + 4], "big")
        yield kind, body[at + 4 : min(at + 4 + size, end)]
        at += 4 + size


def _server_name(value: bytes) -> str:
    """The host_name of a server_name extension (RFC 6066 §3); what is no ASCII is escaped."""
    if len(value) < 5 or value[2] != 0:
        return ""
    size = int.from_bytes(value[3:5], "big")
    return value[5 : 5 + min(size, 255)].decode("ascii", "backslashreplace")


def _offered(value: bytes) -> tuple[int, ...]:
    """supported_versions of a client, without GREASE (RFC 8701), highest first."""
    pairs = (value[at : at + 2] for at in range(1, min(len(value) - 1, 64), 2))
    found = {int.from_bytes(pair, "big") for pair in pairs}
    return tuple(sorted((each for each in found if each & 0x0F0F != 0x0A0A), reverse=True))


def _certificates(body: bytes) -> tuple[bytes, ...]:
    """A Certificate message up to TLS 1.2 (RFC 5246 §7.4.2)."""
    found: list[bytes] = []
    at = 3
    while at + 3 <= len(body) and len(found) < MAX_CERTIFICATES:
        size = int.from_bytes(body[at : at + 3], "big")
        if not size or at + 3 + size > len(body):
            break
        found.append(body[at + 3 : at + 3 + size])
        at += 3 + size
    return tuple(found)
