"""Captures to flows and verdicts: what the parts are given, and that it does not matter which of them did the work."""

from __future__ import annotations

from pathlib import Path

import pytest

from netprobe import tabulate as module
from netprobe.compiled import machine
from netprobe.report.flows.csv import write
from netprobe.tabulate import tabulate
from tests.flowtable.rows import every

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
    assert bare.rows.tobytes() == table.rows.tobytes()
    assert (bare.connection, bare.verdicts) == (None, None)
    assert table.verdicts is not None
    assert table.verdicts.reached.lo.tolist() == [0xAC110002]


def test_progress_counts_up_to_the_size() -> None:
    told: list[tuple[int, int | None]] = []
    tabulate(FILES[:1], {}, progress=lambda done, size: told.append((done, size)))
    assert told[-1] == (Path(FILES[0]).stat().st_size,) * 2
