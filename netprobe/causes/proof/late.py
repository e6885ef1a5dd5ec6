"""Data that was lost behind a handshake that passed: copies of one segment before a host's rules and none behind them, and the one rule that counted them.

What a rule looks for there no SYN shows: bytes of a request (``-m string``), a length, a count of bytes. So the walk of the first packet passes it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING

from netprobe.causes.proof.drops import STOPPING, drop_of, hook_of_hit, nft_hook
from netprobe.causes.proof.frames import frame_numbers
from netprobe.causes.proof.hooks import FORWARDED
from netprobe.causes.proof.obstacle import silent_points
from netprobe.causes.proof.stopped_by import StoppedBy
from netprobe.decode.table import Kind
from netprobe.evidence.model import Place
from netprobe.model.hop import Direction
from netprobe.model.point import PointName
from netprobe.model.report import Confidence
from netprobe.model.rule import Hook
from netprobe.paths.story import Symptom
from netprobe.state.iptables import hits
from netprobe.state.nft import may_drop, nft_hits
from netprobe.state.packet import PacketTuple
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.flows.model import Flow
    from netprobe.journeys.model import Connection
    from netprobe.state.model import Host

#: What is seen where a request's or a response's bytes are lost.
LATE = frozenset({Symptom.NO_RESPONSE, Symptom.NO_HANDSHAKE})
_ENOUGH = 2  # copies of a segment that all got lost: one alone may be chance
_MORE = 2  # copies that may follow the capture's end, before the counters are read again


@dataclass(frozen=True, slots=True, kw_only=True)
class LostData:
    """A segment that passed one point of a host again and again, and never the next one there.

    Attributes:
        host: on which host. here, there: capture points; there ``""``: the socket of the host itself, which acknowledged none of it.
        back: it is the server's.
        size: its payload, in bytes. frames: the copies.
        packet: it, as rules between the two see it.
    """

    host: str
    here: str
    there: str
    back: bool
    size: int
    frames: tuple[int, ...]
    packet: PacketTuple

    def __str__(self) -> str:
        """``the handshake passed, and the client's data (78 bytes, 5 times) reached server2/docker0 and never server2/eth0``."""
        whose = "server" if self.back else "client"
        beyond = f"and never {self.there}" if self.there else f"and was never acknowledged by {self.host}"
        return f"the handshake passed, and the {whose}'s data ({self.size} bytes, {len(self.frames)} times) reached {self.here} {beyond}"

    @property
    def evidence(self) -> str:
        """The same with the frames."""
        return f"{self}: {frame_numbers(self.frames)}"


def lost_data(case: Case) -> LostData | None:
    """The first such loss on the way of either side's data; None where none is shown, or somebody told the sender."""
    legs = case.journey.legs if case.journey is not None and case.story.symptom in LATE else ()
    for connection in legs:
        if connection.kind == Kind.TCP and not any(flow.errors for flow in connection.flows):
            for back in (False, True):
                found = _lost(case, connection, back=back)
                if found is not None:
                    return found
    return None


def _lost(case: Case, connection: Connection, *, back: bool) -> LostData | None:
    flows = {case.points[flow.point].name: flow for flow in connection.flows}
    direction = Direction.REPLY if back else Direction.REQUEST
    way = [hop.point for hop in case.hops if hop.direction is direction and hop.point in flows]
    whole = silent_points(case)
    for here, there in itertools.pairwise(way):
        one, other = flows[here], flows[there]
        host = PointName.parse(here).host
        if PointName.parse(there).host != host or not {here, there} <= whole:
            continue
        copies = _copies(case, one, other, back=back)
        if copies and _between_rules(here, there):
            return LostData(
                host=host, here=here, there=there, back=back, size=int(case.table.payload_len[copies[0]]),
                frames=tuple(int(case.table.packets.frame[row]) for row in copies),
                packet=_packet(one, other, here, there, back=back),
            )  # fmt: skip
    return None


def _between_rules(here: str, there: str) -> bool:
    """Whether a host's own chains lie between the two: both are interfaces of its own namespace."""
    return all(PointName.parse(each).container is None for each in (here, there))


def _copies(case: Case, one: Flow, other: Flow, *, back: bool) -> list[int]:
    """The copies of a segment that one point saw more than once and the other never, though it saw the handshake."""
    table = case.table
    sent, came = (one.reverse, other.reverse) if back else (one.forward, other.forward)
    beyond = {int(table.seq[row]) for row in came.tolist() if table.payload_len[row] > 0}
    lost = [row for row in sent.tolist() if table.payload_len[row] > 0 and int(table.seq[row]) not in beyond]
    if not len(came) or not lost:
        return []
    (seq, times), *_ = Counter(int(table.seq[row]) for row in lost).most_common(1)
    return [row for row in lost if int(table.seq[row]) == seq] if times >= _ENOUGH else []


def _packet(one: Flow, other: Flow, here: str, there: str, *, back: bool) -> PacketTuple:
    """The segment as FORWARD sees it: behind DNAT, before source NAT; its bytes are not told."""
    src, dst = (one.server, other.client) if back else (one.client, other.server)
    return PacketTuple(
        src=src.address, sport=src.port, dst=dst.address, dport=dst.port, proto="tcp",
        in_if=PointName.parse(here).interface, out_if=PointName.parse(there).interface,
        ctstate="ESTABLISHED", ctdir="REPLY" if back else "ORIGINAL",
    )  # fmt: skip


def late_drop(case: Case) -> tuple[LostData, StoppedBy] | None:
    """What was lost, and the one rule between the two points that stops packets, may match it, and counted its copies."""
    lost = lost_data(case)
    before, after = (case.before(lost.host), case.after(lost.host)) if lost is not None else (None, None)
    if lost is None or before is None or after is None or not case.rulesets(before):
        return None
    found = [each for each in _counted(case, lost, before, after) if 0 <= each.delta - len(lost.frames) <= _MORE]
    return (lost, found[0]) if len(found) == 1 else None


def _counted(case: Case, lost: LostData, before: Host, after: Host) -> Iterator[StoppedBy]:
    for old, new in zip(before.backends(six=case.is_v6), after.backends(six=case.is_v6), strict=True):
        for hit in hits(old, new):
            hook = hook_of_hit(old, hit) if old is not None else None
            stops = hit.ref.verdict in STOPPING and hit.rule is not None and hook in _BETWEEN
            if stops and hit.rule is not None and hit.rule.matches(lost.packet) is not False:
                yield drop_of(before, hit, hook, Confidence.LIKELY)
    for each in nft_hits(before.nft, after.nft) if before.nft is not None else ():
        hook, rule = nft_hook(before.nft, each.rule) if before.nft is not None else None, each.rule
        if may_drop(rule) and hook in _BETWEEN and rule.matches(lost.packet) is not False:
            yield StoppedBy(
                place=Place(host=before.name), hook=hook, rule=rule.ref_for(lost.packet), before=each.before,
                after=each.after, undo=rule.delete_argv, confidence=Confidence.LIKELY,
            )  # fmt: skip


_BETWEEN = FORWARDED | {Hook.PREROUTING, Hook.POSTROUTING}
