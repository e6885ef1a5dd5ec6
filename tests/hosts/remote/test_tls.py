"""TLS of the remote program: what a server showed, and how this host's trust store judges it, without a second connection."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.evidence.probejson import tls_from
from netprobe.hosts.remote import tls
from tests.handshakes import CERTIFICATE, DER, server_context

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def shown(*ders: bytes, whole: bool = True) -> dict[str, Any]:
    return {"certificates": [base64.b64encode(der).decode() for der in ders], "whole": whole}


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trust store with nobody in it."""
    store = tmp_path / "trusted.pem"
    store.write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(store))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    return store


def test_a_certificate_that_nobody_vouches_for(nobody: Path) -> None:
    assert nobody.exists()
    found = tls.judged(shown(DER))
    assert (found["verified"], found["verified_why"].replace("-", " ")) == (18, "self signed certificate")


def test_a_trusted_one(nobody: Path) -> None:
    nobody.write_text(CERTIFICATE)
    assert tls.judged(shown(DER))["verified"] == 0


def test_what_is_not_known(nobody: Path) -> None:
    assert nobody.exists()
    assert tls.judged(shown())["verified"] is None
    assert tls.judged(shown(b"\x30\x03\x02\x01\x01"))["verified"] is None
    alone = tls.judged(shown(DER, whole=False))
    assert alone["verified"] is None
    assert "own certificate alone" in alone["verified_why"]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()


def serve(end: socket.socket, context: ssl.SSLContext) -> threading.Thread:
    def run() -> None:
        try:
            with context.wrap_socket(end, server_side=True) as session:
                session.recv(1)
        except OSError:
            end.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_what_a_server_shows(pair: tuple[socket.socket, socket.socket]) -> None:
    thread = serve(pair[1], server_context())
    with tls.start(pair[0], "web") as session:
        session.do_handshake()
        found = tls_from(tls.judged(tls.seen(session, "web", session.version() or "", "")))
        session.send(b"x")
    thread.join(10)
    assert (found.server_name, found.version, found.certificates, found.whole) == ("web", "TLSv1.3", (DER,), True)
    assert found.cipher


def test_an_alert_has_a_reason_and_an_end_has_none(pair: tuple[socket.socket, socket.socket]) -> None:
    context = server_context()
    context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    thread = serve(pair[1], context)
    with tls.start(pair[0], "web") as session, pytest.raises(ssl.SSLError) as fault:
        session.do_handshake()
    thread.join(10)
    assert tls.reason(fault.value).endswith("UNRECOGNIZED_NAME")
    assert tls.reason(ConnectionResetError()) == tls.reason(ssl.SSLEOFError(8, "EOF")) == ""
    assert tls.is_end(ssl.SSLEOFError(8, "EOF"))


def test_an_end_behind_which_an_alert_was_read() -> None:
    end = ssl.SSLEOFError(8, "EOF")
    end.__context__ = ssl.SSLError(1, "an alert")
    assert tls.reason(end) == "an alert"
