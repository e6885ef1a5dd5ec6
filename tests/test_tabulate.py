"""Captures to flows and verdicts: what the parts are given, and that it does not matter which of them did the work."""

from __future__ import annotations

import csv
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe import engine as module
from netprobe.compiled import machine
from netprobe.errors import EvidenceFault
from netprobe.evidence.stream.whole import read
from netprobe.evidence.writer import write as write_evidence
from netprobe.flowtable.blocks import unpacked
from netprobe.report.flows.csv import write
from netprobe.tabulate import JOINING, state_of, tabulate
from tests.commands.walk import CLIENT, DIALLED, segment
from tests.flowtable.rows import every

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.state.model import Host

ROOT = Path(__file__).parent.parent
FILES = [str(ROOT / "captures" / f"{name}.pcapng") for name in ("truth-http-lan-normal", "docker-user-drop", "demo")]


def csv_of(file: str, **options: bool) -> str:
    table = tabulate([file], {}, verdicts=options.get("verdicts", True))
    return b"".join(write(table, every(table))).decode()


@pytest.mark.parametrize("file", FILES)
def test_without_compiled_code_the_same_and_it_is_said_once_of_large_files(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = csv_of(file)
    monkeypatch.setattr(module, "SMALL", 0)
    compiled_or_not = csv_of(file)
    monkeypatch.setattr(machine, "kernels", _none)
    monkeypatch.setattr(module, "LARGE", 0)
    said: list[str] = []
    table = tabulate([file], {}, say=said.append)
    assert b"".join(write(table, every(table))).decode() == compiled_or_not == small
    assert said == [
        "no compiled code, so that large captures take longer: none today (netprobe flows --compile makes it)"
    ]


def _none() -> None:
    raise machine.NotUsable("none today")


def test_without_verdicts_the_rows_are_the_same() -> None:
    table, bare = tabulate(FILES[:1], {}), tabulate(FILES[:1], {}, verdicts=False)
    assert unpacked(bare.rows).tobytes() == unpacked(table.rows).tobytes()
    assert (bare.connection, bare.verdicts) == (None, None)
    assert table.verdicts is not None
    assert table.verdicts.reached.lo.tolist() == [0xAC110002]


def test_an_evidence_files_own_state_is_used_and_that_of_another_is_taken_in_its_place(tmp_path: Path) -> None:
    evidence = read((ROOT / "captures" / "port-open.pcapng").read_bytes())
    whole, bare, state = (tmp_path / f"{name}.pcapng" for name in ("whole", "bare", "state"))
    whole.write_bytes(write_evidence(evidence))
    bare.write_bytes(write_evidence(evidence.without_state()))
    state.write_bytes(write_evidence(evidence.without_packets()))
    assert paths(whole) == ["local"]
    assert paths(bare) == ["none"]
    assert paths(bare, state_of(str(state))) == ["local"]
    assert paths(whole, state_of(str(ROOT / "captures" / "macvlan.pcapng"))) == ["none"]
    with pytest.raises(EvidenceFault, match="has no state of a host"):
        state_of(str(bare))


def paths(file: Path, hosts: Mapping[str, Host] | None = None) -> list[str]:
    """The path of each connection."""
    found = tabulate([str(file)], {}, hosts=hosts).verdicts
    assert found is not None
    return [found.path.names[code] for code in found.path.codes.tolist()]


def test_progress_counts_up_to_the_size() -> None:
    told: list[tuple[int, int | None]] = []
    tabulate(FILES[:1], {}, progress=lambda done, size: told.append((done, size)))
    assert told[-1] == (Path(FILES[0]).stat().st_size,) * 2


def test_progress_of_verdicts_counts_flows() -> None:
    told: list[tuple[int, int | None]] = []
    table = tabulate(FILES[:1], {}, judging=lambda done, size: told.append((done, size)))
    assert {size for _, size in told} == {len(table)}
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] >= JOINING * len(table) - 1


def test_a_hundred_thousand_interfaces(tmp_path: Path) -> None:
    raw = segment(CLIENT, DIALLED, "S", 7, 0)
    blocks = [_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    blocks += [_block(1, struct.pack("<HHI", 1, 0, 0))] * 100_000
    blocks += [_block(6, struct.pack("<IIIII", at, 0, at, len(raw), len(raw)) + raw) for at in (0, 99_999)]
    (tmp_path / "many.pcapng").write_bytes(b"".join(blocks))
    table = tabulate([str(tmp_path / "many.pcapng")], {})
    assert len(table.points) == 100_000
    rows = list(csv.DictReader(b"".join(write(table, every(table))).decode().splitlines()))
    assert [row["point"] for row in rows] == [table.points[0].name, table.points[-1].name]


def _block(kind: int, body: bytes) -> bytes:
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
