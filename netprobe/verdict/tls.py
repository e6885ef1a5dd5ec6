"""What a report shows of a TLS session: from the packets where it is in clear, else from the prober."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.decode.tls import version_name
from netprobe.decode.x509 import read_certificate
from netprobe.model.tls import TlsFacts

if TYPE_CHECKING:
    from netprobe.causes.case import Case

_NAMES = 100  # of a certificate: some have thousands


def tls_facts(case: Case) -> TlsFacts | None:
    """Return what is known of it; None where the connection tried no TLS, or nothing of that was kept."""
    told = case.story.tls
    session = case.probe.result.tls if case.probe is not None else None
    if told is None and session is None:
        return None
    ders = session.certificates if session is not None else told.server.certificates if told is not None else ()
    own = read_certificate(ders[0]) if ders else None
    hello = told.client.client_hello if told is not None else None
    version = told.server.version if told is not None else None
    verified = session.verified if session is not None else None
    return TlsFacts(
        version=version_name(version) if version is not None else "",
        server_name=session.server_name if session is not None else hello.server_name if hello is not None else "",
        subject=own.subject if own is not None else "",
        issuer=own.issuer if own is not None else "",
        names=(*own.names, *own.addresses)[:_NAMES] if own is not None else (),
        not_before=own.not_before if own is not None else None,
        not_after=own.not_after if own is not None else None,
        trusted=None if verified is None else verified == 0,
        alert=told.alert.name if told is not None and told.alert is not None else "",
    )
