"""The evidence model: no packets at all are packets like others."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from netprobe.evidence.packets import Packets


def test_no_packets_have_every_column_of_its_kind() -> None:
    none = Packets.none()
    assert isinstance(none, Packets)
    assert (len(none), none.data) == (0, b"")
    columns = [getattr(none, field.name) for field in fields(Packets) if field.name != "data"]
    assert [column.shape for column in columns] == [(0,)] * 6
    assert (none.point.dtype, none.time_ns.dtype) == (np.dtype(np.int32), np.dtype(np.int64))
    assert none.offset is none.offset


def test_a_column_of_no_packets_can_be_replaced() -> None:
    times = np.zeros(0, np.int64)
    moved = replace(Packets.none(), time_ns=times)
    assert moved.time_ns is times
    assert len(moved) == 0


def test_what_is_no_column_is_not_there() -> None:
    with pytest.raises(AttributeError):
        getattr(Packets.none(), "colour")  # noqa: B009 - the type checker knows it as well
