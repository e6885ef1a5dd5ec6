"""The flow table's rows: what is not known, and the sides turned into client and server."""

from __future__ import annotations

import numpy as np

from netprobe.flowtable.columns import FLOW, absent, finish, histories


def test_nothing_is_known_of_a_new_row() -> None:
    rows = absent(2)
    assert rows.dtype == FLOW
    assert rows["packets"].tolist() == [[0, 0], [0, 0]]
    assert rows["syn_ns"].tolist() == [-1, -1]
    assert rows["isn"].tolist() == [[-1, -1], [-1, -1]]
    assert rows["history"].sum() == 0


def test_a_client_that_is_the_larger_endpoint_becomes_side_0() -> None:
    rows = absent(2)
    rows["client"] = (0, 1)
    rows["port"] = (80, 41000)
    rows["packets"] = (3, 5)
    rows["history"][:, :5] = np.frombuffer(b"Sh^aD", np.uint8)
    finish(rows)
    assert rows["port"].tolist() == [[80, 41000], [41000, 80]]
    assert rows["packets"].tolist() == [[3, 5], [5, 3]]
    assert list(histories(rows)) == [b"Sh^aD", b"sH^Ad"]
    assert rows["client"].tolist() == [0, 0]
