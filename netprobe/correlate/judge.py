"""Path class, verdict, and where it ended, of every connection of a flow table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.correlate.alone import ToldAlone, still_alone
from netprobe.correlate.datagrams import datagram_reasons
from netprobe.correlate.joined import apart, unwatched
from netprobe.correlate.parts import parts
from netprobe.correlate.reasons import VERDICT_OF, Reason
from netprobe.correlate.steps import ways
from netprobe.correlate.tcp import in_doubt, tcp_reasons
from netprobe.correlate.tls import tls_reasons
from netprobe.correlate.tunnels import carriers
from netprobe.correlate.view import JoinedRows
from netprobe.correlate.ways import UNDETERMINED, WayNames
from netprobe.decode.table import Kind
from netprobe.evidence.model import LimitKind
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from netprobe.correlate.joined import Joined, Watch
    from netprobe.correlate.steps import Steps
    from netprobe.correlate.view import Ints, Mask
    from netprobe.evidence.model import CapturePoint, Limit
    from netprobe.flowtable.blocks import TableRows
    from netprobe.state.model import Host

_NOT_TAKEN = (
    *(Reason.NO_ANSWER, Reason.REFUSED, Reason.PORT_UNREACHABLE, Reason.HOST_UNREACHABLE, Reason.NETWORK_UNREACHABLE),
    *(Reason.PROHIBITED, Reason.TOO_BIG, Reason.TIME_EXCEEDED, Reason.UNREACHABLE, Reason.NOT_ACKNOWLEDGED),
    *(Reason.GIVEN_UP, Reason.OTHERS_ANSWER, Reason.IN_PART),
)
_MOST_ALONE = 1 << 3  # ways of one step or none at a point: it works, has a tag, leads to the embedded name server
_JUDGED = (Kind.TCP, Kind.UDP, Kind.ICMP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is said of each of c connections. An inner connection of a proxy, and an answer from another address, has what its outer one has.

    Attributes:
        path: uint8 (c,), index of :data:`~netprobe.correlate.ways.PATHS`.
        verdict: uint8 (c,), index of :data:`~netprobe.correlate.reasons.VERDICTS`.
        reason: uint8 (c,), :class:`~netprobe.correlate.reasons.Reason`.
        ended: int64 (c,), the row where the request was seen last; -1 where it was not seen.
    """

    path: NDArray[np.uint8]
    verdict: NDArray[np.uint8]
    reason: NDArray[np.uint8]
    ended: NDArray[np.int64]


def judge(
    rows: TableRows,
    joined: Joined,
    points: Sequence[CapturePoint],
    limits: Sequence[Limit] = (),
    hosts: Mapping[str, Host] | None = None,
    watch: Watch = unwatched,
    alone: ToldAlone | None = None,
) -> Judged:
    """Judge every connection, of packets; by hosts' state only what these leave open of the way of one that works.

    Args:
        rows: the flow table's, finished.
        joined: which of them are one connection, and which connections belong together.
        points: the capture points.
        limits: what could not be observed: where contact with a host was lost, nothing is sure.
        hosts: the hosts' state as the capture began (:attr:`netprobe.state.model.World.before`), None unknown.
        watch: called now and then with the share that is done.
        alone: what :func:`judge_alone` said of the rows already; not looked at where there is state. The answer is the same without it.
    """
    every = np.ones(len(joined), np.bool_)
    left = every if alone is None or hosts else ~still_alone(joined, alone)
    names = WayNames(points, hosts)
    out = _each(rows, joined, names, left, watch)
    if not left.all() and alone is not None:
        if names.has_room(_MOST_ALONE * (len(points) + 1)):
            _take(out, joined, alone, np.flatnonzero(~left))
        else:  # so many ways that which of them are named depends on which come first
            out = _each(rows, joined, WayNames(points, hosts), every, watch)
    if any(limit.kind is LimitKind.HOST for limit in limits):
        out.reason[:] = Reason.HOST_LOST
    out.reason[carriers(rows, joined) & (out.reason == Reason.NO_ANSWER)] = Reason.CARRIES
    out.verdict[:] = np.array(VERDICT_OF, np.uint8)[out.reason]
    return out


def judge_alone(rows: TableRows, points: Sequence[CapturePoint]) -> ToldAlone:
    """Say of each row what comes of it where it is a connection of its own, and nothing is known beside packets.

    Args:
        rows: finished rows of some piece of a capture, but for the ICMP errors.
        points: the capture points of the whole.
    """
    joined = apart(len(rows))
    told = _each(rows, joined, WayNames(points), np.ones(len(rows), np.bool_), unwatched)
    return ToldAlone(path=told.path, reason=told.reason, asked=told.ended >= 0, known=np.ones(len(rows), np.bool_))


def _each(rows: TableRows, joined: Joined, names: WayNames, which: Mask, watch: Watch) -> Judged:
    """Path, reason and end of these connections, each part of them by itself; the verdicts are left open."""
    path, verdict, reason = (np.zeros(len(joined), np.uint8) for _ in range(3))
    out = Judged(path=path, verdict=verdict, reason=reason, ended=np.full(len(joined), -1, np.int64))
    done = 0
    for part in parts(joined, which=None if which.all() else which):
        watch(done / len(joined))
        done += len(part.connections)
        here = JoinedRows(rows=rows.take(part.rows), at=np.arange(len(part.rows)), joined=part.joined)
        out.path[part.connections], out.reason[part.connections], ended = _judged(here, names)
        out.ended[part.connections] = np.where(ended >= 0, part.rows[ended], -1)
    return out


def _take(out: Judged, joined: Joined, alone: ToldAlone, which: Ints) -> None:
    """Let these connections have what was said of their rows."""
    row = joined.first_row[which]
    out.path[which], out.reason[which] = alone.path[row], alone.reason[row]
    out.ended[which] = np.where(alone.asked[row], row, -1)


def _judged(view: JoinedRows, names: WayNames) -> tuple[NDArray[np.uint8], NDArray[np.uint8], Ints]:
    """The path, the reason, and the last row of each connection of a part."""
    told, doubt = _told(view)
    good = told == Reason.NONE
    way, path = _path(view, names, good, doubt)
    told[good & (path == UNDETERMINED)] = Reason.WAY_IN_PART
    told[good & (path == UNDETERMINED) & view.joined.may_go_on] = Reason.MAY_GO_ON
    told[good & view.joined.unclear] = Reason.SEVERAL_INNER
    of = _whose(view.joined)
    return path[of], told[of], _ended(way)[of]


def _path(view: JoinedRows, names: WayNames, good: Mask, doubt: Mask) -> tuple[Steps, NDArray[np.uint8]]:
    """The steps and the path of each connection: undetermined where that depends on what the columns leave open."""
    every, fewer = ways(view)
    path = names.paths(view, every, good)
    others = [(every, good | doubt)] if doubt.any() else []
    if fewer is not None:
        others += [(fewer, works) for works in (good, good | doubt)]
    for way, works in others:
        path[path != names.paths(view, way, works)] = UNDETERMINED
    return every, path


def _told(view: JoinedRows) -> tuple[NDArray[np.uint8], Mask]:
    """Why each connection has its verdict; and whether that is undetermined as columns tell too little, so that it may work."""
    kind = view.kind
    told = np.full(len(kind), Reason.NOT_READ, np.uint8)
    doubt = np.zeros(len(kind), np.bool_)
    if (kind == Kind.TCP).any():
        told = np.where(kind == Kind.TCP, _with_inner(view, tcp_reasons(view)), told)
        stands = (kind == Kind.TCP) & ((told == Reason.NONE) | (told == Reason.CLOSED))
        tls = tls_reasons(view)
        failed = stands & (tls != Reason.NONE)
        doubt = in_doubt(view, told) & ~failed  # what TLS says of it does not hang on that
        told = np.where(failed, tls, told)
    if (kind != Kind.TCP).any():
        told = np.where(np.isin(kind, _JUDGED) & (kind != Kind.TCP), datagram_reasons(view), told)
    return told.astype(np.uint8), doubt | (told == Reason.TLS_IN_PART) | (told == Reason.DNS_IN_PART)


def _with_inner(view: JoinedRows, told: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A proxy's two TCP connections: the outer one's story where nobody took that, else the inner one's."""
    inner = view.joined.inner_of
    behind = told[np.maximum(inner, 0)]
    mine = np.isin(told, _NOT_TAKEN) | ((behind == Reason.NONE) & (told == Reason.CLOSED))
    return np.where((inner < 0) | mine, told, behind).astype(np.uint8)


def _whose(joined: Joined) -> NDArray[np.int64]:
    """The connection whose verdict each one has."""
    of = np.where(joined.outer_of >= 0, joined.outer_of, np.arange(len(joined)))
    asked = np.flatnonzero(joined.stray_of >= 0)
    of[joined.stray_of[asked]] = of[asked]
    return np.asarray(of, np.int64)


def _ended(way: Steps) -> NDArray[np.int64]:
    """The row of each connection's last step; -1 where it has none."""
    last = way.begin[1:] - 1
    seen = np.diff(way.begin) > 0
    if not len(way.row):
        return np.full(len(last), -1, np.int64)
    return np.where(seen, way.row[np.where(seen, last, 0)], -1)
