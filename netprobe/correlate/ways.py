"""The path class of every connection: what paths/classify.py says, asked once for each way that is told apart by anything it looks at.

Connections that passed the same points, with the same fields changed at each, have one path. So the columns are reduced to a signature a
connection, and the hops of one connection of each signature are made and classified; millions of flows have some dozens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from netprobe.correlate.steps import BITS, DIALLED
from netprobe.decode.address import mac, parse, text
from netprobe.decode.table import TAG_UNKNOWN, Kind
from netprobe.flows.model import PROTO_NAME
from netprobe.journeys.hops import differences, joined_by
from netprobe.model.endpoint import Endpoint
from netprobe.model.hop import Direction, Hop, HopPacket
from netprobe.model.report import PathCode
from netprobe.paths.classify import name_way
from netprobe.paths.story import Intent, Observation, Symptom
from netprobe.state.engine import EMBEDDED_DNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from netprobe.correlate.expected import ExpectedWays
    from netprobe.correlate.steps import Steps
    from netprobe.correlate.view import Ints, JoinedRows, Mask
    from netprobe.evidence.model import CapturePoint
    from netprobe.state.model import Host

PATHS: Final = (*(path.value for path in PathCode), "undetermined")
"""The path classes, by the numbers that are used for them."""
UNDETERMINED: Final = len(PATHS) - 1
MOST_SIGNATURES = 4096  # ways that are classified: a real network has some dozens
_MOST_LOOKED_AT = 1 << 22  # points, each as often as a way is classified
MOST_QUESTIONS = 4096  # that hosts' state is asked about
MOST_STEPS = 256  # points of one way
_ORDER = tuple(PathCode)
_GOOD, _EMBEDDED, _OPEN = (
    2,
    4,
    8,
)  # of a signature: it works, it leads to the embedded name server, it may go on in another connection's rows
_ASKED = 4  # bits: behind them stands what hosts' state is asked
_EMBEDDED_DNS = np.array([parse(address)[2] for address in sorted(EMBEDDED_DNS)], np.uint64)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio, as in splitmix64
_SHIFT = np.uint64(29)


class WayNames:
    """The names of ways, each asked of the classifier once."""

    def __init__(self, points: Sequence[CapturePoint], hosts: Mapping[str, Host] | None = None) -> None:
        """``points``: the capture points; ``hosts``: the state of the hosts, where it is known."""
        self._points = points
        self._where = {point.name: point for point in points}
        self._expected = expected_of(hosts)
        self._questions: dict[bytes, int] = {}
        self._known: dict[tuple[int, ...], int] = {}
        self._most = min(MOST_SIGNATURES, max(_MOST_LOOKED_AT // max(len(points), 1), 1))

    def has_room(self, more: int) -> bool:
        """Whether so many more ways could have been named before there were too many."""
        return len(self._known) + more <= self._most

    def paths(self, view: JoinedRows, way: Steps, good: Mask) -> NDArray[np.uint8]:
        """Name the path of every connection.

        Args:
            view: the rows and their connections.
            way: their steps.
            good: bool (c,), whether it works.

        Returns:
            uint8 (c,), indexes of :data:`PATHS`; ``undetermined`` where more ways than :data:`MOST_SIGNATURES` came before, or it has more than
            :data:`MOST_STEPS` points.
        """
        code = (view.column("point")[way.row].astype(np.int64) << BITS) | way.changed
        extra = (self._question(view, way, good) << _ASKED) | np.where(view.joined.may_go_on, _OPEN, 0)
        extra |= np.where(_asks_embedded_dns(view, way), _EMBEDDED, 0) | np.where(good, _GOOD, 0) | _is_tagged(view)
        _, first, number = np.unique(_signs(code, way, extra), return_index=True, return_inverse=True)
        number = number.ravel()
        same = _same_as_first(code, way, extra, first[number])
        named = [self._name(view, way, code, one, int(extra[one])) for one in first.tolist()]
        return np.where(same, np.array(named, np.uint8)[number], UNDETERMINED).astype(np.uint8)

    def _name(self, view: JoinedRows, way: Steps, code: Ints, one: int, extra: int) -> int:
        steps = code[way.begin[one] : way.begin[one + 1]]
        if len(steps) > MOST_STEPS:
            return UNDETERMINED
        key = (extra, *steps.tolist())
        if key not in self._known:
            if len(self._known) >= self._most:
                return UNDETERMINED
            self._known[key] = self._path(view, way, one, extra)
        return self._known[key]

    def _path(self, view: JoinedRows, way: Steps, one: int, extra: int) -> int:
        """What the classifier says of one connection; by hosts' state where that has all of its way."""
        hops = hops_of(view, way, self._points, one)
        asked = extra >> _ASKED > 0 and not extra & _EMBEDDED
        told = self._expected.path(hops, self._where) if self._expected is not None and asked else None
        if told is None and extra & _OPEN:
            return UNDETERMINED
        return _ORDER.index(
            told if told is not None else _path(view, self._points, one, hops, good=bool(extra & _GOOD))
        )

    def _question(self, view: JoinedRows, way: Steps, good: Mask) -> Ints:
        """int64 (c,), a number for who asks whom of each connection that works, 0 where nobody is asked about that."""
        out = np.zeros(len(view.joined), np.int64)
        if self._expected is None:
            return out
        asked = np.flatnonzero(good & (np.diff(way.begin) > 0))
        asked = asked[np.isin(view.asking("lo", way.row[way.begin[asked]]), self._expected.clients)]
        row = way.row[way.begin[asked]]
        names = [view.column("point")[row], view.column("kind")[row], view.column("version")[row]]
        names += [of(name, row) for of in (view.asking, view.answering) for name in ("hi", "lo")]
        words = np.stack([each.astype(np.uint64) for each in (*names, view.answering("port", row))], axis=1)
        found, number = np.unique(np.ascontiguousarray(words).view(f"V{words.shape[1] * 8}"), return_inverse=True)
        known = [self._numbered(each.tobytes()) for each in found]
        out[asked] = np.array(known, np.int64)[number.ravel()] if known else 0
        return out

    def _numbered(self, question: bytes) -> int:
        """A number for a question, from 1; 0 for what comes when there are too many."""
        if question not in self._questions and len(self._questions) < MOST_QUESTIONS:
            self._questions[question] = len(self._questions) + 1
        return self._questions.get(question, 0)


def _is_tagged(view: JoinedRows) -> Mask:
    """Whether any packet of a connection, or of its proxy's inner one, bore a VLAN tag."""
    tagged = view.any_of(view.column("vlan") >= 0)
    for other in (view.joined.inner_of, view.joined.stray_of):
        tagged |= np.where(other >= 0, tagged[other], False)
    return tagged


def _asks_embedded_dns(view: JoinedRows, way: Steps) -> Mask:
    """Whether any step of a connection leads to the embedded DNS server."""
    to = view.column("version")[way.row] == 4
    if not (to.any() and (view.kind != Kind.ICMP).any()):
        return np.zeros(len(view.joined), np.bool_)
    to &= np.isin(view.answering("lo", way.row), _EMBEDDED_DNS)
    each = np.repeat(np.arange(len(view.joined)), np.diff(way.begin))
    return np.asarray(np.bincount(each[to], minlength=len(view.joined)) > 0, np.bool_)


def _signs(code: Ints, way: Steps, extra: Ints) -> NDArray[np.uint64]:
    """One number a connection for its points and changes in their order, and what else counts."""
    place = np.arange(len(code)) - np.repeat(way.begin[:-1], np.diff(way.begin))
    step = _mixed(_mixed(code.view(np.uint64)) + place.astype(np.uint64))
    sums = np.zeros(len(code) + 1, np.uint64)
    np.cumsum(step, out=sums[1:])
    return _mixed(sums[way.begin[1:]] - sums[way.begin[:-1]]) + _mixed(extra.view(np.uint64) + np.uint64(1))


def _mixed(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    out: NDArray[np.uint64] = (value + _MULTIPLIER) * _MULTIPLIER
    return out ^ (out >> _SHIFT)


def _same_as_first(code: Ints, way: Steps, extra: Ints, first: Ints) -> Mask:
    """Whether each connection's steps are those of the connection that stands for its signature: numbers may collide."""
    length = np.diff(way.begin)
    same = (extra == extra[first]) & (length == length[first])
    each = np.repeat(np.arange(len(length)), length)
    place = np.arange(len(code)) - way.begin[each]
    other = np.where(same[each], way.begin[first[each]] + place, 0)
    differs = code != code[other]
    same[each[differs]] = False
    return np.asarray(same, np.bool_)


def expected_of(hosts: Mapping[str, Host] | None) -> ExpectedWays | None:
    """What these hosts' state is asked; None without any."""
    if not hosts:
        return None
    from netprobe.correlate.expected import ExpectedWays

    return ExpectedWays(hosts)


def _path(view: JoinedRows, points: Sequence[CapturePoint], one: int, hops: tuple[Hop, ...], *, good: bool) -> PathCode:
    """What the classifier says of one connection, of packets alone."""
    if not hops:
        return PathCode.NONE
    story = Observation(symptom=Symptom.OK if good else Symptom.SILENCE)
    hops = (*hops, *_tag_elsewhere(view, points, one, hops))
    return name_way(hops, points, Intent(plain=True), story).path


def hops_of(view: JoinedRows, way: Steps, points: Sequence[CapturePoint], one: int) -> tuple[Hop, ...]:
    """The request's hops of one connection, as :func:`netprobe.journeys.hops.hops` makes them of packets."""
    out: list[Hop] = []
    for step in range(int(way.begin[one]), int(way.begin[one + 1])):
        row, leg = int(way.row[step]), int(way.leg[step])
        packet = _packet(view, row)
        joined = joined_by(dns=int(view.column("dns_id")[row]) >= 0) if int(way.changed[step]) & DIALLED else ""
        previous = out[-1].packet if out else None
        changes = differences(previous, packet, joined=joined) if previous is not None else ()
        point = points[int(view.column("point")[row])].name
        out.append(Hop(point=point, seen=True, packet=packet, changes=changes, leg=leg + 1, count=1))
    return tuple(out)


def _tag_elsewhere(view: JoinedRows, points: Sequence[CapturePoint], one: int, hops: Sequence[Hop]) -> tuple[Hop, ...]:
    """A hop of the answer with a tag, where only such ones have one."""
    if any(hop.packet is not None and hop.packet.vlan is not None for hop in hops):
        return ()
    joined = view.joined
    for other in (one, int(joined.inner_of[one]), int(joined.stray_of[one])):
        rows = joined.order[joined.begin[other] : joined.begin[other + 1]] if other >= 0 else joined.order[:0]
        for row in rows[view.column("vlan")[rows] >= 0][:1].tolist():
            point = points[int(view.column("point")[row])].name
            return (Hop(point=point, seen=True, packet=_packet(view, row), direction=Direction.REPLY, count=1),)
    return ()


def _packet(view: JoinedRows, row: int) -> HopPacket:
    """The packet of the request that a row keeps, as far as paths look at it."""
    flow, side = view.rows[view.at[row]], int(view.ask[row])
    kind, version, vlan, ttl = int(flow["kind"]), int(flow["version"]), int(flow["vlan"]), int(flow["head_ttl"][side])
    ends = [
        Endpoint(
            text(version, int(flow["hi"][each]), int(flow["lo"][each])),
            None if kind == Kind.ICMP else int(flow["port"][each]),
        )
        for each in (side, 1 - side)
    ]
    return HopPacket(
        src=ends[0],
        dst=ends[1],
        proto=PROTO_NAME.get(Kind(kind), "ip"),
        info="",
        ttl=None if ttl < 0 else ttl,
        src_mac=_mac(int(flow["head_from"][side])),
        dst_mac=_mac(int(flow["head_to"][side])),
        vlan=None if vlan < 0 else vlan,
        tag_known=vlan != TAG_UNKNOWN,
    )


def _mac(value: int) -> str | None:
    return None if value < 0 else mac(value)
