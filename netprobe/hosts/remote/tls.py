"""TLS over a probe's connection: the handshake as a client's, with what the server showed, and how this host's trust store judges it.

The probe itself trusts everybody, as it is to see what comes behind the handshake. OpenSSL judges a chain when the Certificate message comes, before
anything that takes a private key (RFC 5246 §7.4.2): so the chain is shown once more, afterwards and in memory, to a client that does not trust.
"""

from __future__ import annotations

import base64
import contextlib
import ssl
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any, Dict, List, Optional, Tuple

CHAIN_LIMIT = 10  # certificates
CHAIN_BYTES = 1 << 16
_RECORD = 1 << 14
_ECDHE_RSA_AES128_GCM = b"\xc0\x2f"
_RENEGOTIATION_INFO = b"\xff\x01\x00\x01\x00"  # RFC 5746 §3.4: else OpenSSL 3 refuses


def start(sock: socket.socket, server_name: str) -> ssl.SSLSocket:
    """Wrap a connected socket (which then belongs to what is returned) for a handshake, with this name asked for (``""`` none)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(sock, server_hostname=server_name or None, do_handshake_on_connect=False)


def seen(tls: ssl.SSLSocket, server_name: str, version: str, error: str) -> Dict[str, Any]:
    """Describe a session as ``netprobe.evidence.model.TlsSession`` has it; its chain is not judged yet. ``version``: ``""`` for no handshake."""
    chain, whole = _chain(tls)
    cipher = tls.cipher() if version else None
    return {
        "server_name": server_name,
        "version": version,
        "cipher": cipher[0] if cipher else "",
        "error": error[:200],
        "certificates": [base64.b64encode(each).decode() for each in chain],
        "whole": whole,
    }


def judged(session: Dict[str, Any]) -> Dict[str, Any]:
    """Add how this host's trust store judges the chain: a code of OpenSSL's, None where that is not known."""
    chain = [base64.b64decode(each) for each in session["certificates"]]
    code, why = _judge(chain) if chain else (None, "no certificate was read")
    if code is not None and code != 0 and not session["whole"]:
        code, why = None, "this host's Python shows the server's own certificate alone (%s)" % why
    return {**session, "verified": code, "verified_why": why[:200]}


def is_end(error: OSError) -> bool:
    """Tell whether an error is the end of the connection without an alert."""
    ends = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
    return isinstance(error, ends) or getattr(error, "reason", None) == "UNEXPECTED_EOF_WHILE_READING"


def reason(error: OSError) -> str:
    """Return OpenSSL's reason for an error of TLS itself, ``""`` for any other, and for an end without an alert."""
    if not isinstance(error, ssl.SSLError) or is_end(error):
        before = error.__context__  # reading shows the alert for which writing failed
        return reason(before) if isinstance(before, OSError) else ""
    return getattr(error, "reason", None) or (str(error.args[1]) if len(error.args) > 1 else "unknown")


def _chain(tls: ssl.SSLSocket) -> Tuple[List[bytes], bool]:
    """The certificates as the server sent them, and whether they are all."""
    try:
        if hasattr(tls, "get_unverified_chain"):  # Python 3.13
            found = list(tls.get_unverified_chain())
        else:  # Python 3.10 has it where only its own tests look
            found = [each.public_bytes(ssl._ssl.ENCODING_DER) for each in tls._sslobj.get_unverified_chain() or ()]  # type: ignore[attr-defined]
        whole = True
    except (AttributeError, TypeError, ValueError, OSError):
        found, whole = [], False
    if not found:
        try:
            own = tls.getpeercert(True)
        except (ValueError, OSError):
            own = None
        found = [own] if own else []
    kept = []  # type: List[bytes]
    for each in found[:CHAIN_LIMIT]:
        if sum(map(len, kept)) + len(each) > CHAIN_BYTES:
            break
        kept.append(each)
    return kept, whole and len(kept) == len(found)


def _judge(chain: List[bytes]) -> Tuple[Optional[int], str]:
    """Show a chain to a client that trusts what this host trusts: (code, words)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    came, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(came, sent)
    try:
        _step(client)
        came.write(_server_flight(chain))
        _step(client)
    except ssl.SSLCertVerificationError as error:
        return error.verify_code, error.verify_message
    except ssl.SSLError as error:  # the type of key is looked at once the chain was found good
        if error.reason != "WRONG_CERTIFICATE_TYPE":
            return None, "not judged: %s" % (error.reason or error)
    return 0, ""


def _step(client: ssl.SSLObject) -> None:
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()


def _server_flight(chain: List[bytes]) -> bytes:
    """A ServerHello of TLS 1.2 and the Certificate message behind it (RFC 5246 §7.4.1.3, §7.4.2), as records."""
    extensions = _sized(2, _RENEGOTIATION_INFO)
    hello = b"\x03\x03" + bytes(32) + b"\x00" + _ECDHE_RSA_AES128_GCM + b"\x00" + extensions
    listed = _sized(3, b"".join(_sized(3, each) for each in chain))
    flight = b"\x02" + _sized(3, hello) + b"\x0b" + _sized(3, listed)
    parts = [flight[at : at + _RECORD] for at in range(0, len(flight), _RECORD)]
    return b"".join(struct.pack(">BHH", 22, 0x0303, len(part)) + part for part in parts)


def _sized(width: int, data: bytes) -> bytes:
    return len(data).to_bytes(width, "big") + data
