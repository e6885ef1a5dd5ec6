"""Clocks in words: what is shown beside the hops, and what is assumed where they disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netprobe.report.model import Clock


def shown(clock: Clock) -> str:
    """``server2 agrees with server1 within 14 µs (6 frames)``, or how far it is ahead or behind."""
    frames = f"{clock.frames} frame{'s' if clock.frames != 1 else ''}"
    if not clock.corrected:
        if clock.uncertainty_us is None:
            return f"{clock.host} against {clock.against}: {frames} of one direction alone, no estimate"
        return f"{clock.host} agrees with {clock.against} within {duration(clock.uncertainty_us)} ({frames})"
    side = "ahead of" if clock.offset_us > 0 else "behind"
    give = (
        "at most: frames of one direction alone"
        if clock.uncertainty_us is None
        else f"± {duration(clock.uncertainty_us)}"
    )
    return f"{clock.host} is {duration(abs(clock.offset_us))} {side} {clock.against} ({give}, {frames}); its times are put on {clock.against}'s clock"


def duration(micro: float) -> str:
    """µs in the unit that reads best: ``14 µs``, ``3.2 ms``, ``3.000 s``, ``365.0 days``."""
    for size, unit, digits in ((86_400e6, "days", 1), (1e6, "s", 3), (1e3, "ms", 1)):
        if micro >= size:
            return f"{micro / size:.{digits}f} {unit}"
    return f"{micro:.0f} µs"
