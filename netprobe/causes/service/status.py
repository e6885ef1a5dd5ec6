"""The application answered by HTTP, and what it answered counts as a failure: `--fail` was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.proof.contradictions import not_the_target
from netprobe.causes.proof.life import told
from netprobe.causes.proof.served import asked_as
from netprobe.model.hop import Direction
from netprobe.model.remedy import advise
from netprobe.model.report import Finding, Where
from netprobe.paths.story import Symptom

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.model.http import HttpAnswer

FAILURE = 400  # the first status that curl --fail takes for one
_SERVER = 500
#: What a status says (RFC 9110 §15), and what that is in front of containers, as a rule.
_MEANS = {
    400: "it did not understand the request",
    401: "it wants credentials, and netprobe sends none",
    403: "its own rules do not give this client this page",
    404: "it has no such page, under the name that it was asked by",
    407: "it is a proxy that wants credentials, and netprobe sends none",
    421: "it does not serve the name that it was asked by",
    429: "it had too many requests from this client",
    500: "its own code failed",
    502: "it passes requests on, as a reverse proxy does, and got no proper answer from behind it",
    503: "it cannot serve now: busy, still starting, or a reverse proxy without anything behind it",
    504: "it passes requests on, as a reverse proxy does, and what is behind it did not answer in time",
}
_BEHIND = frozenset({502, 503, 504})
_BY_NAME = frozenset({404, 421})
_BY_CLIENT = frozenset({403, 429})


class HttpStatus(Cause):
    """The application answered with an HTTP status that says that it failed, and ``--fail`` was asked for.

    What it is: the network did all it had to: request and response came through. 4xx says that the request is wrong for this server, 5xx that the
        server failed. Without ``--fail`` any response is "works", with its status in the first line.
    Why it happens: 502, 503 and 504 come from a reverse proxy whose upstream is down, not ready, on another network or under another name or port. 404
        comes from a server that chooses by the Host name, asked by an address or another name; or the page is not there. 500 is the application's.
    Evidence: the response's status line, in its frame; who sent it; which page it was asked for, under which name.
    Remedy: the application's log; for 502 to 504 the same question from the reverse proxy to its upstream; for 404 the name that it serves.
    Source: RFC 9110 §15 (status codes), §7.2 (Host); curl(1), --fail.
    """

    code = "http-status"
    tells = "the response's status line, in a capture; curl -v"
    symptoms = frozenset({Symptom.OK, Symptom.OTHER_ENDPOINT})
    beyond_state = True

    def find(self, case: Case) -> Finding | None:
        """Fires when ``--fail`` was asked for, the target is known to have answered, and its final status is 400 or above."""
        probe, http = case.probe, case.story.http
        if probe is None or http is None or not probe.fail or http.status < FAILURE or not case.story.good:
            return None
        if (case.journey is not None and case.journey.unknowns) or not_the_target(case) is not None:
            return None
        who, at = _who(case)
        meaning = "that port speaks TLS, and was asked in plain HTTP" if http.wants_tls else ""
        meaning = (
            meaning
            or _MEANS.get(http.status)
            or ("its own code failed" if http.status >= _SERVER else "the request is not one that it takes")
        )
        life = told(case, at, case.target) if case.target is not None else ()
        return Finding(
            code=self.code,
            summary=f"{who} answered {http.status}{f' {http.reason}' if http.reason else ''}: {meaning}",
            where=Where(host=at or None, component=who),
            evidence=(_answered(http, who), *_asked(http), *_client(case, http, who), *life),
            remedies=(advise(at or probe.source_at.host, _advice(case, http, who, at)),),
        )

    def possible(self, case: Case) -> bool:
        """Only where ``--fail`` was asked for, and no better status is known."""
        http = case.story.http
        return case.probe is not None and case.probe.fail and (http is None or http.status >= FAILURE)


def _who(case: Case) -> tuple[str, str]:
    """Who answered, and on which host of the inventory (``""``: none)."""
    place = case.intent.target
    if place is not None:
        return place.container or place.host, place.host
    return (case.probe.dialled if case.probe else "") or "the server", ""


def _answered(http: HttpAnswer, who: str) -> str:
    line = f"HTTP/{http.version} {http.status} {http.reason}".rstrip()
    server = f" (Server: {http.server})" if http.server else ""
    return f"{who} sent {line}{server}" + (f": frame {http.frame}" if http.frame else ": the prober's word")


def _asked(http: HttpAnswer) -> tuple[str, ...]:
    if not http.request:
        return ()
    return (f"it was asked for {http.request}" + (f" under the name {http.host} (Host)" if http.host else ""),)


def _client(case: Case, http: HttpAnswer, who: str) -> tuple[str, ...]:
    """Whom the application saw, where it decides by that and it is not the client's own address."""
    forth = [hop for hop in case.hops if hop.seen and hop.packet and hop.direction is Direction.REQUEST]
    if http.status not in _BY_CLIENT or not forth:
        return ()
    first, last = forth[0].packet, forth[-1].packet
    if first is None or last is None or first.src.address == last.src.address:
        return ()
    return (f"{who} sees the client as {last.src.address}, not as {first.src.address}",)


def _advice(case: Case, http: HttpAnswer, who: str, at: str) -> str:
    if http.wants_tls:
        return f"ask it by https: {asked_as(case, 'https')}"
    inside = case.intent.target is not None and case.intent.target.container is not None
    logs = f"{case.engine_at(at).remedies.program} logs {who}" if inside else f"the log of {who}"
    if http.status in _BEHIND:
        source = f" --from {who}" if inside else ""
        return f"{logs} names what it passes requests to, and why that failed; then ask for that one: netprobe explain http://NAME:PORT/{source}"
    if http.status in _BY_NAME:
        name = f" (it was asked by {http.host})" if http.host else ""
        return f"ask for a page that {who} has, by the name that it serves{name}: a server of several sites, or a reverse proxy, chooses by that name; {logs} says what it looked for"
    if http.status < _SERVER:
        return f"{logs} says why it refuses this request; the network is not in the way"
    return f"{logs} says what failed; the network is not in the way"
