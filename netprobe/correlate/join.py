"""The rows of a flow table joined into connections across points, VLANs, bridges, routers and NAT.

Signs are taken in the order of what they prove, as :mod:`netprobe.journeys.join` takes them: the same packet, the same two ends, a question and its
answer. Rows that share one are sorted beside each other, each is held against the few before it (:mod:`rules`), what agrees by chance as easily is
left out (:mod:`strength`), and what is left joins groups (:mod:`groups`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.correlate.answers import answers, one_way_each
from netprobe.correlate.beyond import asked_on, names, strays
from netprobe.correlate.clocks import shifts
from netprobe.correlate.groups import Edges, Groups
from netprobe.correlate.joined import Joined, Role, unwatched
from netprobe.correlate.neighbours import Bearers
from netprobe.correlate.open_ways import OpenWays
from netprobe.correlate.proxies import proxied
from netprobe.correlate.rules import (
    FLIGHT_NS,
    MOST_AT_A_POINT,
    likeness,
    rewritten_numbers,
    same_connection,
    same_packet,
    sent_again,
)
from netprobe.correlate.sights import Sights
from netprobe.correlate.strength import Strength, ends_token
from netprobe.correlate.talks import KEPT_BYTES, Talks
from netprobe.correlate.tokens import first_numbers, packet_tokens
from netprobe.journeys.join import LOOK_BACK, TIE_NS
from netprobe.journeys.same import LIFE_NS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from netprobe.correlate.joined import Watch
    from netprobe.correlate.sights import Index
    from netprobe.correlate.tokens import Token
    from netprobe.evidence.model import CapturePoint
    from netprobe.flowtable.blocks import TableRows

_EVER_NS = 1 << 62
_GROUPED = 0.8  # of the time that joining takes
_TOKENS = 3  # of a row, at most


def join(rows: TableRows, points: Sequence[CapturePoint], watch: Watch = unwatched) -> Joined:
    """Join rows into connections.

    Args:
        rows: a finished flow table's.
        points: the capture points that they name.
        watch: called now and then with the share that is done.
    """
    shift_ns, clocks, unsure = shifts(rows, points)
    joined = _grouped(Sights(rows, shift_ns), lambda share: watch(_GROUPED * share))
    watch(_GROUPED)
    related = _related(Sights(rows, shift_ns, KEPT_BYTES), joined)  # other columns: those of before need not be kept
    return replace(related, clocks=clocks, unsure=unsure)


def _grouped(sights: Sights, watch: Watch) -> Joined:
    """Join what carries the same packets."""
    groups = Groups(sights)
    open_ways = OpenWays(sights, groups)
    one_way_each(sights, groups)
    strength: Strength | None = None
    done = 0
    for token in packet_tokens(sights):
        watch(done / max(_TOKENS * len(sights), 1))
        done += len(token.row)
        if strength is None or strength.said is not token.said:
            strength = Strength(sights, token)
        _packets(sights, groups, open_ways, token, strength)
    _again(sights, groups, open_ways)
    _ends(sights, groups)
    open_ways.pairs(*answers(sights, groups))
    return _joined(sights, groups, open_ways.rows())


def _packets(sights: Sights, groups: Groups, open_ways: OpenWays, token: Token, strength: Strength) -> None:
    """Join the copies of one packet."""
    side = token.side
    bearers = Bearers(token.row, token.value, sights.head_ns(side), sights.when(side))
    flood = bearers.crowded(sights.column("point"), FLIGHT_NS, MOST_AT_A_POINT)
    flood &= ~sights.clocked(side)[bearers.row]
    if flood.any():
        open_ways.flood(bearers, flood)
        bearers = bearers.kept(~flood)
    fit = groups.fitting(lambda one, two: same_packet(sights, one, two, side))
    one, two = bearers.all_pairs(FLIGHT_NS, LOOK_BACK, fit)
    if not len(one):
        return
    sure = strength.sure(strength.score(one, two)) | sights.same_ends(one, two)
    score = likeness(sights, one, two) * 64.0 - (sights.head_ns(side)[two] - sights.head_ns(side)[one]) // TIE_NS / 64.0
    groups.join(Edges(one=one[sure], two=two[sure], score=score[sure]))
    open_ways.pairs(one, two)


def _again(sights: Sights, groups: Groups, open_ways: OpenWays) -> None:
    """Join what saw a SYN with what saw only its repetitions."""
    token = first_numbers(sights)
    repeated = token.value[sights.column("syns", 0)[token.row] > 1]
    if not len(repeated):
        return
    some = np.isin(token.value, repeated)
    bearers = Bearers(token.row[some], token.value[some], sights.head_ns(0), sights.when(0))
    fit = groups.fitting(lambda one, two: sent_again(sights, one, two))
    one, two = bearers.all_pairs(LIFE_NS, LOOK_BACK, fit)
    strength = Strength(sights, token)
    score = strength.score(one, two, marked=False)
    sure = strength.sure(score)
    groups.join(Edges(one=one[sure], two=two[sure], score=score[sure]))
    open_ways.pairs(one, two)


def _ends(sights: Sights, groups: Groups) -> None:
    """Join what several points (or VLANs) saw between the same two ends at one time."""
    every = np.arange(len(sights))
    bearers = Bearers(every, ends_token(sights, every), sights.first_ns, sights.when(-1))
    one, two = bearers.all_pairs(
        _EVER_NS,
        LOOK_BACK,
        groups.fitting(lambda one, two: _elsewhere(sights, one, two) & _any_rule(sights, one, two)),
    )
    for rule in (same_connection, rewritten_numbers):
        fit = rule(sights, one, two)
        late = (sights.first_ns[two[fit]] - sights.first_ns[one[fit]]).astype(np.float64)
        _join_each_place(sights, groups, one[fit], two[fit], -late)


def _elsewhere(sights: Sights, one: Index, two: Index) -> NDArray[np.bool_]:
    """Whether two rows are of the same ends and kind, seen at two places."""
    ends = sights.same_ends(one, two) | sights.turned_ends(one, two)
    return np.asarray(ends & (sights.kind[one] == sights.kind[two]) & (sights.place[one] != sights.place[two]))


def _any_rule(sights: Sights, one: Index, two: Index) -> NDArray[np.bool_]:
    return np.asarray(same_connection(sights, one, two) | rewritten_numbers(sights, one, two))


def _join_each_place(sights: Sights, groups: Groups, one: Index, two: Index, score: NDArray[np.float64]) -> None:
    """Join each later row with the best of every other place."""
    order = np.lexsort((-score, sights.place[one], two))
    one, two, score = one[order], two[order], score[order]
    best = np.flatnonzero(_changes(two) | _changes(sights.place[one]))
    turn = _turns(two[best])
    for number in range(int(turn.max(initial=-1)) + 1):
        chosen = best[turn == number]
        groups.join(Edges(one=one[chosen], two=two[chosen], score=score[chosen]))


def _changes(ordered: NDArray[Any]) -> NDArray[np.bool_]:
    out = np.ones(len(ordered), np.bool_)
    out[1:] = ordered[1:] != ordered[:-1]
    return out


def _turns(two: Index) -> Index:
    """How many of the same later row stand before each."""
    begins = np.flatnonzero(_changes(two))
    return np.arange(len(two)) - np.repeat(begins, np.diff(begins, append=len(two)))


def _joined(sights: Sights, groups: Groups, doubted: NDArray[np.bool_]) -> Joined:
    """Number the groups in order of their first packet; ``doubted``: rows whose group may have another one's rows, too."""
    order = np.lexsort((np.arange(len(sights)), sights.first_ns, groups.of))
    group = groups.of[order]
    begins = np.flatnonzero(_changes(group)) if len(group) else np.zeros(0, np.int64)
    sizes = np.diff(begins, append=len(order))
    first = order[begins]
    by_time = np.lexsort((first, sights.first_ns[first]))
    number = np.empty(len(begins), np.int64)
    number[by_time] = np.arange(len(begins))
    connection = np.empty(len(order), np.int64)
    connection[order] = np.repeat(number, sizes)
    order = order[np.argsort(np.repeat(number, sizes), kind="stable")]
    begin = np.concatenate([[0], np.cumsum(sizes[by_time])]).astype(np.int64)
    leader = np.empty(len(order), np.int64)
    leader[order] = np.repeat(order[begin[:-1]], sizes[by_time])
    every = np.arange(len(order))
    none = np.full(len(begins), -1, np.int64)
    return Joined(
        connection=connection,
        turned=sights.turned_ends(leader, every) & ~sights.same_ends(leader, every),
        shift_ns=sights.shift_ns,
        order=order,
        begin=begin,
        role=np.full(len(begins), int(Role.PLAIN), np.uint8),
        inner_of=none,
        outer_of=none.copy(),
        stray_of=none.copy(),
        unclear=np.zeros(len(begins), np.bool_),
        may_go_on=doubted[first[by_time]],
    )


def _related(sights: Sights, joined: Joined) -> Joined:
    """Find what belongs together although no packet is the same."""
    if not len(joined):
        return joined
    talks = Talks(sights, joined)
    pairs = proxied(talks)
    inner, outer = asked_on(talks), joined.outer_of.copy()
    inner[pairs.outer] = np.where(names(talks)[pairs.outer], inner[pairs.outer], pairs.inner)
    known = np.flatnonzero(inner >= 0)
    outer[inner[known]] = known
    stray = np.where((inner >= 0) & names(talks), -1, strays(talks))
    role = joined.role.copy()
    role[stray[stray >= 0]] = int(Role.STRAY)
    role[inner[known]] = int(Role.INNER)
    role[known] = int(Role.OUTER)
    unclear = joined.unclear.copy()
    unclear[pairs.unclear] = True
    unclear &= (inner < 0) & ~names(talks)
    may_go_on = joined.may_go_on.copy()
    may_go_on[pairs.possible] |= ~names(talks)[pairs.possible]
    may_go_on &= (inner < 0) & (outer < 0)
    return replace(
        joined, role=role, inner_of=inner, outer_of=outer, stray_of=stray, unclear=unclear, may_go_on=may_go_on
    )
