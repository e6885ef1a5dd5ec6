from __future__ import annotations

import pytest

from netprobe.errors import UsageFault
from netprobe.flowtable.where.literals import address_of, time_of


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01", 0),
        ("2023-11-14T22:13:20Z", 1_700_000_000_000_000_000),
        ("2023-11-14 22:13:20.123456789", 1_700_000_000_123_456_789),
        ("2023-11-14T23:13:20.5+01:00", 1_700_000_000_500_000_000),
        ("2023-11-14T22:13", 1_699_999_980_000_000_000),
        ("2023-11-14T22:13:20.1234567891", 1_700_000_000_123_456_789),
    ],
)
def test_times(text: str, ns: int) -> None:
    assert time_of(text) == ns


@pytest.mark.parametrize("text", ["", "yesterday", "1700000000.5", "2023-13-01", "2023-11-14T25:00"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(UsageFault, match="is no time"):
        time_of(text)


def test_addresses_in_any_spelling() -> None:
    assert address_of("10.0.0.1") == (4, 0, 0x0A000001)
    assert address_of("FD00:0::1") == address_of("fd00::1") == (6, 0xFD00 << 48, 1)
    assert address_of("10.0.0") == address_of("x") == (-1, 0, 0)
