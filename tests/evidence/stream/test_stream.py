"""Streams: what the reader of whole files gives, whatever the size of the chunks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.evidence.reader import read
from netprobe.evidence.stream.stream import open_stream
from netprobe.evidence.writer import write

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.evidence.model import Evidence
    from tests.evidence.stream.conftest import Collected

    Same = Callable[[Evidence, Evidence], None]

CAPTURES = sorted((Path(__file__).parents[3] / "captures").glob("*.pcapng"))


@pytest.mark.parametrize(("chunk_bytes", "every"), [(20_000, 40), (1 << 24, 5)])
def test_captures(collected: Collected, same: Same, chunk_bytes: int, every: int) -> None:
    assert CAPTURES
    for file in CAPTURES[::every]:
        same(collected(open_stream([str(file)], {}, chunk_bytes=chunk_bytes)), read(file.read_bytes(), name=str(file)))


def test_cut_at_every_byte(small: Evidence, tmp_path: Path, collected: Collected, same: Same) -> None:
    data = write(small)
    file = tmp_path / "cut.pcapng"
    for size in range(600, len(data) + 1, 13):
        file.write_bytes(data[:size])
        same(collected(open_stream([str(file)], {}, chunk_bytes=256)), read(data[:size], name=str(file)))
