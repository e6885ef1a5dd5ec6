from __future__ import annotations

import ipaddress
from datetime import UTC, datetime

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.flowtable.series import Addresses, Codes, Numbers
from netprobe.report.flows.cells import cells, constant, dotted, joined, seconds, times, where_known, whole

NUMBERS = st.lists(st.one_of(st.integers(-1, 20000), st.integers(-1, 2**63 - 1)), min_size=1, max_size=20)


def texts(made: np.ndarray) -> list[str]:
    return joined([made, constant(b"\n", len(made))]).decode().split("\n")[:-1]


@settings(deadline=None)
@given(NUMBERS)
def test_whole_numbers(numbers: list[int]) -> None:
    assert texts(whole(np.array(numbers, np.int64))) == [str(each) if each >= 0 else "" for each in numbers]


def test_numbers_at_the_edges_of_four_digits() -> None:
    numbers = [0, 9, 10, 99, 100, 999, 1000, 9999, 10000, 10001, 100000000, 99990000, 2**63 - 1]
    for most in range(1, len(numbers) + 1):
        assert texts(whole(np.array(numbers[:most], np.int64))) == [str(each) for each in numbers[:most]]


@settings(deadline=None)
@given(st.lists(st.integers(-1, 2**62), min_size=1, max_size=20))
def test_durations_and_times(numbers: list[int]) -> None:
    ns = np.array(numbers, np.int64)
    assert texts(seconds(ns)) == [f"{each // 10**9}.{each % 10**9:09d}" if each >= 0 else "" for each in numbers]
    for each, text in zip(numbers, texts(times(ns)), strict=True):
        moment = datetime.fromtimestamp(max(each, 0) // 10**9, tz=UTC)
        assert text == (f"{moment:%Y-%m-%dT%H:%M:%S}.{each % 10**9:09d}Z" if each >= 0 else "")


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20))
def test_addresses(numbers: list[int]) -> None:
    wanted = [str(ipaddress.IPv4Address(each)) for each in numbers]
    lo = np.array(numbers, np.uint64)
    assert texts(dotted(lo)) == wanted
    one_of_ipv6 = Addresses(
        version=np.array([4] * len(numbers) + [6], np.int8),
        hi=np.zeros(len(numbers) + 1, np.uint64),
        lo=np.append(lo, np.uint64(1)),
    )
    assert texts(cells(one_of_ipv6, str.encode)) == [*wanted, "::1"]


def test_names_and_what_is_not_known() -> None:
    series = Codes(codes=np.array([1, -1, 0]), names=("a", "longer"))
    made = cells(series, str.encode)
    assert texts(made) == ["longer", "", "a"]
    assert texts(where_known(series, made, b"null and void")) == ["longer", "null and void", "a"]
    assert texts(cells(Codes(codes=np.array([-1]), names=()), str.encode)) == [""]
    assert texts(where_known(Numbers(values=np.array([-1, 7])), whole(np.array([-1, 7])), b"null")) == ["null", "7"]
