"""The size of frames: a link that is too small for what is sent, and that tells nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.proof.frames import frame_numbers
from netprobe.causes.proof.obstacle import silent_points
from netprobe.causes.proof.sizes import LostBySize, lost_by_size
from netprobe.causes.remedies.steps import IN_FIREWALL
from netprobe.evidence.model import SPEAK_HTTP
from netprobe.model.hop import Direction
from netprobe.model.point import point_name
from netprobe.model.remedy import Remedy, advise, run
from netprobe.model.report import Confidence, Finding, Where
from netprobe.paths.story import Symptom
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from netprobe.causes.case import Case
    from netprobe.evidence.model import CapturePoint
    from netprobe.flows.model import Flow
    from netprobe.state.model import Host

_LEAST = 1280  # bytes that every link of IPv6 takes (RFC 8200 section 5)
_TAG = 4  # VLAN_HLEN
_SEQUENCE = 1 << 32
_ENOUGH = 2  # copies of a segment that all got lost: one alone may be chance
_CLAMP = (
    "-t",
    "mangle",
    "-A",
    "FORWARD",
    "-p",
    "tcp",
    *["--tcp-flags", "SYN,RST", "SYN", "-j", "TCPMSS", "--clamp-mss-to-pmtu"],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stuck:
    """A segment that was sent again and again before a link that is smaller, and never behind it; ``by`` tells how small."""

    host: Host
    here: CapturePoint
    device: str
    mtu: int
    by: str
    size: int
    times: int
    frames: tuple[int, ...]


class MtuBlackhole(Cause):
    """Small packets pass, large ones disappear: a link of the way is smaller than the sender thinks, and nobody tells it.

    What it is: TCP sends segments as large as its own interface takes, with "don't fragment" set; the host with the smaller link drops them and
        answers ICMP "fragmentation needed", which gets lost: the sender repeats the same segment for ever.
    Why it happens: a VPN, overlay or cloud network with an MTU below 1500 under containers with 1500, and a firewall that drops all ICMP.
    Evidence: copies of one segment before the link, larger than its MTU, none behind it, smaller packets of the same connection behind it;
        no ICMP error at the sender. A link between two hosts has an MTU that neither shows: then all large packets are lost there, and no small one. (Where a
        large echo or an HTTP request stays unanswered, netprobe sends echoes of other sizes: they tell the largest that passes.)
    Remedy: clamp the MSS; or give the network the MTU (``com.docker.network.driver.mtu``); or let ICMP type 3 code 4 pass.
    Source: moby#22297; RFC 2923 §2.1; iptables-extensions(8), "TCPMSS".
    """

    code = "mtu-blackhole"
    tells = "the same target with --size 1472, and smaller"
    beyond_state = True
    drop_reasons = frozenset({"PKT_TOO_BIG"})
    symptoms = frozenset({Symptom.NO_RESPONSE, Symptom.SILENCE})

    def find(self, case: Case) -> Finding | None:
        """Fires when large packets were seen before an interface that is too small for them, or before the network between two hosts, and small ones behind it."""
        stuck = next(_stuck(case), None) if case.story.symptom is Symptom.NO_RESPONSE else None
        if stuck is None:
            return self._on_the_wire(case) or self._beyond(case)
        at = point_name(stuck.host.name, stuck.device)
        return Finding(
            code=self.code,
            summary=f"segments of {stuck.size} bytes do not fit {stuck.device} of {stuck.host.name} (MTU {stuck.mtu}), and the sender is not told: they disappear",
            where=Where(host=stuck.host.name, component=stuck.device, rule=f"mtu {stuck.mtu}"),
            evidence=(
                f"the same segment, don't fragment, {stuck.times} times at {stuck.here.name} and never at {at}: {frame_numbers(stuck.frames)}",
                f"smaller packets of the connection passed {at}; no ICMP fragmentation needed was seen",
                stuck.by,
            ),
            remedies=(
                run(
                    stuck.host.name,
                    "ip6tables" if case.is_v6 else "iptables",
                    *_CLAMP,
                    advice=f"this makes new TCP connections through {stuck.host.name} send smaller segments; {IN_FIREWALL}",
                ),
                advise(
                    stuck.host.name,
                    f"or for new networks: docker network create -o com.docker.network.driver.mtu={stuck.mtu} NETWORK",
                ),
            ),
        )

    def _on_the_wire(self, case: Case) -> Finding | None:
        """A link between two hosts that neither knows of."""
        found = lost_by_size(case)
        if found is None:
            return None
        here, there = found.here, found.there
        return Finding(
            code=self.code,
            summary=f"packets of {found.lost} bytes leave {here.name} and never come in at {there.name}, those of {found.passed} bytes do: a link between them is smaller than both hosts think{_takes(found)}, and tells nobody",
            where=Where(component=f"between {here.name} and {there.name}"),
            evidence=(
                f"{found.lost} bytes or more, don't fragment: {found.times} at {here.name}, none at {there.name}: {frame_numbers(found.frames)}",
                f"packets of {found.passed} bytes of the same ends passed; no ICMP fragmentation needed was seen",
                *_echoes(case, found.through),
            ),
            remedies=_smaller(case, _clamping(case, found), _sure(found.largest)),
            confidence=Confidence.CERTAIN if found.times > _ENOUGH else Confidence.LIKELY,
        )

    def _beyond(self, case: Case) -> Finding | None:
        """A link behind the last host that is known: its segments are never acknowledged, and echoes come back up to a size that is less."""
        through = case.probe.result.through if case.probe is not None else None
        left = case.prediction.leaves if case.prediction is not None else None
        if through is None or left is None or case.story.symptom is not Symptom.NO_RESPONSE:
            return None
        place, device = left
        point = point_name(place.host, device, place.container)
        rows = next((rows for flow in _flows_at(case, point) if (rows := _unacknowledged(case, flow, through[0]))), [])
        if not rows:
            return None
        size, frames = (
            min(int(case.table.ip_len[row]) for row in rows),
            [int(case.table.packets.frame[row]) for row in rows],
        )
        known = through[0] if through[1] == through[0] + 1 else None
        return Finding(
            code=self.code,
            summary=f"packets of {size} bytes leave by {point} and are never acknowledged, while echoes of {through[0]} bytes come back and those of {through[1]} do not: a link beyond {place.host} is smaller than the sender thinks, and tells nobody",
            where=Where(component=f"beyond {point}"),
            evidence=(
                f"the same segment, don't fragment, {len(rows)} times at {point}, never acknowledged: {frame_numbers(frames)}",
                *_echoes(case, through),
            ),
            remedies=_smaller(case, place.host, _sure(known)),
            confidence=Confidence.LIKELY,
        )

    def possible(self, case: Case) -> bool:
        """Only where data was sent that nobody answered, or no packet tells whether it was."""
        if case.story.symptom is Symptom.SILENCE and (case.probe is None or case.probe.size is None):
            return False
        large = case.probe is not None and (case.probe.proto in SPEAK_HTTP or case.probe.size is not None)
        return case.journey is not None or large


def _takes(found: LostBySize) -> str:
    return f" (packets of {found.largest} bytes are the largest that pass)" if found.largest else ""


def _echoes(case: Case, through: tuple[int, int] | None) -> tuple[str, ...]:
    if through is None or case.probe is None:
        return ()
    asked = f"netprobe's own echoes from {case.probe.source} to {case.probe.dialled}, don't fragment"
    return (f"{asked}: {through[0]} bytes came back, {through[1]} did not",)


def _clamping(case: Case, found: LostBySize) -> str:
    """The host whose rule is to make segments smaller: the target's, where it is one of the two ends."""
    ends = [found.here.host, found.there.host]
    return case.target_host.name if case.target_host is not None and case.target_host.name in ends else ends[0]


def _sure(largest: int | None) -> int | None:
    """What passes whatever it holds: a port of Linux lets an echo pass that is larger than its MTU by a VLAN tag (is_skb_forwardable), and not TCP's segments."""
    return None if largest is None else max(largest - _TAG, _LEAST)


def _smaller(case: Case, host: str, largest: int | None) -> tuple[Remedy, ...]:
    """Segments that fit: what is known to pass, else the least that IPv6 takes; then the path's own MTU."""
    if case.transport != "tcp":
        return (advise(host, _path_size(largest)),)
    forwarded = _forwards(case, host)
    size, headers = largest or _LEAST, 60 if case.is_v6 else 40
    words = ("-p", "tcp", "--tcp-flags", "SYN,RST", "SYN", "-j", "TCPMSS", "--set-mss", str(size - headers))
    program = "ip6tables" if case.is_v6 else "iptables"
    hooks = ("FORWARD",) if forwarded else ("INPUT", "OUTPUT")
    commands = tuple((program, "-t", "mangle", "-A", hook, *words) for hook in hooks)
    said = f"this makes new TCP connections through {host} send packets of at most {size} bytes; {IN_FIREWALL}"
    return (Remedy(host=host, commands=commands, advice=said), advise(host, _path_size(largest)))


def _forwards(case: Case, host: str) -> bool:
    """Whether the connection passes through that host, rather than begins or ends in its own namespace (a process of its own, docker-proxy)."""
    proxied = case.prediction is not None and any(hop.leg > 1 for hop in case.prediction.hops)
    source, target = case.source_container, case.target
    if target is not None and case.target_host is not None and case.target_host.name == host:
        return not target.host_network and not proxied
    return (source is not None and not source.host_network) or target is not None


def _path_size(largest: int | None) -> str:
    """What to do for good."""
    let = "or have whoever runs the link let ICMP type 3 code 4 pass"
    if largest is None:
        return f"find the path's own size (tracepath, or ping -M do -s SIZE), and give it to the interfaces or networks that send into it; {let}"
    mtu = f"give an MTU of {largest} to the interfaces that send into the link"
    networks = f"and to Docker's networks (docker network create -o com.docker.network.driver.mtu={largest} NETWORK)"
    return f"for good: {mtu}, {networks}; {let}"


def _flows_at(case: Case, point: str) -> Iterator[Flow]:
    for connection in case.journey.legs if case.journey else ():
        if not any(flow.errors for flow in connection.flows):
            yield from (flow for flow in connection.flows if case.points[flow.point].name == point)


def _unacknowledged(case: Case, flow: Flow, mtu: int) -> list[int]:
    """The copies of the first segment that is larger and that the other side never acknowledged, though it acknowledged others."""
    table = case.table
    rows = _repeated(case, flow.forward, flow.forward[:0], mtu)
    acks = [int(table.ack[row]) for row in flow.reverse.tolist()]
    sure = rows and acks and not case.points[flow.point].dropped
    first = int(table.seq[rows[0]]) if sure else 0
    return rows if sure and not any(0 < (ack - first) % _SEQUENCE < _SEQUENCE >> 1 for ack in acks) else []


def _stuck(case: Case) -> Iterator[_Stuck]:
    """Each segment of the connection that ended before a link of the same host which is too small for it."""
    points = silent_points(case)
    for connection in case.journey.legs if case.journey else ():
        if any(flow.errors for flow in connection.flows):
            continue
        for flow in connection.flows:
            for behind in connection.flows:
                here, there = case.points[flow.point], case.points[behind.point]
                if here.host == there.host and here.name != there.name and there.name in points and not there.container:
                    yield from _between(case, flow, behind)


def _between(case: Case, flow: Flow, behind: Flow) -> Iterator[_Stuck]:
    """The segments, of either direction, that one point saw and the other did not, and that are larger than what the other's interface takes."""
    there = case.points[behind.point]
    host = case.before(there.host)
    for back in (False, True):
        sent, came = (flow.reverse, behind.reverse) if back else (flow.forward, behind.forward)
        mtu, by = _taken_by(case, there, back=back)
        rows = _repeated(case, sent, came, mtu) if host is not None and mtu and len(came) else []
        if host is not None and rows:
            yield _Stuck(
                host=host,
                here=case.points[flow.point],
                device=there.interface,
                mtu=mtu,
                by=by,
                size=min(int(case.table.ip_len[row]) for row in rows),
                times=len(rows),
                frames=tuple(int(case.table.packets.frame[row]) for row in rows),
            )
            return


def _taken_by(case: Case, there: CapturePoint, *, back: bool) -> tuple[int, str]:
    """What an interface takes, or the route that leads out by it if that is less (ip_dst_mtu_maybe_forward, include/net/ip.h), and what says so."""
    moments = [each.own.link(there.interface) for each in (case.before(there.host), case.after(there.host)) if each]
    mtus = {link.mtu if link else 0 for link in moments}
    mtu = mtus.pop() if len(mtus) == 1 else 0
    direction = Direction.REPLY if back else Direction.REQUEST
    for step in case.prediction.decided if case.prediction is not None else ():
        route = step.way.route if step.way is not None else None
        here = (step.place.host, step.place.container, step.direction) == (there.host, None, direction)
        if here and route is not None and route.dev == there.interface and 0 < route.mtu < mtu:
            return route.mtu, f"ip route: {route} has mtu {route.mtu}"
    return mtu, f"ip link: {there.interface} has mtu {mtu}"


def _repeated(case: Case, sent: NDArray[np.int64], came: NDArray[np.int64], mtu: int) -> list[int]:
    """The copies of the first segment that is larger, was sent more than once, and did not come."""
    table = case.table
    beyond = {int(table.seq[row]) for row in came.tolist() if table.payload_len[row] > 0}
    copies: dict[int, list[int]] = {}
    for row in sent.tolist():
        if table.payload_len[row] > 0 and int(table.ip_len[row]) > mtu:
            copies.setdefault(int(table.seq[row]), []).append(row)
    for seq, rows in copies.items():
        whole = all(table.dont_frag[row] or table.ip_version[row] == 6 for row in rows)
        if len(rows) >= _ENOUGH and seq not in beyond and whole:
            return rows
    return []
