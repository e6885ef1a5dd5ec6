"""Clocks in words: what is shown beside the hops, and what is assumed where they disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netprobe.model.report import Clock


def shown(clock: Clock) -> str:
    """``server2 agrees with server1 within 14 µs (6 frames)``, or how far it is ahead or behind."""
    frames = f"{clock.frames} frame{'s' if clock.frames != 1 else ''}"
    if clock.stepped:
        return (
            f"{clock.host} was set during the capture ({frames} contradict each other): "
            f"each frame is put where {clock.against} saw it"
        )
    if not clock.corrected:
        if clock.uncertainty_us is None:
            return f"{_bound(clock)} ({frames}, all in one direction)"
        within = max(abs(bound) for bound in (clock.uncertainty_us, clock.low_us or 0.0, clock.high_us or 0.0))
        return f"{clock.host} agrees with {clock.against} within {duration(within)} ({frames})"
    side = "ahead of" if clock.offset_us > 0 else "behind"
    give = "all in one direction" if clock.uncertainty_us is None else f"± {duration(clock.uncertainty_us)}"
    drift = f", {abs(clock.drift_ppm):.0f} ppm {'fast' if clock.drift_ppm > 0 else 'slow'}" if clock.drift_ppm else ""
    return (
        f"{clock.host} is {duration(abs(clock.offset_us))} {side} {clock.against} ({give}{drift}, {frames}); "
        f"its times are put on {clock.against}'s clock"
    )


def _bound(clock: Clock) -> str:
    """The one bound that there is: the offset is at most this, or at least."""
    bound, word = (clock.high_us, "most") if clock.high_us is not None else (clock.low_us, "least")
    if bound is None:
        return f"how far {clock.host}'s clock is from {clock.against}'s is not known"
    side = "ahead of" if bound > 0 else "behind"
    return f"{clock.host} is at {word} {duration(abs(bound))} {side} {clock.against}"


def duration(micro: float) -> str:
    """µs in the unit that reads best: ``14 µs``, ``3.2 ms``, ``3.000 s``, ``365.0 days``."""
    for size, unit, digits in ((86_400e6, "days", 1), (1e6, "s", 3), (1e3, "ms", 1)):
        if micro >= size:
            return f"{micro / size:.{digits}f} {unit}"
    return f"{micro:.0f} µs"
