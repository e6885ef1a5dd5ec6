"""Walkers: which records and blocks there are, and why a walk ends where it does."""

from __future__ import annotations

import struct

import pytest

from netprobe.evidence.walker import MAX_BLOCK, MAX_KEPT, PLAIN, RecordForm, Why

MICROSECONDS = RecordForm("<", 1000, 16)


def record(size: int, *, at: int = 1_700_000_000, order: str = "<", extra: int = 0) -> bytes:
    return struct.pack(order + "4I", at, 5, size, size + 1) + bytes(extra) + b"x" * size


def block(kind: int, size: int, order: str = "<") -> bytes:
    return struct.pack(order + "II", kind, size) + bytes(size - 12) + struct.pack(order + "I", size)


@pytest.mark.parametrize(
    "form", [MICROSECONDS, RecordForm(">", 1000, 16), RecordForm("<", 1, 16), RecordForm(">", 1000, 24)]
)
def test_records(form: RecordForm) -> None:
    data = b"head" + b"".join(record(size, order=form.order, extra=form.head - 16) for size in (3, 0, 7))
    found = PLAIN.records(data, 4, form, most=100, last=True)
    assert (found.why, found.pos) == (Why.END, len(data))
    assert found.caplen.tolist() == [3, 0, 7]
    assert found.origlen.tolist() == [4, 1, 8]
    assert found.time_ns.tolist() == [1_700_000_000_000_000_000 + 5 * form.unit] * 3
    assert [data[at : at + size] for at, size in zip(found.offset.tolist(), found.caplen.tolist(), strict=True)] == [
        b"xxx",
        b"",
        b"xxxxxxx",
    ]


def test_records_that_are_not_whole() -> None:
    data = record(3) + record(5)
    for size in range(19, 40):
        found = PLAIN.records(data[:size], 0, MICROSECONDS, most=100, last=True)
        assert (len(found.offset), found.pos) == (1, 19)
        assert found.why is (Why.END if size == 19 else Why.SHORT)


def test_as_many_records_as_are_asked_for() -> None:
    data = record(3) * 300_000
    found = PLAIN.records(data, 0, MICROSECONDS, most=200_000, last=True)
    assert (len(found.offset), found.pos, found.why) == (200_000, 200_000 * 19, Why.ENOUGH)
    found = PLAIN.records(data, 0, MICROSECONDS, most=300_000, last=True)
    assert (len(found.offset), found.why) == (300_000, Why.END)


def test_a_record_that_is_too_long_is_damage() -> None:
    data = record(3) + struct.pack("<4I", 1, 1, MAX_KEPT + 1, 1) + bytes(100)
    found = PLAIN.records(data, 0, MICROSECONDS, most=100, last=False)
    assert (len(found.offset), found.pos, found.why) == (1, 19, Why.DAMAGED)


def test_space_that_nobody_filled() -> None:
    """Zeros are packets of no bytes, unless there are too many; where that cannot be told yet the walk waits."""
    for zeros, last, records, why in (
        (1024, True, 1, Why.ZEROS),
        (4096, False, 1, Why.ZEROS),
        (1008, True, 64, Why.END),
        (1008, False, 1, Why.SHORT),
    ):
        found = PLAIN.records(record(3) + bytes(zeros), 0, MICROSECONDS, most=10_000, last=last)
        assert (len(found.offset), found.why) == (records, why)
    data = record(3) + bytes(160) + record(4)
    assert len(PLAIN.records(data, 0, MICROSECONDS, most=10_000, last=False).offset) == 12


@pytest.mark.parametrize("order", ["<", ">"])
def test_blocks_up_to_the_next_section(order: str) -> None:
    data = block(6, 32, order) + block(77, 12, order) + block(0x0A0D0D0A, 28, order) + block(6, 32, order)
    found = PLAIN.blocks(data, 0, "<" if order == "<" else ">", most=100)
    assert (found.start.tolist(), found.pos, found.why) == ([0, 32], 44, Why.SECTION)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (struct.pack("<II", 6, 0), Why.DAMAGED),
        (struct.pack("<II", 6, 8), Why.DAMAGED),
        (struct.pack("<II", 6, 34), Why.DAMAGED),
        (struct.pack("<II", 6, MAX_BLOCK + 4), Why.DAMAGED),
        (struct.pack("<II", 6, MAX_BLOCK), Why.SHORT),
        (block(6, 32)[:-4] + b"\x24\0\0\0", Why.DAMAGED),
        (block(6, 32)[:-4], Why.SHORT),
        (block(6, 32)[:11], Why.SHORT),
        (struct.pack("<II", 0x0A0D0D0A, 0), Why.SECTION),
    ],
)
def test_what_is_no_block(bad: bytes, why: Why) -> None:
    rest = b"" if why is Why.SHORT else bytes(40)
    for before in (1, 300):
        found = PLAIN.blocks(block(5, 16) * before + bad + rest, 0, "<", most=10_000)
        assert (len(found.start), found.pos, found.why) == (before, before * 16, why)


def test_as_many_blocks_as_are_asked_for() -> None:
    found = PLAIN.blocks(block(5, 16) * 1000, 0, "<", most=900)
    assert (len(found.start), found.pos, found.why) == (900, 900 * 16, Why.ENOUGH)
    assert PLAIN.blocks(block(5, 16) * 1000, 0, "<", most=1000).why is Why.END
