from __future__ import annotations

import time
from typing import TYPE_CHECKING

from netprobe.commands.flowsprogress import told, told_judging

if TYPE_CHECKING:
    import pytest


def test_progress_is_told_on_a_terminal_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    times = iter([0.0, 0.1, 1.0, 1.1, 2.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(times))
    tell = told(said.append, "big.pcap")  # type: ignore[arg-type]
    for done in (1, 2, 3, 4):
        tell(done * 1_000_000, 5_000_000)
    assert said == ["big.pcap: reads 40%, 2 MB/s, 2 s left", "big.pcap: reads 80%, 2 MB/s, 0 s left"]


def test_progress_of_verdicts_begins_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    times = iter([10.0, 10.1, 12.0, 14.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(times))
    tell = told_judging(said.append)  # type: ignore[arg-type]
    for done in (0, 100_000, 300_000):
        tell(done, 400_000)
    assert said == [
        "joins and judges flows",
        "joins and judges flows: 25%, 50,000/s, 6 s left",
        "joins and judges flows: 75%, 75,000/s, 1 s left",
    ]
