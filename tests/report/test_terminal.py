from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netprobe.report.escape import width
from netprobe.report.terminal import fitted
from netprobe.report.text import render
from tests.report.examples import PROXIED, WORKS


def test_a_table_fits_the_terminal() -> None:
    for columns in (60, 80, 100, 160):
        for report in (WORKS, PROXIED):
            assert max(width(line) for line in render(report, columns=columns).splitlines()) <= columns


def test_a_fix_stays_one_piece_to_copy() -> None:
    from tests.report.examples import FAILS

    assert "iptables -D DOCKER-USER -s 192.168.3.0/24 -j DROP" in render(FAILS, columns=45)


@given(st.lists(st.integers(0, 300), min_size=1, max_size=8), st.integers(1, 400))
def test_fitted_columns(columns: list[int], room: int) -> None:
    narrowed = fitted(columns, room)
    assert all(new <= old for new, old in zip(narrowed, columns, strict=True))
    assert sum(narrowed) <= max(room, 6 * len(columns))
    if sum(columns) <= room:
        assert narrowed == columns
