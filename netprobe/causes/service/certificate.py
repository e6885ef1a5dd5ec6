"""TLS: the certificate that a client which looks at it refuses."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from netprobe.causes.base import Cause
from netprobe.causes.proof.frames import frame_numbers
from netprobe.causes.proof.served import asked_name, whose_port
from netprobe.decode.x509 import read_certificate
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.paths.story import Symptom
from netprobe.paths.tls import Handshake
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.decode.x509 import Certificate

_FEW: Final = 4  # names of a certificate that a line has
_DAY: Final = 86400
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
#: Alerts by which a client refuses a server's certificate (RFC 8446 §6.2).
_REFUSALS: Final = frozenset({
    "bad_certificate", "unsupported_certificate", "certificate_revoked", "certificate_expired", "certificate_unknown", "unknown_ca",
})  # fmt: skip
#: Those of which the alert itself says what a client found.
_SIGNER, _OLD = "unknown_ca", "certificate_expired"
#: OpenSSL's X509_V_ERR codes (x509_vfy.h): not yet valid, expired; the signer is not known; signed by itself, alone or at the end of the chain.
_TIMES: Final = frozenset({9, 10})
_NO_ISSUER: Final = frozenset({2, 20, 21, 27})
_SELF_SIGNED: Final = 18
_UNKNOWN_ROOT: Final = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    """One reason to refuse it: what is wrong, and what a person does."""

    what: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A certificate as it was shown: parsed, its chain's length, whether that is all, the name asked for, and when (Unix seconds)."""

    own: Certificate
    chain: tuple[Certificate | None, ...]
    asked: str
    when: int


class TlsCertificate(Cause):
    """The server's certificate is one that clients refuse: another name, out of date, or signed by nobody whom they trust.

    What it is: TLS works, and whoever checks the certificate goes no further: browsers, curl, and most libraries. netprobe's own probe goes on and says what comes.
    Why it happens: the certificate was not renewed, or not loaded after it was; a container is asked by its own name and has the public one's certificate;
        a certificate signed by itself or by a company's own authority; a server that leaves the intermediate certificate out; a wrong clock.
    Evidence: the certificate's own names and dates held against the name that was asked for and the probe's time; OpenSSL's judgement of the chain by the
        trust store of the host that asked (a container's own store may differ). In other clients' captures: the alert by which the client refused it.
    Remedy: ask by a name that it has, renew it, or have the clients trust its authority.
    Source: RFC 5280 §4.1.2.5, §6; RFC 9525 §6; openssl-verification-options(1).
    """

    code = "tls-certificate"
    note = True
    tells = "openssl s_client -connect ADDRESS:PORT -servername NAME -showcerts"
    symptoms = frozenset({Symptom.OK, Symptom.NO_RESPONSE})
    explains = frozenset({Symptom.NO_HANDSHAKE})

    def find(self, case: Case) -> Finding | None:
        """Fires when the certificate that was shown does not name who was asked, is out of date, or was not found good by the host that asked."""
        told = case.story.tls
        refused = told.client.alert.name if told is not None and self._refused(case) and told.client.alert else ""
        shown = _shown(case)
        faults = _faults(case, shown) if shown is not None else ()
        if not faults and not refused:
            return None
        who, place = whose_port(case), case.intent.target
        what = "; ".join((*_by_alert(refused, shown), *(each.what for each in faults)))
        begin = (
            f"the client refuses the certificate of {who} ({refused})"
            if refused
            else f"clients that check it refuse the certificate of {who}"
        )
        host = place.host if place is not None else case.probe.source_at.host if case.probe is not None else ""
        return Finding(
            code=self.code,
            summary=f"{begin}: {what}" if what else begin,
            where=Where(
                host=place.host if place else None, component=str(place.container or place.host) if place else None
            ),
            evidence=(*self._alert(case, refused), *(_evidence(case, shown) if shown is not None else ())),
            remedies=tuple(advise(host, each.advice) for each in faults) if host else (),
            confidence=Confidence.CERTAIN if faults else Confidence.LIKELY,
            caveat="clients refuse its certificate",
        )

    @staticmethod
    def _refused(case: Case) -> bool:
        told = case.story.tls
        return (
            told is not None
            and told.handshake is Handshake.DECLINED
            and told.client.alert is not None
            and told.client.alert.name in _REFUSALS
        )

    def is_reason(self, case: Case) -> bool:
        """Only where the client said so: what a client thinks of a certificate is no reason of another failure."""
        return self._refused(case)

    @staticmethod
    def _alert(case: Case, refused: str) -> tuple[str, ...]:
        return (f"the client's alert {refused}: {case.frames}",) if refused else ()

    def possible(self, case: Case) -> bool:
        """Netprobe's own probe takes every certificate."""
        return case.probe is None


def _by_alert(refused: str, shown: _Shown | None) -> tuple[str, ...]:
    """What the client's own alert says of it; nothing where there is none, or what it says of dates is in the certificate."""
    if not refused or (refused == _OLD and shown is not None):
        return ()
    if refused == _SIGNER:
        signer = f" ({shown.chain[-1].issuer})" if shown is not None and shown.chain[-1] is not None else ""
        return (f"it does not trust who signed it{signer}",)
    return () if shown is not None else ("the capture does not show it, as TLS 1.3 encrypts it",)


def _shown(case: Case) -> _Shown | None:
    """The certificate, from the prober or, up to TLS 1.2, from the wire; None where neither has one that can be read."""
    told = case.story.tls
    session = case.probe.result.tls if case.probe is not None else None
    started = case.probe.result.started_ns if case.probe is not None else None
    when = started if started is not None else told.time_ns if told is not None else None
    ders = session.certificates if session is not None else told.server.certificates if told is not None else ()
    chain = tuple(read_certificate(der) for der in ders)
    if when is None or not chain or chain[0] is None:
        return None
    asked = asked_name(case) or (case.dialled[0] if case.dialled is not None else "")
    return _Shown(own=chain[0], chain=chain, asked=asked, when=when // 1_000_000_000)


def _faults(case: Case, shown: _Shown) -> tuple[_Fault, ...]:
    found = (_dates(case, shown), _name(case, shown), _chain(case, shown))
    return tuple(each for each in found if each is not None)


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _ago(seconds: int) -> str:
    days = seconds // _DAY
    return f"{days} days" if days > 1 else f"{max(seconds // 3600, 1)} h"


def _dates(case: Case, shown: _Shown) -> _Fault | None:
    """Out of date: its own, or another's of the chain."""
    for number, each in enumerate(shown.chain):
        if each is None:
            continue
        whose = "it" if number == 0 else f"that of its authority ({each.subject})"
        if shown.when > each.not_after:
            return _Fault(
                what=f"{whose} expired on {_day(each.not_after)}, {_ago(shown.when - each.not_after)} before",
                advice=f"renew it, and have the server load the new one{_reload(case)}",
            )
        if shown.when < each.not_before:
            clock = case.probe.source_at.host if case.probe is not None else "the client"
            return _Fault(
                what=f"{whose} is valid from {_day(each.not_before)} on only, {_ago(each.not_before - shown.when)} later",
                advice=f"is the clock of {clock} right (date)? If so, the server needs a certificate that is valid now",
            )
    return None


def _reload(case: Case) -> str:
    """How a container's server reads its files again."""
    place = case.intent.target
    if place is None or place.container is None:
        return ""
    program = case.engine_at(place.host).remedies.program
    return f": {program} restart {place.container} (or its own reload, for nginx: {program} exec {place.container} nginx -s reload)"


def _names(own: Certificate) -> str:
    every = (*own.names, *own.addresses)
    more = f" and {len(every) - _FEW} more" if len(every) > _FEW else ""
    return ", ".join(every[:_FEW]) + more if every else "no name at all"


def _name(case: Case, shown: _Shown) -> _Fault | None:
    """It is for somebody else."""
    own, asked = shown.own, shown.asked
    if not asked or own.is_for(asked):
        return None
    port = case.dialled[1] if case.dialled is not None else 443
    other = next((each for each in own.names if _HOST_NAME.fullmatch(each)), "")
    ask = (
        f"ask it by a name that it has, as https://{other}:{port} (for containers a network alias {other}, or --add-host, leads that name there)"
        if other
        else ""
    )
    made = f"have a certificate made that has {asked} among its subjectAltName entries"
    whose = f"it is for {_names(own)}" if own.names or own.addresses else _unnamed(own)
    return _Fault(what=f"{whose}, not for {asked}", advice=f"{ask}; or {made}" if ask else made)


def _unnamed(own: Certificate) -> str:
    """It has its name where today's clients do not look (RFC 9525 §2: the common name does not count)."""
    subject = f" (its subject, {own.subject}, is not looked at)" if own.subject else ""
    return f"it has no subjectAltName{subject}: it is for nobody"


def _chain(case: Case, shown: _Shown) -> _Fault | None:
    """Signed by nobody whom the probing host trusts, by OpenSSL's word."""
    session = case.probe.result.tls if case.probe is not None else None
    code = session.verified if session is not None else None
    if session is None or code is None or code == 0 or code in _TIMES or case.probe is None:
        return None
    here = case.probe.source_at.host
    install = f"on {here} (Debian): copy the certificate of that authority to /usr/local/share/ca-certificates/NAME.crt, then update-ca-certificates; a container has a store of its own"
    if code == _SELF_SIGNED:
        return _Fault(
            what="it is signed by itself, and nobody vouches for it",
            advice=f"take a certificate of an authority that the clients trust; or have them trust this one: {install.replace('the certificate of that authority', 'it')}",
        )
    if code in _NO_ISSUER or code == _UNKNOWN_ROOT:
        last = next((each for each in reversed(shown.chain) if each is not None), shown.own)
        alone = len(shown.chain) == 1 and code != _UNKNOWN_ROOT
        left_out = (
            "if there is an intermediate certificate, have the server send it, too (nginx: ssl_certificate with fullchain.pem); else "
            if alone
            else ""
        )
        return _Fault(
            what=f"its signer is not among those that {here} trusts ({last.issuer or 'without a name'})",
            advice=left_out + install,
        )
    return _Fault(
        what=f"OpenSSL of {here} does not take it: {session.verified_why}",
        advice="have a certificate made that today's clients take",
    )


def _evidence(case: Case, shown: _Shown) -> tuple[str, ...]:
    own = shown.own
    lines = [
        f"certificate: subject {own.subject or '(empty)'}; for {_names(own)}; issuer {own.issuer or '(empty)'}; {len(shown.chain)} in the chain",
        f"valid from {_day(own.not_before)} to {_day(own.not_after)}; shown on {_day(shown.when)}",
    ]
    session = case.probe.result.tls if case.probe is not None else None
    if session is not None and case.probe is not None and session.verified is not None:
        said = session.verified_why or "ok"
        lines.append(
            f"OpenSSL on {case.probe.source_at.host}, by that host's trust store: {said} (code {session.verified})"
        )
    told = case.story.tls
    if told is not None and told.frames:
        lines.append(f"shown in the handshake: {frame_numbers(told.frames)}")
    return tuple(lines)
