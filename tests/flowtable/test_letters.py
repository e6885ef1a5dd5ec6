"""Each letter of Zeek's history, and how often it is written."""

from __future__ import annotations

import pytest

from netprobe.flowtable.columns import HISTORY, histories
from tests.flowtable.tcp import HANDSHAKE, Short, rows

DATA = b"x" * 10


def history(*shorts: Short) -> str:
    (only,) = histories(rows(shorts))
    return only.decode()


@pytest.mark.parametrize(
    ("added", "letters"),
    [
        ([("A", 1, 1)], ""),  # A once a side
        ([("a", 1, 1)], "a"),
        ([("PA", 1, 1, DATA), ("PA", 11, 1, DATA), ("pa", 1, 21, DATA)], "Dd"),
        ([("PFA", 1, 1, DATA)], "F"),  # a FIN is no D, also with payload
        ([("FA", 1, 1), ("FA", 1, 1)], "F"),  # the same FIN again
        ([("FA", 1, 1), ("FA", 9, 1)], "FFG"),  # another one, behind a gap
        ([("R", 1), ("R", 1), ("R", 5)], "RR"),
        ([("FR", 1), ("FR", 1)], "I"),
        ([("SAF", 1), ("fsra", 1)], "Qi"),
        ([("sa", 0, 1)], ""),  # the same SYN-ACK
        ([("sa", 5, 1)], "hg"),
        ([("PA", 1, 1, DATA), ("PA", 1, 1, DATA)], "DT"),
        ([("PA", 11, 1, DATA), ("PA", 1, 1, DATA)], "DG"),  # in another order: no retransmission
        ([("AW", 1, 1), ("aw", 1, 1)], "Waw"),
        ([("PAW", 1, 1, DATA)], "DW"),
        ([("SAW", 1, 1)], "H"),  # no window of a SYN counts
    ],
)
def test_letters_behind_a_handshake(added: list[Short], letters: str) -> None:
    assert history(*HANDSHAKE, *added) == f"ShA{letters}"


@pytest.mark.parametrize(("times", "letters"), [(1, "W"), (9, "W"), (10, "WW"), (99, "WW"), (100, "WWW")])
def test_at_powers_of_ten(times: int, letters: str) -> None:
    assert history(*HANDSHAKE, *[("AW", 1, 1)] * times) == f"ShA{letters}"


def test_no_more_than_there_is_room_for() -> None:
    resets: list[Short] = [("R", number) for number in range(2 * HISTORY)]
    found = rows([*HANDSHAKE, *resets])
    assert histories(found) == [b"ShA" + b"R" * (HISTORY - 3)]
    assert found["events"].tolist() == [HISTORY]
