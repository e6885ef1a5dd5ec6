"""What listens on the port speaks, and not HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.proof.greetings import HTTP, TLS, shown, spoken
from netprobe.evidence.model import Outcome, Proto
from netprobe.model.remedy import advise
from netprobe.model.report import Finding, Where
from netprobe.paths.story import Answerer, Symptom

if TYPE_CHECKING:
    from netprobe.causes.case import Case


_WORDS = {HTTP: "HTTP without the status line that a response begins with"}


class NotHttp(Cause):
    """The port answers, and what it says is not HTTP.

    What it is: the connection stands, and the first bytes that came back are those of another protocol: they begin with no status line of HTTP/1.
    Why it happens: the port is another service's (SSH, a database), or it speaks HTTP inside of TLS, or HTTP/2 alone.
    Evidence: the first bytes that the target sent.
    Remedy: ask the port that serves HTTP; by https where it is TLS; the connection alone (NAME:PORT) where HTTP is not what it is for.
    Source: RFC 9112 §2.1, §4 (how a response begins); RFC 8446 §5.1 (TLS records); RFC 9113 §3.4 (HTTP/2).
    """

    code = "not-http"
    tells = "the first bytes that the server sends, in a capture"
    symptoms = frozenset({Symptom.NO_RESPONSE, Symptom.CLOSED})
    beyond_state = True

    def find(self, case: Case) -> Finding | None:
        """Fires when what came back does not begin as a response does, and it is the target that has the connection."""
        begins, probe, place = case.story.begins, case.probe, case.intent.target
        if not begins or probe is None or (place is not None and case.story.answerer is not Answerer.TARGET):
            return None
        name = spoken(begins)
        who = (place.container or place.host) if place is not None else probe.dialled or "the server"
        port = probe.target_port or probe.dialled_port
        host = place.host if place is not None else None
        speaks = f"speaks {_WORDS.get(name, name) or 'another protocol'} there"
        return Finding(
            code=self.code,
            summary=f"{who} answers on port {port}, and not by HTTP: it {speaks}",
            where=Where(host=host, component=who),
            evidence=(f"its first bytes are {shown(begins)}, not HTTP/1: {case.frames}",),
            remedies=(advise(host or probe.source_at.host, _advice(name, who, probe.target)),),
        )

    def possible(self, case: Case) -> bool:
        """Only where the prober asked by HTTP and gave up by itself, and nothing of what came begins as a response does."""
        probe = case.probe
        ended = probe is None or probe.result.outcome in {Outcome.CLOSED, Outcome.BROKEN}
        return case.intent.proto is Proto.HTTP and ended and case.story.http is None


def _advice(name: str, who: str, target: str) -> str:
    """``target``: as it was asked."""
    _, scheme, rest = target.rpartition("://")
    if name == TLS:
        return f"ask for it by https: https://{rest}"
    alone = rest.partition("/")[0] if scheme else rest
    return f"ask the port on which {who} serves HTTP; {alone} without HTTP asks whether this one can be connected to"
