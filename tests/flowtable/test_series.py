from __future__ import annotations

import numpy as np

from netprobe.flowtable.fields import FIELDS
from netprobe.flowtable.series import Addresses, Codes, ShortTexts, address, coded, known, ranks, size, take
from tests.flowtable.rows import every, several


def test_addresses_by_number_each_name_once() -> None:
    series = Addresses(
        version=np.array([6, 4, 0, 4, 6], np.int8),
        hi=np.array([0xFD00 << 48, 0, 0, 0, 0xFD00 << 48], np.uint64),
        lo=np.array([1, 0x0A000002, 0, 0x0A000001, 1], np.uint64),
    )
    by_code = coded(series)
    assert by_code.names == ("10.0.0.1", "10.0.0.2", "fd00::1")
    assert by_code.codes.tolist() == [2, 1, -1, 0, 2]
    assert known(series).tolist() == [True, True, False, True, True]
    assert ranks(series).tolist() == [2, 1, -1, 0, 2]


def test_letters() -> None:
    series = ShortTexts(values=np.array([b"ShA", b"", b"D", b"ShA"], "S40"))
    assert coded(series).names == ("D", "ShA")
    assert ranks(series).tolist() == [1, -1, 0, 1]


def test_names_rank_by_their_characters() -> None:
    series = Codes(codes=np.array([0, 1, -1, 2]), names=("udp", "icmp", "tcp"))
    assert ranks(series).tolist() == [2, 0, -1, 1]


def test_address_texts() -> None:
    assert [address(4, 0, 0x7F000001), address(6, 0, 1), address(0, 0, 0)] == ["127.0.0.1", "::1", ""]


def test_rows_of_every_kind_are_taken_in_order() -> None:
    table = several(20)
    back = every(table)[::-1]
    for field in FIELDS:
        series = field.of(table)
        assert isinstance(series, field.kind)
        assert size(series) == size(take(series, back)) == 20
        assert known(take(series, back)).tolist() == known(series)[::-1].tolist()
        assert ranks(take(series, back)).tolist() == ranks(series)[::-1].tolist()
