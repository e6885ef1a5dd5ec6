from __future__ import annotations

import pytest

from netprobe.errors import UsageFault
from netprobe.flowtable.choose import RowChoice, rows_of, sort_of
from tests.flowtable.rows import several

TABLE = several(40)
BYTES = TABLE.rows["bytes"].sum(axis=1)


def test_without_a_wish_all_rows_in_order() -> None:
    assert rows_of(TABLE, RowChoice()).tolist() == list(range(40))


def test_without_a_time_is_last() -> None:
    table = several(5)
    table.rows["first_ns"][:2] = table.rows["last_ns"][:2] = 0
    assert rows_of(table, RowChoice()).tolist() == [2, 3, 4, 0, 1]
    for sort in ("first", "-first"):
        assert rows_of(table, RowChoice(sort=sort_of(sort))).tolist()[3:] == [0, 1]


def test_top_alone_means_the_most_bytes() -> None:
    rows = rows_of(TABLE, RowChoice(top=5))
    assert BYTES[rows].tolist() == sorted(BYTES.tolist(), reverse=True)[:5]


def test_the_first_column_counts_most_and_a_minus_descends() -> None:
    rows = rows_of(TABLE, RowChoice(sort=sort_of("proto, -bytes")))
    pairs = [(str(TABLE.rows["kind"][row]), -int(BYTES[row])) for row in rows]
    order = {"4": 0, "2": 1, "3": 2}  # icmp, tcp, udp
    assert pairs == sorted(pairs, key=lambda pair: (order[pair[0]], pair[1]))


@pytest.mark.parametrize("text", ["client_port", "-client_port"])
def test_what_is_not_known_comes_last(text: str) -> None:
    rows = rows_of(TABLE, RowChoice(sort=sort_of(text)))
    icmp = (TABLE.rows["kind"][rows] == 4).tolist()
    assert icmp == sorted(icmp)
    assert any(icmp)


def test_rows_alike_keep_their_order() -> None:
    rows = rows_of(TABLE, RowChoice(sort=sort_of("-proto"), where="proto == 'tcp'")).tolist()
    assert rows == sorted(rows) != []


@pytest.mark.parametrize("text", ["byte", "", "-", "bytes,", "--bytes", "bytes;flow", "bytes desc"])
def test_a_column_that_there_is_not(text: str) -> None:
    with pytest.raises(UsageFault, match=r"^--sort: there is no column"):
        sort_of(text)
