"""Connection tracking: a segment that it judges INVALID is not translated, and whoever gets it answers with a reset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.causes.base import Cause
from netprobe.causes.nat.conntrack import key, risen
from netprobe.causes.proof.obstacle import silent_points
from netprobe.causes.remedies.steps import IN_FIREWALL
from netprobe.decode.table import Flag, Kind
from netprobe.model.remedy import advise, run
from netprobe.model.report import Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.conntrack import MOST
from netprobe.state.lookup import has_address
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.flows.model import Flow, PackedEndpoint
    from netprobe.journeys.model import Connection
    from netprobe.state.model import Host

_MASK = 0xFFFFFFFF
_HALF = 1 << 31  # sequence numbers are compared in this circle (RFC 9293 section 3.4)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answered:
    """A segment of the connection that a host did not translate, and the reset to it.

    Attributes:
        host, point: where both were seen.
        sender: who sent the segment, as that point shows it.
        due: what its source should have been translated to; None: its destination was the host's, and should have been translated.
        segment, reset: rows of the packet table.
        within: the points behind the translation. ``due`` None: they saw neither.
        acked: how much of the sender's the other side had acknowledged until then, None where that was not seen.
        ends: the connection as conntrack knows it: as its first packet came to the host.
        later: a row of what came from within after the reset, None if nothing did.
    """

    host: Host
    point: str
    sender: PackedEndpoint
    due: PackedEndpoint | None
    segment: int
    reset: int
    within: tuple[str, ...]
    acked: int | None
    ends: tuple[str, int, str, int]
    later: int | None


class ConntrackInvalidRst(Cause):
    """A host judged a segment of a translated connection INVALID and did not translate it: whoever got it answered with a reset.

    What it is: conntrack translates no segment that it judges INVALID: one beyond the window, as a rule. With the host's address as its destination it
        goes to the host itself, which knows no such connection and resets it (RFC 9293 §3.5.2); that reset kills the real one. A container's own
        leaves with the container's address; a client that has a route to it resets that.
    Why it happens: networks that reorder, repeat or coalesce under load, slow readers; kernels before 6.1 judge late retransmissions so too.
    Evidence: the segment at the host's interface and at none behind the translation; the host's RST with that segment's acknowledgement as its sequence
        number, and none from within (or the segment with the container's address, and the client's RST to that); conntrack's ``invalid`` counter,
        and its entry for this connection.
    Remedy: drop INVALID where it passes, in INPUT (or Docker's chain for users); or have conntrack take what is beyond the window for valid.
    Source: moby/libnetwork#1090; kubernetes/kubernetes#74839, kubernetes/kubernetes#117924; net/netfilter/nf_conntrack_proto_tcp.c (tcp_in_window); seen in the lab. The lab brings it about by sending
        a segment a million bytes ahead while the probe's connection is open: in the client's name (in the server's, for a masqueraded connection)
        on the wire before the Docker host, or from within the container.
    """

    code = "conntrack-invalid-rst"
    reads = ("conntrack-stat",)
    tells = "a capture of a whole connection: a RST that neither end sent"
    beyond_state = True
    symptoms = frozenset({Symptom.CLOSED, Symptom.NO_RESPONSE, Symptom.NO_HANDSHAKE})

    def find(self, case: Case) -> Finding | None:
        """Fires when a host reset a segment that it did not translate, its INVALID counter rose, and it knows the connection (as far as is known)."""
        for each in _answered(case):
            rose, entry = risen(case, each.host.name, "invalid"), self._entry(case, each)
            if rose is not None and rose[1] > rose[0] and entry is not None:
                return self._finding(case, each, rose, entry)
        return None

    @staticmethod
    def _entry(case: Case, each: _Answered) -> str | None:
        """The connection's line in the host's table after the probe; ``""`` where the table is not known whole, None where it is not in it."""
        after = case.after(each.host.name)
        table = after.conntrack if after is not None else None
        if table is None or len(table) >= MOST:
            return ""
        return next((entry.text for entry in table if entry.proto == "tcp" and key(entry) == each.ends), None)

    def _finding(self, case: Case, each: _Answered, rose: tuple[int, int], entry: str) -> Finding:
        name = each.host.name
        program = "ip6tables" if each.sender.version == 6 else "iptables"
        summary, packets = self._kept(case, each) if each.due is None else self._let_out(case, each, each.due)
        return Finding(
            code=self.code,
            summary=summary,
            where=Where(host=name, component="conntrack"),
            evidence=(
                *packets,
                f"conntrack's invalid counter: {rose[0]} before, {rose[1]} after",
                *((f"conntrack knows the connection: {entry}",) if entry else ()),
            ),
            remedies=(
                run(
                    name,
                    program,
                    "-I",
                    self._chain(each),
                    "-m",
                    "conntrack",
                    "--ctstate",
                    "INVALID",
                    "-j",
                    "DROP",
                    advice=f"this drops what conntrack judges INVALID of every connection there, which nobody can use; {IN_FIREWALL}",
                ),
                advise(
                    name,
                    "or, if what is beyond the window may pass: sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1",
                ),
            ),
        )

    @staticmethod
    def _chain(each: _Answered) -> str:
        """Where the untranslated segment passes: INPUT, or FORWARD (Docker's chain for users, if there is one)."""
        if each.due is None:
            return "INPUT"
        ruleset, chain = each.host.ruleset, each.host.engine.user_chain
        return chain if ruleset is not None and ruleset.chain("filter", chain) is not None else "FORWARD"

    def _kept(self, case: Case, each: _Answered) -> tuple[str, tuple[str, ...]]:
        """What is said of a segment that the host took for its own."""
        frames, name = case.table.packets.frame, each.host.name
        return (
            f"{name} answered a segment of this connection with a reset of its own: conntrack judged it INVALID, so it was not translated and went to {name} itself",
            (
                f"frame {frames[each.segment]} at {each.point}: a segment of {each.sender.unpack()}{self._beyond(case, each)}; it was seen at none of {', '.join(each.within)}",
                f"frame {frames[each.reset]} at {each.point}: the RST that answers it, with its acknowledgement as sequence number; not from within either, so {name} sent it",
                *self._later(case, each),
            ),
        )

    def _let_out(self, case: Case, each: _Answered, due: PackedEndpoint) -> tuple[str, tuple[str, ...]]:
        """What is said of a segment that left with the container's own address."""
        frames, name = case.table.packets.frame, each.host.name
        return (
            f"{name} let a segment of {each.sender.unpack()} out untranslated, as conntrack judged it INVALID: the client knows only {due.unpack()} and answered with a reset, which ended the real connection",
            (
                f"frame {frames[each.segment]} at {each.point}: a segment of {each.sender.unpack()}{self._beyond(case, each)}, with the container's own address; none like it left as {due.unpack()}",
                f"frame {frames[each.reset]} at {each.point}: the client's RST that answers it, with its acknowledgement as sequence number; it went on to the container",
            ),
        )

    @staticmethod
    def _later(case: Case, each: _Answered) -> tuple[str, ...]:
        """That the connection went on behind the translation, as one sentence."""
        if each.later is None:
            return ()
        packets = case.table.packets
        point = case.points[int(packets.point[each.later])].name
        return (f"frame {packets.frame[each.later]} at {point}: behind it the connection went on",)

    @staticmethod
    def _beyond(case: Case, each: _Answered) -> str:
        """How far it lies from what the receiver had acknowledged, as a phrase."""
        if each.acked is None:
            return ""
        far = (int(case.table.seq[each.segment]) - each.acked + _HALF & _MASK) - _HALF
        return f", {abs(far)} bytes {'beyond' if far >= 0 else 'behind'} what had been acknowledged"

    def possible(self, case: Case) -> bool:
        """Only for TCP, and only where a host's INVALID counter rose, or is not known."""
        hosts = {point.host for point in case.points if point.host}
        rises = [risen(case, host, "invalid") for host in hosts]
        return case.transport == "tcp" and (not rises or any(each is None or each[1] > each[0] for each in rises))


def _answered(case: Case) -> Iterator[_Answered]:
    """Every segment that a host should have translated and did not, and that was reset."""
    sniffed = silent_points(case)
    for connection in case.journey.legs if case.journey else ():
        for flow in connection.flows:
            point = case.points[flow.point]
            host = case.before(point.host)
            if host is None or point.container is not None or point.name not in sniffed:
                continue
            for forth in (True, False):
                yield from _kept(case, connection, flow, host, forth=forth)
            yield from _let_out(case, connection, flow, host)


def _behind(case: Case, connection: Connection, flow: Flow, host: Host, *, forth: bool) -> list[Flow]:
    """The connection's flows behind the host's translation, at points whose silence means something."""
    sniffed = silent_points(case)
    return [
        each
        for each in connection.flows
        if each.point != flow.point
        and case.points[each.point].host == host.name
        and case.points[each.point].name in sniffed
        and (each.server != flow.server if forth else each.client != flow.client)
    ]


def _kept(case: Case, connection: Connection, flow: Flow, host: Host, *, forth: bool) -> Iterator[_Answered]:
    """Those that the host took for its own: client to server (``forth``) through a DNAT, server to client through a masquerade."""
    sender, receiver = (flow.client, flow.server) if forth else (flow.server, flow.client)
    inner = _behind(case, connection, flow, host, forth=forth)
    if not inner or not has_address(host.own, receiver.address):
        return
    segments, resets = (flow.forward, flow.reverse) if forth else (flow.reverse, flow.forward)
    inside = [row for each in inner for row in (each.forward if forth else each.reverse).tolist()]
    for reset in resets.tolist():
        if not _flags(case, reset) & Flag.RST or _ended(case, [flow, *inner], reset) or _seen(case, inner, reset):
            continue
        asked = [row for row in segments.tolist() if _is_answered(case, row, reset) and not _went_on(case, row, inside)]
        if asked:
            yield _Answered(
                host=host,
                point=case.points[flow.point].name,
                sender=sender,
                due=None,
                segment=asked[-1],
                reset=reset,
                within=tuple(dict.fromkeys(case.points[each.point].name for each in inner)),
                acked=_acked(case, resets.tolist(), asked[-1]),
                ends=_ends(flow if forth else inner[0]),
                later=_later(case, inner, reset, forth=forth),
            )


def _let_out(case: Case, connection: Connection, flow: Flow, host: Host) -> Iterator[_Answered]:
    """Those of a container behind a DNAT that left with its own address, and that the client reset."""
    inner = _behind(case, connection, flow, host, forth=True)
    if not inner or not has_address(host.own, flow.server.address):
        return
    sender = inner[0].server
    inside = [row for each in inner for row in each.reverse.tolist()]
    strays = [
        row for row in _rows(case, flow.point, sender, flow.client) if not _went_on(case, row, flow.reverse.tolist())
    ]
    for reset in _rows(case, flow.point, flow.client, sender):
        if not _flags(case, reset) & Flag.RST or _ended(case, [flow, *inner], reset) or not _seen(case, inner, reset):
            continue
        asked = [row for row in strays if _is_answered(case, row, reset) and _went_on(case, row, inside)]
        if asked:
            yield _Answered(
                host=host,
                point=case.points[flow.point].name,
                sender=sender,
                due=flow.server,
                segment=asked[-1],
                reset=reset,
                within=tuple(dict.fromkeys(case.points[each.point].name for each in inner)),
                acked=_acked(case, flow.forward.tolist(), asked[-1]),
                ends=_ends(flow),
                later=None,
            )


def _rows(case: Case, point: int, source: PackedEndpoint, target: PackedEndpoint) -> list[int]:
    """The TCP segments between two ends that a point saw, whatever connection they were taken for."""
    table = case.table
    wanted = (table.packets.point == point) & (table.kind == Kind.TCP)
    wanted &= (
        (table.src_hi == np.uint64(source.hi)) & (table.src_lo == np.uint64(source.lo)) & (table.sport == source.port)
    )
    wanted &= (
        (table.dst_hi == np.uint64(target.hi)) & (table.dst_lo == np.uint64(target.lo)) & (table.dport == target.port)
    )
    return [int(row) for row in np.flatnonzero(wanted)]


def _is_answered(case: Case, row: int, reset: int) -> bool:
    """Whether this reset is the answer to that segment (RFC 9293 §3.5.2): its sequence number is the segment's acknowledgement."""
    acks = _flags(case, row) & (Flag.ACK | Flag.RST | Flag.SYN) == Flag.ACK
    return acks and _time(case, row) <= _time(case, reset) and case.table.ack[row] == case.table.seq[reset]


def _went_on(case: Case, segment: int, inside: list[int]) -> bool:
    """Whether a segment was seen behind the translation, alone or within a larger one (GRO, TSO)."""
    table = case.table
    if not table.payload_len[segment]:
        same = (table.seq[segment], table.ack[segment])
        return any((table.seq[row], table.ack[row]) == same for row in inside)
    return any(int(table.seq[segment] - table.seq[row]) & _MASK < int(table.payload_len[row]) for row in inside)


def _ended(case: Case, flows: list[Flow], reset: int) -> bool:
    """Whether somebody ended the connection before this reset."""
    rows = [row for row in _all_rows(flows) if row != reset and _flags(case, row) & (Flag.FIN | Flag.RST)]
    return any(_time(case, row) <= _time(case, reset) for row in rows)


def _seen(case: Case, flows: list[Flow], reset: int) -> bool:
    """Whether this reset was seen there too."""
    return any(
        _flags(case, row) & Flag.RST and case.table.seq[row] == case.table.seq[reset] for row in _all_rows(flows)
    )


def _all_rows(flows: list[Flow]) -> list[int]:
    return [row for each in flows for row in (*each.forward.tolist(), *each.reverse.tolist())]


def _acked(case: Case, rows: list[int], segment: int) -> int | None:
    found = [row for row in rows if _flags(case, row) & Flag.ACK and _time(case, row) <= _time(case, segment)]
    return int(case.table.ack[found[-1]]) if found else None


def _later(case: Case, inner: list[Flow], reset: int, *, forth: bool) -> int | None:
    rows = [row for each in inner for row in (each.reverse if forth else each.forward).tolist()]
    return next((row for row in sorted(rows) if _time(case, row) > _time(case, reset)), None)


def _ends(flow: Flow) -> tuple[str, int, str, int]:
    return flow.client.address, flow.client.port, flow.server.address, flow.server.port


def _flags(case: Case, row: int) -> int:
    return int(case.table.tcp_flags[row])


def _time(case: Case, row: int) -> int:
    return int(case.table.packets.time_ns[row])
