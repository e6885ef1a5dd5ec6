"""Joins over columns: what a replay joins flow by flow is joined alike, and what agrees by chance stays apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import flows_made
import numpy as np
import pytest

from netprobe.correlate.join import join
from netprobe.correlate.joined import Role
from netprobe.decode.decoder import decode
from netprobe.flows.build import build
from netprobe.flowtable.columns import absent
from netprobe.runs import runs
from tests.correlate.made import rows_of
from tests.correlate.replayed import both, by_rows
from tests.craft import evidence, served, tcp, udp
from tests.spread import spread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.craft import Sent

ROOT = Path(__file__).parent.parent.parent
CAPTURES = sorted([*(ROOT / "captures").glob("*.pcapng"), *(ROOT / "tests" / "seen").glob("*.pcapng")])
CLIENT, WEB, INSIDE = "10.1.0.5:41000", "192.168.3.202:8080", "172.17.0.2:80"


def joined(sent: Iterable[Sent]) -> list[list[int]]:
    """The rows of each connection of a made capture, in order."""
    case = evidence(sent)
    table = decode(case.packets, case.points)
    return sorted(sorted(each) for each in by_rows(join(rows_of(table, build(table)), case.points)).connections)


@pytest.mark.parametrize("part", spread(range(4), 4))
def test_what_a_replay_joins_is_joined(part: int) -> None:
    """Every capture of the repository: the same flows make the same connections, pairs of a proxy, and answers from elsewhere."""
    for file in CAPTURES[part::4]:
        (run,) = runs([str(file)], {})
        case = run.whole()
        assert case is not None
        replayed, found = both(case)
        assert found == replayed, file.name


def test_connections_are_numbered_in_order_of_their_first_packet() -> None:
    late, early = served("eth0", CLIENT, WEB, 9000), served("eth0", CLIENT.replace("41000", "41001"), WEB, 0, seq=77)
    case = evidence([*late, *early, *served("eth1", CLIENT, WEB, 9001, ttl=63)])
    table = decode(case.packets, case.points)
    rows = rows_of(table, build(table))
    made = join(rows[::-1].copy(), case.points)
    assert made.connection.tolist() == [1, 1, 0]
    assert made.order.tolist() == [2, 1, 0]
    assert made.begin.tolist() == [0, 1, 3]
    assert made.first_row.tolist() == [2, 1]


def test_an_answer_seen_alone_is_turned() -> None:
    asked, answered = udp(CLIENT, WEB), udp(WEB, CLIENT, b"back")
    case = evidence([("eth0", 0, asked), ("eth0", 9, answered), ("eth1", 10, answered)])
    table = decode(case.packets, case.points)
    made = join(rows_of(table, build(table)), case.points)
    assert made.connection.tolist() == [0, 0]
    assert made.turned.tolist() == [False, True]


def test_one_number_among_many_joins_nothing() -> None:
    """Two clients of two servers at two points begin with one sequence number: alone they are one, among a hundred thousand they are not."""
    one = tcp(CLIENT, WEB, "S", 7, 0, 64, ts=0, ip_id=0)
    other = tcp("10.9.0.9:50000", "172.18.0.2:53", "S", 7, 0, 63, ts=0, ip_id=0)
    case = evidence([("eth0", 0, one), ("br0", 900_000, other)])
    table = decode(case.packets, case.points)
    rows = rows_of(table, build(table))
    assert len(join(rows, case.points)) == 1
    many = np.repeat(rows, 50_000)
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, 1 << 32, len(many))
    drawn[[0, -1]] = 7
    many["isn"][:, 0] = many["head_seq"][:, 0] = drawn
    many["lo"][:, 0] = np.arange(len(many)) + (10 << 24)
    assert len(join(many, case.points)) == len(many)


def test_nothing_is_joined_of_nothing() -> None:
    case = evidence([])
    table = decode(case.packets, case.points)
    assert len(join(rows_of(table, ()), case.points)) == 0


def no_marks(case: flows_made.Made) -> flows_made.Made:
    """No sender has a clock or an IP id, and sequence numbers begin at one of a thousand."""
    rows = case.rows
    rows["head_tsval"], rows["head_ip_id"] = -1, 0
    fewer = np.where(rows["isn"] >= 0, rows["isn"] // 1000 * 1000, 0)
    for name, other in (("isn", 0), ("head_seq", 0), ("next", 0), ("head_ack", 1), ("acked", 1)):
        less = fewer[:, ::-1] if other else fewer
        rows[name] = np.where(rows[name] > 0, (rows[name] - less) & 0xFFFFFFFF, rows[name])
    return case


HARD = {
    "plain": (flows_made.made(40_000, 1), 0.999),
    "at twenty times the pace": (flows_made.faster(flows_made.made(40_000, 2), 20), 0.999),
    "without marks": (no_marks(flows_made.made(40_000, 3)), 0.99),
    "with one number, timestamp and IP id": (flows_made.without_numbers(flows_made.made(40_000, 5)), 0.93),
    "with these, at that pace": (flows_made.faster(flows_made.without_numbers(flows_made.made(40_000, 6)), 20), 0.93),
    "without marks, at that pace": (flows_made.faster(no_marks(flows_made.made(40_000, 4)), 20), 0.98),
}


@pytest.mark.parametrize(("case", "part"), HARD.values(), ids=HARD)
def test_made_flows_are_joined_as_they_were_made(case: flows_made.Made, part: float) -> None:
    """Tens of thousands of connections over three points: none is joined with another's row, and hardly one is torn."""
    found = join(case.rows, case.points)
    counts = flows_made.judged(case, found)
    assert {kind: wrong for kind, (_, _, wrong) in counts.items() if wrong} == {}
    count, paired, strangers = flows_made.pairs(case, found)
    assert (paired, strangers) == (count, 0)
    every, whole, _ = (sum(each) for each in zip(*counts.values(), strict=True))
    assert whole >= part * every


def test_a_clock_that_stands_still_is_none() -> None:
    """Two connections of one 5-tuple, ten minutes apart, each seen at one point: a real clock would not be the same then."""
    twice = [("h/eth0", 0, tcp(CLIENT, WEB, "S", 9, ts=77)), ("h/br0", 600e6, tcp(CLIENT, WEB, "S", 9, ts=77))]
    others = [("h/eth0", 6e6 * n, tcp(f"10.9.{n}.9:4000", WEB, "S", 50 + n, ts=77)) for n in range(1, 12)]
    assert joined(twice) == [[0, 1]]
    assert [len(each) for each in joined([*twice, *others])] == [1] * 13


def test_a_syn_that_one_point_lost_is_one_connection_with_its_repetition() -> None:
    first, again = tcp(CLIENT, WEB, "S", 7, ts=100), tcp(CLIENT, WEB, "S", 7, ts=1100)
    behind = tcp(CLIENT, INSIDE, "S", 7, ttl=63, ts=1100)
    assert joined([("eth0", 0, first), ("eth0", 1e6, again), ("br0", 1e6 + 20, behind)]) == [[0, 1]]
    faster = tcp(CLIENT, INSIDE, "S", 7, ttl=63, ts=9100)
    assert joined([("eth0", 0, first), ("eth0", 1e6, again), ("br0", 1e6 + 20, faster)]) == [[0], [1]]


@pytest.mark.parametrize("seed", range(12))
def test_no_rows_stop_it(seed: int) -> None:
    """Columns of any bits, of few values or of many: every row is in one connection, and what belongs together does so both ways."""
    rng = np.random.default_rng(seed)
    rows = absent(200)
    for name in rows.dtype.names or ():
        column = rows[name]
        info = np.iinfo(column.dtype)
        values = [each for each in (info.min, info.max, -1, 0, 1, 2, 6, 17) if info.min <= each <= info.max]
        drawn = rng.integers(info.min, info.max, column.shape, dtype=column.dtype, endpoint=True)
        rows[name] = np.where(
            rng.random(column.shape) < 0.7, rng.choice(np.array(values, column.dtype), column.shape), drawn
        )
    rows["point"] = rng.integers(0, 3, len(rows))
    case = evidence([(f"{host}/eth0", 0, udp(CLIENT, WEB)) for host in ("a", "b", "c")])
    found = join(rows, case.points)
    assert sorted(found.order.tolist()) == list(range(len(rows)))
    assert np.bincount(found.connection).tolist() == (found.begin[1:] - found.begin[:-1]).tolist()
    outer = np.flatnonzero(found.inner_of >= 0)
    assert (found.role[outer] == int(Role.OUTER)).all()


@pytest.mark.parametrize("clock", [-1, 77])
def test_a_flood_of_one_packet_joins_nobody_and_ends_soon(clock: int) -> None:
    """A hundred thousand senders of one SYN, or one that has a clock in it, as every one of a scanner's may."""
    case = evidence([("eth0", 0, tcp(CLIENT, WEB, ts=0, ip_id=0))])
    table = decode(case.packets, case.points)
    rows = np.repeat(rows_of(table, build(table)), 100_000)
    rows["lo"][:, 0] += np.arange(len(rows), dtype=np.uint64)
    rows["head_tsval"][:, 0] = clock
    assert len(join(rows, case.points)) == len(rows)
