"""What a lookup asked of real name servers, and how that ended: the questions that the causes of failed lookups share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.proof.frames import frame_numbers
from netprobe.decode.address import text as address_text
from netprobe.evidence.model import Proto, Resolution
from netprobe.flows.build import build
from netprobe.forward import Request, predict
from netprobe.journeys.hops import icmp_error
from netprobe.journeys.join import connections
from netprobe.journeys.select import of_lookup, same_question
from netprobe.model.hop import Direction
from netprobe.model.point import point_name
from netprobe.paths.story import Symptom
from netprobe.state.engine import EMBEDDED_DNS
from netprobe.state.lookup import has_address, route_lookup
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.flows.model import Flow
    from netprobe.forward.model import Obstacle, Prediction
    from netprobe.journeys.model import Connection
    from netprobe.model.hop import Hop
    from netprobe.model.rule import RuleRef
    from netprobe.state.model import Host

UNANSWERED = frozenset({Symptom.NO_ANSWER, Symptom.SILENCE, Symptom.REFUSED, Symptom.UNREACHABLE})
DNS_PORT = 53


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedServer:
    """One question to a real name server: the source's own, or what the embedded DNS server handed on.

    Attributes:
        server: whom.
        flows: where it was seen.
        answered: a response to it was seen.
        error, error_from: the ICMP error that answered it, and who sent that; ``""`` for none.
        error_frame: its frame, 0 for none.
    """

    server: str
    flows: tuple[Flow, ...]
    answered: bool
    error: str = ""
    error_from: str = ""
    error_frame: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedQuery:
    """A question that ended on its way: by the hosts' state before and after the probe alike, and by the packets.

    Attributes:
        asked: whom. walk: its walk, by the state before.
        obstacle: at what it ends.
        point: the last point of its walk, where it was seen.
    """

    asked: AskedServer
    walk: Prediction
    obstacle: Obstacle
    point: str


def failed(case: Case) -> bool:
    """Whether this is a lookup that gave no address, and no server said that the name does not exist."""
    probe = case.probe
    if probe is None or probe.lookup.how is not Resolution.FAILED:
        return False
    return probe.lookup.name is not None and probe.lookup.rcode in {None, "SERVFAIL"}


def source_host(case: Case) -> Host | None:
    """The source's host before the probe."""
    return case.before(case.probe.source_at.host) if case.probe else None


def questions(case: Case) -> tuple[AskedServer, ...]:
    """What of this lookup went to real name servers, in order of time; the embedded DNS server keeps the message id."""
    if case.probe is None:
        return ()
    found = connections(build(case.table), case.table)
    mine = of_lookup(found, case.table, case.points, case.probe)
    onward = (each for each in found if any(same_question(one, each, case.table) for one in mine))
    return tuple(_asked(case, each) for each in onward if each.flows[0].server.address not in EMBEDDED_DNS)


def _asked(case: Case, connection: Connection) -> AskedServer:
    flows, table = connection.flows, case.table
    rows = sorted(row for flow in flows for row in flow.errors)
    first = rows[0] if rows else None
    return AskedServer(
        server=flows[0].server.address,
        flows=flows,
        answered=any(len(flow.reverse) for flow in flows),
        error=icmp_error(table, first) if first is not None else "",
        error_from=address_text(int(table.ip_version[first]), int(table.src_hi[first]), int(table.src_lo[first]))
        if first is not None
        else "",
        error_frame=int(table.packets.frame[first]) if first is not None else 0,
    )


def frames(case: Case, asked: AskedServer, point: str) -> str:
    """``frames 5, 9``: the queries at a point; ``""`` when none was seen there."""
    rows = [row for flow in asked.flows if case.points[flow.point].name == point for row in flow.forward.tolist()]
    return frame_numbers(case.table.packets.frame[rows])


def count(case: Case, asked: AskedServer, point: str) -> int:
    """How many of its queries were seen at a point."""
    return sum(len(flow.forward) for flow in asked.flows if case.points[flow.point].name == point)


def left(case: Case, asked: AskedServer) -> str:
    """The host's own interface by which the query left under the host's own address, if it was seen there and nothing was lost there; else ``""``.

    Then nothing on the host stopped it, and no answer came as far as that interface.
    """
    host = source_host(case)
    way = route_lookup(host.own, asked.server) if host else None
    if host is None or way is None or way.local:
        return ""
    door = point_name(host.name, way.dev)
    for flow in asked.flows:
        point = case.points[flow.point]
        if point.name == door and not point.dropped and has_address(host.own, flow.client.address):
            return door
    return ""


def walks(
    case: Case, server: str, without: frozenset[tuple[Place, RuleRef]] = frozenset()
) -> tuple[Prediction, Prediction] | None:
    """A query's walk from the source to a server, by the state before and after the probe; as if ``without`` these rules."""
    if case.probe is None or case.probe.source_at.host not in case.world.before:
        return None
    question = Request(source=case.probe.source_at, dialled=server, port=DNS_PORT, proto=Proto.UDP.value)
    return predict(question, case.world.before, without), predict(question, case.world.after, without)


def stopped(case: Case, asked: AskedServer) -> StoppedQuery | None:
    """Where a question ends on its way to a server; None where it was answered, or the packets came less far than the walk, or further."""
    told = walks(case, asked.server)
    if told is None or asked.answered or not all(each.obstacles for each in told):
        return None
    first, then = (each.obstacles[0] for each in told)
    if (first.barrier, first.place, first.rule, first.text) != (then.barrier, then.place, then.rule, then.text):
        return None
    passed = [hop for hop in told[0].hops if hop.direction is Direction.REQUEST]
    points = [hop.point for hop in passed if hop.seen and _still_asks(hop, asked.server)]
    seen = {case.points[flow.point].name for flow in asked.flows if len(flow.forward)}
    fits = bool(points) and points[-1] in seen and seen <= {hop.point for hop in passed}
    if not fits or first.direction is not Direction.REQUEST or (asked.error and not first.rejects):
        return None
    return StoppedQuery(asked=asked, walk=told[0], obstacle=first, point=points[-1])


def _still_asks(hop: Hop, server: str) -> bool:
    """Whether the question is still for that server there: what is translated to another port is not captured as a question."""
    return hop.packet is None or (hop.packet.dst.address, hop.packet.dst.port) == (server, DNS_PORT)
