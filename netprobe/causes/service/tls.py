"""TLS: the handshake that fails."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from netprobe.causes.base import Cause
from netprobe.causes.proof.frames import frame_numbers
from netprobe.causes.proof.greetings import HTTP, TLS, shown, spoken
from netprobe.causes.proof.served import (
    asked_as,
    asked_name,
    bytes_sent,
    ended_by_server,
    server_bytes,
    target_flows,
    whose_port,
)
from netprobe.decode.tls import ALERTS, read_side, version_name
from netprobe.evidence.model import Proto
from netprobe.model.endpoint import Endpoint
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.paths.story import Symptom
from netprobe.paths.tls import Handshake

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.causes.case import Case
    from netprobe.model.remedy import Remedy
    from netprobe.paths.tls import TlsExchange

#: What an alert of the server's says, and what a person does then. The alerts of RFC 8446 §6.2 that have a plain reason.
_SERVER_SAYS: Final[Mapping[str, tuple[str, str]]] = {
    "handshake_failure": (
        "it finds nothing in common with what the client offers (a version, a cipher suite, a kind of key), or has no certificate for that name",
        "see its log, and which ciphers and certificates it is configured with",
    ),
    "protocol_version": (
        "it takes none of the versions that the client offers",
        "have it speak TLS 1.2 or 1.3 (nginx: ssl_protocols TLSv1.2 TLSv1.3)",
    ),
    "insufficient_security": (
        "it takes none of the cipher suites that the client offers",
        "have it take what today's clients offer (nginx: ssl_ciphers)",
    ),
    "unrecognized_name": (
        "it has no certificate for the name that was asked for",
        "ask it by a name that it serves (a network alias or a hosts line of that name leads there), or add that name to its configuration",
    ),
    "certificate_required": (
        "it wants a certificate of the client's, and netprobe has none",
        "that may be as it should be: a client that has its certificate is let in (curl --cert FILE --key FILE)",
    ),
    "no_application_protocol": (
        "it speaks none of the application protocols that the client names (ALPN)",
        "ask it with a client of its protocol (gRPC and HTTP/2 servers: one that speaks h2)",
    ),
    "internal_error": ("it says that the fault is its own", "its log has the reason"),
}
#: What a server's alert says of a client's certificate, sent or not.
_OF_THE_CLIENT: Final = frozenset({
    "bad_certificate", "no_certificate", "unsupported_certificate", "certificate_revoked", "certificate_expired", "certificate_unknown", "unknown_ca", "access_denied",
})  # fmt: skip
_RIGHT_PORT: Final = "is that the right port? Ask the port on which it speaks TLS"
_OWN_CERTIFICATE: Final = "give the client a certificate that the server trusts (curl --cert FILE --key FILE)"
_NO_RECORD: Final = "WRONG_VERSION_NUMBER"  # OpenSSL's reason where the first bytes are no TLS record
_OPENSSL: Final = re.compile(r"(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?([A-Z0-9_]+)\Z")


class TlsHandshakeFailed(Cause):
    """The connection stands, and the TLS handshake on it fails: an alert, an end without one, or an answer that is no TLS.

    What it is: client and server do not agree on a version, a cipher suite, a name or a certificate; or what listens there does not speak TLS at all.
        The network carried the bytes both ways: it is not at fault.
    Why it happens: https:// to a port that speaks plain HTTP; a server that is limited to old versions; one that serves other names only;
        one that wants a certificate of the client's; a TLS server that fails at its own configuration.
    Evidence: the ClientHello and what came back, by their frames: the alert, the first bytes that are no TLS record, or a FIN or RST and no alert, seen to
        leave the target's own namespace where that was watched. What is encrypted (TLS 1.3) by the prober's word.
    Remedy: what the alert asks for; the other scheme where the port does not speak this one.
    Source: RFC 8446 §4.1, §6.2; RFC 6066 §3; openssl s_client(1).
    """

    code = "tls-handshake-failed"
    tells = "the server's log; openssl s_client -connect ADDRESS:PORT -servername NAME"
    symptoms = frozenset({Symptom.NO_HANDSHAKE, Symptom.CLOSED, Symptom.NO_RESPONSE})
    beyond_state = True

    def find(self, case: Case) -> Finding | None:
        """Fires when the handshake ended by what the server (or the client, which did not like its offer) sent."""
        told, error = case.story.tls, _error(case)
        if case.story.symptom is not Symptom.NO_HANDSHAKE or (told is None and not error):
            return None
        clear = told is not None and told.handshake is not Handshake.DONE
        seen = (
            _sent_by_target(case, told) if told is None or clear else True
        )  # what is encrypted nobody on the way could send
        if seen is False:
            return None  # the target did not send it
        who = whose_port(case)
        summary, advice = _said(case, who, told if clear else None, error)
        return self._finding(
            case,
            summary,
            _evidence(case, told, error),
            (advice, _show(case)),
            sure=seen is not None,
        )

    def _finding(
        self, case: Case, summary: str, evidence: tuple[str, ...], advice: tuple[str, ...], *, sure: bool
    ) -> Finding:
        place = case.intent.target
        host = place.host if place is not None else case.probe.source_at.host if case.probe is not None else ""
        remedies: tuple[Remedy, ...] = tuple(advise(host, each) for each in advice if each) if host else ()
        return Finding(
            code=self.code,
            summary=summary,
            where=Where(
                host=place.host if place else None, component=str(place.container or place.host) if place else None
            ),
            evidence=evidence,
            remedies=remedies,
            confidence=Confidence.CERTAIN if sure or place is None else Confidence.LIKELY,
        )

    def possible(self, case: Case) -> bool:
        """Only where TLS was asked for, or seen."""
        return case.intent.proto is Proto.HTTPS or case.story.tls is not None


def _sent_by_target(case: Case, told: TlsExchange | None) -> bool | None:
    """Whether the target itself was seen to send what ended the handshake, and nobody on the way; None where nothing was sniffed there.

    Where no byte was kept (`told` is None) their number counts.
    """
    flows = target_flows(case)
    if flows is None or case.journey is None:
        return None
    if told is None:
        return bytes_sent(case, flows) == bytes_sent(case, case.journey.outer.flows) > 0
    if told.handshake is Handshake.ENDED:
        return ended_by_server(case, flows)
    own = read_side(server_bytes(case, flows))
    return (own.alert, own.version, own.foreign[:8]) == (
        told.server.alert,
        told.server.version,
        told.server.foreign[:8],
    )


def _show(case: Case) -> str:
    """What shows the handshake once more, where it may be asked for."""
    name = asked_name(case)
    named = f" -servername {name}" if name and name.isascii() and name.isprintable() and " " not in name else ""
    where = str(Endpoint(*case.dialled)) if case.dialled is not None else "ADDRESS:PORT"
    return f"openssl s_client -connect {where}{named} shows the handshake step by step"


def _error(case: Case) -> str:
    """OpenSSL's reason by the prober, ``""`` none."""
    tls = case.probe.result.tls if case.probe is not None else None
    return tls.error if tls is not None else ""


def _said(case: Case, who: str, told: TlsExchange | None, error: str) -> tuple[str, str]:
    """What happened, and what to do: by the packets, or where those are encrypted by the prober's error."""
    if told is not None and told.handshake is Handshake.FOREIGN:
        return _foreign(case, who, told)
    if told is not None and told.handshake is Handshake.REFUSED and told.alert is not None:
        return _refused(case, who, told.alert.name, told)
    if told is not None and told.handshake is Handshake.DECLINED:
        return _declined(who, told, error)
    if told is not None and told.handshake is Handshake.ENDED:
        did = "resets" if told.end == "RST" else "closes"
        early = told.frames[-1] < told.frames[0]
        when = "before the TLS handshake begins" if early else "in the middle of the TLS handshake, and sends no alert"
        return (
            f"{who} {did} the connection {when}",
            f"see its log: a TLS server says why before it goes; does it speak TLS on that port? (then {asked_as(case, 'http')} may be what to ask)",
        )
    found = _OPENSSL.match(error)
    name = found[1].lower() if found is not None else ""
    if name in ALERTS.values():
        return _refused(case, who, name, None)
    if error == _NO_RECORD:
        return f"{who} answers the ClientHello with bytes that are not TLS", _RIGHT_PORT
    return f"the TLS handshake with {who} fails: {error}", "see the server's log, and its TLS configuration"


def _foreign(case: Case, who: str, told: TlsExchange) -> tuple[str, str]:
    what = spoken(told.server.foreign)
    if what == TLS:
        what = ""  # it begins as a record does, and is none
    if what == HTTP:
        return (
            f"{who} speaks plain HTTP, not TLS",
            f"ask {asked_as(case, 'http')}; or have the server speak TLS on that port (nginx: listen {case.dialled[1] if case.dialled else 443} ssl, and a certificate)",
        )
    said = f"speaks {what}, not TLS" if what else "answers the ClientHello with bytes that are not TLS"
    return f"{who} {said}", _RIGHT_PORT


def _refused(case: Case, who: str, name: str, told: TlsExchange | None) -> tuple[str, str]:
    """The server's alert."""
    if name in _OF_THE_CLIENT:
        meaning, advice = (
            "it does not take the certificate of this client (or wants one)",
            _OWN_CERTIFICATE,
        )
    else:
        meaning, advice = _SERVER_SAYS.get(name, ("", "see its log"))
    if name == "handshake_failure" and told is not None and told.server.version is not None:
        meaning, advice = _behind_the_hello(told)
    asked = asked_name(case)
    if name == "unrecognized_name" and asked:
        meaning = f"it has no certificate for the name {asked}"
    offered = told.client.client_hello.versions if told is not None and told.client.client_hello is not None else ()
    if name == "protocol_version" and offered:
        meaning += f" ({', '.join(version_name(each) for each in offered[:4])})"
    return f"{who} ends the TLS handshake with the alert {name}" + (f": {meaning}" if meaning else ""), advice


def _behind_the_hello(told: TlsExchange) -> tuple[str, str]:
    """What handshake_failure says of a server that had chosen version and cipher suite already."""
    if told.server.wants_certificate:
        return "it asked for a certificate of the client's and got none that it takes", _OWN_CERTIFICATE
    return "it had agreed on a version and a cipher suite, and failed behind that", "see its log"


def _declined(who: str, told: TlsExchange, error: str) -> tuple[str, str]:
    """The client's alert: it does not take what the server offers."""
    hello = told.client.client_hello
    chosen = told.server.version
    if chosen is not None and hello is not None and hello.versions and chosen not in hello.versions:
        offered = ", ".join(version_name(each) for each in hello.versions[:4])
        return (
            f"{who} speaks {version_name(chosen)}, and the client takes no less than it offers: {offered}",
            "have the server speak TLS 1.2 or 1.3 (nginx: ssl_protocols TLSv1.2 TLSv1.3)",
        )
    if told.alert is None and not error:
        return (
            f"the client ends the TLS handshake with {who} by an alert that is encrypted: as a rule it does not take the certificate",
            "the client's own message or log says why",
        )
    name = told.alert.name if told.alert is not None else "an alert that is encrypted"
    why = f" ({error})" if error else ""
    return (
        f"the client ends the TLS handshake with {who}: {name}{why}",
        "see what the server offers: its version, its keys, its ciphers; old ones are refused by today's clients",
    )


def _evidence(case: Case, told: TlsExchange | None, error: str) -> tuple[str, ...]:
    lines = []
    if told is not None:
        name = f" for {asked_name(case)}" if asked_name(case) else ", which names nobody"
        lines.append(f"the ClientHello{name}, then {told.detail}: {frame_numbers(sorted(told.frames))}")
        if told.server.foreign:
            lines.append(f"the first bytes of the answer are {shown(told.server.foreign)}")
    if error:
        at = case.probe.source_at if case.probe is not None else "the prober"
        lines.append(f"the prober at {at} was told by OpenSSL: {error}")
    return tuple(lines)
