from __future__ import annotations

from dataclasses import replace

import pytest

from netprobe.model.report import Clock
from netprobe.report.clocks import duration, shown


def clock(offset: float, uncertainty: float | None, *, corrected: bool) -> Clock:
    return Clock(host="b", against="a", offset_us=offset, uncertainty_us=uncertainty, frames=6, corrected=corrected)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (clock(3.0, 14.0, corrected=False), "b agrees with a within 14 µs (6 frames)"),
        (
            clock(3.0, None, corrected=False),
            "how far b's clock is from a's is not known (6 frames, all in one direction)",
        ),
        (
            clock(3e6, 14.0, corrected=True),
            "b is 3.000 s ahead of a (± 14 µs, 6 frames); its times are put on a's clock",
        ),
        (
            clock(-3e6, None, corrected=True),
            "b is 3.000 s behind a (all in one direction, 6 frames); its times are put on a's clock",
        ),
        (
            replace(clock(38.0, None, corrected=False), high_us=38.0),
            "b is at most 38 µs ahead of a (6 frames, all in one direction)",
        ),
        (
            replace(clock(-38.0, None, corrected=False), low_us=-38.0),
            "b is at least 38 µs behind a (6 frames, all in one direction)",
        ),
        (
            replace(clock(3e6, 14.0, corrected=True), drift_ppm=-200.0),
            "b is 3.000 s ahead of a (± 14 µs, 200 ppm slow, 6 frames); its times are put on a's clock",
        ),
        (
            replace(clock(3e6, None, corrected=True), stepped=True),
            "b was set during the capture (6 frames contradict each other): each frame is put where a saw it",
        ),
    ],
)
def test_words(value: Clock, words: str) -> None:
    assert shown(value) == words


@pytest.mark.parametrize(
    ("micro", "words"), [(0.4, "0 µs"), (3200, "3.2 ms"), (3e6, "3.000 s"), (31_536_000e6, "365.0 days")]
)
def test_durations(micro: float, words: str) -> None:
    assert duration(micro) == words
