"""What is known of a TLS session, as a report shows it. All of it comes from whoever has the port: printed through ``report.escape`` as all text is."""

from __future__ import annotations

from netprobe.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFacts:
    """A TLS session, or what there was of one.

    Attributes:
        version: ``TLS 1.3``; ``""`` where none was agreed on, or that is not known.
        server_name: the name that was asked for (RFC 6066 §3); ``""`` none.
        subject, issuer: of the server's certificate; ``""`` where that was not seen.
        names: whom it is for: DNS names and addresses.
        not_before, not_after: Unix time in seconds; None where it was not seen.
        trusted: whether the probing host's trust store knows its authority and takes its dates; None where that is not known.
        alert: the alert in clear that ended it; ``""`` none.
    """

    version: str = ""
    server_name: str = ""
    subject: str = ""
    issuer: str = ""
    names: tuple[str, ...] = ()
    not_before: int | None = None
    not_after: int | None = None
    trusted: bool | None = None
    alert: str = ""
