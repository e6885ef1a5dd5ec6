"""The question, as the command line hands it in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.evidence.model import Proto

MAX_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What ``netprobe explain`` asks.

    Attributes:
        target: TARGET as typed.
        source: SOURCE as typed; None: it was not given, which means ``local`` (but a lab's inventory has none).
        proto: ``--proto``, None when it was not given.
        size: ``--size`` in bytes, None when it was not given.
        timeout_s: the bound on name lookup and probe together, in seconds.
        predict: send nothing, say what would happen.
        fail: an HTTP status of 400 and above counts as a failure.
        family: the IP version of the probe and of the name lookup, 4 or 6; None: IPv4 where there is one, else IPv6.
        trace: have the kernel trace the probe's packets through the rules: this changes the hosts while it runs.
    """

    target: str
    source: str | None = None
    proto: Proto | None = None
    size: int | None = None
    timeout_s: float = 5.0
    predict: bool = False
    fail: bool = False
    trace: bool = False
    family: int | None = None
