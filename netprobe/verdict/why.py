"""The one sentence that says why: what made it work, or what was seen where when no cause could be proved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.proof.obstacle import met
from netprobe.evidence.model import Proto, Resolution
from netprobe.forward.compare import described
from netprobe.forward.model import Barrier
from netprobe.model.hop import Direction
from netprobe.model.report import PathCode, Verdict
from netprobe.paths.story import Symptom
from netprobe.state.sockets import listening

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from netprobe.causes.case import Case
    from netprobe.model.hop import Change
    from netprobe.model.http import HttpAnswer
    from netprobe.model.report import Finding

#: First words that are no name of a container, host, network or program.
_NO_NAMES = frozenset(
    {
        "a",
        "an",
        "the",
        "no",
        "nothing",
        "nobody",
        "it",
        "its",
        "two",
        "what",
        "whoever",
        "every",
        "each",
        "all",
        "port",
        "ports",
        "network",
        "frames",
        "segments",
        "container",
        "containers",
    }
)


def why(case: Case, verdict: Verdict, cause: Finding | None, trouble: Sequence[Finding] = ()) -> str:
    """One sentence (sometimes two) for the second line of a report; ``trouble`` is what the packets show beside a connection that works."""
    if verdict is Verdict.WORKS:
        return " ".join([_works(case), *(f"But {each.summary}." for each in trouble)])
    if cause is not None:
        return sentence(cause.summary, _named_like_words(case))
    return _undetermined(case)


def sentence(summary: str, names: Container[str] = ()) -> str:
    """A summary as a sentence of its own: with a full stop, and a capital where it does not begin with a name (of ``names``, or one that is no word)."""
    first = summary.partition(" ")[0]
    word = first in _NO_NAMES and first not in names
    return (summary[:1].upper() + summary[1:] if word else summary) + "."


def _named_like_words(case: Case) -> frozenset[str]:
    """The names of hosts, containers and networks that are words which begin a sentence: a container may be called ``all``."""
    hosts = case.world.before.values()
    known = {each.name for each in hosts}
    known |= {each.name for host in hosts for each in host.containers or ()}
    known |= {each.name for host in hosts for each in host.networks or ()}
    return _NO_NAMES & known


def _change(case: Case, field: str) -> tuple[Change, str] | None:
    """The request's change of that field, and the host where it happened."""
    host_of = {point.name: point.host for point in case.points}
    previous = ""
    for hop in case.hops:
        if hop.direction is not Direction.REQUEST or not hop.seen:
            continue
        for change in hop.changes:
            if change.field == field:
                return change, (previous if field == "src" and previous else host_of.get(hop.point, ""))
        previous = host_of.get(hop.point, "")
    return None


def _target(case: Case) -> str:
    place = case.probe.target_at if case.probe is not None else None
    if place is not None and case.intent.target is not None and case.intent.target.container is None:
        place = case.intent.target
    return (place.container or place.host) if place is not None else "the target"


def _works(case: Case) -> str:
    if case.intent.proto is Proto.DNS:
        return _dns(case)
    parts = [WORKS[case.way.path](case)]
    if case.way.path is PathCode.DNAT:
        parts += _backup(case)
    if case.story.part:
        parts.append(case.story.part)
    if case.story.http is not None:
        parts.append(_answer(case.story.http, _over(case)))
    if case.story.symptom is Symptom.DELIVERED:
        parts.append("No reply came, and no ICMP error: the datagram was delivered.")
    parts += _health(case)
    return " ".join(parts)


def _health(case: Case) -> list[str]:
    """That the engine's own check of who answered says otherwise: what waits for that check does not start."""
    who, after = case.named or case.target, case.later(case.named or case.target)
    if who is None or after is None or {who.health, after.health} != {"unhealthy"}:
        return []
    return [
        f"The health check of {who.name} fails all the same (unhealthy): what waits for it to be healthy does not start."
    ]


def _over(case: Case) -> str:
    """``, over TLS 1.3,``; ``""`` for what is not encrypted."""
    tls = case.story.tls
    if tls is None or tls.server.version is None:
        return ", over TLS," if case.intent.proto is Proto.HTTPS else ""
    from netprobe.decode.tls import version_name

    return f", over {version_name(tls.server.version)},"


def _answer(http: HttpAnswer, over: str = "") -> str:
    """What the application said, and where it sends the client: nothing is asked there."""
    first = "The first answer" if http.more else "The answer"
    leads = f", which leads to {http.location} (not followed)" if http.redirects else ""
    tls = ": that port speaks TLS, and was asked in plain HTTP (ask it by https://)" if http.wants_tls else ""
    return f"{first}{over} is {http.line}{leads}{tls}."


def _dns(case: Case) -> str:
    lookup = case.probe.lookup if case.probe is not None else None
    gave = (
        f": {lookup.answered or lookup.name} is {', '.join(lookup.addresses[:4])}"
        if lookup and lookup.addresses
        else ""
    )
    return f"{(lookup and lookup.server) or 'The resolver'} answered{gave}."


def _dnat(case: Case) -> str:
    found = _change(case, "dst")
    if found is None:
        return "The destination was rewritten on the way (DNAT)."
    change, host = found
    rule = f"rule {change.rule}" if change.rule else "DNAT"
    whose = f"{host}'s {rule}" if host else f"The {rule}" if change.rule else rule
    return f"{whose} turns {change.before} into {_target(case)}'s {change.after}."


def _dnat_masquerade(case: Case) -> str:
    source = _change(case, "src")
    more = f" and its source becomes {source[0].after}" if source else ""
    return _dnat(case).rstrip(".") + more + "."


def _backup(case: Case) -> list[str]:
    """What stands behind DNAT."""
    if case.publication is None:
        return []
    host, _, published = case.publication
    proxies = case.proxies(host, published)
    if proxies is None:
        return []
    if proxies:
        return ["docker-proxy listens too and would take over."]
    taken = listening(host.own.sockets or (), *case.dialled, case.transport) if case.dialled else ()
    if taken and host.engine.lacks_userland_proxy(host.ruleset):
        return ["The engine runs without docker-proxy: DNAT takes everything."]
    if taken:
        return [
            f"docker-proxy is not running: what DNAT does not take comes to {taken[0].process or 'another process'}."
        ]
    return ["docker-proxy is not running: connections that DNAT does not take would be refused."]


def _proxied(case: Case) -> str:
    found = _change(case, "connection")
    process = found[0].rule if found and found[0].rule else "docker-proxy"
    source = ""
    if case.journey is not None:
        source = f", from {case.journey.inner.flows[0].client.address}"
    where = f" on {found[1]}" if found and found[1] else ""
    return f"{process}{where} accepts the connection and opens its own to {_target(case)}{source}: the container does not see the client's address."


def _masquerade(case: Case) -> str:
    found = _change(case, "src")
    if found is None:
        return "The source was rewritten on the way (SNAT)."
    change, host = found
    rule = f"rule {change.rule}" if change.rule else "source NAT"
    whose = f"{host}'s {rule}" if host else f"The {rule}"
    return f"{whose} turns the source {change.before} into {change.after}, so that replies find back."


def _bridge(case: Case) -> str:
    bridges = [
        point.interface
        for point in case.points
        if point.container is None and any(hop.point == point.name and hop.seen is not False for hop in case.hops)
    ]
    source = case.intent.source
    if source is not None and source.container is None:
        return f"{source.host} reaches {_target(case)}'s own address through its bridge; no NAT."
    if case.probe is None and not any(point.host for point in case.points):
        return "The same frame was seen at every point, without NAT between them: they are taken to be ports of one bridge."
    names = [name for name in bridges if not name.startswith("veth")]
    link = f" ({names[0]})" if names else ""
    return f"Both are ports of one bridge{link}: the same frame arrives, no NAT."


def _macvlan(case: Case) -> str:
    places = {point.host for point in case.points for hop in case.hops if hop.seen and hop.point == point.name}
    if len(places) == 1:
        return f"macvlan: the driver hands the frame over inside {min(places)}, it crosses no wire; no NAT."
    return "macvlan: the same frame crosses the wire untagged; no NAT."


def _routed(case: Case) -> str:
    said = [
        f"between {one} and {other}" if one != other else f"beyond {one}, which sees it again"
        for one, other in case.way.between
    ]
    routers = [segment.host for segment in case.way.segments if segment.path is PathCode.ROUTED]
    if not said:
        return f"{' and '.join(routers) or 'Somebody'} routed it, address and port unchanged."
    return f"It was routed by a host that was not sniffed, {' and '.join(said)}; address and port unchanged."


WORKS: dict[PathCode, Callable[[Case], str]] = {
    PathCode.EMBEDDED_DNS: _dns,
    PathCode.SHARED_NETNS: lambda case: f"Both are in one network namespace: it never leaves {_lo(case)}.",
    PathCode.DOCKER_PROXY: _proxied,
    PathCode.DNAT_MASQUERADE: _dnat_masquerade,
    PathCode.DNAT: _dnat,
    PathCode.MACVLAN_VLAN: lambda case: (
        f"macvlan: the same frame crosses the wire with VLAN tag {case.way.vlan}; no NAT."
    ),
    PathCode.MACVLAN: _macvlan,
    PathCode.BRIDGE: _bridge,
    PathCode.MASQUERADE: _masquerade,
    PathCode.ROUTED: _routed,
    PathCode.LOCAL: lambda case: f"A process of {_target(case)} itself answers.",
    PathCode.NONE: lambda _: "It was answered, and no point saw it change on the way.",
}


def _lo(case: Case) -> str:
    return next((hop.point for hop in case.hops if hop.seen), "lo")


_STORY = {
    Symptom.SILENCE: "it was seen at {last}{missing}, and nothing answered",
    Symptom.REFUSED: "it was refused ({detail}); it was seen at {last}{missing}",
    Symptom.UNREACHABLE: "it was answered with {detail}; it was seen at {last}{missing}",
    Symptom.UNFINISHED: "it was answered, and what completes the handshake did not arrive: nobody has accepted the connection",
    Symptom.CLOSED: "it was accepted and then ended ({detail})",
    Symptom.NO_RESPONSE: "it was accepted, and {detail} came",
    Symptom.NO_HANDSHAKE: "it was accepted, and the TLS handshake failed: {detail}",
    Symptom.NO_ANSWER: "the name server responded without an answer",
    Symptom.OTHER_ENDPOINT: "it was answered, but not by the target: it was last seen at {last}",
    Symptom.OK: "it was accepted at {last}; what became of it there is not certain",
    Symptom.DELIVERED: "the datagram was delivered and not answered",
    Symptom.IN_PART: "{detail}",
}


def _unheard(case: Case) -> str:
    """The neighbour of the way that nobody answered for, where nothing of the request was seen behind that question."""
    if case.story.symptom not in {Symptom.SILENCE, Symptom.NO_PACKETS, Symptom.UNREACHABLE}:
        return ""
    wanted = case.prediction.resolved if case.prediction is not None else ()
    found = next(
        (each for each in case.neighbours if each.asked in wanted and not each.answers and each.requests), None
    )
    if found is None:
        return ""
    where = ", ".join(dict.fromkeys(frame.point for frame in found.requests))
    return (
        f"Nobody answered the {_QUESTION[found.protocol]} for {found.asked}, the next hop of its way (seen at {where})"
    )


def _expired(case: Case) -> str:
    """Who had no hop left for it, and with which TTL it came there."""
    seen = [hop for hop in case.hops if hop.packet is not None and hop.seen]
    back = next((hop.packet for hop in seen if hop.direction is Direction.REPLY), None)
    here = (hop for hop in seen if hop.point == case.last_seen and hop.direction is Direction.REQUEST)
    came = next((hop.packet for hop in here), None)
    who = str(back.src.address) if back is not None else "somebody"
    ttl = f" with TTL {came.ttl}" if came is not None and came.ttl is not None else ""
    return f"{who} answered with {case.story.detail}: the request was last seen at {case.last_seen}{ttl}, and had no hop left; what sets it so low could not be proved."


_QUESTION = {"ARP": "ARP request", "NDP": "neighbour solicitation"}


def _undetermined(case: Case) -> str:
    """What was seen where; and at what the walk through the hosts' state ends, where the packets came just as far."""
    stops = met(case, *Barrier)
    if stops is None:
        return _seen(case)
    said = _seen(case)
    for unproved in ("; the reason could not be proved", "; why could not be proved"):
        said = said.replace(unproved, "")
    return (
        f"{said.rstrip('.')}; by the hosts' state it ends at this, which the packets do not prove: {described(stops)}."
    )


def _seen(case: Case) -> str:
    if case.story.symptom is Symptom.NO_PACKETS and (unheard := _unheard(case)):
        return f"{unheard}, so that nothing was sent; why could not be proved."
    if case.story.symptom is Symptom.NO_PACKETS:
        if case.probe is not None and case.probe.lookup.how is Resolution.FAILED:
            return f"The name {case.probe.lookup.name} gave no address, and no packet of the lookup was seen."
        said = case.probe.result.detail if case.probe is not None else ""
        return "No packet of this connection was seen at any point" + (
            f"; the prober was told: {said}." if said else "."
        )
    if case.reply_lost and case.first_missing is None:
        return f"it was answered, and the answer came as far as {case.last_seen}, but the source did not take it; the reason could not be proved."
    if case.reply_lost:
        return f"it was answered, and the answer was seen at {case.last_seen} and never at {case.first_missing}; the reason could not be proved."
    if case.journey is not None and case.journey.unknowns and case.story.good:
        return (
            "It was accepted; other connections at the same time hide whether docker-proxy handed it on to the target."
        )
    unheard = _unheard(case)
    if unheard:
        came = f"; {case.story.detail} came back" if case.story.symptom is Symptom.UNREACHABLE else ""
        return f"{unheard}{came}; why could not be proved."
    if case.story.symptom is Symptom.UNREACHABLE and "time exceeded" in case.story.detail:
        return _expired(case)
    missing = f" and never at {case.first_missing}" if case.first_missing else ""
    text = _STORY[case.story.symptom].format(
        last=case.last_seen, missing=missing, detail=case.story.detail or "no reason given"
    )
    if case.story.symptom is Symptom.IN_PART:
        return f"{text[:1].upper()}{text[1:]}."
    return text[:1].upper() + text[1:] + "; the reason could not be proved."
