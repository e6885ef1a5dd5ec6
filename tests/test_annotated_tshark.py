"""Recorded runs with their story, as tshark reads them: what was there is there still, and what was said is read back."""

from __future__ import annotations

import struct
from itertools import pairwise
from pathlib import Path

import pytest

from netprobe.annotating import annotation
from netprobe.evidence import additions as a
from netprobe.evidence.blocks import EPB, IDB, OPB
from netprobe.evidence.walker import PLAIN, SHB
from tests.annotate.tshark import fields, needs_tshark

CAPTURES = sorted((Path(__file__).parents[1] / "captures").glob("*.pcapng"))
FEW = 101
ALIKE = ("frame.number", "frame.time_epoch", "frame.len", "frame.cap_len", "frame.interface_id", "frame.md5_hash")
ENDS = ("ip.src", "ip.dst", "ipv6.src", "ipv6.dst")
HASH = ("-o", "frame.generate_md5_hash:TRUE", "-N", "n")
CHANGED = (SHB, IDB, EPB, OPB, a.NRB)


def every_so_many() -> list[object]:
    return [
        pytest.param(file, id=file.stem, marks=() if row % FEW == 0 else pytest.mark.whole)
        for row, file in enumerate(CAPTURES)
    ]


def other_blocks(data: bytes) -> list[bytes]:
    """What is neither packet, header nor name: statistics of interfaces, and netprobe's own, of a file of one section."""
    begin = int(struct.unpack_from("<I", data, 4)[0])
    walked = PLAIN.blocks(data, begin, "<", most=1 << 62)
    assert walked.pos == len(data)
    bounds = [*walked.start.tolist(), len(data)]
    every = [data[at:end] for at, end in pairwise(bounds)]
    return [block for block in every if struct.unpack_from("<I", block)[0] not in CHANGED]


@needs_tshark
@pytest.mark.parametrize("file", every_so_many())
def test_nothing_is_lost_and_what_is_said_is_read_back(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "told.pcapng"
    made = annotation(str(file))
    out.write_bytes(b"".join(map(bytes, made.pieces())))
    asked = (*ALIKE, "frame.comment", *ENDS, *(f"{end}_host" for end in ENDS))
    before, after = fields(file, *asked, given=HASH), fields(out, *asked, given=HASH)
    assert [each[: len(ALIKE)] for each in after] == [each[: len(ALIKE)] for each in before]
    said = {number: tuple(map(a.OURS.__add__, texts)) for number, texts in made.additions.comments.between(1, 1 << 40)}
    assert made.additions.section
    at = len(ALIKE)
    for row, told in zip(before, after, strict=True):
        theirs = [each for each in row[at].split("|") if each and not each.startswith(a.OURS)]
        assert told[at] == "|".join([*theirs, *said.get(int(told[0]), ())])
        _called(told[at + 1 :], made.additions)
    assert other_blocks(out.read_bytes()) == other_blocks(file.read_bytes())


def _called(ends: tuple[str, ...], additions: a.Additions) -> None:
    for address, called in zip(ends[: len(ENDS)], ends[len(ENDS) :], strict=True):
        outermost = address.split("|")[0]  # of a packet that an ICMP error quotes there are two
        if names := additions.names.get(outermost):
            assert f"{called}|".startswith(f"{names[0]}|")
