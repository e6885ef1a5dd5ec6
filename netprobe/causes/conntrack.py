"""Connection tracking: a segment that it judges INVALID, a table that is full, an entry that is older than the rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.foreseen import frames_at, silent_points
from netprobe.decode.table import Flag
from netprobe.paths.observe import Symptom
from netprobe.predict.model import Outcome
from netprobe.report.model import Confidence, Finding, Where
from netprobe.state.address import covers
from netprobe.state.conntrack import MOST
from netprobe.state.iptables import where
from netprobe.state.lookup import has_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.flows.model import Endpoint, Flow
    from netprobe.journeys.model import Connection
    from netprobe.state.conntrack import Tracked
    from netprobe.state.model import Host

_ENOUGH = 2  # copies of a packet that all got lost: one alone may be chance
_MASK = 0xFFFFFFFF
_HALF = 1 << 31  # sequence numbers are compared in this circle (RFC 9293 section 3.4)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answered:
    """A segment of the connection that a host did not translate, and its own reset to it.

    Attributes:
        host, point: where both were seen.
        sender: who sent the segment, as that point shows it.
        segment, reset: rows of the packet table.
        within: the points behind the translation, which saw neither.
        acked: how much of the sender's the other side had acknowledged until then, None where that was not seen.
        tuple4: the connection as conntrack knows it: as its first packet came to the host.
        later: a row of what came from within after the reset, None if nothing did.
    """

    host: Host
    point: str
    sender: Endpoint
    segment: int
    reset: int
    within: tuple[str, ...]
    acked: int | None
    tuple4: tuple[str, int, str, int]
    later: int | None


class ConntrackInvalidRst(Cause):
    """A host judged a segment of a translated connection INVALID, took it for its own, and answered it with a reset.

    What it is: conntrack translates no segment that it judges INVALID: one beyond the window, as a rule. With the host's address as its destination it
        goes to the host itself, which knows no such connection and resets it (RFC 9293 §3.5.2); that reset kills the real one.
    Why it happens: networks that reorder, repeat or coalesce under load, slow readers; kernels before 6.1 judge late retransmissions so too.
    Evidence: the segment at the host's interface and at none behind the translation; the host's RST with that segment's acknowledgement as its sequence
        number, and none from within; conntrack's ``invalid`` counter, and its entry for this connection.
    Remedy: drop INVALID in INPUT; or have conntrack take what is beyond the window for valid.
    Source: moby/libnetwork#1090; kubernetes#74839 and #117924; net/netfilter/nf_conntrack_proto_tcp.c (tcp_in_window); measured. Injected by sending
        a segment of the client's (of the server's, for a masqueraded connection) a million bytes ahead, from the wire, while the probe's connection was open.
    """

    code = "conntrack-invalid-rst"
    symptoms = frozenset({Symptom.CLOSED, Symptom.NO_RESPONSE})

    def find(self, case: Case) -> Finding | None:
        """Fires when a host reset a segment that it did not translate, its INVALID counter rose, and it knows the connection (as far as is known)."""
        for each in _answered(case):
            rose, entry = _risen(case, each.host.name, "invalid"), self._entry(case, each)
            if rose is not None and rose[1] > rose[0] and entry is not None:
                return self._finding(case, each, rose, entry)
        return None

    @staticmethod
    def _entry(case: Case, each: _Answered) -> str | None:
        """The connection's line in the host's table after the probe; ``""`` where the table is not known whole, None where it is not in it."""
        after = case.after(each.host.name)
        table = after.conntrack if after is not None else None
        if not table or len(table) >= MOST:
            return ""
        return next((entry.text for entry in table if entry.proto == "tcp" and _key(entry) == each.tuple4), None)

    def _finding(self, case: Case, each: _Answered, rose: tuple[int, int], entry: str) -> Finding:
        table, name = case.table, each.host.name
        segment, reset = (int(table.packets.frame[row]) for row in (each.segment, each.reset))
        within = ", ".join(each.within)
        later = self._later(case, each)
        iptables = "ip6tables" if each.sender.version == 6 else "iptables"
        return Finding(
            code=self.code,
            summary=f"{name} answered a segment of this connection with a reset of its own: conntrack judged it INVALID, so it was not translated and went to {name} itself",
            where=Where(host=name, component="conntrack"),
            evidence=(
                f"frame {segment} at {each.point}: a segment of {each.sender.text()}{self._beyond(case, each)}; it was seen at none of {within}",
                f"frame {reset} at {each.point}: the RST that answers it, with its acknowledgement as sequence number; not from within either, so {name} sent it",
                *later,
                f"conntrack's invalid counter: {rose[0]} before, {rose[1]} after",
                *((f"conntrack knows the connection: {entry}",) if entry else ()),
            ),
            remedy=(
                f"{iptables} -I INPUT -m conntrack --ctstate INVALID -j DROP",
                "# or, if what is beyond the window may pass: sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1",
            ),
            remedy_host=name,
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
        rises = [_risen(case, host, "invalid") for host in hosts]
        return case.transport == "tcp" and (not rises or any(each is None or each[1] > each[0] for each in rises))


def _answered(case: Case) -> Iterator[_Answered]:
    """Every segment that a host should have translated, did not, and reset."""
    sniffed = silent_points(case)
    for connection in case.journey.legs if case.journey else ():
        for flow in connection.flows:
            point = case.points[flow.point]
            host = case.before(point.host)
            if host is None or point.container is not None or point.name not in sniffed:
                continue
            for forth in (True, False):
                yield from _of_flow(case, connection, flow, host, forth=forth)


def _of_flow(case: Case, connection: Connection, flow: Flow, host: Host, *, forth: bool) -> Iterator[_Answered]:
    """Those of one direction: client to server (``forth``) through a DNAT, server to client through a masquerade."""
    sender, receiver = (flow.client, flow.server) if forth else (flow.server, flow.client)
    sniffed = silent_points(case)
    inner = [
        each
        for each in connection.flows
        if case.points[each.point].host == host.name
        and case.points[each.point].name in sniffed
        and (each.server if forth else each.client) != receiver
    ]
    if not inner or not has_address(host.own, receiver.address):
        return
    segments, resets = (flow.forward, flow.reverse) if forth else (flow.reverse, flow.forward)
    inside = [row for each in inner for row in (each.forward if forth else each.reverse).tolist()]
    for reset in resets.tolist():
        if not _flags(case, reset) & Flag.RST or _ended(case, flow, inner, reset):
            continue
        asked = [row for row in segments.tolist() if _is_answered(case, row, reset) and not _went_on(case, row, inside)]
        if asked:
            yield _Answered(
                host=host,
                point=case.points[flow.point].name,
                sender=sender,
                segment=asked[-1],
                reset=reset,
                within=tuple(dict.fromkeys(case.points[each.point].name for each in inner)),
                acked=_acked(case, resets.tolist(), asked[-1]),
                tuple4=_ends(flow if forth else inner[0]),
                later=_later(case, inner, reset, forth=forth),
            )


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


def _ended(case: Case, flow: Flow, inner: list[Flow], reset: int) -> bool:
    """Whether somebody ended the connection before this reset, or it came from within."""
    within = [row for each in inner for row in (*each.forward.tolist(), *each.reverse.tolist())]
    rows = [row for row in (*flow.forward.tolist(), *flow.reverse.tolist(), *within) if row != reset]
    ends = [row for row in rows if _flags(case, row) & (Flag.FIN | Flag.RST)]
    if any(_time(case, row) <= _time(case, reset) for row in ends):
        return True
    return any(_flags(case, row) & Flag.RST and case.table.seq[row] == case.table.seq[reset] for row in within)


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


def _risen(case: Case, host: str, name: str) -> tuple[int, int] | None:
    """One of conntrack's counters before and after the probe; None where it is not known."""
    found = [(each.conntrack_stat or {}).get(name) if each else None for each in (case.before(host), case.after(host))]
    return (found[0], found[1]) if found[0] is not None and found[1] is not None else None


class UdpConntrackStale(Cause):
    """A client's UDP flow to a published port is older than the port's DNAT rule: its datagrams still go past the container.

    What it is: NAT is decided by a flow's first packet. While a client goes on sending from one port (syslog, SIP, VPN), its conntrack entry lives,
        and rules that came later are not asked. Other clients are served; this one reaches docker-proxy (its source is then the bridge's address),
        or nobody. It is a note, as the probe sends from a port of its own, which has no entry: what suffers is the client named here.
    Why it happens: the client sent while the container was down or its rule was missing; engines before 23 (20.10.24) do not delete such entries.
    Evidence: the entry, before and after the probe, with the host's own address on both sides, and the DNAT rule that it should have met.
    Remedy: delete the entries of that port; the next datagram makes a new one.
    Source: moby#44742; conntrack(8); net/netfilter/nf_nat_core.c (nf_nat_inet_fn); measured. Injected by sending while the container is stopped (or its
        rule deleted) and starting it within the 30 s that an unanswered entry lives: a client that goes on sending then gets no answer without
        docker-proxy, and is served again after the remedy.
    """

    code = "udp-conntrack-stale"
    symptoms = frozenset({Symptom.OK, Symptom.DELIVERED})
    note = True

    def find(self, case: Case) -> Finding | None:
        """Fires for a published UDP port that has its DNAT rule, while conntrack holds another host's flow to it untranslated, at both moments."""
        if case.publication is None or case.transport != "udp" or case.dialled is None:
            return None
        host, container, published = case.publication
        rules, after = case.dnat_rules(host, published, container), case.after(host.name)
        if not rules or after is None or not container.running:
            return None
        then = set(map(_key, _untranslated(after, *case.dialled)))
        past = [each for each in _untranslated(host, *case.dialled) if _key(each) in then]
        if not past:
            return None
        clients = ", ".join(f"{each.src}:{each.sport}" for each in past[:3])
        return Finding(
            code=self.code,
            summary=f"what {clients} sends to port {published.host_port} goes past {container.name}{self._to(case)}: conntrack of {host.name} knows that flow from before the DNAT rule",
            where=Where(host=host.name, component="conntrack", rule=past[0].text),
            evidence=(
                *(f"conntrack, no DNAT: {each.text}" for each in past[:3]),
                f"{where(rules[0])}: {rules[0].text}",
            ),
            remedy=(f"conntrack -D -p udp --orig-port-dst {published.host_port}",),
            remedy_host=host.name,
        )

    @staticmethod
    def _to(case: Case) -> str:
        """Who gets it instead, as a phrase; ``""`` where processes are not known."""
        host, _, published = case.publication or (None, None, None)
        proxies = case.proxies(host, published) if host is not None and published is not None else None
        if proxies is None:
            return ""
        return (
            " (docker-proxy passes it on, with an address of its own as the source)"
            if proxies
            else " (and nobody serves it)"
        )


def _key(entry: Tracked) -> tuple[str, int, str, int]:
    return entry.src, entry.sport, entry.dst, entry.dport


def _untranslated(host: Host, address: str, port: int) -> list[Tracked]:
    """The UDP entries to this address and port without DNAT, of clients on other hosts: those of the host and its containers may be docker-proxy's."""
    inside = [subnet for network in host.networks or () for subnet in network.subnets]
    return [
        each
        for each in host.conntrack or ()
        if (each.proto, each.dst, each.dport) == ("udp", address, port)
        and not each.translated
        and not has_address(host.own, each.src)
        and not any(covers(subnet, each.src) for subnet in inside)
    ]


class ConntrackFull(Cause):
    """The connection tracking table is full: the host drops every packet that would need a new entry.

    What it is: flows that are known go on, new ones are dropped at random moments, before every chain; the kernel logs
        ``nf_conntrack: table full, dropping packet``.
    Why it happens: many short flows, a scan or a leak, and an ``nf_conntrack_max`` that was made for less.
    Evidence: the request at the host's interface, every copy of it, and nothing behind; ``nf_conntrack_count`` has reached ``nf_conntrack_max``;
        conntrack's own ``drop`` counter, which counts each; no rule, route or setting stops it.
    Remedy: a larger ``nf_conntrack_max``; then find who fills it (``conntrack -L``).
    Source: kubernetes#71261; Documentation/networking/nf_conntrack-sysctl.rst; net/netfilter/nf_conntrack_core.c (early_drop, nf_conntrack_in).
        Built by hand, as ``nf_conntrack_max`` is the whole machine's: the fill and the counter are edited into a run whose packets were lost
        inside the host.
    """

    code = "conntrack-full"
    symptoms = frozenset({Symptom.SILENCE})

    def find(self, case: Case) -> Finding | None:
        """Fires when the request ended inside a host whose table is full, twice at least, the drops were counted (as far as is known), and nothing else stops it."""
        told, host = case.prediction, _lost_in(case)
        full = _fill(host) if host is not None else None
        if told is None or told.outcome is not Outcome.WORKS or host is None or full is None or full[0] < full[1]:
            return None
        if case.reply_lost or case.sent < _ENOUGH or case.first_missing not in silent_points(case):
            return None
        dropped = _risen(case, host.name, "drop")
        if dropped is not None and dropped[1] - dropped[0] < case.sent:
            return None
        count, most = full
        return Finding(
            code=self.code,
            summary=f"the connection tracking table of {host.name} is full ({count} of {most} entries): new connections are dropped",
            where=Where(host=host.name, component="conntrack", rule=f"net.netfilter.nf_conntrack_max = {most}"),
            evidence=(
                f"seen at {case.last_seen} ({case.sent} times) and never at {case.first_missing}: {frames_at(case, case.last_seen)}",
                f"sysctl: nf_conntrack_count = {count}, nf_conntrack_max = {most}",
                *((f"conntrack's drop counter: {dropped[0]} before, {dropped[1]} after",) if dropped else ()),
            ),
            remedy=(
                f"sysctl -w net.netfilter.nf_conntrack_max={most * 2}",
                "# then find who fills it: conntrack -L | awk '{print $5}' | sort | uniq -c | sort -n | tail",
            ),
            remedy_host=host.name,
            confidence=Confidence.CERTAIN if dropped else Confidence.LIKELY,
        )

    def possible(self, case: Case) -> bool:
        """Only for a request that was lost in a host (in any, where that was not seen) whose table is full and dropped something, or is not known."""
        if case.reply_lost or case.story.reached:
            return False
        host = _lost_in(case)
        hosts = [host] if host is not None else list(case.world.before.values())
        return not hosts or any(_may_drop(case, each) for each in hosts)


def _may_drop(case: Case, host: Host) -> bool:
    """Whether this host's table was full, and dropped something, as far as is known."""
    full, dropped = _fill(host), _risen(case, host.name, "drop")
    return (full is None or full[0] >= full[1]) and (dropped is None or dropped[1] > dropped[0])


def _lost_in(case: Case) -> Host | None:
    """The host inside which it was lost: last seen and first missing at interfaces of its own."""
    ends = [each for each in case.points if each.name in {case.last_seen, case.first_missing}]
    hosts = {each.host for each in ends}
    inside = len(ends) == 2 and len(hosts) == 1 and not any(each.container for each in ends)
    return case.before(hosts.pop()) if inside else None


def _fill(host: Host) -> tuple[int, int] | None:
    """How many entries there are, and how many there may be; None unknown."""
    settings = host.sysctls or {}
    values = [settings.get(f"net.netfilter.nf_conntrack_{each}", "") for each in ("count", "max")]
    if not all(each.isascii() and each.isdecimal() and len(each) < 12 for each in values) or int(values[1]) == 0:
        return None
    return int(values[0]), int(values[1])
