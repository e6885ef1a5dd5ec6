"""Where connections begin in one 5-tuple."""

from __future__ import annotations

import numpy as np
import pytest

from netprobe.decode.decoder import decode
from netprobe.flows.lives import lives
from tests.anywhere.stories import SECOND, WIRE, C, S, client, opened, server
from tests.craft import Sent, evidence, tcp

CLOSED = [*opened(), client(100, "FA", 0, 0), server(110, "FA", 0, 1), client(120, "A", 1, 1)]


@pytest.mark.parametrize(
    ("sent", "begins"),
    [
        (opened(), [0]),
        ([client(0, "S", -1), client(SECOND, "S", -1)], [0]),
        ([client(0, "S", -1), client(9, "S", 4711)], [0, 1]),
        ([client(0, "S", -1), server(3, "S", -1), client(6, "SA", -1, 0)], [0]),
        ([*CLOSED, *opened(3 * SECOND)], [0, 6]),
        ([*CLOSED, client(130, "S", -1)], [0]),
        ([*opened()[:2], client(9, "R", 0), client(SECOND * 2, "S", -1)], [0]),
        ([server(0, "SA", -1, 0), *opened(5)], [0]),
        ([(WIRE, 0, tcp(C, S, "A", 11, 22)), *opened(5)], [0, 1]),
    ],
)
def test_begins(sent: list[Sent], begins: list[int]) -> None:
    case = evidence(sent)
    table = decode(case.packets, case.points)
    assert lives(table, np.arange(len(table))) == begins
