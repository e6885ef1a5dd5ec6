"""TLS handshakes between two OpenSSLs in memory, as bytes: what tests of TLS read. The key is of this file alone."""

from __future__ import annotations

import contextlib
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgASO8LoOjbJrxHQ9N
tU/5ED1NdUz+T9KDsgpvpoGAK3+hRANCAAR8aby+PMF43IqSPcCwdXPFQiEJdgvh
PMx1azWpickgVv5YIKX0susz7DarD7rRE6dcfFZayZueFIN4QWunKXTa
-----END PRIVATE KEY-----
"""
#: For web, *.shop.test, 192.0.2.1 and 2001:db8::1; signed by itself; from 2026-11-30 to 2046-01-29.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIB5zCCAY6gAwIBAgIUcfrMU1NxrhOSrmH+lw3f5gBB/AIwCgYIKoZIzj0EAwIw
LjELMAkGA1UEBhMCREUxETAPBgNVBAoMCFRlc3QgTHRkMQwwCgYDVQQDDAN3ZWIw
HhcNMjYxMTMwMDAwMDUyWhcNNDYwMTI5MDAwMDUyWjAuMQswCQYDVQQGEwJERTER
MA8GA1UECgwIVGVzdCBMdGQxDDAKBgNVBAMMA3dlYjBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABHxpvL48wXjcipI9wLB1c8VCIQl2C+E8zHVrNamJySBW/lggpfSy
6zPsNqsPutETp1x8VlrJm54Ug3hBa6cpdNqjgYkwgYYwHQYDVR0OBBYEFFEzql+7
e0/uXU0pBoud5SF3+wTkMB8GA1UdIwQYMBaAFFEzql+7e0/uXU0pBoud5SF3+wTk
MA8GA1UdEwEB/wQFMAMBAf8wMwYDVR0RBCwwKoIDd2ViggsqLnNob3AudGVzdIcE
wAACAYcQIAENuAAAAAAAAAAAAAAAATAKBggqhkjOPQQDAgNHADBEAiAYC9yoMDFY
bvqCs9tkh/lBTPWBXd3ac7jW1P6k5IlhaAIgOmsHcAjFN96U2boElRK6eSQv7U7k
emgORLAABhDQB2E=
-----END CERTIFICATE-----
"""
DER = ssl.PEM_cert_to_DER_cert(CERTIFICATE)


def server_context() -> ssl.SSLContext:
    """A server with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "both.pem"
        file.write_text(KEY + CERTIFICATE)
        context.load_cert_chain(file)
    return context


def client_context() -> ssl.SSLContext:
    """A client that trusts everybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def talk(
    server: ssl.SSLContext | None = None, client: ssl.SSLContext | None = None, *, name: str | None = "web"
) -> tuple[bytes, bytes]:
    """What the client and the server send: a handshake as far as it goes, a request and a response."""
    ways = [ssl.MemoryBIO(), ssl.MemoryBIO()]
    sent = [ssl.MemoryBIO(), ssl.MemoryBIO()]
    asking = (client or client_context()).wrap_bio(ways[0], sent[0], server_hostname=name)
    serving = (server or server_context()).wrap_bio(ways[1], sent[1], server_side=True)
    logs = [b"", b""]
    steps: list[Callable[[], object]] = [asking.do_handshake, serving.do_handshake] * 3
    steps += [lambda: asking.write(b"GET / HTTP/1.1\r\n\r\n"), lambda: serving.read(100)]
    steps += [lambda: serving.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), lambda: asking.read(100)]
    for step in steps:
        with contextlib.suppress(ssl.SSLError, ValueError):
            step()
        for side in (0, 1):
            data = sent[side].read()
            logs[side] += data
            ways[1 - side].write(data)
    return logs[0], logs[1]
