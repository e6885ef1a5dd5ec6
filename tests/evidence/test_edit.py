from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from netprobe.evidence import additions as a
from netprobe.evidence import edit

if TYPE_CHECKING:
    from netprobe.evidence.walker import ByteOrder

ORDERS: tuple[ByteOrder, ...] = ("<", ">")


def packet(order: ByteOrder, options: bytes = b"", payload: bytes = b"abcde", kind: int = 6) -> bytes:
    head = struct.pack(order + "IIIII", 0, 0, 0, len(payload), len(payload))
    return a.block_bytes(kind, head + payload + bytes(-len(payload) & 3) + options, order)


@pytest.mark.parametrize("order", ORDERS)
def test_a_comment_stands_behind_what_was_there(order: ByteOrder) -> None:
    theirs = a.option_bytes(1, b"by hand", order) + a.option_bytes(2, b"\0\0\0\1", order) + bytes(4)
    made = edit.commented(packet(order, theirs), order, ["one", "two"])
    both = a.option_bytes(1, b"[netprobe] one", order) + a.option_bytes(1, b"[netprobe] two", order)
    assert made == packet(order, theirs[:-4] + both + bytes(4))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("options", [b"", a.option_bytes(1, b"by hand", "<") + bytes(4)])
def test_ours_are_replaced_and_taken_away(order: ByteOrder, options: bytes) -> None:
    block = packet(order, options if order == "<" else b"")
    made = edit.commented(block, order, ["one"])
    assert made is not None
    assert edit.commented(made, order, ["two"]) == edit.commented(block, order, ["two"])
    assert edit.commented(made, order, []) == block


def test_nothing_to_say_changes_nothing() -> None:
    for block in (
        packet("<"),
        packet("<", bytes(4)),
        packet("<", a.option_bytes(4, bytes(8), "<")),
        a.block_bytes(3, bytes(8), "<"),
    ):
        assert edit.commented(block, "<", []) == block


def test_blocks_that_can_hold_none_are_left() -> None:
    damaged = packet("<", struct.pack("<HH", 1, 4000) + bytes(8))
    for block in (damaged, a.block_bytes(3, bytes(8), "<"), a.block_bytes(0xBAD, bytes(40), "<")):
        assert edit.commented(block, "<", ["one"]) is None
        assert edit.commented(block, "<", []) == block


def test_a_description_of_its_own_stays() -> None:
    head = struct.pack("<HHI", 1, 0, 0)
    theirs = a.block_bytes(1, head + a.options_bytes([(2, b"eth0"), (3, b"the uplink")], "<"), "<")
    made = edit.described(theirs, "<", "on a", "other")
    assert made == a.block_bytes(
        1, head + a.options_bytes([(2, b"eth0"), (3, b"the uplink"), (1, b"[netprobe] on a")], "<"), "<"
    )
    bare = a.block_bytes(1, head, "<")
    made = edit.described(bare, "<", "on a", "eth0")
    assert made == a.block_bytes(1, head + a.options_bytes([(2, b"eth0"), (3, b"[netprobe] on a")], "<"), "<")


def test_a_long_text_is_cut_between_characters() -> None:
    raw = a.ours("é" * 10_000)
    assert len(raw) <= a.MOST_TEXT
    assert raw.decode().endswith("é…")


def test_names_of_any_length_fit() -> None:
    blocks = list(a.name_blocks({"192.0.2.1": ["n" * 4096, "a\0b"], "fe80::1%eth0": ["six"], "no address": ["x"]}, "<"))
    assert len(blocks) == 1
    assert len(blocks[0]) < 400
    assert edit.names_are_ours(blocks[0], "<")
